// JSON as requests hold it, row by row: what RFC 8259 and the proto3 JSON
// mapping (protobuf.dev, ProtoJSON; its conformance suite's rules) take and
// refuse. y: taken, and written again as the second text says; n: refused, the
// violation's field stands beside it.

#include "tests/gateway/transcode/json_conformance.h"

namespace {

TEST_F(ConformanceTest, Integers) {
    const Row rows[] = {
        {R"({"anInt32":1})", R"({"anInt32":1})"},
        {R"({"anInt32":"1"})", R"({"anInt32":1})"},
        {R"({"anInt32":1.0})", R"({"anInt32":1})"},
        {R"({"anInt32":"1.0"})", R"({"anInt32":1})"},
        {R"({"anInt32":1e0})", R"({"anInt32":1})"},
        {R"({"anInt32":1e5})", R"({"anInt32":100000})"},
        {R"({"anInt32":100000e-5})", R"({"anInt32":1})"},
        {R"({"anInt32":2.147483647e9})", R"({"anInt32":2147483647})"},
        {R"({"anInt32":-2.147483648e9})", R"({"anInt32":-2147483648})"},
        {R"({"anInt32":"\u0032"})", R"({"anInt32":2})"},
        {R"({"anInt32":-0})", "{}"},
        {R"({"aUint32":4.294967295e9})", R"({"aUint32":4294967295})"},
        {R"({"aUint32":-0})", "{}"},
        {R"({"anInt64":9223372036854775807})", R"({"anInt64":"9223372036854775807"})"},
        {R"({"anInt64":9.223372036854775807e18})", R"({"anInt64":"9223372036854775807"})"},
        {R"({"aUint64":"18446744073709551615"})", R"({"aUint64":"18446744073709551615"})"},
        {R"({"anInt32":1.5})", "!anInt32"},
        {R"({"anInt32":"1.5"})", "!anInt32"},
        {R"({"anInt32":1e-1})", "!anInt32"},
        {R"({"anInt32":2147483648})", "!anInt32"},
        {R"({"anInt32":-2147483649})", "!anInt32"},
        {R"({"anInt32":2147483647.5})", "!anInt32"},
        {R"({"anInt32":"01"})", "!anInt32"},
        {R"({"anInt32":"+1"})", "!anInt32"},
        {R"({"anInt32":" 1"})", "!anInt32"},
        {R"({"anInt32":"1 "})", "!anInt32"},
        {R"({"anInt32":"0x1"})", "!anInt32"},
        {R"({"anInt32":"1a"})", "!anInt32"},
        {R"({"anInt32":""})", "!anInt32"},
        {R"({"anInt32":"-"})", "!anInt32"},
        {R"({"anInt32":"NaN"})", "!anInt32"},
        {R"({"anInt32":"1\u0000"})", "!anInt32"},
        {R"({"anInt32":true})", "!anInt32"},
        {R"({"anInt32":[1]})", "!anInt32"},
        {R"({"anInt32":{}})", "!anInt32"},
        {R"({"anInt32":01})", "!line 1, column 13"},
        {R"({"anInt32":0x1})", "!line 1, column 13"},
        {R"({"aUint32":-1})", "!aUint32"},
        {R"({"aUint32":4294967296})", "!aUint32"},
        {R"({"anInt64":9223372036854775808})", "!anInt64"},
        {R"({"anInt64":-9223372036854775809})", "!anInt64"},
        {R"({"aUint64":18446744073709551616})", "!aUint64"},
        {R"({"aUint64":"-1"})", "!aUint64"},
        {R"({"aFixed32":4294967296})", "!aFixed32"},
        {R"({"aSfixed64":"9223372036854775808"})", "!aSfixed64"},
    };
    Check(rows);
}

TEST_F(ConformanceTest, DoublesAndFloats) {
    const Row rows[] = {
        {R"({"aDouble":1})", R"({"aDouble":1})"},
        {R"({"aDouble":"1.5"})", R"({"aDouble":1.5})"},
        {R"({"aDouble":1.89769e+308})", "!aDouble"},
        {R"({"aDouble":"-1.89769e+308"})", "!aDouble"},
        {R"({"aDouble":2.22507e-308})", R"({"aDouble":2.22507e-308})"},
        {R"({"aDouble":4.9e-324})", R"({"aDouble":5e-324})"},
        {R"({"aDouble":1e-400})", "{}"},
        {R"({"aDouble":0.1234567890123456789})", R"({"aDouble":0.12345678901234568})"},
        {R"({"aDouble":9007199254740993})", R"({"aDouble":9007199254740992})"},
        {R"({"aDouble":"NaN"})", R"({"aDouble":"NaN"})"},
        {R"({"aDouble":"Infinity"})", R"({"aDouble":"Infinity"})"},
        {R"({"aDouble":"-Infinity"})", R"({"aDouble":"-Infinity"})"},
        {R"({"aDouble":-0.0})", R"({"aDouble":-0})"},
        {R"({"aDouble":"inf"})", "!aDouble"},
        {R"({"aDouble":"+Infinity"})", "!aDouble"},
        {R"({"aDouble":"nan"})", "!aDouble"},
        {R"({"aDouble":""})", "!aDouble"},
        {R"({"aDouble":"1.5 "})", "!aDouble"},
        {R"({"aDouble":"0x1p3"})", "!aDouble"},
        {R"({"aDouble":NaN})", "!line 1, column 12"},
        {R"({"aDouble":Infinity})", "!line 1, column 12"},
        {R"({"aDouble":-Infinity})", "!line 1, column 12"},
        {R"({"aDouble":true})", "!aDouble"},
        {R"({"aFloat":3.40282e+38})", R"({"aFloat":3.40282e+38})"},
        {R"({"aFloat":3.502823e+38})", "!aFloat"},
        {R"({"aFloat":-3.502823e+38})", "!aFloat"},
        {R"({"aFloat":1e-50})", "{}"},
        {R"({"aFloat":1.17549e-38})", R"({"aFloat":1.17549e-38})"},
        {R"({"aFloat":"NaN"})", R"({"aFloat":"NaN"})"},
        {R"({"aFloat":16777217})", R"({"aFloat":16777216})"},
    };
    Check(rows);
}

TEST_F(ConformanceTest, BooleansStringsAndBytes) {
    const Row rows[] = {
        {R"({"aBool":true})", R"({"aBool":true})"},
        {R"({"aBool":"true"})", "!aBool"},
        {R"({"aBool":1})", "!aBool"},
        {R"({"aBool":"1"})", "!aBool"},
        {R"({"aBool":"True"})", "!aBool"},
        {R"({"aString":"\ud83d\ude01"})", "{\"aString\":\"\xF0\x9F\x98\x81\"}"},
        {R"({"aString":12345})", "!aString"},
        {R"({"aString":true})", "!aString"},
        {R"({"aString":["a"]})", "!aString"},
        {R"({"aBytes":"AQI="})", R"({"aBytes":"AQI="})"},
        {R"({"aBytes":"AQI"})", R"({"aBytes":"AQI="})"},
        {R"({"aBytes":"-_"})", R"({"aBytes":"+w=="})"},
        {R"({"aBytes":"+/"})", R"({"aBytes":"+w=="})"},
        {R"({"aBytes":"-_-_"})", R"({"aBytes":"+/+/"})"},
        {R"({"aBytes":"AQI=="})", "!aBytes"},
        {R"({"aBytes":"A"})", "!aBytes"},
        {R"({"aBytes":"A==="})", "!aBytes"},
        {R"({"aBytes":"AQ I="})", "!aBytes"},
        {R"({"aBytes":"AQI*"})", "!aBytes"},
        {R"({"aBytes":"=AQI"})", "!aBytes"},
        {R"({"aBytes":1})", "!aBytes"},
    };
    Check(rows);
}

TEST_F(ConformanceTest, Enums) {
    const Row rows[] = {
        {R"({"color":"COLOR_BLUE"})", R"({"color":"COLOR_BLUE"})"},
        {R"({"color":2})", R"({"color":"COLOR_BLUE"})"},
        {R"({"color":2.0})", R"({"color":"COLOR_BLUE"})"},
        {R"({"color":0})", "{}"},
        {R"({"color":-7})", R"({"color":"COLOR_NEGATIVE"})"},
        {R"({"color":123})", R"({"color":123})"},
        {R"({"color":2147483647})", R"({"color":2147483647})"},
        {R"({"color":2147483648})", "!color"},
        {R"({"color":1.5})", "!color"},
        {R"({"color":"color_blue"})", "!color"},
        {R"({"color":"BLUE"})", "!color"},
        {R"({"color":""})", "!color"},
        {R"({"color":true})", "!color"},
        {R"({"colors":["COLOR_RED",null]})", "!colors[1]"},
        {R"({"colors":[1,"x"]})", "!colors[1]"},
    };
    Check(rows);
    const Row words[] = {
        {R"({"mood":"good"})", R"("mood":"good")"},
        {R"({"mood":"MOOD_GOOD"})", R"("mood":"good")"},
        {R"({"mood":"MOOD_FINE"})", R"("mood":"good")"},
        {R"({"mood":1})", R"("mood":"good")"},
    };
    for (const Row &row : words) {
        EXPECT_NE(Read(row.json, "wide.v1.Spelled").find(row.result), std::string::npos)
            << row.json;
    }
    EXPECT_EQ(Read(R"({"mood":"GOOD"})", "wide.v1.Spelled"), "!mood");
}

TEST_F(ConformanceTest, NullOfEveryKind) {
    const Row rows[] = {
        {R"({"anInt32":null,"aString":null,"aBytes":null,"aBool":null,"aDouble":null})", "{}"},
        {R"({"color":null,"child":null,"maybeInt":null,"int32s":null,"children":null})", "{}"},
        {R"({"stringMap":null,"wideMap":null,"any":null,"timestamp":null,"duration":null})", "{}"},
        {R"({"mask":null,"struct":null,"list":null,"empty":null,"boolValue":null})", "{}"},
        {R"({"int64Values":null,"values":null,"anys":null,"choiceWide":null})", "{}"},
        {R"({"value":null})", R"({"value":null})"},
        {R"({"values":[null]})", R"({"values":[null]})"},
        {R"({"valueMap":{"a":null}})", R"({"valueMap":{"a":null}})"},
        {R"({"nullValue":null})", "{}"},
        {R"({"nullValue":"NULL_VALUE"})", "{}"},
        {R"({"choiceNull":null})", R"({"choiceNull":null})"},
        {R"({"choiceNull":"NULL_VALUE"})", R"({"choiceNull":null})"},
        {R"({"choiceInt":null,"choiceString":"a"})", R"({"choiceString":"a"})"},
        {R"({"choiceString":"a","choiceInt":null})", R"({"choiceString":"a"})"},
        {R"({"int32s":[null]})", "!int32s[0]"},
        {R"({"strings":["a",null]})", "!strings[1]"},
        {R"({"children":[null]})", "!children[0]"},
        {R"({"timestamps":[null]})", "!timestamps[0]"},
        {R"({"int64Values":[null]})", "!int64Values[0]"},
        {R"({"anys":[null]})", "!anys[0]"},
        {R"({"stringMap":{"a":null}})", "!stringMap.a"},
        {R"({"wideMap":{"a":null}})", "!wideMap.a"},
        {"null", "!body"},
    };
    Check(rows);
}

TEST_F(ConformanceTest, FieldNamesAndDuplicates) {
    const Row rows[] = {
        {R"({"an_int32":1})", R"({"anInt32":1})"},
        {R"({"\u0061nInt32":1})", R"({"anInt32":1})"},
        {R"({"AnInt32":1})", "!AnInt32"},
        {R"({"ANINT32":1})", "!ANINT32"},
        {R"({"anint32":1})", "!anint32"},
        {R"({"an_Int32":1})", "!an_Int32"},
        {R"({"":1})", R"(![""])"},
        {R"({"3":1})", "!3"},
        {R"({"@type":"x/wide.v1.Wide"})", "!@type"},
        {R"({"anInt32":1,"anInt32":1})", "!anInt32"},
        {R"({"anInt32":1,"an_int32":1})", "!an_int32"},
        {R"({"an_int32":1,"anInt32":1})", "!anInt32"},
        {R"({"child":{},"child":{}})", "!child"},
        {R"({"int32s":[1],"int32s":[2]})", "!int32s"},
        {R"({"stringMap":{"a":"1","a":"1"}})", "!stringMap.a"},
        {R"({"intMap":{"1":1,"1":1}})", "!intMap.1"},
        {R"({"choiceInt":1,"choiceString":"a"})", "!choiceString"},
        {R"({"choiceNull":null,"choiceString":"a"})", "!choiceString"},
        {R"({"child":{"children":[{},{"nope":1}]}})", "!child.children[1].nope"},
        {R"({"wideMap":{"a b":{"nope":1}}})", R"(!wideMap["a b"].nope)"},
        {R"({"any":{"@type":"x/wide.v1.Item","nope":1}})", "!any.nope"},
    };
    Check(rows);
    const Row names[] = {
        {R"({"lowerSnakeCase":"a"})", R"({"lowerSnakeCase":"a"})"},
        {R"({"UPPER_SNAKE":"a"})", R"({"UPPERSNAKE":"a"})"},
        {R"({"UPPERSNAKE":"a"})", R"({"UPPERSNAKE":"a"})"},
        {R"({"trailing":"a","Leading":"b"})", R"({"trailing":"a","Leading":"b"})"},
        {R"({"trailing_":"a","_leading":"b"})", R"({"trailing":"a","Leading":"b"})"},
        {R"({"double__under":"a"})", R"({"doubleUnder":"a"})"},
        {R"({"with_1_digit":"a"})", R"({"with1Digit":"a"})"},
        {R"({"mixedCase":"a"})", R"({"mixedCase":"a"})"},
        {R"({"renamed":"a"})", R"({"other name":"a"})"},
        {R"({"other name":"a"})", R"({"other name":"a"})"},
        {R"({"otherName":"a"})", "!otherName"},
        {R"({"\u00e9\u2028\ud83d\ude00":"a"})", "{\"\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80\":\"a\"}"},
        {R"({"other name":"a","renamed":"a"})", "!renamed"},
    };
    Check(names, "kinds.v1.Names");
}

TEST_F(ConformanceTest, Maps) {
    const Row rows[] = {
        {R"({"byInt32":{"-1":"a","0":"b"}})", R"({"byInt32":{"-1":"a","0":"b"}})"},
        {R"({"byBool":{"true":"2026-01-01T00:00:00Z"}})",
         R"({"byBool":{"true":"2026-01-01T00:00:00Z"}})"},
        {R"({"bySfixed32":{"1":"SIDE_PORT"}})", R"({"bySfixed32":{"1":"SIDE_LEFT"}})"},
        {R"({"byInt32":{"2147483648":"a"}})", "!byInt32.2147483648"},
        {R"({"byUint32":{"-1":true}})", "!byUint32.-1"},
        {R"({"byInt32":{"":"a"}})", R"(!byInt32[""])"},
        {R"({"byInt32":{" 1":"a"}})", R"(!byInt32[" 1"])"},
        {R"({"byInt32":{"1e0":"a"}})", "!byInt32.1e0"},
        {R"({"byInt32":{1:"a"}})", "!line 1, column 13"},
        {R"({"byBool":{"True":"2026-01-01T00:00:00Z"}})", "!byBool.True"},
        {R"({"byBool":{true:"2026-01-01T00:00:00Z"}})", "!line 1, column 12"},
        {R"({"byInt32":[]})", "!byInt32"},
        {R"({"byInt32":[{"key":1,"value":"a"}]})", "!byInt32"},
        {R"({"bySfixed64":{"5":{"byInt64":{"x":""}}}})", "!bySfixed64.5.byInt64.x"},
    };
    Check(rows, "kinds.v1.Maps");
}

TEST_F(ConformanceTest, Timestamps) {
    const struct {
        const char *text, *written; // NULL: refused
    } rows[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
        {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"},
        {"1970-01-01T00:00:00.1Z", "1970-01-01T00:00:00.100Z"},
        {"1970-01-01T00:00:00.0001Z", "1970-01-01T00:00:00.000100Z"},
        {"1970-01-01T00:00:00.000000000Z", "1970-01-01T00:00:00Z"},
        {"1970-01-01T08:00:01+08:00", "1970-01-01T00:00:01Z"},
        {"1969-12-31T16:00:01-08:00", "1970-01-01T00:00:01Z"},
        {"1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00Z"},
        {"1970-01-01T00:00:00-00:00", "1970-01-01T00:00:00Z"},
        {"1970-01-01T05:30:00+05:30", "1970-01-01T00:00:00Z"},
        {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
        {"0000-01-01T00:00:00Z", nullptr},
        {"10000-01-01T00:00:00Z", nullptr},
        {"0001-01-01T00:00:00+00:01", nullptr},
        {"9999-12-31T23:59:59-00:01", nullptr},
        {"1900-02-29T00:00:00Z", nullptr},
        {"1970-13-01T00:00:00Z", nullptr},
        {"1970-00-01T00:00:00Z", nullptr},
        {"1970-01-32T00:00:00Z", nullptr},
        {"1970-01-00T00:00:00Z", nullptr},
        {"1970-01-01T24:00:00Z", nullptr},
        {"1970-01-01T00:60:00Z", nullptr},
        {"2016-12-31T23:59:60Z", nullptr}, // protobuf's seconds have no leap
        {"1970-01-01T00:00:00", nullptr},
        {"1970-01-01 00:00:00Z", nullptr},
        {"1970-01-01t00:00:00Z", nullptr},
        {"1970-01-01T00:00:00z", nullptr},
        {"1970-01-01T00:00:00.0000000001Z", nullptr},
        {"1970-01-01T00:00:00.Z", nullptr},
        {"1970-01-01T00:00:00,5Z", nullptr},
        {"1970-01-01T00:00Z", nullptr},
        {"1970-01-01", nullptr},
        {"1970-1-1T0:0:0Z", nullptr},
        {"70-01-01T00:00:00Z", nullptr},
        {"+1970-01-01T00:00:00Z", nullptr},
        {"-0001-01-01T00:00:00Z", nullptr},
        {"1970-01-01T00:00:00+0100", nullptr},
        {"1970-01-01T00:00:00+1:00", nullptr},
        {"1970-01-01T00:00:00+01", nullptr},
        {"1970-01-01T00:00:00+24:00", nullptr},
        {"1970-01-01T00:00:00+01:60", nullptr},
        {"1970-01-01T00:00:00ZZ", nullptr},
        {"1970-01-01T00:00:00Z ", nullptr},
        {" 1970-01-01T00:00:00Z", nullptr},
        {"", nullptr},
        {"0", nullptr},
    };
    for (const auto &row : rows) {
        std::string json = std::string("{\"timestamp\":\"") + row.text + "\"}";
        EXPECT_EQ(Read(json), row.written == nullptr
                                  ? std::string("!timestamp")
                                  : std::string("{\"timestamp\":\"") + row.written + "\"}")
            << row.text;
    }
    EXPECT_EQ(Read(R"({"timestamp":0})"), "!timestamp");
    EXPECT_EQ(Read(R"({"timestamp":{"seconds":0}})"), "!timestamp");
}

TEST_F(ConformanceTest, DurationsMasksAndWrappers) {
    const Row rows[] = {
        {R"({"duration":"1.5s"})", R"({"duration":"1.500s"})"},
        {R"({"duration":"-0.000000001s"})", R"({"duration":"-0.000000001s"})"},
        {R"({"duration":"-1.5s"})", R"({"duration":"-1.500s"})"},
        {R"({"duration":"315576000000s"})", R"({"duration":"315576000000s"})"},
        {R"({"duration":"-315576000000s"})", R"({"duration":"-315576000000s"})"},
        {R"({"duration":"-0s"})", R"({"duration":"0s"})"},
        {R"({"duration":"315576000001s"})", "!duration"},
        {R"({"duration":"-315576000001s"})", "!duration"},
        {R"({"duration":"315576000000.000000001s"})", R"({"duration":"315576000000.000000001s"})"},
        {R"({"duration":"1"})", "!duration"},
        {R"({"duration":"s"})", "!duration"},
        {R"({"duration":""})", "!duration"},
        {R"({"duration":"1 s"})", "!duration"},
        {R"({"duration":"1S"})", "!duration"},
        {R"({"duration":"1m"})", "!duration"},
        {R"({"duration":"1e3s"})", "!duration"},
        {R"({"duration":"1.0000000001s"})", "!duration"},
        {R"({"duration":"1.-5s"})", "!duration"},
        {R"({"duration":1})", "!duration"},
        {R"({"duration":{"seconds":1}})", "!duration"},
        {R"({"mask":""})", R"({"mask":""})"},
        {R"({"mask":"foo,fooBar.bazQux"})", R"({"mask":"foo,fooBar.bazQux"})"},
        {R"({"mask":"foo_bar"})", "!mask"},
        {R"({"mask":"foo,bar_bar"})", "!mask"},
        {R"({"mask":"foo, bar"})", "!mask"},
        {R"({"mask":",foo"})", "!mask"},
        {R"({"mask":["foo"]})", "!mask"},
        {R"({"mask":{"paths":["foo"]}})", "!mask"},
        {R"({"int64Value":"1","uint32Value":1.0})", R"({"int64Value":"1","uint32Value":1})"},
        {R"({"boolValue":true,"stringValue":"a"})", R"({"boolValue":true,"stringValue":"a"})"},
        {R"({"doubleValue":"NaN","floatValue":-0})", R"({"doubleValue":"NaN","floatValue":-0})"},
        {R"({"boolValue":"true"})", "!boolValue"},
        {R"({"int32Value":2147483648})", "!int32Value"},
        {R"({"stringValue":1})", "!stringValue"},
        {R"({"bytesValue":"*"})", "!bytesValue"},
        {R"({"int32Value":{"value":1}})", "!int32Value"},
        {R"({"empty":{}})", R"({"empty":{}})"},
        {R"({"empty":{"a":1}})", "!empty.a"},
        {R"({"empty":[]})", "!empty"},
        {R"({"struct":{"a":1,"b":[{}],"c":null}})", R"({"struct":{"a":1,"b":[{}],"c":null}})"},
        {R"({"struct":{"fields":{}}})", R"({"struct":{"fields":{}}})"},
        {R"({"struct":1})", "!struct"},
        {R"({"list":[[],{},"a",1.5]})", R"({"list":[[],{},"a",1.5]})"},
        {R"({"list":1})", "!list"},
        {R"({"value":0.10000000000000001})", R"({"value":0.1})"},
        {R"({"value":{"a":1e400}})", "!value.a"},
    };
    Check(rows);
}

TEST_F(ConformanceTest, Any) {
    const Row rows[] = {
        {R"({"any":{}})", R"({"any":{}})"},
        {R"({"any":{"@type":"a/b/wide.v1.Item","name":"n"}})",
         R"({"any":{"@type":"a/b/wide.v1.Item","name":"n"}})"},
        {R"({"any":{"name":"n","part":{"size":1},"@type":"/wide.v1.Item"}})",
         R"({"any":{"@type":"/wide.v1.Item","name":"n","part":{"size":1}}})"},
        {R"({"any":{"\u0040type":"x/wide.v1.Item"}})", R"({"any":{"@type":"x/wide.v1.Item"}})"},
        {R"({"any":{"@type":"x/google.protobuf.Struct","value":{"@type":1}}})",
         R"({"any":{"@type":"x/google.protobuf.Struct","value":{"@type":1}}})"},
        {R"({"any":{"value":{"value":"1s","@type":"x/google.protobuf.Duration"},)"
         R"("@type":"x/google.protobuf.Any"}})",
         R"({"any":{"@type":"x/google.protobuf.Any","value":)"
         R"({"@type":"x/google.protobuf.Duration","value":"1s"}}})"},
        {R"({"any":{"@type":"x/google.protobuf.Int32Value","value":1}})",
         R"({"any":{"@type":"x/google.protobuf.Int32Value","value":1}})"},
        {R"({"any":{"@type":"x/google.protobuf.Empty"}})",
         R"({"any":{"@type":"x/google.protobuf.Empty"}})"},
        {R"({"any":{"@type":"","value":""}})", "!any.@type"},
        {R"({"any":{"@type":"x/","value":""}})", "!any.@type"},
        {R"({"any":{"@type":"wide.v1.Item"}})", "!any.@type"},
        {R"({"any":{"@type":"x/wide.v1.None"}})", "!any.@type"},
        {R"({"any":{"@type":null}})", "!any.@type"},
        {R"({"any":{"value":"1s"}})", "!any.@type"},
        {R"({"any":{"@type":"x/google.protobuf.Duration","value":"1"}})", "!any.value"},
        {R"({"any":{"@type":"x/google.protobuf.Duration"}})", "!any.value"},
        {R"({"any":{"@type":"x/wide.v1.Item","value":{}}})", "!any.value"},
        {R"({"any":{"@type":"x/wide.v1.Item","@type":"x/wide.v1.Item"}})", "!any.@type"},
        {R"({"any":{"@type":"x/wide.v1.Item","part":{"part":{"size":"x"}}}})",
         "!any.part.part.size"},
        {R"({"any":[]})", "!any"},
        {R"({"any":"x"})", "!any"},
    };
    Check(rows);
}

TEST_F(ConformanceTest, UnknownFieldsAndNamesAreIgnoredIfAsked) {
    const Row rows[] = {
        {R"({"x":1,"anInt32":1,"y":{"z":[{}]}})", R"({"anInt32":1})"},
        {R"({"child":{"x":"a"}})", R"({"child":{}})"},
        {R"({"any":{"@type":"x/wide.v1.Item","x":1}})", R"({"any":{"@type":"x/wide.v1.Item"}})"},
        {R"({"color":"NONE","anInt32":1})", R"({"anInt32":1})"},
        {R"({"colors":["COLOR_RED","NONE","COLOR_BLUE"]})",
         R"({"colors":["COLOR_RED","COLOR_BLUE"]})"},
        {R"({"colors":["NONE"]})", "{}"},
        {R"({"uintMap":{"1":"NONE","2":"COLOR_RED"}})", R"({"uintMap":{"2":"COLOR_RED"}})"},
        {R"({"choiceColor":"NONE","choiceInt":1})", R"({"choiceInt":1})"},
        {R"({"x":01})", "!line 1, column 7"},
        {R"({"x":"\ud800"})", "!line 1, column 13"},
        {R"({"color":"NO\x"})", "!line 1, column 14"},
        {R"({"color":true})", "!color"},
        {R"({"anInt32":"x"})", "!anInt32"},
    };
    for (const Row &row : rows) {
        EXPECT_EQ(Read(row.json, "wide.v1.Wide", true), row.result) << row.json;
    }
}

TEST_F(ConformanceTest, PathsInErrorsAreCutBetweenCharacters) {
    // 600 bytes of keys of one three-byte character each, and one byte more.
    for (int lead = 0; lead < 3; lead++) {
        std::string json, ends;
        for (int i = 0; i < 90; i++) {
            json += "{\"wideMap\":{\"" + std::string(i == 0 ? static_cast<size_t>(lead) : 0, 'a') +
                    "\xE2\x82\xAC\xE2\x82\xAC\":";
            ends += "}}";
            if (i == 45) {
                break;
            }
        }
        std::string field = Read(json + "{\"nope\":1}" + ends);
        EXPECT_EQ(field.substr(field.size() - 3), "...") << field;
        EXPECT_LE(field.size(), 520u);
        Buffer quoted;
        strbuf_append_json_string(quoted, S(field));
        EXPECT_EQ(quoted.str().find("\xEF\xBF\xBD"), std::string::npos) << field;
    }
}

} // namespace
