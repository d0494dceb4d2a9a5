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
        {"child[stringMap][k]=v&child[stringMap][k2]=v",
         R"({"child":{"stringMap":{"k":"v","k2":"v"}}})"},
        {"[a]=b", "QUERY_INVALID [a]: wide.v1.Wide has no field \"\""},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(g.Request(std::string("GET /v1/wide?") + row.query), row.json) << row.query;
    }
}

// axios and PHP write lists so, and qs nested keys, too.
TEST(Binding, BracketsAreListsAndNames) {
    RuleGateway g({});
    const struct {
        const char *query, *json;
    } rows[] = {
        {"strings[]=a&strings[]=b", R"({"strings":["a","b"]})"},
        {"strings%5B%5D=a&strings%5b%5d=b", R"({"strings":["a","b"]})"},
        {"strings=a&strings[]=b&strings=c", R"({"strings":["a","b","c"]})"},
        {"strings[0]=a&strings[1]=b", R"({"strings":["a","b"]})"},
        // array_filter of PHP keeps the keys.
        {"strings[1]=a&strings[7]=b&strings[10]=c", R"({"strings":["a","b","c"]})"},
        {"colors[]=COLOR_RED&colors[]=2", R"({"colors":["COLOR_RED","COLOR_BLUE"]})"},
        {"timestamps[]=1970-01-01T00:00:00Z", R"({"timestamps":["1970-01-01T00:00:00Z"]})"},
        {"int64Values[0]=5", R"({"int64Values":["5"]})"},
        {"child.strings[]=a&child.strings[]=b", R"({"child":{"strings":["a","b"]}})"},
        {"child[strings][]=a&child[strings][]=b", R"({"child":{"strings":["a","b"]}})"},
        {"child[strings][0]=a&child.strings[1]=b", R"({"child":{"strings":["a","b"]}})"},
        {"child[aString]=x", R"({"child":{"aString":"x"}})"},
        {"child[child].child[a_bool]=true", R"({"child":{"child":{"child":{"aBool":true}}}})"},
        {"strings[]", R"({"strings":[""]})"},
        {"aString[]=a", "QUERY_INVALID aString[]: field \"aString\" is neither repeated nor a map"},
        {"child[aString][0]=a",
         "QUERY_INVALID child[aString][0]: field \"aString\" is neither repeated nor a map"},
        {"strings[x]=a", "QUERY_INVALID strings[x]: field \"strings\" is repeated: give each "
                         "element as strings=value"},
        {"strings[01]=a", "QUERY_INVALID strings[01]: field \"strings\" is repeated: give each "
                          "element as strings=value"},
        {"strings[-1]=a", "QUERY_INVALID strings[-1]: field \"strings\" is repeated: give each "
                          "element as strings=value"},
        {"strings[9999999999]=a", "QUERY_INVALID strings[9999999999]: field \"strings\" is "
                                  "repeated: give each element as strings=value"},
        {"strings[][]=a", "QUERY_INVALID strings[][]: field \"strings\" is repeated: give each "
                          "element as strings=value"},
        {"strings[=a", "QUERY_INVALID strings[: field \"strings\" is repeated: give each element "
                       "as strings=value"},
        {"strings[0].x=a", "QUERY_INVALID strings[0].x: field \"strings\" is repeated: give each "
                           "element as strings=value"},
        {"strings[1]=a&strings[0]=b",
         "QUERY_INVALID strings[0]: the indexes of its elements do not ascend"},
        {"strings[0]=a&strings[0]=b",
         "QUERY_INVALID strings[0]: the indexes of its elements do not ascend"},
        {"strings[0]=a&strings=b",
         "QUERY_INVALID strings: some of its elements have an index and others have none"},
        {"strings[]=a&strings=b&strings[2]=c",
         "QUERY_INVALID strings[2]: some of its elements have an index and others have none"},
        {"children[0].aString=a", "QUERY_INVALID children[0].aString: field \"children\" is a "
                                  "message, which only a body can give"},
        {"children[0][aString]=a", "QUERY_INVALID children[0][aString]: field \"children\" is a "
                                   "message, which only a body can give"},
        {"child[nope]=a", "QUERY_INVALID child[nope]: wide.v1.Wide has no field \"nope\""},
        {"child[]=a", "QUERY_INVALID child[]: wide.v1.Wide has no field \"\""},
        {"child.[aString]=a", "QUERY_INVALID child.[aString]: wide.v1.Wide has no field \"\""},
        {"child[aString=a", "QUERY_INVALID child[aString: its brackets are malformed"},
        {"child[child]aString=a", "QUERY_INVALID child[child]aString: its brackets are malformed"},
        {"[aString]=a", "QUERY_INVALID [aString]: wide.v1.Wide has no field \"\""},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(g.Request(std::string("GET /v1/wide?") + row.query), row.json) << row.query;
    }
}

TEST(Binding, AListWithCommasIsRefusedWithWhatToWrite) {
    RuleGateway g({});
    const std::string none = " is none of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE, COLOR_FAR, "
                             "COLOR_NEGATIVE";
    const std::string int32 = " is no integer from -2147483648 to 2147483647";
    const std::string self = "; give each element by itself: ";
    const struct {
        const char *query;
        std::string json;
    } rows[] = {
        {"colors=COLOR_RED,2",
         "QUERY_INVALID colors: \"COLOR_RED,2\"" + none + self + "colors=COLOR_RED&colors=2"},
        {"int32s=1%2C-2", "QUERY_INVALID int32s: \"1,-2\"" + int32 + self + "int32s=1&int32s=-2"},
        {"int32s[]=1,2",
         "QUERY_INVALID int32s[]: \"1,2\"" + int32 + self + "int32s[]=1&int32s[]=2"},
        {"child[int32s][0]=1,2", "QUERY_INVALID child[int32s][0]: \"1,2\"" + int32 + self +
                                     "child[int32s]=1&child[int32s]=2"},
        {"child.bools=true,false,", "QUERY_INVALID child.bools: \"true,false,\" is neither true "
                                    "nor false" +
                                        self + "child.bools=true&child.bools=false"},
        // No lists.
        {"int32s=,", "QUERY_INVALID int32s: \",\"" + int32},
        {"int32s=1,%26x=2", "QUERY_INVALID int32s: \"1,&x=2\"" + int32},
        {"color=COLOR_RED,COLOR_BLUE", "QUERY_INVALID color: \"COLOR_RED,COLOR_BLUE\"" + none},
        // A comma is a character of a text.
        {"strings=a,b&aString=c,d", R"({"aString":"c,d","strings":["a,b"]})"},
        {"mask=aString,color", R"({"mask":"aString,color"})"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(g.Request(std::string("GET /v1/wide?") + row.query), row.json) << row.query;
    }
    std::string many = "1";
    for (int i = 0; i < 500; i++) {
        many += ",1";
    }
    std::string refusal = g.Request("GET /v1/wide?int32s=" + many);
    EXPECT_LT(refusal.size(), 500u);
    EXPECT_EQ(refusal.substr(refusal.size() - 14), "1&int32s=1&...");
}

TEST(Binding, NullOfNullValueIsReadAsItIsPrinted) {
    RuleGateway g({});
    EXPECT_EQ(g.Request("GET /v1/wide?choiceNull=null&nullValue=null"), R"({"choiceNull":null})");
    EXPECT_EQ(g.Request("GET /v1/wide?choiceNull=NULL_VALUE"), R"({"choiceNull":null})");
    EXPECT_EQ(g.Request("GET /v1/wide?color=null").rfind("QUERY_INVALID color: ", 0), 0u);
}

TEST(Binding, UnknownKeysAreIgnoredIfAsked) {
    const char *const keys[] = {"utm_*", "_", "child.fbclid", "aString"};
    struct transcoder_options listed = {}, all = {};
    listed.ignored_query = keys;
    listed.ignored_query_count = 4;
    all.ignore_unknown_query = true;
    RuleGateway some({}, &listed), every({}, &all);
    const struct {
        const char *query, *some, *every;
    } rows[] = {
        {"utm_source=x&aBool=true&utm_=1", R"({"aBool":true})", R"({"aBool":true})"},
        {"_=1700000000", "{}", "{}"},
        {"utm%5Fsource", "{}", "{}"},
        {"utm_x[]=1&utm_x[a][b]=2&utm_x.y=1", "{}", "{}"},
        {"child.fbclid=1", "{}", "{}"},
        // Whatever its value is.
        {"utm_campaign=100%&utm_source=%FF&utm_source=%FF", "{}", "{}"},
        {"utm=1", "QUERY_INVALID utm: wide.v1.Wide has no field \"utm\"", "{}"},
        {"__=1", "QUERY_INVALID __: wide.v1.Wide has no field \"__\"", "{}"},
        {"UTM_x=1", "QUERY_INVALID UTM_x: wide.v1.Wide has no field \"UTM_x\"", "{}"},
        {"child.nope=1", "QUERY_INVALID child.nope: wide.v1.Wide has no field \"nope\"", "{}"},
        {"child[nope]=1&=1", "QUERY_INVALID child[nope]: wide.v1.Wide has no field \"nope\"", "{}"},
        {"=1", "QUERY_INVALID : wide.v1.Wide has no field \"\"", "{}"},
        {"%FF=1", "QUERY_INVALID query: its name is no valid UTF-8", "{}"},
        // A key of a field is bound, and its fault is one.
        {"aString=x", R"({"aString":"x"})", R"({"aString":"x"})"},
        {"color=red", "", ""},
        {"child=1", "", ""},
        {"aString.x=1", "", ""},
        {"aString[]=1", "", ""},
        {"children[0].nope=1", "", ""},
        {"stringMap=1", "", ""},
        {"aString=%zz", "", ""},
        {"%zz=1", "", ""},
        {"aBool=true&aBool=true", "", ""},
    };
    for (const auto &row : rows) {
        const std::string line = std::string("GET /v1/wide?") + row.query;
        if (row.some[0] == 0) {
            EXPECT_EQ(some.Request(line).find("QUERY_INVALID"), 0u) << row.query;
            EXPECT_EQ(every.Request(line).find("QUERY_INVALID"), 0u) << row.query;
        } else {
            EXPECT_EQ(some.Request(line), row.some) << row.query;
            EXPECT_EQ(every.Request(line), row.every) << row.query;
        }
    }
    // The fields stand in the body, so that a key of one is a mistake; others are not.
    EXPECT_EQ(some.Request("POST /v1/wide?utm_source=x", "{}"), "{}");
    EXPECT_EQ(every.Request("POST /v1/wide?nope=x", "{}"), "{}");
    EXPECT_EQ(every.Request("POST /v1/wide?aBool=true", "{}"),
              "QUERY_INVALID aBool: this method takes no query parameters; its fields stand in the "
              "body");
}

// That each is compared with all before it would be seen: by minutes.
TEST(Binding, ManyKeysAreCheckedByOneSort) {
    RuleGateway g({});
    std::string entries;
    for (int i = 0; i < 200000; i++) {
        entries += "intMap[" + std::to_string(i) + "]=1&";
    }
    EXPECT_EQ(g.Request("GET /v1/wide?" + entries + "intMap[0]=2"),
              "QUERY_INVALID intMap[0]: it is given twice");
    EXPECT_EQ(g.Request("GET /v1/wide?" + entries +
                        "choiceInt=1&intMap[-1]=1&choiceBool=true&aBool=true"),
              "QUERY_INVALID choiceBool: another parameter of the same oneof is given too");
}

TEST(Binding, NullAsABodyIsNone) {
    RuleGateway g({WideMethod(RuleField(POST, "/all") + RuleField(BODY, "*")),
                   WideMethod(RuleField(POST, "/child") + RuleField(BODY, "child")),
                   WideMethod(RuleField(POST, "/int") + RuleField(BODY, "choice_int")),
                   WideMethod(RuleField(POST, "/list") + RuleField(BODY, "strings")),
                   WideMethod(RuleField(POST, "/map") + RuleField(BODY, "string_map")),
                   WideMethod(RuleField(POST, "/struct") + RuleField(BODY, "struct")),
                   WideMethod(RuleField(POST, "/value") + RuleField(BODY, "value")),
                   WideMethod(RuleField(POST, "/null") + RuleField(BODY, "choice_null")),
                   WideMethod(RuleField(POST, "/none"))});
    for (const char *path : {"/all", "/child", "/int", "/list", "/map", "/struct", "/none"}) {
        for (const char *body : {"null", " null\r\n\t", ""}) {
            EXPECT_EQ(g.Request(std::string("POST ") + path, body), "{}") << path << body;
        }
        EXPECT_EQ(g.Request(std::string("POST ") + path, "nul").find("BODY_INVALID"), 0u) << path;
        EXPECT_EQ(g.Request(std::string("POST ") + path, "null,").find("BODY_INVALID"), 0u) << path;
        EXPECT_EQ(g.Request(std::string("POST ") + path, "\"null\"") == "{}", false) << path;
    }
    // Of these types null is a value.
    EXPECT_EQ(g.Request("POST /value", "null"), R"({"value":null})");
    EXPECT_EQ(g.Request("POST /null", "null"), R"({"choiceNull":null})");
    EXPECT_EQ(g.Request("POST /child?aBool=true", "null"), R"({"aBool":true})");
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
         {"a,", ",a", "A%20b", "aB_c", "a_b..c", ".a_b", "a_b.", "a.*b", "`a"},
         {{"aB.c,d", "\"aB.c,d\""},
          {"a_b.c_d,e", "\"aB.cD,e\""},
          {"a_b,cD", "\"aB,cD\""},
          {"*", "\"*\""},
          {"a_b.*.cD,e.%60F,_g%60.1", "\"aB.*.cD,e.`F,_g`.1\""}}},
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
    struct transcoder_options options = {};
    options.unbound_methods = true;
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
