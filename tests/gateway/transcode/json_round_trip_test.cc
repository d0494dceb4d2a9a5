// What we print we read, and print again as it was: every message of the test's set, filled from
// the edges of every type's values by a generator with a fixed seed. And what has no JSON is
// refused when it is printed, with the place and the reason.

#include <cmath>
#include <vector>

#include "tests/gateway/support.h"
#include "tests/gateway/transcode/edge_message.h"
#include "tests/gateway/transcode/json_oracles.h"

namespace {

enum { CASES = 600, DEPTH = JSON_READ_DEPTH };

class RoundTrip : public ::testing::Test {
  protected:
    // One value of a field as a message's bytes.
    static std::string Field(uint32_t number, const std::string &bytes) {
        Buffer b;
        wire_put_bytes(b, number, S(bytes));
        return b.str();
    }
    static std::string Time(int64_t seconds, int64_t nanos) {
        Buffer b;
        wire_put_uint(b, 1, static_cast<uint64_t>(seconds));
        wire_put_uint(b, 2, static_cast<uint64_t>(nanos));
        return b.str();
    }
    static std::string Number(double value) {
        Buffer b;
        wire_put_fixed64(b, VALUE_NUMBER, wire_double_bits(value));
        return b.str();
    }
    static std::string Repeat(const std::string &text, int count) {
        std::string all;
        for (int i = 0; i < count; i++) {
            all += text;
        }
        return all;
    }
    // Reads JSON and prints it.
    std::string Again(const char *type, const std::string &json) {
        std::string error;
        std::string wire = ours.Read(ours.Find(type), json, &error);
        if (error != "") {
            return error;
        }
        std::string text = ours.Write(ours.Find(type), wire, &error);
        return error != "" ? error : text;
    }

    const std::string set = ReadFile("tests/gateway/testdata/kinds.binpb");
    OurJson ours{set};
    EdgeMessage random{ours.schema, 20261130};
};

TEST_F(RoundTrip, EveryMessageIsReadAsItWasPrinted) {
    size_t types = 0;
    for (size_t t = 0; t < ours.schema->message_count; t++) {
        const schema_message *type = &ours.schema->messages[t];
        bool is_theirs = Str(type->full_name).compare(0, 16, "google.protobuf.") == 0;
        if (type->map_entry || (is_theirs && type->known == KNOWN_NONE && type->field_count > 0)) {
            continue; // the descriptors' own messages
        }
        types++;
        for (int i = 0; i < CASES; i++) {
            std::string wire = random.Make(type), error;
            std::string json = ours.Write(type, wire, &error);
            ASSERT_EQ(error, "") << Str(type->full_name) << " " << i;
            std::string read = ours.Read(type, json, &error);
            ASSERT_EQ(error, "") << Str(type->full_name) << " " << i << "\n" << json;
            // With defaults printed, what is read has them, too.
            if (!type->emit_defaults) {
                ASSERT_EQ(read, wire) << Str(type->full_name) << " " << i << "\n" << json;
            }
            ASSERT_EQ(ours.Write(type, read, &error), json) << Str(type->full_name) << " " << i;
            ASSERT_EQ(ours.Read(type, json, &error), read);
        }
    }
    EXPECT_GT(types, 35u);
}

TEST_F(RoundTrip, WhatIsNestedAsDeepAsItMayBeReadIsReadBack) {
    static const struct {
        const char *type, *open, *middle, *close;
        int levels; // of one open
    } rows[] = {
        {"wide.v1.Wide", "{\"child\":", "{}", "}", 1},
        {"google.protobuf.Value", "[", "[]", "]", 1},
        {"google.protobuf.ListValue", "[", "[]", "]", 1},
        {"google.protobuf.Struct", "{\"a\":", "{}", "}", 1},
        {"kinds.v1.Maps", "{\"bySfixed64\":{\"1\":", "{}", "}}", 2},
        {"kinds.v1.Lists", "{\"listsAgain\":[", "{}", "]}", 2},
        {"legacy.v1.Legacy", "{\"row\":[{\"inner\":", "{}", "}]}", 3},
        {"google.protobuf.Any",
         "{\"@type\":\"type.googleapis.com/google.protobuf.Any\",\"value\":", "{}", "}", 1},
        {"google.protobuf.Any", "{\"@type\":\"/kinds.v1.Choices\",\"any\":", "{}", "}", 1},
    };
    for (const auto &row : rows) {
        int count = (DEPTH - 1) / row.levels;
        std::string json = Repeat(row.open, count) + row.middle + Repeat(row.close, count);
        EXPECT_EQ(Again(row.type, json), json) << row.type;
        count++;
        json = Repeat(row.open, count) + row.middle + Repeat(row.close, count);
        EXPECT_NE(Again(row.type, json).find("nested deeper than 100"), std::string::npos)
            << row.type << " " << Again(row.type, json);
    }
}

// "@type" may stand anywhere, but to look for it is bounded: with the last place at every level,
// each level is read as often as it is deep.
TEST_F(RoundTrip, TheTypeOfAnAnyMayStandLastWithinBounds) {
    const std::string open = "{\"value\":",
                      close = ",\"@type\":\"type.googleapis.com/google.protobuf.Any\"}";
    auto nested = [&](int n) { return Repeat(open, n) + "{}" + Repeat(close, n); };
    EXPECT_EQ(Again("google.protobuf.Any", nested(1)),
              "{\"@type\":\"type.googleapis.com/google.protobuf.Any\",\"value\":{}}");
    EXPECT_EQ(Again("google.protobuf.Any", nested(8)).substr(0, 10), "{\"@type\":\"");
    EXPECT_NE(Again("google.protobuf.Any", nested(60)).find("\"@type\" must be the first"),
              std::string::npos)
        << Again("google.protobuf.Any", nested(60));
}

TEST_F(RoundTrip, AnAnyOfEmptyIsTakenInBothForms) {
    const std::string type = "{\"@type\":\"type.googleapis.com/google.protobuf.Empty\"";
    EXPECT_EQ(Again("google.protobuf.Any", type + "}"), type + "}");
    EXPECT_EQ(Again("google.protobuf.Any", type + ",\"value\":{}}"), type + "}");
    EXPECT_EQ(Again("google.protobuf.Any", type + ",\"value\":1}"),
              "value: expected an object, found a number");
    EXPECT_EQ(Again("google.protobuf.Any", type + ",\"value\":{},\"value\":{}}"),
              "value: the key stands twice");
    EXPECT_EQ(Again("google.protobuf.Any", type + ",\"other\":{}}"),
              "other: an Any of google.protobuf.Empty has \"@type\" and \"value\" alone");
}

// What the wire can hold and JSON cannot: ProtoJSON, duration.proto, timestamp.proto,
// field_mask.proto, struct.proto.
TEST_F(RoundTrip, WhatHasNoJsonIsRefusedWhenPrinted) {
    const std::string duration = "google.protobuf.Duration", stamp = "google.protobuf.Timestamp",
                      mask = "google.protobuf.FieldMask", value = "google.protobuf.Value",
                      any = "google.protobuf.Any";
    const struct {
        std::string type, wire, fault;
    } rows[] = {
        {duration, Time(315576000001, 0), "a google.protobuf.Duration is out of range"},
        {duration, Time(-315576000001, 0), "a google.protobuf.Duration is out of range"},
        {duration, Time(0, 1000000000), "a google.protobuf.Duration is out of range"},
        {duration, Time(0, -1000000000), "a google.protobuf.Duration is out of range"},
        {duration, Time(INT64_MIN, 0), "a google.protobuf.Duration is out of range"},
        {duration, Time(1, -1), "seconds and nanos of a google.protobuf.Duration differ in sign"},
        {duration, Time(-1, 1), "seconds and nanos of a google.protobuf.Duration differ in sign"},
        {stamp, Time(-62135596801, 0), "a google.protobuf.Timestamp is out of range"},
        {stamp, Time(253402300800, 0), "a google.protobuf.Timestamp is out of range"},
        {stamp, Time(0, -1), "a google.protobuf.Timestamp is out of range"},
        {stamp, Time(0, 1000000000), "a google.protobuf.Timestamp is out of range"},
        {mask, Field(1, "fooBar"), "a google.protobuf.FieldMask has a path without JSON form"},
        {mask, Field(1, "foo__bar"), "a google.protobuf.FieldMask has a path without JSON form"},
        {mask, Field(1, "foo_1"), "a google.protobuf.FieldMask has a path without JSON form"},
        {mask, Field(1, "foo_"), "a google.protobuf.FieldMask has a path without JSON form"},
        {mask, Field(1, "a,b"), "a google.protobuf.FieldMask has a path without JSON form"},
        {mask, Field(1, ""), "a google.protobuf.FieldMask has a path without JSON form"},
        {mask, Field(1, "a..b"), "a google.protobuf.FieldMask has a path without JSON form"},
        {mask, Field(1, "a.`b"), "a google.protobuf.FieldMask has a path without JSON form"},
        {mask, Field(1, "`a`b"), "a google.protobuf.FieldMask has a path without JSON form"},
        {mask, Field(1, "`\xFF`"), "a string is no valid UTF-8"},
        {value, Number(INFINITY), "a google.protobuf.Value holds NaN or an infinity"},
        {value, Number(-INFINITY), "a google.protobuf.Value holds NaN or an infinity"},
        {value, Number(NAN), "a google.protobuf.Value holds NaN or an infinity"},
        {any, Field(1, "type.googleapis.com/no.Such"),
         "a google.protobuf.Any is of a type that is in no set"},
        {any, Field(2, "x"), "a google.protobuf.Any is of a type that is in no set"},
        // Where it stands.
        {"wide.v1.Wide", Field(72, Time(1, -1)),
         "field wide.v1.Wide.duration: seconds and nanos of a google.protobuf.Duration differ in "
         "sign"},
        {"wide.v1.Wide", Field(17, Field(81, Time(1, -1))),
         "field wide.v1.Wide.durations: seconds and nanos of a google.protobuf.Duration differ in "
         "sign"},
        {"kinds.v1.Maps", Field(14, Field(1, "k") + Field(2, Time(1, -1))),
         "field kinds.v1.Maps.duration_by_string: seconds and nanos of a google.protobuf.Duration "
         "differ in sign"},
        {"wide.v1.Wide", Field(14, "\xFF"),
         "field wide.v1.Wide.a_string: a string is no valid UTF-8"},
    };
    for (const auto &row : rows) {
        std::string error;
        EXPECT_EQ(ours.Write(ours.Find(row.type), row.wire, &error), "") << row.fault;
        EXPECT_EQ(error, row.fault) << row.type;
    }
}

// Whatever its number is, it prints null, which is read as 0.
TEST_F(RoundTrip, ANullValueOfAnotherNumberCountsAsUnset) {
    std::string error, wire;
    Buffer b;
    wire_put_uint(b, 79, 5);
    EXPECT_EQ(ours.Write(ours.Find("wide.v1.Wide"), b.str(), &error), "{}");
    EXPECT_EQ(error, "");
}

// AIP-134's "*", AIP-161's wildcards and keys of maps.
TEST_F(RoundTrip, MasksOfTheAipsAreReadAndPrinted) {
    static const struct {
        const char *json, *result; // NULL: the same
    } rows[] = {
        {"*", nullptr},
        {"", nullptr},
        {"authors.*.givenName", nullptr},
        {"reviews.*", nullptr},
        {"*.a,b.*.c", nullptr},
        {"reviews.42.text", nullptr},
        {"reviews.-7", nullptr},
        {"reviews.`John Smith`.ratingValue", nullptr},
        {"reviews.`snake_Case`,b", nullptr},
        {"`a.b,c`,d", nullptr},
        {"a.``.b", nullptr},
        {"a.`b``c`.d", nullptr},
        {"a.`\\\"\\\\\\n\xC3\xA9`", nullptr},
        {"a.*b", "\"a.*b\" is no field mask"},
        {"**", "\"**\" is no field mask"},
        {"a.`b", "\"a.`b\" is no field mask"},
        {"a.`b`c", "\"a.`b`c\" is no field mask"},
        {"a`b`", "\"a`b`\" is no field mask"},
        {"a..b", "\"a..b\" is no field mask"},
        {".a", "\".a\" is no field mask"},
        {"a.", "\"a.\" is no field mask"},
        {"a,,b", "\"a,,b\" is no field mask"},
        {"a,", "\"a,\" is no field mask"},
        {"a_b", "\"a_b\" is no field mask"},
        {"a.-", "\"a.-\" is no field mask"},
        {"a, b", "\"a, b\" is no field mask"},
    };
    for (const auto &row : rows) {
        std::string json = std::string("\"") + row.json + "\"";
        std::string result = Again("google.protobuf.FieldMask", json);
        if (row.result == nullptr) {
            EXPECT_EQ(result, json);
        } else {
            EXPECT_EQ(result, std::string("body: ") + row.result +
                                  ": lowerCamelCase paths with commas between");
        }
    }
}

TEST_F(RoundTrip, TheLongestDurationIsReadBack) {
    for (const char *text : {"\"315576000000.999999999s\"", "\"-315576000000.999999999s\"",
                             "\"315576000000s\"", "\"-0.000000001s\"", "\"0s\""}) {
        EXPECT_EQ(Again("google.protobuf.Duration", text), text);
    }
    EXPECT_EQ(Again("google.protobuf.Duration", "\"315576000001s\""),
              "body: \"315576000001s\" is no duration such as 1.5s, at most "
              "315576000000.999999999s");
}

} // namespace
