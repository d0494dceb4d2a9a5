#include "tests/gateway/transcode/rule_gateway.h"

namespace {

const std::string patch = RuleField(PATCH, "/v1/patch") + RuleField(BODY, "item");

// The mask of the request that a body makes.
std::string Mask(RuleGateway &g, const std::string &line, const std::string &body) {
    g.input = "more.Patch";
    std::string json = g.Request(line, body);
    size_t at = json.find("\"updateMask\":");
    return at == std::string::npos ? json.find('{') == 0 ? "none" : json
                                   : json.substr(at + 13, json.size() - at - 14);
}

TEST(UpdateMask, IsWhatTheBodyNames) {
    RuleGateway g({{".more.Patch", ".wide.v1.Wide", patch}});
    const struct {
        const char *body, *mask;
    } rows[] = {
        {R"({"aString":"x"})", "\"aString\""},
        {R"({"a_string":"x","anInt32":0})", "\"aString,anInt32\""},
        {R"({"child":{"aString":"x","child":{"aBool":false}}})",
         "\"child.aString,child.child.aBool\""},
        {R"({"child":{}})", "\"child\""},
        {R"({"child":null,"aString":null})", "\"child,aString\""},
        {R"({"strings":[],"children":[{"aString":"x"}]})", "\"strings,children\""},
        {R"({"stringMap":{"k":"v"},"wideMap":{"k":{"aBool":true}}})", "\"stringMap,wideMap\""},
        {R"({"struct":{"a":{"b":1}},"value":{"a":1},"list":[1]})", "\"struct,value,list\""},
        // Keys of free JSON that are fields of Struct, Value, Any by accident.
        {R"({"struct":{"fields":{"a":1}},"value":{"stringValue":""}})", "\"struct,value\""},
        {R"({"any":{"@type":"type.googleapis.com/google.protobuf.Struct","value":{}}})", "\"any\""},
        {R"({"timestamp":"2026-01-31T12:00:00Z","duration":"1s","mask":"a.b"})",
         "\"timestamp,duration,mask\""},
        {R"({"int64Value":"1","stringValue":""})", "\"int64Value,stringValue\""},
        {R"({"any":{"@type":"type.googleapis.com/wide.v1.Item","name":"n"}})", "\"any\""},
        {"{}", "none"},
        {"", "none"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Mask(g, "PATCH /v1/patch", row.body), row.mask) << row.body;
    }
}

// AIP-134's "*" and AIP-161's steps, in a path, a query and a body.
TEST(UpdateMask, MayHoldWildcardsAndKeysOfMaps) {
    RuleGateway g({{"wide.v1.Wide", "wide.v1.Wide", RuleField(GET, "/v2/{mask}")},
                   {"more.Patch", "more.Patch", patch}});
    EXPECT_EQ(g.Request("GET /v2/*"), R"({"mask":"*"})");
    EXPECT_EQ(g.Request("GET /v2/a_b.*.%60x,%2FY_z%60.cD"), R"({"mask":"aB.*.`x,/Y_z`.cD"})");
    EXPECT_EQ(g.Request("GET /v2/a.*b"),
              "PATH_INVALID mask: \"a.*b\" is no field mask: lowerCamelCase paths with commas "
              "between");
    EXPECT_EQ(g.Request("GET /v1/wide?mask=*,string_map.%60k%60"), R"({"mask":"*,stringMap.`k`"})");
    EXPECT_EQ(g.Request("POST /v1/wide", R"({"mask":"stringMap.*,children.*.aB"})"),
              R"({"mask":"stringMap.*,children.*.aB"})");
    g.input = "more.Patch";
    EXPECT_EQ(g.Request("PATCH /v1/patch?updateMask=*", R"({"anInt32":1})"),
              R"({"item":{"anInt32":1},"updateMask":"*"})");
}

TEST(UpdateMask, ThatIsGivenStays) {
    RuleGateway g({{".more.Patch", ".wide.v1.Wide", patch}});
    EXPECT_EQ(Mask(g, "PATCH /v1/patch?updateMask=aBool", R"({"aString":"x"})"), "\"aBool\"");
    EXPECT_EQ(Mask(g, "PATCH /v1/patch?update_mask=", R"({"aString":"x"})"), "\"aString\"");
    // Other keys of the query are no paths of the mask.
    EXPECT_EQ(g.Request("PATCH /v1/patch?number=1", R"({"aString":"x"})"),
              R"({"item":{"aString":"x"},"updateMask":"aString","number":1})");
}

TEST(UpdateMask, IsInferredForPatchOfOneFieldAndOneMaskOnly) {
    const struct {
        const char *input, *line;
        std::string rule;
        const char *body;
    } rows[] = {
        {"more.Patch", "PUT /x", RuleField(PUT, "/x") + RuleField(BODY, "item"),
         R"({"aString":"x"})"},
        // The whole request is the body: the mask is one of its keys.
        {"more.Patch", "PATCH /x", RuleField(PATCH, "/x") + RuleField(BODY, "*"),
         R"({"item":{"aString":"x"}})"},
        {"more.TwoMasks", "PATCH /x", RuleField(PATCH, "/x") + RuleField(BODY, "item"),
         R"({"aString":"x"})"},
    };
    for (const auto &row : rows) {
        RuleGateway g({{row.input == std::string("more.Patch") ? ".more.Patch" : ".more.TwoMasks",
                        ".wide.v1.Wide", row.rule}});
        g.input = row.input;
        EXPECT_EQ(g.Request(row.line, row.body), R"({"item":{"aString":"x"}})") << row.input;
    }
}

TEST(UpdateMask, UnknownKeysThatAreIgnoredAreNoPaths) {
    struct transcoder_options options = {};
    options.ignore_unknown = true;
    RuleGateway g({{".more.Patch", ".wide.v1.Wide", patch}}, &options);
    EXPECT_EQ(Mask(g, "PATCH /v1/patch", R"({"nope":{"a":[1]},"aString":"x","child":{"no":1}})"),
              "\"aString\"");
    EXPECT_EQ(Mask(g, "PATCH /v1/patch", R"({"aString":"x","child":{"no":1,"color":"BOGUS"}})"),
              "\"aString\"");
    EXPECT_EQ(Mask(g, "PATCH /v1/patch", R"({"aString":"x","color":"BOGUS","child":{}})"),
              "\"aString,child\"");
    // Without a mask, what is set would be replaced: here the child, by an empty one.
    for (const char *body : {R"({"nope":1})", R"({"child":{"no":1}})", R"({"color":"BOGUS"})"}) {
        EXPECT_EQ(Mask(g, "PATCH /v1/patch", body),
                  "BODY_INVALID body: it names no field that is known")
            << body;
    }
    EXPECT_EQ(Mask(g, "PATCH /v1/patch?updateMask=child", R"({"child":{"no":1}})"), "\"child\"");
}

} // namespace
