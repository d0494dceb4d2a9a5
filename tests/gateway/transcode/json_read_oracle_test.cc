// Compares our JSON reader with libprotobuf's (3.21) on the JSON of random
// messages; ORACLE_MESSAGES sets how many (20,000).
//
// What we write others read to the same message, and we what others write. What
// we take of mutated JSON libprotobuf takes, too, and makes the same message of
// it. Except:
//
// | who         | what                                  | we, and why                      |
// | ----------- | ------------------------------------- | -------------------------------- |
// | libprotobuf | reads the mask "xYZ" as "x_yz"        | "x_y_z": field_mask.proto        |
// | libprotobuf | drops a -0 in a wrapper               | keep it                          |
// | libprotobuf | refuses some lists in an Any          | take them                        |
// | libprotobuf | writes an Any of a well-known type    | refused: "value" is required     |
// |             | without bytes without its "value"     |                                  |
// | libprotobuf | knows no groups                       | as upb and Go                    |
// | upb         | writes no Any without a type          | "{}"                             |

#include <regex>
#include <vector>

#include "tests/gateway/support.h"
#include "tests/gateway/transcode/json_oracles.h"
#include "tests/gateway/transcode/json_tree.h"
#include "tests/gateway/transcode/random_message.h"

namespace {

int Messages() {
    const char *count = getenv("ORACLE_MESSAGES");
    return count == nullptr ? 20000 : atoi(count);
}
const int MESSAGES = Messages();
const char ROOT[] = "kinds.v1.Everything";

class ReadOracleTest : public ::testing::Test {
  protected:
    const std::string set = ReadFile("tests/gateway/testdata/kinds.binpb");
    OurJson ours{set};
    UpbJson upb{set};
    ProtobufJson protobuf{set};
    const schema_message *type = ours.Find(ROOT);
};

TEST_F(ReadOracleTest, JsonOfAnyWriterIsReadBackToTheSameMessage) {
    RandomMessage random(ours.schema, 7);
    for (int i = 0; i < MESSAGES; i++) {
        std::string wire = random.Make(type), error;
        auto message = protobuf.Parse(ROOT, wire);
        ASSERT_NE(message, nullptr);
        bool had_groups;
        auto groupless = protobuf.WithoutGroups(ROOT, *message, &had_groups);
        const std::string texts[] = {ours.Write(type, wire, &error), upb.Write(ROOT, wire, &error),
                                     protobuf.Write(ROOT, *groupless, &error)};
        const char *const writers[] = {"ours", "upb", "libprotobuf"};
        for (int k = 0; k < 3; k++) {
            std::string read = ours.Read(type, texts[k], &error);
            if (texts[k].empty() ||
                (k == 2 && error.find(".value: it is missing") != std::string::npos)) {
                continue; // see the table in json_oracle_test.cc
            }
            ASSERT_EQ(error, "") << "message " << i << " by " << writers[k] << "\n" << texts[k];
            auto back = protobuf.Parse(ROOT, read);
            ASSERT_NE(back, nullptr) << "message " << i << " by " << writers[k];
            ASSERT_EQ(ProtobufJson::Difference(k == 2 ? *groupless : *message, *back), "")
                << "message " << i << " by " << writers[k] << "\n"
                << texts[k];
        }
    }
}

TEST_F(ReadOracleTest, WhatWeWriteOthersReadToTheSameMessage) {
    RandomMessage random(ours.schema, 8);
    for (int i = 0; i < MESSAGES / 4; i++) {
        std::string wire = random.Make(type), error;
        auto message = protobuf.Parse(ROOT, wire);
        ASSERT_NE(message, nullptr);
        bool had_groups;
        message = protobuf.WithoutGroups(ROOT, *message, &had_groups);
        std::string json = ours.Write(type, ProtobufJson::Bytes(*message), &error);
        if (json.find("xYZ") != std::string::npos ||
            std::regex_search(json, std::regex("[:\\[,]-0[,}\\]]"))) {
            continue;
        }
        auto back = protobuf.Read(ROOT, json, &error);
        if (error == "INVALID_ARGUMENT:value: Cannot find field." &&
            json.find("google.protobuf.ListValue\",\"value\":[") != std::string::npos) {
            continue;
        }
        ASSERT_EQ(error, "") << "message " << i << "\n" << json;
        ASSERT_EQ(ProtobufJson::Difference(*message, *back), "") << "message " << i << "\n" << json;
        // Ours once more: a fixed point, byte for byte.
        ASSERT_EQ(ours.Write(type, ours.Read(type, json, &error), &error), json);
    }
}

} // namespace
