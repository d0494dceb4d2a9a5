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
// | libprotobuf | rounds 4503599627370496.1e1 as double | 45035996273704961               |
// | libprotobuf | drops a -0 in a wrapper               | keep it                          |
// | libprotobuf | refuses some lists in an Any          | take them                        |
// | libprotobuf | writes an Any of a well-known type    | refused: "value" is required     |
// |             | without bytes without its "value"     |                                  |
// | libprotobuf | refuses "1.0", "1e0" for an int64     | 1, as for an int32, or unquoted  |
// | libprotobuf | refuses base64 with bits set behind   | take it: conformance suite,      |
// |             | the last byte                         | BytesFieldBase64Url              |
// | libprotobuf | refuses proto2 messages without their | left to the server               |
// |             | required fields                       |                                  |
// | libprotobuf | knows the well-known types of the     | of every host                    |
// |             | host type.googleapis.com alone        |                                  |
// | libprotobuf | knows no groups                       | as upb and Go                    |
// | upb         | writes no Any without a type          | "{}"                             |

#include <vector>

#include "tests/gateway/support.h"
#include "tests/gateway/transcode/json_oracles.h"
#include "tests/gateway/transcode/json_tree.h"
#include "tests/gateway/transcode/pattern.h"
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
    const Pattern minus_zero("[:[,]-0[],}]");
    for (int i = 0; i < MESSAGES / 4; i++) {
        std::string wire = random.Make(type), error;
        auto message = protobuf.Parse(ROOT, wire);
        ASSERT_NE(message, nullptr);
        bool had_groups;
        message = protobuf.WithoutGroups(ROOT, *message, &had_groups);
        std::string json = ours.Write(type, ProtobufJson::Bytes(*message), &error);
        if (json.find("xYZ") != std::string::npos || minus_zero.IsIn(json)) {
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

// Splits JSON into its tokens.
std::vector<std::string> Tokens(const std::string &json) {
    std::vector<std::string> tokens;
    for (size_t i = 0; i < json.size();) {
        size_t end = i + 1;
        if (json[i] == '"') {
            while (json[end] != '"') {
                end += json[end] == '\\' ? 2 : 1;
            }
            end++;
        } else if (strchr("{}[],:", json[i]) == nullptr) {
            end = std::min(json.find_first_of(",]}", i), json.size());
        }
        tokens.push_back(json.substr(i, end - i));
        i = end;
    }
    return tokens;
}

// Changes one token as a careless or hostile client would.
void Mutate(std::vector<std::string> *tokens, RandomMessage *random) {
    static const char *const others[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "1.0",
        "1e0",
        "10e-1",
        "1.5",
        "-1",
        "1e5",
        "1e400",
        "\"1\"",
        "\"-1\"",
        "\"1.0\"",
        "\"\"",
        "\"NaN\"",
        "\"Infinity\"",
        "2147483648",
        "4294967296",
        "9223372036854775808",
        "18446744073709551616",
        "\"18446744073709551615\"",
        "0.1",
        "1e-50",
        "3.5e38",
        "[]",
        "{}",
        "[null]",
        "{\"@type\":\"type.googleapis.com/google.protobuf.Empty\"}",
        "\"true\"",
        "\"1s\"",
        "\"-1.5s\"",
        "\"1970-01-01T00:00:00Z\"",
        "\"1970-01-01T01:00:00.5+01:00\"",
        "\"a,b.cD\"",
        "\"AQI=\"",
        "\"AQI\"",
        "\"SIDE_PORT\"",
        "\"COLOR_RED\"",
        "\"NULL_VALUE\"",
        "\"\\u00e9\\ud83d\\ude00\"",
        "\"nope\"",
        "\"anInt32\"",
        "\"any\"",
        ",",
        ":",
        "",
        "01",
        "+1"};
    std::string &token = (*tokens)[random->Below(tokens->size())];
    switch (random->Below(4)) {
    case 0:
        token += " \n\t";
        break;
    case 1:
        token = (*tokens)[random->Below(tokens->size())];
        break;
    case 2:
        if (!token.empty()) {
            token[random->Below(token.size())] = static_cast<char>(random->Below(128));
        }
        break;
    default:
        token = others[random->Below(sizeof(others) / sizeof(others[0]))];
        break;
    }
}

// Whether a type URL is of another host than libprotobuf knows.
bool HasOtherHost(const std::string &json) {
    for (size_t at = 0; (at = json.find("@type", at)) != std::string::npos; at++) {
        size_t url = json.find_first_not_of(" \n\t\":", at + 5);
        if (url == std::string::npos || json.compare(url, 20, "type.googleapis.com/") != 0) {
            return true;
        }
    }
    return false;
}

TEST_F(ReadOracleTest, MutatedJsonIsRefusedOrReadAsLibprotobufReadsIt) {
    RandomMessage random(ours.schema, 9);
    int taken = 0, refused = 0, stricter = 0;
    for (int i = 0; i < MESSAGES / 2; i++) {
        std::string error, their_error;
        auto message = protobuf.Parse(ROOT, random.Make(type));
        ASSERT_NE(message, nullptr);
        bool had_groups;
        message = protobuf.WithoutGroups(ROOT, *message, &had_groups);
        std::vector<std::string> tokens =
            Tokens(ours.Write(type, ProtobufJson::Bytes(*message), &error));
        for (uint64_t n = random.Below(2) + 1; n > 0; n--) {
            Mutate(&tokens, &random);
        }
        std::string json;
        for (const std::string &token : tokens) {
            json += token;
        }
        std::string wire = ours.Read(type, json, &error);
        auto theirs = protobuf.Read(ROOT, json, &their_error);
        if (error != "") {
            refused++;
            stricter += theirs != nullptr;
            continue;
        }
        taken++;
        static const Pattern listed("[a-z.][A-Z][A-Z]|[mM]ask[^}]*([A-Z]|[[:space:]\"])[A-Z]|"
                                    "[:[,][[:space:]]*\"?-0[],}[:space:]\"]|Any|ListValue|"
                                    "[^.0-9][0-9]{15,}(\\.|[eE])");
        if (listed.IsIn(json) || HasOtherHost(json)) {
            continue;
        }
        // An integer in quotes with a fraction or an exponent; bits behind the
        // last byte; a required field; an Any of another host's type.
        static const Pattern refused_by_them(
            "invalid value \"-?[0-9]+(\\.|[eE])|invalid value .* for type TYPE_BYTES|"
            "missing field|value: Cannot find field");
        if (refused_by_them.IsIn(their_error)) {
            continue;
        }
        ASSERT_EQ(their_error, "") << "message " << i << "\n" << json;
        auto back = protobuf.Parse(ROOT, wire);
        ASSERT_NE(back, nullptr) << "message " << i << "\n" << json;
        ASSERT_EQ(ProtobufJson::Difference(*back, *theirs), "") << "message " << i << "\n" << json;
    }
    EXPECT_GT(taken, MESSAGES / 20);
    EXPECT_GT(refused, MESSAGES / 20);
    printf("%d taken, %d refused, %d of them taken by libprotobuf\n", taken, refused, stricter);
}

} // namespace
