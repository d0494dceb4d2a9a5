// Free-form JSON in queries, numbers that a double does not keep, and the switches of what is
// printed.

#include "tests/gateway/transcode/rule_gateway.h"

namespace {

struct transcoder_options WithJson(struct json_options json) {
    struct transcoder_options options = {};
    options.json = json;
    return options;
}

// What of "1e400" and its like is made, alone and below a path.
TEST(JsonNumbers, AreRefusedOrRounded) {
    struct json_options rounding = {};
    rounding.round_numbers = true;
    const struct transcoder_options round = WithJson(rounding);
    RuleGateway exact({}), rounded({}, &round);
    const struct {
        const char *number, *exact, *rounded; // printed; nullptr: refused
    } rows[] = {
        {"0", "0", "0"},
        {"-0", "-0", "-0"},
        {"-0.0", "-0", "-0"},
        {"1.0", "1", "1"},
        {"1e2", "100", "100"},
        {"0.10", "0.1", "0.1"},
        {"0.1", "0.1", "0.1"},
        {"9007199254740991", "9007199254740991", "9007199254740991"},
        {"9007199254740992", "9007199254740992", "9007199254740992"},
        {"9007199254740993", nullptr, "9007199254740992"},
        {"-9007199254740993", nullptr, "-9007199254740992"},
        {"9223372036854775807", nullptr, "9.223372036854776e+18"},
        {"12345678901234567890", nullptr, "1.2345678901234567e+19"},
        {"100000000000000000000", "1e+20", "1e+20"},
        {"0.100000000000000000000000000001", nullptr, "0.1"},
        {"0.123456789012345678901234567890", nullptr, "0.12345678901234568"},
        {"3.14159265358979323846", nullptr, "3.141592653589793"},
        {"5e-324", "5e-324", "5e-324"},
        {"1e-400", nullptr, "0"},
        {"-1e-400", nullptr, "-0"},
        {"1.7976931348623157e308", "1.7976931348623157e+308", "1.7976931348623157e+308"},
        {"1e400", nullptr, nullptr},
        {"-1e400", nullptr, nullptr},
    };
    for (const auto &row : rows) {
        std::string number = row.number;
        std::string body = "{\"struct\":{\"a b\":[0," + number + "]}}";
        auto printed = [](const char *text) {
            return std::string("{\"struct\":{\"a b\":[0,") + text + "]}}";
        };
        std::string field = "BODY_INVALID struct[\"a b\"][1]: the number " + number;
        EXPECT_EQ(exact.Request("POST /v1/wide", body),
                  row.exact != nullptr
                      ? printed(row.exact)
                      : field + " cannot be kept exactly (free-form numbers are 64-bit floats); "
                                "send it as a string");
        EXPECT_EQ(rounded.Request("POST /v1/wide", body),
                  row.rounded != nullptr
                      ? printed(row.rounded)
                      : field + " is beyond the range of 64-bit floats; send it as a string");
    }
    // Of a query, too. A field of type double rounds in any case.
    EXPECT_EQ(rounded.Request("GET /v1/wide?value=9007199254740993"),
              R"({"value":9007199254740992})");
    EXPECT_EQ(exact.Request("POST /v1/wide", R"({"aDouble":9007199254740993})"),
              R"({"aDouble":9007199254740992})");
}

TEST(FreeFormQuery, IsJsonText) {
    RuleGateway g({});
    const struct {
        const char *query, *result;
    } rows[] = {
        {"struct={}", R"({"struct":{}})"},
        {"struct=%7B%22a%22%3A%5B1%2C%22x%22%5D%7D", R"({"struct":{"a":[1,"x"]}})"},
        {"struct={\"a+b\":null}", R"({"struct":{"a b":null}})"},
        {"list=[1,[],%7B%7D]", R"({"list":[1,[],{}]})"},
        {"value=null", R"({"value":null})"},
        {"value=%22text%22", R"({"value":"text"})"},
        {"value=-0", R"({"value":-0})"},
        {"value=%20true%20", R"({"value":true})"},
        {"value={\"%5Cu0000\":\"%5Cu0000\"}", R"({"value":{"\u0000":"\u0000"}})"},
        {"values=1&values=[2]", R"({"values":[1,[2]]})"},
        {"valueMap[k]={\"a\":1}&valueMap[l]=null", R"({"valueMap":{"k":{"a":1},"l":null}})"},
        {"child.struct={\"a\":1}", R"({"child":{"struct":{"a":1}}})"},
        // What is none.
        {"struct=", "QUERY_INVALID struct: it is given as JSON text, which this is not: line 1, "
                    "column 1, expected a value, found the end of the text"},
        {"struct=[]", "QUERY_INVALID struct: expected an object, found an array"},
        {"struct=null", "QUERY_INVALID struct: expected an object, found null"},
        {"list={}", "QUERY_INVALID list: expected an array, found an object"},
        {"value=text", "QUERY_INVALID value: it is given as JSON text, which this is not: line 1, "
                       "column 1, expected a value, found 't'; a string stands in quotes"},
        {"struct={}x", "QUERY_INVALID struct: it is given as JSON text, which this is not: line 1, "
                       "column 3, the JSON value ended, but bytes follow it"},
        {"struct={\"a\":1,\"a\":2}", "QUERY_INVALID struct: a: the key stands twice"},
        {"struct={\"a\":[1,1e400]}",
         "QUERY_INVALID struct: a[1]: the number 1e400 cannot be kept exactly (free-form numbers "
         "are 64-bit floats); send it as a string"},
        {"struct={}&struct={}", "QUERY_INVALID struct: it is given twice"},
        {"struct.a=1", "QUERY_INVALID struct.a: field \"struct\" has no fields that can be given "
                       "so"},
        {"struct=%FF", "QUERY_INVALID struct: it is given as JSON text, which this is not: line 1, "
                       "column 1, expected a value, found byte 0xff"},
    };
    for (const auto &row : rows) {
        std::string result = g.Request(std::string("GET /v1/wide?") + row.query);
        EXPECT_EQ(result, row.result) << row.query;
    }
    EXPECT_NE(
        g.Request("GET /v1/wide?list=" + std::string(200, '[')).find("nested deeper than 100"),
        std::string::npos);
}

TEST(JsonOutput, DefaultsAreThoseOfEveryMessage) {
    struct json_options json = {};
    json.emit_defaults = true;
    const struct transcoder_options options = WithJson(json);
    RuleGateway g({}, &options);
    g.input = "wide.v1.Item";
    EXPECT_EQ(g.Request("GET /v1/wide"), R"({"name":"","size":0,"big":"0"})")
        << "a message that is unset stays out, as its JSON would be null";
    g.input = "wide.v1.Wide";
    std::string all = g.Request("GET /v1/wide");
    for (const char *part :
         {"\"aDouble\":0,", "\"color\":\"COLOR_UNSPECIFIED\"", "\"aBytes\":\"\"", "\"children\":[]",
          "\"stringMap\":{}", "\"anInt64\":\"0\"", "\"nullValue\":null"}) {
        EXPECT_NE(all.find(part), std::string::npos) << part << " " << all;
    }
    // Without presence alone: what is unset and differs from its default stays out, an unset
    // Struct too.
    for (const char *part : {"maybeInt", "choice", "\"struct\"", "\"timestamp\"", "\"value\":"}) {
        EXPECT_EQ(all.find(part), std::string::npos) << part << " " << all;
    }
    // The option in the protos goes on as it says.
    g.input = "wide.v1.Spelled";
    EXPECT_NE(g.Request("GET /v1/wide").find("\"free\":{}"), std::string::npos);
    g.input = "wide.v1.Phased";
    EXPECT_EQ(g.Request("GET /v1/wide"), R"({"phases":[],"byName":{}})");
}

TEST(JsonOutput, ProtoNamesArePrintedAndBothAreRead) {
    struct json_options json = {};
    json.proto_names = true;
    const struct transcoder_options options = WithJson(json);
    RuleGateway g({}, &options);
    const char expected[] = R"({"an_int32":1,"child":{"a_string":"x"},"string_map":{"aB":"c"},)"
                            R"("mask":"aB"})";
    EXPECT_EQ(g.Request("POST /v1/wide", expected), expected);
    EXPECT_EQ(g.Request("POST /v1/wide", R"({"anInt32":1,"child":{"aString":"x"},)"
                                         R"("stringMap":{"aB":"c"},"mask":"aB"})"),
              expected);
    EXPECT_EQ(g.Request("POST /v1/wide", R"({"anInt32":1,"an_int32":2})"),
              "BODY_INVALID an_int32: the key stands twice");
    EXPECT_EQ(g.Request("GET /v1/wide?anInt32=1&child.a_string=x"),
              R"({"an_int32":1,"child":{"a_string":"x"}})");
    EXPECT_EQ(g.Request("POST /v1/wide", R"({"":1})"),
              "BODY_INVALID [\"\"]: wide.v1.Wide has no such field");
    g.input = "wide.v1.Spelled"; // a name of its own is a JSON name, too
    EXPECT_NE(g.Request("GET /v1/wide").find("\"odd_name\":\"\""), std::string::npos);
}

TEST(JsonOutput, EnumsAreNumbersUnlessTheProtosGiveThemWords) {
    struct json_options json = {};
    json.enums_as_numbers = true;
    const struct transcoder_options options = WithJson(json);
    RuleGateway g({}, &options);
    EXPECT_EQ(g.Request("GET /v1/wide?color=COLOR_BLUE&colors=1&colors=-7&colors=5"),
              R"({"color":2,"colors":[1,-7,5]})");
    EXPECT_EQ(g.Request("POST /v1/wide", R"({"color":"COLOR_FAR","nullValue":null})"),
              R"({"color":100000})");
    EXPECT_EQ(g.Request("GET /v1/wide?color=red"),
              "QUERY_INVALID color: \"red\" is none of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE, "
              "COLOR_FAR, COLOR_NEGATIVE");
    // An enum with words has them, for all of its values.
    g.input = "wide.v1.Spelled";
    std::string spelled = g.Request("GET /v1/wide");
    EXPECT_NE(spelled.find("\"mood\":\"MOOD_UNSPECIFIED\""), std::string::npos) << spelled;
    EXPECT_NE(spelled.find("\"color\":0"), std::string::npos) << spelled;
}

// Refusals name fields as the client did.
TEST(JsonOutput, AFieldThatIsExcludedIsNamedAsItWasGiven) {
    RuleGateway g({});
    EXPECT_EQ(g.Request("POST /v1/wide", R"({"choice_int":1,"choice_string":"x"})"),
              "BODY_INVALID choice_string: it excludes \"choice_int\": only one field of "
              "\"choice\" may be set");
    EXPECT_EQ(g.Request("POST /v1/wide", R"({"choiceInt":1,"choice_string":"x"})"),
              "BODY_INVALID choice_string: it excludes \"choiceInt\": only one field of "
              "\"choice\" may be set");
}

} // namespace
