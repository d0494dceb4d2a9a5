#include "tests/gateway/transcode/rule_gateway.h"

namespace {

const char wide_type[] = ".wide.v1.Wide";

RuleMethod WideMethod(const std::string &rule) {
    return {wide_type, wide_type, rule};
}

TEST(Binding, MapEntriesAreQueryParameters) {
    RuleGateway g({});
    const struct {
        const char *query, *json;
    } rows[] = {
        {"stringMap[a]=b", R"({"stringMap":{"a":"b"}})"},
        {"string_map[a]=b&stringMap[c]=d", R"({"stringMap":{"a":"b","c":"d"}})"},
        {"stringMap%5Ba%5D=b", R"({"stringMap":{"a":"b"}})"},
        {"stringMap[]=", R"({"stringMap":{"":""}})"},
        // The key is all between the first "[" and the last byte.
        {"stringMap[a.b[c]]=d", R"({"stringMap":{"a.b[c]":"d"}})"},
        {"stringMap[a=b", "QUERY_INVALID stringMap[a: field \"stringMap\" is a map: give each "
                          "entry as stringMap[key]=value"},
        {"intMap[-1]=9&uintMap[2]=COLOR_RED&boolMap[true]=1.5&sintMap[-3]=YQ",
         R"({"intMap":{"-1":"9"},"uintMap":{"2":"COLOR_RED"},"boolMap":{"true":1.5},)"
         R"("sintMap":{"-3":"YQ=="}})"},
        {"child.stringMap[k]=v", R"({"child":{"stringMap":{"k":"v"}}})"},
        {"intMap[x]=1", "QUERY_INVALID intMap[x]: the map's key: \"x\" is no integer from "
                        "-2147483648 to 2147483647"},
        {"boolMap[1]=1", "QUERY_INVALID boolMap[1]: the map's key: \"1\" is neither true nor "
                         "false"},
        {"intMap[1]=x", "QUERY_INVALID intMap[1]: \"x\" is no integer from -9223372036854775808 "
                        "to 9223372036854775807"},
        {"stringMap[a]=b&string_map[a]=c", "QUERY_INVALID string_map[a]: it is given twice"},
        {"wideMap[a]=b", "QUERY_INVALID wideMap[a]: field \"wideMap\" is a map of messages, which "
                         "only a body can give"},
        {"wideMap[a].aString=b",
         "QUERY_INVALID wideMap[a].aString: field \"wideMap\" is a map of messages, which only a "
         "body can give"},
        {"strings[0]=a", "QUERY_INVALID strings[0]: field \"strings\" is no map"},
        {"aString[]=a", "QUERY_INVALID aString[]: field \"aString\" is no map"},
        {"[a]=b", "QUERY_INVALID [a]: wide.v1.Wide has no field \"\""},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(g.Request(std::string("GET /v1/wide?") + row.query), row.json) << row.query;
    }
}

TEST(Binding, SpellingsThatAreNoValueOfTheirTypeAreRefused) {
    RuleGateway g({});
    const struct {
        const char *key;
        std::vector<const char *> refused;
        std::vector<std::pair<const char *, const char *>> taken;
    } rows[] = {
        {"aBool", {"", "1", "0", "t", "True", "TRUE", "yes", "+true", "true+"}, {{"true", "true"}}},
        {"maybeInt",
         {"", "+1", "%2B1", "%201", "1%20", "0x1", "1.5", "1_0", "01", "-", "2147483648",
          "-2147483649", "NaN", "true"},
         {{"-0", "0"}, {"1.0", "1"}, {"1e3", "1000"}, {"-2147483648", "-2147483648"}}},
        {"aUint64",
         {"", "-1", "18446744073709551616", "1e20"},
         {{"18446744073709551615", "\"18446744073709551615\""}}},
        {"maybeDouble",
         {"", "nan", "inf", "infinity", "+1", ".5", "1.", "0x1p3", "1e999", "1,5"},
         {{"NaN", "\"NaN\""}, {"-Infinity", "\"-Infinity\""}, {"1e3", "1000"}, {"-0", "-0"}}},
        {"aFloat", {"", "1e39", "nan"}, {{"Infinity", "\"Infinity\""}}},
        {"color",
         {"", "color_red", "1.5", "2147483648", "%20COLOR_RED"},
         {{"COLOR_RED", "\"COLOR_RED\""}, {"1", "\"COLOR_RED\""}}},
        {"aBytes",
         {"a", "YQ=", "Y!Q=", "%20YQ"},
         {{"YQ==", "\"YQ==\""}, {"YQ", "\"YQ==\""}, {"-_8", "\"+/8=\""}, {"%2B/8=", "\"+/8=\""}}},
        {"timestamp",
         {"", "2026-02-30T00:00:00Z", "2026-01-31", "0000-01-01T00:00:00Z", "2026-01-31T12:00:00",
          "2026-01-31T24:00:00Z"},
         {{"2026-01-31T12:00:00.5Z", "\"2026-01-31T12:00:00.500Z\""}}},
        {"duration",
         {"", "1", "s", "1.s", "315576000001s", "1m", "+1s"},
         {{"-1.5s", "\"-1.500s\""}}},
        // Proto paths, too: grpc-gateway and Envoy take them in queries.
        {"mask",
         {"a,", ",a", "A%20b", "aB_c", "a_b..c", ".a_b", "a_b.", "1a_b"},
         {{"aB.c,d", "\"aB.c,d\""}, {"a_b.c_d,e", "\"aB.cD,e\""}, {"a_b,cD", "\"aB,cD\""}}},
        {"maybeString",
         {"%C0%AF", "%ED%A0%80", "%F4%90%80%80", "%80"},
         {{"", "\"\""}, {"%00", "\"\\u0000\""}, {"%F0%9F%98%80", "\"\xF0\x9F\x98\x80\""}}},
        {"boolValue", {"", "1"}, {{"false", "false"}}},
        {"stringValue", {"%FF"}, {{"", "\"\""}}},
    };
    for (const auto &row : rows) {
        for (const char *text : row.refused) {
            std::string query = std::string(row.key) + "=" + text;
            EXPECT_EQ(g.Request("GET /v1/wide?" + query)
                          .find(std::string("QUERY_INVALID ") + row.key + ": "),
                      0u)
                << query << " gave " << g.Request("GET /v1/wide?" + query);
        }
        for (const auto &[text, json] : row.taken) {
            std::string query = std::string(row.key) + "=" + text;
            EXPECT_EQ(g.Request("GET /v1/wide?" + query),
                      std::string("{\"") + row.key + "\":" + json + "}")
                << query;
        }
    }
}

TEST(Binding, OneofsAreSetOnceByQueryAndBody) {
    RuleGateway g({WideMethod(RuleField(POST, "/x/int") + RuleField(BODY, "choice_int")),
                   WideMethod(RuleField(GET, "/x/path/{choice_int}"))});
    EXPECT_EQ(g.Request("POST /x/int?choiceString=a", "1"),
              "QUERY_INVALID choiceString: it excludes the field that the body gives");
    EXPECT_EQ(g.Request("POST /x/int?otherString=a", "1"), R"({"choiceInt":1,"otherString":"a"})");
    EXPECT_EQ(g.Request("GET /x/path/3?choiceString=a"),
              "QUERY_INVALID choiceString: it excludes a field that the path gives");
    EXPECT_EQ(g.Request("GET /v1/wide?choiceInt=1&otherString=a"),
              R"({"choiceInt":1,"otherString":"a"})");
}

TEST(Binding, PathsAreDecodedAsRfc6570Says) {
    RuleGateway g({WideMethod(RuleField(GET, "/one/{a_string}")),
                   WideMethod(RuleField(GET, "/all/{a_string=**}")),
                   WideMethod(RuleField(GET, "/all/{a_string=**}:verb")),
                   WideMethod(RuleField(GET, "/two/{a_string=x/*}/end")),
                   WideMethod(RuleField(GET, "/lit%2Feral/a+b"))});
    const struct {
        const char *path, *expected; // what aString holds, or the reason
    } rows[] = {
        {"/one/a%2Fb", "a/b"},
        {"/one/a%3Ab", "a:b"},
        {"/one/a:b", "a:b"},
        {"/one/a+b", "a+b"},
        {"/one/a%2Bb%20c", "a+b c"},
        {"/one/%252F", "%2F"},
        {"/one/%E2%82%AC", "\xE2\x82\xAC"},
        {"/one/.", "."},
        {"/one/..", ".."},
        {"/one/%00", "\\u0000"},
        {"/one/%C0%AF", "PATH_INVALID a_string: it decodes to no valid UTF-8"},
        {"/one/%ED%A0%80", "PATH_INVALID a_string: it decodes to no valid UTF-8"},
        {"/one/%8", "PATH_INVALID"},
        {"/one/", "ROUTE_NOT_FOUND"},
        {"/one", "ROUTE_NOT_FOUND"},
        {"/one/a/", "ROUTE_NOT_FOUND"},
        {"/one//a", "ROUTE_NOT_FOUND"},
        {"/ONE/a", "ROUTE_NOT_FOUND"},
        {"/all", ""},
        {"/all/", ""},
        {"/all/a//b/", "a//b/"},
        {"/all/a%2fb%2Fc%3Ad%20e%25", "a%2fb%2Fc:d e%"},
        {"/all/a:verb/b", "a:verb/b"},
        {"/two/x/a%2Fb/end", "x/a%2Fb"},
        {"/two/y/a/end", "ROUTE_NOT_FOUND"},
        {"/two/x//end", "ROUTE_NOT_FOUND"},
        {"/lit%2feral/a+b", ""},
        {"/lit/eral/a+b", "ROUTE_NOT_FOUND"},
        {"/lit%2Feral/a%20b", "ROUTE_NOT_FOUND"},
    };
    for (const auto &row : rows) {
        std::string expected = row.expected;
        if (expected.find("PATH_INVALID") != 0 && expected != "ROUTE_NOT_FOUND") {
            expected = expected.empty() ? "{}" : "{\"aString\":\"" + expected + "\"}";
        }
        EXPECT_EQ(g.Request(std::string("GET ") + row.path), expected) << row.path;
    }
    const struct {
        const char *path, *route, *json;
    } verbs[] = {
        {"/all/a/b:verb", "/all/{a_string=**}:verb", R"({"aString":"a/b"})"},
        {"/all/a:b:verb", "/all/{a_string=**}:verb", R"({"aString":"a:b"})"},
        {"/all:verb", "/all/{a_string=**}:verb", "{}"},
        {"/all/a:other", "/all/{a_string=**}", R"({"aString":"a:other"})"},
        {"/all/a%3Averb", "/all/{a_string=**}", R"({"aString":"a:verb"})"},
    };
    for (const auto &row : verbs) {
        EXPECT_EQ(g.Request(std::string("GET ") + row.path), row.json) << row.path;
        EXPECT_STREQ(transcoder_route_template(g.route), row.route) << row.path;
    }
}

TEST(Binding, CustomKindsAreMethods) {
    RuleGateway g({WideMethod(RuleField(CUSTOM, RuleField(1, "HEAD") + RuleField(2, "/c/head"))),
                   WideMethod(RuleField(CUSTOM, RuleField(1, "*") + RuleField(2, "/c/{a_string}"))),
                   WideMethod(RuleField(GET, "/c/{a_string}"))});
    const struct {
        const char *line, *method;
    } rows[] = {{"HEAD /c/head", "/more.S/M0"},
                {"BREW /c/x", "/more.S/M1"},
                {"HEAD /c/x", "/more.S/M1"},
                {"GET /c/x", "/more.S/M2"}};
    for (const auto &row : rows) {
        g.route = nullptr;
        g.Request(row.line);
        ASSERT_NE(g.route, nullptr) << row.line;
        EXPECT_STREQ(transcoder_route_rpc(g.route), row.method) << row.line;
    }
}

TEST(Binding, AResponseBodyIsAFieldOfAnyKind) {
    const struct {
        const char *field, *set, *unset;
    } rows[] = {
        {"a_string", "\"s\"", "\"\""},          {"strings", R"(["a"])", "[]"},
        {"string_map", R"({"k":"v"})", "{}"},   {"color", "\"COLOR_RED\"", "\"COLOR_UNSPECIFIED\""},
        {"child", R"({"aBool":true})", "null"}, {"timestamp", "\"1970-01-01T00:00:01Z\"", "null"},
        {"int64_value", "\"5\"", "null"}};
    const std::string all = R"({"aString":"s","strings":["a"],"stringMap":{"k":"v"},)"
                            R"("color":1,"child":{"aBool":true},"int64Value":5,)"
                            R"("timestamp":"1970-01-01T00:00:01Z"})";
    for (const auto &row : rows) {
        RuleGateway g({WideMethod(RuleField(POST, "/r") + RuleField(BODY, "*") +
                                  RuleField(RESPONSE_BODY, row.field))});
        Arena a;
        struct transcoder_match m;
        ASSERT_EQ(transcoder_match_route(g.t, a, S("POST"), S("/r"), &m), nullptr);
        const struct transcoder_request request = {SLICE_EMPTY, S(all), SLICE_EMPTY};
        struct slice message;
        ASSERT_EQ(transcoder_encode_request(g.t, a, &m, &request, &message), nullptr);
        Buffer set, unset;
        ASSERT_EQ(transcoder_decode_response(g.t, a, m.route, message, set), nullptr);
        EXPECT_EQ(set.str(), row.set);
        ASSERT_EQ(transcoder_decode_response(g.t, a, m.route, SLICE_EMPTY, unset), nullptr);
        EXPECT_EQ(unset.str(), row.unset) << row.field;
    }
}

TEST(Binding, MethodsWithoutRulesAreServedIfAskedFor) {
    const struct transcoder_options options = {false, true};
    RuleGateway served({{wide_type, wide_type, ""}}, &options),
        not_served({{wide_type, wide_type, ""}});
    EXPECT_EQ(served.Request("POST /more.S/M0", R"({"aBool":true})"), R"({"aBool":true})");
    EXPECT_EQ(served.Request("GET /more.S/M0"), "METHOD_NOT_ALLOWED");
    EXPECT_EQ(not_served.Request("POST /more.S/M0", "{}"), "ROUTE_NOT_FOUND");
}

TEST(Binding, TenThousandRulesStart) {
    std::vector<RuleMethod> methods;
    for (int i = 0; i < 10000; i++) {
        methods.push_back(
            WideMethod(RuleField(GET, "/many/r" + std::to_string(i) + "/{a_string}/end")));
    }
    RuleGateway g(methods);
    EXPECT_EQ(g.Request("GET /many/r9999/x/end"), R"({"aString":"x"})");
    EXPECT_STREQ(transcoder_route_rpc(g.route), "/more.S/M9999");
}

} // namespace
