#include <cmath>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/json/json_write.h"
}

namespace {

// Bytes in hex, with blanks and "'text'" parts: what a writer of the wire
// format would send.
std::string Hex(const std::string &text) {
    std::string bytes;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == ' ') {
            continue;
        }
        if (text[i] == '\'') {
            size_t end = text.find('\'', i + 1);
            bytes += text.substr(i + 1, end - i - 1);
            i = end;
            continue;
        }
        bytes += static_cast<char>(strtol(text.substr(i, 2).c_str(), nullptr, 16));
        i++;
    }
    return bytes;
}

class JsonWriteTest : public ::testing::Test {
  protected:
    void SetUp() override {
        set = WideSet();
        struct slice bytes = S(set);
        ASSERT_EQ(schema_new(a, &bytes, 1, &schema), nullptr);
    }
    void TearDown() override {
        schema_free(schema);
    }

    // The JSON, or "!" and the fault without its place, which json_round_trip_test.cc compares.
    std::string Write(const std::string &wire, const char *type = "wide.v1.Wide") {
        Arena scratch;
        Buffer out;
        Exact exact(wire);
        strbuf_append_cstr(out, "kept");
        const char *fault = nullptr;
        if (!json_write_message(schema, scratch, schema_find_message(schema, S(type)), exact, out,
                                &fault)) {
            EXPECT_EQ(out.str(), "kept");
            std::string text = fault;
            return "!" +
                   (text.compare(0, 6, "field ") == 0 ? text.substr(text.find(": ") + 2) : text);
        }
        return out.str().substr(4);
    }

    Arena a;
    std::string set;
    struct schema *schema = nullptr;
};

TEST_F(JsonWriteTest, WireBytesBecomeJson) {
    const struct {
        const char *wire, *json;
    } rows[] = {
        {"", "{}"},
        // Numbers: truncated to their width, 64 bits in quotes.
        {"18 ff ff ff ff ff ff ff ff ff 01", R"({"anInt32":-1})"},
        {"18 ff ff ff ff 0f", R"({"anInt32":-1})"},
        {"20 80 80 80 80 80 80 80 80 80 01", R"({"anInt64":"-9223372036854775808"})"},
        {"30 ff ff ff ff ff ff ff ff ff 01", R"({"aUint64":"18446744073709551615"})"},
        {"38 01 40 02", R"({"aSint32":-1,"aSint64":"1"})"},
        {"68 02", R"({"aBool":true})"},
        {"09 00 00 00 00 00 00 00 80", R"({"aDouble":-0})"},
        {"09 00 00 00 00 00 00 f8 7f", R"({"aDouble":"NaN"})"},
        {"09 00 00 00 00 00 00 f0 ff", R"({"aDouble":"-Infinity"})"},
        {"15 00 00 80 7f", R"({"aFloat":"Infinity"})"},
        {"15 cd cc cc 3d", R"({"aFloat":0.1})"},
        // An explicit default of a field without presence is not printed.
        {"18 00 72 00 68 00 80 01 00", "{}"},
        {"e8 03 00", R"({"maybeInt":0})"},
        {"98 03 00", R"({"choiceInt":0})"},
        // Unknown fields and wire types that do not fit are passed over.
        {"f2 7d 02 ff ff 18 05 1d 00 00 00 00", R"({"anInt32":5})"},
        {"1b 18 05 1c 18 06", R"({"anInt32":6})"},
        // The last value counts; messages merge.
        {"18 01 18 02", R"({"anInt32":2})"},
        {"8a 01 02 18 01 18 07 8a 01 02 20 02",
         R"({"anInt32":7,"child":{"anInt32":1,"anInt64":"2"}})"},
        {"8a 01 02 18 01 8a 01 02 18 02", R"({"child":{"anInt32":2}})"},
        // Oneofs: the last member wins; a message merges only with itself.
        {"98 03 01 a2 03 01'x'", R"({"choiceString":"x"})"},
        {"a2 03 01'x' 98 03 01", R"({"choiceInt":1})"},
        {"aa 03 02 18 01 aa 03 02 20 02", R"({"choiceWide":{"anInt32":1,"anInt64":"2"}})"},
        {"aa 03 02 18 01 98 03 01 aa 03 02 20 02", R"({"choiceWide":{"anInt64":"2"}})"},
        // Packed and unpacked, in pieces, with other fields between.
        {"ba 01 02 01 02 b8 01 03 18 09 ba 01 01 04", R"({"anInt32":9,"int32s":[1,2,3,4]})"},
        {"ba 01 00", "{}"},
        {"b2 02 02 05 06", R"({"unpacked":[5,6]})"},
        {"92 02 00 92 02 01'a'", R"({"strings":["","a"]})"},
        {"aa 01 08 00 00 00 00 00 00 f0 3f", R"({"doubles":[1]})"},
        // Maps: a missing key or value is the default, the last of a key counts.
        {"ca 02 00", R"({"stringMap":{"":""}})"},
        {"ca 02 06 0a 01'k' 12 01'v'", R"({"stringMap":{"k":"v"}})"},
        {"ca 02 06 0a 01'k' 12 01'v' ca 02 06 0a 01'j' 12 01'w' ca 02 06 0a 01'k' 12 01'x'",
         R"({"stringMap":{"j":"w","k":"x"}})"},
        {"d2 02 04 08 01 10 02", R"({"intMap":{"1":"2"}})"},
        {"ea 02 00", R"({"wideMap":{"":{}}})"},
        {"e2 02 0b 08 01 11 00 00 00 00 00 00 e0 3f", R"({"boolMap":{"true":0.5}})"},
        // Enums.
        {"80 01 01 80 01 02", R"({"color":"COLOR_BLUE"})"},
        {"80 01 63", R"({"color":99})"},
        {"80 01 f9 ff ff ff ff ff ff ff ff 01", R"({"color":"COLOR_NEGATIVE"})"},
        {"b8 03 00", R"({"choiceNull":null})"},
        // Strings and bytes.
        {"72 05'a'22 5c 0a 01", R"({"aString":"a\"\\\n\u0001"})"},
        {"72 02 c3 a9", "{\"aString\":\"\xC3\xA9\"}"},
        {"7a 02 fb ff", R"({"aBytes":"+/8="})"},
        // Well-known types.
        {"ba 04 00", R"({"timestamp":"1970-01-01T00:00:00Z"})"},
        {"ba 04 06 08 01 10 c0 84 3d", R"({"timestamp":"1970-01-01T00:00:01.001Z"})"},
        {"c2 04 0b 08 ff ff ff ff ff ff ff ff ff 01", R"({"duration":"-1s"})"},
        {"ca 04 0a 0a 01'a' 0a 05'b_c.d'", R"({"mask":"a,bC.d"})"},
        {"d2 04 00", R"({"struct":{}})"},
        {"d2 04 07 0a 05 0a 01'a' 12 00", R"({"struct":{"a":null}})"},
        {"d2 04 0e 0a 05 0a 01'a' 12 00 0a 05 0a 01'b' 12 00", R"({"struct":{"a":null,"b":null}})"},
        {"d2 04 12 0a 07 0a 01'a' 12 02 20 00 0a 07 0a 01'a' 12 02 20 01",
         R"({"struct":{"a":true}})"},
        {"da 04 02 08 00", R"({"value":null})"},
        {"da 04 03 1a 01'x'", R"({"value":"x"})"},
        {"da 04 05 1a 01'x' 20 01", R"({"value":true})"},
        {"e2 04 06 0a 00 0a 02 20 01", R"({"list":[null,true]})"},
        {"ea 04 00", R"({"any":{}})"},
        {"ea 04 14 0a 0e'x/wide.v1.Item' 12 02 10 05",
         R"({"any":{"@type":"x/wide.v1.Item","size":5}})"},
        {"f2 04 00", R"({"empty":{}})"},
        {"82 06 02 08 05", R"({"int64Value":"5"})"},
        {"82 06 00", R"({"int64Value":"0"})"},
        {"8a 06 00", R"({"stringValue":""})"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Write(Hex(row.wire)), row.json) << row.wire;
    }
}

TEST_F(JsonWriteTest, WhatHasNoJsonIsRefused) {
    const struct {
        const char *wire, *fault;
    } rows[] = {
        {"18", "!the message is malformed"},
        {"18 80", "!the message is malformed"},
        {"18 ff ff ff ff ff ff ff ff ff 02", "!the message is malformed"},
        {"72 05'hi'", "!the message is malformed"},
        {"72 ff ff ff ff ff ff ff ff ff 01", "!the message is malformed"},
        {"00", "!the message is malformed"},
        {"1e", "!the message is malformed"},
        {"1c", "!the message is malformed"},
        {"1b 18 01", "!the message is malformed"},
        {"1b 24", "!the message is malformed"},
        {"98 80 80 80 80 00 01", "!the message is malformed"}, // a tag of six bytes
        {"1a 05'a'", "!the message is malformed"},
        {"18 80 80 80 80 80 80 80 80 80 80 01", "!the message is malformed"}, // eleven bytes
        {"80 00 01", "!the message is malformed"},    // field 0 in two bytes
        {"1f 00", "!the message is malformed"},       // wire type 7
        {"1b 1b 1c 24", "!the message is malformed"}, // a group ends as another
        {"1b 0a 05'a'", "!the message is malformed"},
        {"ba 01 02 80 80", "!the message is malformed"},
        {"72 02 c0 80", "!a string is no valid UTF-8"}, // overlong
        {"72 03 e0 80 af", "!a string is no valid UTF-8"},
        {"72 04 f4 90 80 80", "!a string is no valid UTF-8"},
        {"09 00", "!the message is malformed"},
        {"ba 01 01 80", "!the message is malformed"},
        {"aa 01 01 00", "!the message is malformed"},
        {"8a 01 01 18", "!the message is malformed"},
        {"72 01 ff", "!a string is no valid UTF-8"},
        {"72 03 ed a0 80", "!a string is no valid UTF-8"},
        // Pieces of a message that are whole only once they are put together.
        {"8a 01 03 72 05'h' 8a 01 04'ello'", "!the message is malformed"},
        {"8a 01 02 18 01 8a 01 01 72 8a 01 02 01'x'", "!the message is malformed"},
        {"ea 02 09 12 03 72 02'a' 12 02'bc'", "!the message is malformed"},
        {"da 04 06 2a 01 0a 2a 01 00", "!the message is malformed"},
        {"d2 04 0a 0a 08 12 02 1a 02 12 02'ab'", "!the message is malformed"},
        // Replaced values must be valid all the same.
        {"72 01 ff 72 01'x'", "!a string is no valid UTF-8"},
        {"a2 03 01 ff 98 03 01", "!a string is no valid UTF-8"},
        {"aa 03 01 18 98 03 01", "!the message is malformed"},
        {"ca 02 06 0a 01'k' 12 01 ff ca 02 06 0a 01'k' 12 01'x'", "!a string is no valid UTF-8"},
        {"ca 02 06 0a 01 ff 0a 01'k'", "!a string is no valid UTF-8"},
        {"ca 02 06 12 01 ff 12 01'k'", "!a string is no valid UTF-8"},
        {"d2 04 08 0a 06 0a 01 ff 0a 01'k'", "!a string is no valid UTF-8"},
        {"ca 02 03 0a 01 ff", "!a string is no valid UTF-8"},
        {"ca 02 01 0a", "!a map entry is malformed"},
        {"ba 04 07 08 80 dc d8 d5 eb 07", "!a google.protobuf.Timestamp is out of range"},
        {"ba 04 06 10 80 94 eb dc 03", "!a google.protobuf.Timestamp is out of range"},
        {"ba 04 01 08", "!a Timestamp or Duration is malformed"},
        {"c2 04 0d 08 01 10 ff ff ff ff ff ff ff ff ff 01",
         "!seconds and nanos of a google.protobuf.Duration differ in sign"},
        {"ca 04 06 0a 04'a__b'", "!a google.protobuf.FieldMask has a path without JSON form"},
        {"ca 04 04 0a 02'Ab'", "!a google.protobuf.FieldMask has a path without JSON form"},
        {"da 04 09 11 00 00 00 00 00 00 f8 7f",
         "!a google.protobuf.Value holds NaN or an infinity"},
        {"da 04 03 1a 01 ff", "!a string is no valid UTF-8"},
        {"da 04 05 1a 01 ff 20 01", "!a string is no valid UTF-8"},
        {"da 04 01 1a", "!a google.protobuf.Value is malformed"},
        {"d2 04 02 0a 05", "!a google.protobuf.Struct is malformed"},
        {"ea 04 0b 0a 09'x/no.Such'", "!a google.protobuf.Any is of a type that is in no set"},
        {"ea 04 0e 0a 0c'wide.v1.Item'", "!a google.protobuf.Any is of a type that is in no set"},
        {"ea 04 02 12 00", "{\"any\":{}}"},
        {"ea 04 03 12 01 00", "!a google.protobuf.Any is of a type that is in no set"},
        {"ea 04 13 0a 01 ff 0a 0e'x/wide.v1.Item'", "!a string is no valid UTF-8"},
        {"fa 05 01 08", "!a wrapper is malformed"},
        {"8a 06 06 0a 01 ff 0a 01'x'", "!a string is no valid UTF-8"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Write(Hex(row.wire)), row.fault) << row.wire;
    }
}

TEST_F(JsonWriteTest, OptionsDecideWordsNumbersOrderAndDefaults) {
    const std::string defaults =
        R"({"lastDeclaredFirst":"","number":0,"text":"0","mood":"MOOD_UNSPECIFIED","moods":[],)"
        R"("moodMap":{},"free":{},"numbers":[],"flag":false,"real":0,"data":"",)"
        R"("color":"COLOR_UNSPECIFIED","ODD name\t\"quoted\"":""})";
    EXPECT_EQ(Write("", "wide.v1.Spelled"), defaults);
    // The order is that of declaration whatever the wire's is.
    EXPECT_EQ(
        Write(Hex("18 01 10 02 08 ff ff ff ff ff ff ff 7f 4a 01'x' 50 00 58 00 20 02 20 09"),
              "wide.v1.Spelled")
            .substr(0, 128),
        std::string(R"({"lastDeclaredFirst":"x","number":72057594037927935,"text":"2",)"
                    R"("mood":"good","moods":["bad",9],"moodMap":{},"free":{},"maybe":0,"left":0,)")
            .substr(0, 128));
    EXPECT_NE(Write(Hex("42 00"), "wide.v1.Spelled").find("\"inner\":" + defaults),
              std::string::npos);
    EXPECT_NE(Write(Hex("62 00"), "wide.v1.Spelled").find("\"right\":" + defaults),
              std::string::npos);
    EXPECT_NE(Write(Hex("6a 08 ff ff ff ff ff ff ff ff"), "wide.v1.Spelled")
                  .find("\"numbers\":[18446744073709551615]"),
              std::string::npos);
}

TEST_F(JsonWriteTest, AValueThatMeansNoneIsLeftOut) {
    const char type[] = "wide.v1.Phased";
    EXPECT_EQ(Write("", type), R"({"phases":[],"byName":{}})");
    // Also if it is set, has presence, or is of a oneof.
    EXPECT_EQ(Write(Hex("08 00 10 00 28 00"), type), R"({"phases":[],"byName":{}})");
    EXPECT_EQ(Write(Hex("08 01 10 02 28 01"), type),
              R"({"phase":"on","maybe":"PHASE_OFF","phases":[],"byName":{},"one":"on"})");
    EXPECT_EQ(Write(Hex("08 09"), type), R"({"phase":9,"phases":[],"byName":{}})");
    // Where it cannot be left out it is its number, which is read as well.
    EXPECT_EQ(Write(Hex("1a 02 00 01 22 05 0a 01'x' 10 00"), type),
              R"({"phases":[0,"on"],"byName":{"x":0}})");
}

TEST_F(JsonWriteTest, ManyMapKeysAreStillToldApart) {
    std::string wire, expected;
    for (int i = 0; i < 40; i++) {
        for (const char *value : {"a", "b"}) {
            Buffer entry, field;
            std::string key = "k" + std::to_string(i);
            wire_put_bytes(entry, 1, S(key));
            wire_put_bytes(entry, 2, S(value));
            wire_put_bytes(field, 41, strbuf_slice(&entry.b));
            wire += field.str();
        }
        expected += std::string(i == 0 ? "" : ",") + "\"k" + std::to_string(i) + "\":\"b\"";
    }
    EXPECT_EQ(Write(wire), "{\"stringMap\":{" + expected + "}}");
}

TEST_F(JsonWriteTest, AMessageInManyPiecesIsMergedInLinearTime) {
    std::string wire, value;
    for (int i = 0; i < 300000; i++) {
        wire += Hex("8a 01 02 18 01");
        value += Hex("32 04 0a 02 20 01");
    }
    EXPECT_EQ(Write(wire + Hex("8a 01 02 18 05")), R"({"child":{"anInt32":5}})");
    Buffer field;
    wire_put_bytes(field, 75, S(value));
    EXPECT_EQ(Write(field.str()).size(), std::string(R"({"value":[true]})").size() + 5 * 299999);
}

TEST_F(JsonWriteTest, StringsOfEveryLengthAndPlaceOfAnEscapeAreWhole) {
    for (size_t n = 0; n < 40; n++) {
        for (size_t at = 0; at <= n; at++) {
            for (const char *piece : {"", "\"", "\x1F", "\xC3\xA9"}) {
                std::string text(n, 'x');
                text.insert(at, piece);
                std::string written(n, 'x');
                written.insert(at, piece[0] == '"' ? "\\\"" : piece[0] == 0x1F ? "\\u001f" : piece);
                Buffer wire;
                wire_put_bytes(wire, 52, S(text));
                ASSERT_EQ(Write(wire.str()), "{\"choiceString\":\"" + written + "\"}");
            }
        }
    }
    Buffer wire;
    wire_put_bytes(wire, 14, S(std::string(5000, '\x01').c_str()));
    EXPECT_EQ(Write(wire.str()).size(), 5000u * 6 + 14);
}

TEST_F(JsonWriteTest, NestingIsCappedAt128) {
    std::string wire;
    for (int depth = 1; depth <= 130; depth++) {
        std::string json = Write(wire);
        EXPECT_EQ(json[0], depth <= 128 ? '{' : '!') << depth;
        Buffer outer;
        wire_put_bytes(outer, 17, S(wire));
        wire = outer.str();
    }
    EXPECT_EQ(Write(wire), "!the message nests deeper than 128 levels");
    std::string value;
    for (int i = 0; i < 5000; i++) {
        Buffer list, outer;
        wire_put_bytes(list, 1, S(value));
        wire_put_bytes(outer, 6, strbuf_slice(&list.b));
        value = outer.str();
    }
    Buffer field;
    wire_put_bytes(field, 75, S(value));
    EXPECT_EQ(Write(field.str()), "!the message nests deeper than 128 levels");
}

} // namespace
