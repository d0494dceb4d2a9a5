#include "tests/gateway/support.h"

extern "C" {
#include "gateway/json/json_read.h"
#include "gateway/json/json_write.h"
}

namespace {

class JsonReadTest : public ::testing::Test {
  protected:
    void SetUp() override {
        set = WideSet();
        struct slice bytes = S(set);
        ASSERT_EQ(schema_new(a, &bytes, 1, &schema), nullptr);
    }
    void TearDown() override {
        schema_free(schema);
    }

    // The JSON that comes back, or "field: description" of the refusal.
    std::string Read(const std::string &json, const char *type = "wide.v1.Wide",
                     bool ignore_unknown = false) {
        const struct json_read_options options = {ignore_unknown, false};
        const struct schema_message *m = schema_find_message(schema, S(type));
        Arena scratch;
        Buffer wire, out;
        Exact exact(json);
        strbuf_append_cstr(wire, "kept");
        const struct error *e = json_read_message(schema, scratch, m, exact, &options, wire);
        if (e != nullptr) {
            EXPECT_EQ(wire.str(), "kept") << json;
            EXPECT_EQ(e->code, STATUS_INVALID_ARGUMENT);
            EXPECT_STREQ(e->reason, "BODY_INVALID");
            EXPECT_NE(std::string(e->message), "");
            return Violation(e);
        }
        const char *fault = nullptr;
        EXPECT_TRUE(json_write_message(schema, scratch, m,
                                       slice_of(wire.b.data + 4, wire.b.len - 4), out, &fault))
            << fault << " " << json;
        return out.str();
    }

    Arena a;
    std::string set;
    struct schema *schema = nullptr;
};

TEST_F(JsonReadTest, ValuesOfEveryTypeAreTaken) {
    // What is read and what is written again; NULL: the same.
    const struct {
        const char *json, *written;
    } rows[] = {
        {"{}", nullptr},
        {" \t\r\n{ } ", "{}"},
        {R"({"aDouble":1.5,"aFloat":0.1,"anInt32":-2147483648})", nullptr},
        {R"({"aDouble":"NaN"})", nullptr},
        {R"({"aDouble":"-Infinity","aFloat":"Infinity"})", nullptr},
        {R"({"aDouble":"1.5","aFloat":"2"})", R"({"aDouble":1.5,"aFloat":2})"},
        {R"({"aDouble":1e308,"aFloat":-0})", R"({"aDouble":1e+308,"aFloat":-0})"},
        {R"({"anInt64":9007199254740993})", R"({"anInt64":"9007199254740993"})"},
        {R"({"anInt64":"-9223372036854775808","aUint64":18446744073709551615})",
         R"({"anInt64":"-9223372036854775808","aUint64":"18446744073709551615"})"},
        {R"({"anInt32":1e3,"aUint32":1.0,"aSint32":"-5e0"})",
         R"({"anInt32":1000,"aUint32":1,"aSint32":-5})"},
        {R"({"aSint32":-2147483648,"aSint64":"-9223372036854775808"})", nullptr},
        {R"({"aFixed32":4294967295,"aFixed64":"18446744073709551615"})", nullptr},
        {R"({"aSfixed32":-1,"aSfixed64":"-1"})", nullptr},
        {R"({"a_bool":true,"a_string":"x"})", R"({"aBool":true,"aString":"x"})"},
        {R"({"aString":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00\u0000"})",
         "{\"aString\":\"\\\"\\\\/\\b\\f\\n\\r\\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\\u0000\"}"},
        {"{\"aString\":\"\xF0\x9F\x98\x80\x7F\"}", nullptr},
        {R"({"aBytes":"-_8"})", R"({"aBytes":"+/8="})"},
        {R"({"color":"COLOR_RED","colors":[2,"COLOR_NEGATIVE",77]})",
         R"({"color":"COLOR_RED","colors":["COLOR_BLUE","COLOR_NEGATIVE",77]})"},
        {R"({"child":{"child":{"anInt32":1}}})", nullptr},
        {R"({"child":{}})", nullptr},
        {R"({"strings":["a",""],"children":[{},{"aBool":true}]})", nullptr},
        {R"({"int32s":[1,2,3],"doubles":[],"unpacked":[4,5]})",
         R"({"int32s":[1,2,3],"unpacked":[4,5]})"},
        {R"({"stringMap":{"b":"1","a":"2","":""}})", nullptr},
        {R"({"intMap":{"-1":"5","0":"6"},"boolMap":{"true":1,"false":2}})", nullptr},
        {R"({"uintMap":{"18446744073709551615":"COLOR_RED"}})", nullptr},
        {R"({"wideMap":{"x":{"anInt32":1}},"valueMap":{"n":null}})", nullptr},
        {R"({"maybeInt":0,"maybeString":""})", nullptr},
        // null is absence, save for Value and NullValue.
        {R"({"aString":null,"int32s":null,"stringMap":null,"child":null,"timestamp":null})", "{}"},
        {R"({"value":null,"nullValue":null})", R"({"value":null})"},
        {R"({"choiceNull":null})", nullptr},
        {R"({"choiceInt":null,"choiceString":"x"})", R"({"choiceString":"x"})"},
        {R"({"choiceInt":0})", nullptr},
        {R"({"int64Value":null})", "{}"},
        // Well-known types.
        {R"({"timestamp":"2026-01-31T12:00:00Z"})", nullptr},
        {R"({"timestamp":"2026-01-31T12:00:00.5+01:00"})",
         R"({"timestamp":"2026-01-31T11:00:00.500Z"})"},
        {R"({"timestamp":"0001-01-01T00:00:00Z"})", nullptr},
        {R"({"timestamp":"9999-12-31T23:59:59.999999999Z"})", nullptr},
        {R"({"duration":"-1.5s"})", R"({"duration":"-1.500s"})"},
        {R"({"mask":"a,fooBar.baz"})", nullptr},
        {R"({"mask":""})", nullptr},
        {R"({"struct":{"a":[1,"x",null,true,{"b":{}}],"c":-0.5}})", nullptr},
        {R"({"value":[1,[],{}]})", nullptr},
        {R"({"value":"x","list":[null,false]})", nullptr},
        {R"({"values":[null,1,"a"]})", nullptr},
        {R"({"empty":{}})", nullptr},
        {R"({"boolValue":false,"bytesValue":"","doubleValue":0,"int64Value":"0"})", nullptr},
        {R"({"floatValue":1.5,"stringValue":"","uint32Value":7,"uint64Value":"8"})", nullptr},
        {R"({"int64Values":["1",2]})", R"({"int64Values":["1","2"]})"},
        {R"({"any":{}})", nullptr},
        {R"({"any":{"@type":"x.y/wide.v1.Item","name":"n"}})", nullptr},
        {R"({"any":{"name":"n","@type":"x.y/wide.v1.Item","size":1}})",
         R"({"any":{"@type":"x.y/wide.v1.Item","name":"n","size":1}})"},
        {R"({"any":{"value":"1.5s","@type":"x/google.protobuf.Duration"}})",
         R"({"any":{"@type":"x/google.protobuf.Duration","value":"1.500s"}})"},
        {R"({"any":{"@type":"x/google.protobuf.Any","value":{"@type":"x/wide.v1.Item"}}})",
         nullptr},
        {R"({"any":{"@type":"x/google.protobuf.Value","value":null}})", nullptr},
        {R"({"overThere":"x","farAway":-1})", nullptr},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Read(row.json), row.written == nullptr ? row.json : row.written) << row.json;
    }
}

TEST_F(JsonReadTest, TheSpellingOptionsAreReadToo) {
    EXPECT_EQ(Read(R"({"mood":"good","moods":["MOOD_FINE","bad",0,9],"moodMap":{"x":"bad"}})",
                   "wide.v1.Spelled")
                  .find(R"({"lastDeclaredFirst":"","number":0,"text":"0","mood":"good",)"
                        R"("moods":["good","bad","MOOD_UNSPECIFIED",9],"moodMap":{"x":"bad"},)"),
              0u);
    EXPECT_NE(Read(R"({"ODD name\t\"quoted\"":"v"})", "wide.v1.Spelled")
                  .find(R"("ODD name\t\"quoted\"":"v"})"),
              std::string::npos);
}

TEST_F(JsonReadTest, RefusalsNameThePath) {
    const struct {
        const char *json, *violation;
    } rows[] = {
        {R"({"nope":1})", "nope: wide.v1.Wide has no such field"},
        {R"({"child":{"nope":1}})", "child.nope: wide.v1.Wide has no such field"},
        {R"({"children":[{},{"a b":1}]})", "children[1][\"a b\"]: wide.v1.Wide has no such field"},
        {R"({"":1})", "[\"\"]: wide.v1.Wide has no such field"},
        {R"({"aString":1})", "aString: expected a string, found a number"},
        {R"({"aString":{}})", "aString: expected a string, found an object"},
        {R"({"aBytes":[]})", "aBytes: expected a string, found an array"},
        {R"({"aBytes":"a"})", "aBytes: \"a\" is no base64"},
        {R"({"aBool":"true"})", "aBool: expected a boolean, found a string"},
        {R"({"aBool":1})", "aBool: expected a boolean, found a number"},
        {R"({"anInt32":true})", "anInt32: expected a number, found a boolean"},
        {R"({"anInt32":2147483648})",
         "anInt32: \"2147483648\" is no integer from -2147483648 to 2147483647"},
        {R"({"anInt32":1.5})", "anInt32: \"1.5\" is no integer from -2147483648 to 2147483647"},
        {R"({"anInt32":""})", "anInt32: \"\" is no integer from -2147483648 to 2147483647"},
        {R"({"anInt32":" 1"})", "anInt32: \" 1\" is no integer from -2147483648 to 2147483647"},
        {R"({"aUint32":-1})", "aUint32: \"-1\" is no integer from 0 to 4294967295"},
        {R"({"aUint64":18446744073709551616})",
         "aUint64: \"18446744073709551616\" is no integer from 0 to 18446744073709551615"},
        {R"({"anInt64":"9223372036854775808"})",
         "anInt64: \"9223372036854775808\" is no integer from -9223372036854775808 to "
         "9223372036854775807"},
        {R"({"aDouble":1e400})", "aDouble: \"1e400\" is out of the range of a double"},
        {R"({"aFloat":1e39})", "aFloat: \"1e39\" is out of the range of a float"},
        {R"({"aDouble":"nan"})", "aDouble: \"nan\" is no number"},
        {R"({"color":"red"})",
         "color: \"red\" is none of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE, COLOR_FAR, "
         "COLOR_NEGATIVE"},
        {R"({"color":true})", "color: expected a string, found a boolean"},
        {R"({"child":[]})", "child: expected an object, found an array"},
        {R"({"child":"x"})", "child: expected an object, found a string"},
        {R"({"strings":"x"})", "strings: expected an array, found a string"},
        {R"({"strings":["x",null]})", "strings[1]: expected a string, found null"},
        {R"({"int32s":[1,[2]]})", "int32s[1]: expected a number, found an array"},
        {R"({"stringMap":[]})", "stringMap: expected an object, found an array"},
        {R"({"stringMap":{"a":null}})", "stringMap.a: expected a string, found null"},
        {R"({"intMap":{"x":1}})", "intMap.x: \"x\" is no integer in plain digits"},
        {R"({"intMap":{"1.0":1}})", "intMap[\"1.0\"]: \"1.0\" is no integer in plain digits"},
        {R"({"intMap":{"-0":1}})", "intMap.-0: \"-0\" is no integer in plain digits"},
        {R"({"intMap":{"01":1}})", "intMap.01: \"01\" is no integer in plain digits"},
        {R"({"boolMap":{"yes":1}})", "boolMap.yes: \"yes\" is neither true nor false"},
        // Keys that stand twice.
        {R"({"aBool":true,"aBool":true})", "aBool: the key stands twice"},
        {R"({"aBool":true,"a_bool":true})", "a_bool: the key stands twice"},
        {R"({"aBool":null,"aBool":true})", "aBool: the key stands twice"},
        {R"({"stringMap":{"a":"1","b":"2","a":"3"}})", "stringMap.a: the key stands twice"},
        {R"({"struct":{"a":{"x":1,"x":1}}})", "struct.a.x: the key stands twice"},
        {R"({"struct":{"\u0061":1,"a":1}})", "struct.a: the key stands twice"},
        {R"({"struct":{"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"10":0,"11":0,"12":0,)"
         R"("13":0,"14":0,"7":0}})",
         "struct.7: the key stands twice"},
        // Oneofs.
        {R"({"choiceInt":1,"choiceString":"x"})",
         "choiceString: it excludes \"choiceInt\": only one field of \"choice\" may be set"},
        {R"({"child":{"otherString":"","otherBytes":""}})",
         "child.otherBytes: it excludes \"otherString\": only one field of \"other\" may be set"},
        // Well-known types.
        {R"({"timestamp":"2026-02-29T00:00:00Z"})",
         "timestamp: \"2026-02-29T00:00:00Z\" is no RFC 3339 time from year 1 to 9999, such as "
         "2026-01-31T12:00:00Z"},
        {R"({"timestamp":1})", "timestamp: expected a string, found a number"},
        {R"({"duration":"1"})",
         "duration: \"1\" is no duration such as 1.5s, at most 315576000000.999999999s"},
        {R"({"mask":"foo_bar"})",
         "mask: \"foo_bar\" is no field mask: lowerCamelCase paths with commas between"},
        {R"({"mask":"a,,b"})",
         "mask: \"a,,b\" is no field mask: lowerCamelCase paths with commas between"},
        {R"({"struct":[]})", "struct: expected an object, found an array"},
        {R"({"list":{}})", "list: expected an array, found an object"},
        {R"({"int64Value":{"value":1}})", "int64Value: expected a number, found an object"},
        {R"({"any":{"name":"x"}})", "any.@type: it is missing"},
        {R"({"any":{"@type":1}})", "any.@type: expected a string, found a number"},
        {R"({"any":{"@type":"wide.v1.Item"}})",
         "any.@type: \"wide.v1.Item\" is no type that is known here"},
        {R"({"any":{"@type":"x/no.Such"}})",
         "any.@type: \"x/no.Such\" is no type that is known here"},
        {R"({"any":{"@type":"x/wide.v1.Item","@type":"x/wide.v1.Item"}})",
         "any.@type: the key stands twice"},
        {R"({"any":{"@type":"x/google.protobuf.Duration"}})", "any.value: it is missing"},
        {R"({"any":{"@type":"x/google.protobuf.Duration","x":1}})",
         "any.x: an Any of google.protobuf.Duration has \"@type\" and \"value\" alone"},
        // Numbers that a double does not keep.
        {R"({"struct":{"a":[1,9007199254740993]}})",
         "struct.a[1]: the number 9007199254740993 cannot be kept exactly (free-form numbers are "
         "64-bit floats); send it as a string"},
        {R"({"value":0.1234567890123456789})",
         "value: the number 0.1234567890123456789 cannot be kept exactly (free-form numbers are "
         "64-bit floats); send it as a string"},
        {R"({"value":1e400})",
         "value: the number 1e400 cannot be kept exactly (free-form numbers are 64-bit floats); "
         "send it as a string"},
        // The whole.
        {"null", "body: expected an object, found null"},
        {"[]", "body: expected an object, found an array"},
        {"1", "body: expected an object, found a number"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Read(row.json), row.violation) << row.json;
    }
}

TEST_F(JsonReadTest, WhatIsNoJsonIsRefusedWithThePlace) {
    const struct {
        const char *json, *violation;
    } rows[] = {
        {"", "line 1, column 1: expected a value, found the end of the text"},
        {" ", "line 1, column 2: expected a value, found the end of the text"},
        {"{", "line 1, column 2: expected a key in quotes, found the end of the text"},
        {"{}x", "line 1, column 3: the JSON value ended, but bytes follow it"},
        {"{} {}", "line 1, column 4: the JSON value ended, but bytes follow it"},
        {"{,}", "line 1, column 2: expected a key in quotes, found ','"},
        {"{\"aBool\":true,}", "line 1, column 15: expected a key in quotes, found '}'"},
        {"{\"aBool\" true}", "line 1, column 10: expected ':', found 't'"},
        {"{\"aBool\":true \"x\":1}", "line 1, column 15: expected ',' or '}', found '\"'"},
        {"{\n\n  \"aBool\": tru}", "line 3, column 12: expected a value, found 't'"},
        {"{\"aBool\":True}", "line 1, column 10: expected a value, found 'T'"},
        {"{'aBool':true}", "line 1, column 2: expected a key in quotes, found '''"},
        {"{aBool:true}", "line 1, column 2: expected a key in quotes, found 'a'"},
        {"{\"anInt32\":01}", "line 1, column 13: a number is malformed at '1'"},
        {"{\"anInt32\":+1}", "line 1, column 12: expected a value, found '+'"},
        {"{\"anInt32\":1.}", "line 1, column 13: a number is malformed at '.'"},
        {"{\"anInt32\":.5}", "line 1, column 12: expected a value, found '.'"},
        {"{\"anInt32\":1e}", "line 1, column 13: a number is malformed at 'e'"},
        {"{\"anInt32\":0x1}", "line 1, column 13: a number is malformed at 'x'"},
        {"{\"anInt32\":-}", "line 1, column 12: expected a value, found '-'"},
        {"{\"aDouble\":NaN}", "line 1, column 12: expected a value, found 'N'"},
        {"{\"int32s\":[1,]}", "line 1, column 14: expected a value, found ']'"},
        {"{\"int32s\":[1 2]}", "line 1, column 14: expected ',' or ']', found '2'"},
        {"{\"int32s\":[1}", "line 1, column 13: expected ',' or ']', found '}'"},
        {"{\"aString\":\"", "line 1, column 13: a string has no end"},
        {"{\"aString\":\"\\", "line 1, column 14: expected an escape, found the end of the text"},
        {"{\"aString\":\"\\x\"}", "line 1, column 14: expected an escape, found 'x'"},
        {"{\"aString\":\"\\u12g4\"}",
         "line 1, column 17: expected four hex digits behind \\u, found 'g'"},
        {"{\"aString\":\"\\ud800\"}", "line 1, column 19: a high surrogate stands alone"},
        {"{\"aString\":\"\\ud800\\u0041\"}", "line 1, column 25: a high surrogate stands alone"},
        {"{\"aString\":\"\\udc00\"}", "line 1, column 19: a low surrogate stands alone"},
        {"{\"aString\":\"\xFF\"}", "line 1, column 13: a string is no valid UTF-8"},
        {"{\"aString\":\"\xC0\x80\"}", "line 1, column 13: a string is no valid UTF-8"},
        {"{\"aString\":\"\xED\xA0\x80\"}", "line 1, column 13: a string is no valid UTF-8"},
        {"{\"aString\":\"\xC3\xA9\x01\"}",
         "line 1, column 14: a control character (0x01) stands raw in a string"},
        {"{\"aString\":\"a\nb\"}",
         "line 1, column 14: a control character (0x0a) stands raw in a string"},
        {"\xEF\xBB\xBF{}", "line 1, column 1: expected a value, found '\xEF\xBB\xBF'"},
        {"{\"aBool\":true}\x01", "line 1, column 15: the JSON value ended, but bytes follow it"},
        {"// x\n{}", "line 1, column 1: expected a value, found '/'"},
        {"{\"aBool\":truex}", "line 1, column 14: expected ',' or '}', found 'x'"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Read(row.json), row.violation) << row.json;
    }
    EXPECT_EQ(Read(std::string("{\"aBool\":true}\0", 15)),
              "line 1, column 15: the JSON value ended, but bytes follow it");
    EXPECT_EQ(Read(std::string("{\0}", 3)),
              "line 1, column 2: expected a key in quotes, found byte 0x00");
}

TEST_F(JsonReadTest, NestingIsCappedAt100) {
    auto nested = [](int depth) {
        return "{\"list\":" + std::string(static_cast<size_t>(depth - 1), '[') +
               std::string(static_cast<size_t>(depth - 1), ']') + "}";
    };
    EXPECT_EQ(Read(nested(100)), nested(100));
    EXPECT_NE(Read(nested(101)).find("objects and arrays are nested deeper than 100"),
              std::string::npos);
    EXPECT_NE(Read(nested(100000)).find("objects and arrays are nested deeper than 100"),
              std::string::npos);
    std::string children, ends;
    for (int i = 0; i < 100; i++) {
        children += "{\"child\":";
        ends += "}";
    }
    EXPECT_NE(Read(children + "{}" + ends).find("nested deeper than 100"), std::string::npos);
    EXPECT_NE(Read(std::string(200, '[')).find("nested deeper than 100"), std::string::npos);
}

TEST_F(JsonReadTest, EveryCutOfADocumentIsRefused) {
    const std::string json =
        R"({"aDouble":-1.5e3,"aString":"a\u00e9\ud83d\ude00é","children":[{"anInt64":"5"}],)"
        R"("struct":{"a":[1,{"b":null}],"c":true,"d":false},"stringMap":{"k":"v"},)"
        R"("any":{"x":1,"@type":"x/wide.v1.Item"},"timestamp":"2026-01-31T12:00:00Z"})";
    EXPECT_EQ(Read(json), "any.x: wide.v1.Item has no such field");
    const std::string good = json.substr(0, json.find("\"any\"")) + R"("any":{"name":"x",)" +
                             R"("@type":"x/wide.v1.Item"},"timestamp":"2026-01-31T12:00:00Z"})";
    EXPECT_EQ(Read(good)[0], '{');
    for (size_t n = 0; n < good.size(); n++) {
        EXPECT_NE(Read(good.substr(0, n))[0], '{') << n;
    }
    // Any one byte replaced is taken or refused, never read past.
    for (size_t n = 0; n < good.size(); n++) {
        for (char c : {'"', '\\', '{', '}', '[', ',', '\0', '\xFF', '0', 'e'}) {
            std::string changed = good;
            changed[n] = c;
            Read(changed);
        }
    }
}

TEST_F(JsonReadTest, UnknownFieldsCanBeIgnoredButNotMalformed) {
    EXPECT_EQ(Read(R"({"x":{"y":[1,"a",null,true,{}]},"anInt32":1})", "wide.v1.Wide", true),
              R"({"anInt32":1})");
    EXPECT_EQ(Read(R"({"x":[1,]})", "wide.v1.Wide", true),
              "line 1, column 9: expected a value, found ']'");
    EXPECT_NE(Read("{\"x\":" + std::string(200, '['), "wide.v1.Wide", true)
                  .find("nested deeper than 100"),
              std::string::npos);
}

TEST_F(JsonReadTest, LongMessagesGetLongLengths) {
    for (size_t n : {126u, 127u, 128u, 129u, 16383u, 16384u, 70000u}) {
        std::string json = "{\"child\":{\"aString\":\"" + std::string(n, 'x') + "\"}}";
        EXPECT_EQ(Read(json), json) << n;
    }
}

} // namespace
