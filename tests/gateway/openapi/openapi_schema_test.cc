#include "tests/gateway/openapi/document.h"

namespace {

std::vector<std::string> PropertyOf(const std::string &component, const std::string &field) {
    return {"components", "schemas", component, "properties", field};
}

TEST(OpenapiSchema, EveryTypeIsWhatTheGatewayPrintsAndTakes) {
    const struct {
        const char *field, *reply, *input; // input "": as the reply
    } rows[] = {
        {"aDouble",
         R"({"anyOf":[{"format":"double","type":"number"},{"enum":["NaN","Infinity","-Infinity"],"type":"string"}]})",
         ""},
        {"aFloat",
         R"({"anyOf":[{"format":"float","type":"number"},{"enum":["NaN","Infinity","-Infinity"],"type":"string"}]})",
         ""},
        {"anInt32", R"({"format":"int32","type":"integer"})", ""},
        {"aSfixed32", R"({"format":"int32","type":"integer"})", ""},
        {"aUint32", R"({"format":"uint32","maximum":4294967295,"minimum":0,"type":"integer"})", ""},
        {"anInt64", R"({"format":"int64","pattern":"^(0|-?[1-9][0-9]*)$","type":"string"})",
         R"({"format":"int64","type":["string","integer"]})"},
        {"aFixed64", R"({"format":"uint64","pattern":"^(0|[1-9][0-9]*)$","type":"string"})",
         R"({"format":"uint64","minimum":0,"type":["string","integer"]})"},
        {"aBool", R"({"type":"boolean"})", ""},
        {"aString", R"({"type":"string"})", ""},
        {"aBytes", R"({"contentEncoding":"base64","type":"string"})", ""},
        {"color", R"({"$ref":"#/components/schemas/wide.v1.Color"})", ""},
        {"child", R"({"$ref":"#/components/schemas/wide.v1.Wide"})",
         R"({"$ref":"#/components/schemas/wide.v1.Wide-Input"})"},
        {"int32s", R"({"items":{"format":"int32","type":"integer"},"type":"array"})", ""},
        {"stringMap", R"({"additionalProperties":{"type":"string"},"type":"object"})", ""},
        {"boolMap",
         R"({"additionalProperties":{"anyOf":[{"format":"double","type":"number"},{"enum":["NaN","Infinity","-Infinity"],"type":"string"}]},"propertyNames":{"pattern":"^(true|false)$"},"type":"object"})",
         ""},
        {"uintMap",
         R"({"additionalProperties":{"$ref":"#/components/schemas/wide.v1.Color"},"propertyNames":{"pattern":"^(0|[1-9][0-9]*)$"},"type":"object"})",
         ""},
        {"valueMap", R"({"additionalProperties":{},"type":"object"})", ""},
        {"choiceInt",
         R"({"description":"Only one field of `choice` is set.","format":"int32","type":"integer"})",
         ""},
        {"timestamp", R"({"format":"date-time","type":"string"})", ""},
        {"duration",
         R"({"description":"Seconds, as in `1.5s`.","pattern":"^-?[0-9]+(\\.[0-9]{1,9})?s$","type":"string"})",
         ""},
        {"mask",
         R"({"description":"Paths of fields in lowerCamelCase, with commas between.","type":"string"})",
         ""},
        {"struct", R"({"additionalProperties":true,"type":"object"})", ""},
        {"value", R"({})", ""},
        {"list", R"({"items":{},"type":"array"})", ""},
        {"empty", R"({"$ref":"#/components/schemas/google.protobuf.Empty"})",
         R"({"$ref":"#/components/schemas/google.protobuf.Empty-Input"})"},
        {"nullValue", R"({"type":"null"})", ""},
        {"boolValue", R"({"type":"boolean"})", ""},
        {"int64Value", R"({"format":"int64","pattern":"^(0|-?[1-9][0-9]*)$","type":"string"})",
         R"({"format":"int64","type":["string","integer"]})"},
        {"stringValue", R"({"type":"string"})", ""},
    };
    Document d(WideSet());
    for (const auto &row : rows) {
        EXPECT_EQ(Print(d.At(PropertyOf("wide.v1.Wide", row.field))), row.reply) << row.field;
        EXPECT_EQ(Print(d.At(PropertyOf("wide.v1.Wide-Input", row.field))),
                  row.input[0] != '\0' ? row.input : row.reply)
            << row.field;
    }
    EXPECT_NE(Print(d.At(PropertyOf("wide.v1.Wide", "any"))).find("\"@type\""), std::string::npos);
}

// What is printed otherwise is described otherwise (--json-emit-defaults and its like).
TEST(OpenapiSchema, FollowsTheSwitchesOfWhatIsPrinted) {
    struct json_options json = {};
    json.emit_defaults = json.proto_names = json.enums_as_numbers = true;
    Document d(WideSet(), DocumentOptions(), false, json);
    EXPECT_EQ(Print(d.At({"components", "schemas", "wide.v1.Item", "required"})),
              R"(["name","size","big"])");
    for (const char *name : {"wide.v1.Wide", "wide.v1.Wide-Input"}) {
        EXPECT_EQ(Print(d.At(PropertyOf(name, "a_string"))), R"({"type":"string"})");
    }
    EXPECT_EQ(Print(d.At({"components", "schemas", "wide.v1.Color", "anyOf", "0"})),
              R"({"enum":[0,1,2,100000,-7],"type":"integer"})");
    Document shop(ShopSet(), DocumentOptions(), false, json);
    // Examples of requests would have names and words that the schema has not.
    EXPECT_EQ(Print(shop.At(PropertyOf("shop.v1.Thing-Input", "kinds")).members.at("examples")),
              R"([["quoted","KIND_QUIET"]])");
    EXPECT_EQ(Print(shop.At({"components", "schemas", "shop.v1.Thing.Kind", "anyOf", "0"})),
              R"({"enum":["KIND_UNSPECIFIED","quoted","KIND_QUIET"],"type":"string"})");
    EXPECT_EQ(
        Print(d.Parameter("get", "/v1/wide", "maybe_color")),
        R"({"in":"query","name":"maybe_color","schema":{"enum":[0,1,2,100000,-7],"type":"integer"}})");
}

TEST(OpenapiSchema, FreeFormJsonInAQueryIsText) {
    Document d(WideSet());
    const struct {
        const char *name, *schema;
    } rows[] = {
        {"struct",
         R"({"contentMediaType":"application/json","contentSchema":{"additionalProperties":true,"type":"object"},"type":"string"})"},
        {"value", R"({"contentMediaType":"application/json","contentSchema":{},"type":"string"})"},
        {"list",
         R"({"contentMediaType":"application/json","contentSchema":{"items":{},"type":"array"},"type":"string"})"},
        {"values",
         R"({"items":{"contentMediaType":"application/json","contentSchema":{},"type":"string"},"type":"array"})"},
        {"valueMap",
         R"({"additionalProperties":{"contentMediaType":"application/json","contentSchema":{},"type":"string"},"type":"object"})"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Print(d.Parameter("get", "/v1/wide", row.name).members.at("schema")), row.schema);
    }
}

TEST(OpenapiSchema, AValueThatMeansNoneIsNoWord) {
    Document d(RunsSet());
    EXPECT_EQ(d.text.find("UNSPECIFIED"), std::string::npos);
    EXPECT_EQ(Print(d.At({"components", "schemas", "runs.v1.RunEvent", "properties", "fromStatus",
                          "enum"})),
              R"(["running","waiting","success","failure","cancelled"])");
    EXPECT_EQ(
        Print(d.At({"components", "schemas", "runs.v1.RunEvent", "required"})).find("fromStatus"),
        std::string::npos);
}

TEST(OpenapiSchema, AnEnumIsItsWordsOrANumberThatIsNotKnown) {
    EXPECT_EQ(
        Print(Document(WideSet()).At({"components", "schemas", "wide.v1.Color", "anyOf"})),
        R"([{"enum":["COLOR_UNSPECIFIED","COLOR_RED","COLOR_BLUE","COLOR_FAR","COLOR_NEGATIVE"],"type":"string"},{"format":"int32","type":"integer"}])");
    Document shop(ShopSet());
    EXPECT_EQ(Print(shop.At({"components", "schemas", "shop.v1.Thing.Kind", "anyOf", "0"})),
              R"({"enum":["KIND_UNSPECIFIED","quoted","KIND_QUIET"],"type":"string"})");
    EXPECT_EQ(shop.At({"components", "schemas", "shop.v1.Thing.Kind", "description"}).text,
              "The kinds of things.\n\n- `KIND_UNSPECIFIED`: Nobody said.\n- `quoted`: It has "
              "\"quotes\".");
}

TEST(OpenapiSchema, WhatIsKnownOfAFieldIsSaid) {
    Document d(ShopSet());
    const struct {
        const char *field, *reply;
    } rows[] = {
        {"etag", R"({"readOnly":true,"type":"string"})"},
        {"old", R"({"deprecated":true,"type":"string"})"},
        {"known", R"({"enum":["quoted","KIND_QUIET"],"type":"string"})"},
        {"price", R"({"format":"double","type":"number"})"},
        {"kind",
         R"({"$ref":"#/components/schemas/shop.v1.Thing.Kind","description":"Behind the field."})"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Print(d.At(PropertyOf("shop.v1.Thing", row.field))), row.reply);
    }
    EXPECT_EQ(Print(d.At({"components", "schemas", "shop.v1.Thing", "required"})),
              R"(["made","known"])");
    EXPECT_EQ(Print(d.At({"components", "schemas", "shop.v1.Thing-Input", "required"})),
              R"(["name"])");
    EXPECT_FALSE(d.Has(PropertyOf("shop.v1.Thing-Input", "etag"))) << "it is output only";
    EXPECT_EQ(Print(d.At(PropertyOf("shop.v1.Thing-Input", "secret"))),
              R"({"type":"string","writeOnly":true})");
    EXPECT_EQ(d.At({"components", "schemas", "shop.v1.Thing", "description"}).text,
              "What can be bought.\n\n- A list in a comment.");
}

TEST(OpenapiSchema, AnExampleIsShownIfARequestMayHoldIt) {
    Document d(ShopSet());
    for (const std::string side : {"", "-Input"}) {
        const std::string thing = "shop.v1.Thing" + side;
        EXPECT_EQ(Print(d.At(PropertyOf(thing, "size")).members.at("examples")), "[12]");
        for (const char *field : {"worded", "openEnded", "unknown", "name"}) {
            EXPECT_EQ(d.At(PropertyOf(thing, field)).members.count("examples"), 0u) << field;
        }
    }
}

TEST(OpenapiSchema, ExamplesOfRepliesAreAsTheGatewayPrintsThem) {
    Document d(ShopSet());
    auto examples = [&](const std::string &thing, const std::string &field) {
        const Json &property = d.At(PropertyOf(thing, field));
        auto found = property.members.find("examples");
        return found == property.members.end() ? "" : Print(found->second);
    };
    EXPECT_EQ(examples("shop.v1.Thing", "kinds"), R"([["quoted","KIND_QUIET"]])");
    EXPECT_EQ(examples("shop.v1.Thing-Input", "kinds"), R"([["quoted",2]])");
    EXPECT_EQ(examples("shop.v1.Thing", "unset"), "");
    EXPECT_EQ(examples("shop.v1.Thing-Input", "unset"), "");
    EXPECT_EQ(examples("shop.v1.Thing", "stamp"), R"(["a"])");
    EXPECT_EQ(examples("shop.v1.Receipt.Line", "amount"), R"(["5"])");
}

TEST(OpenapiSchema, WhatRequestsHoldHasATitleOfItsOwn) {
    Document d(ShopSet());
    EXPECT_EQ(d.At({"components", "schemas", "shop.v1.Thing", "title"}).text, "Thing");
    EXPECT_EQ(d.At({"components", "schemas", "shop.v1.Thing-Input", "title"}).text,
              "Thing (request)");
}

TEST(OpenapiSchema, OfAMessageThatPrintsDefaultsRepliesHaveEveryFieldThatHasOne) {
    Document d(RunsSet());
    EXPECT_EQ(Print(d.At({"components", "schemas", "runs.v1.RunEvent", "required"})),
              R"(["runId","sequence","toStatus","at","actor","reason","revision","attempt","kind",)"
              R"("holder","requestId","remoteAddress"])");
    std::string run = Print(d.At({"components", "schemas", "runs.v1.Run", "required"}));
    EXPECT_EQ(run.find("finishedAt"), std::string::npos);
    EXPECT_NE(run.find("workflowVersion"), std::string::npos);
    EXPECT_EQ(Print(d.At({"components", "schemas", "runs.v1.Run-Input", "required"})),
              R"(["workflowDefinition"])");
    EXPECT_EQ(Print(d.At(PropertyOf("runs.v1.SimulationFork-Input", "chainId")).members.at("type")),
              R"(["integer","string"])");
    EXPECT_EQ(Print(d.At(PropertyOf("runs.v1.SimulationFork", "chainId")).members.at("type")),
              R"("integer")");
}

TEST(OpenapiSchema, UnknownFieldsOfRequestsAreRefusedUnlessTheyAreIgnored) {
    const std::vector<std::string> closed = {"components", "schemas", "shop.v1.Thing-Input",
                                             "additionalProperties"};
    EXPECT_EQ(Print(Document(ShopSet()).At(closed)), "false");
    struct openapi_options ignoring = DocumentOptions();
    ignoring.ignore_unknown = true;
    EXPECT_FALSE(Document(ShopSet(), ignoring).Has(closed));
}

TEST(OpenapiSchema, EveryReferenceLeadsSomewhereAndEveryComponentIsReferredTo) {
    for (const std::string &set : {WideSet(), RunsSet(), ShopSet(), ShopSet("bare"),
                                   ReadFile("tests/gateway/testdata/kinds.binpb")}) {
        for (enum envelope_kind envelope : {ENVELOPE_RUNS, ENVELOPE_NONE}) {
            Document d(set, DocumentOptions(envelope), true);
            size_t found = 0;
            static const std::string begin = "\"$ref\":\"#/components/";
            for (size_t at = d.text.find(begin); at != std::string::npos;
                 at = d.text.find(begin, at + 1)) {
                size_t end = d.text.find('"', at + begin.size());
                std::string path = d.text.substr(at + begin.size(), end - at - begin.size());
                size_t slash = path.find('/');
                EXPECT_TRUE(d.Has({"components", path.substr(0, slash), path.substr(slash + 1)}))
                    << path;
                found++;
            }
            EXPECT_GT(found, 20u);
            for (const char *kind : {"schemas", "responses", "parameters", "headers"}) {
                for (const auto &component : d.At({"components", kind}).members) {
                    EXPECT_NE(d.text.find(begin + kind + "/" + component.first + "\""),
                              std::string::npos)
                        << component.first;
                }
            }
        }
    }
}

TEST(OpenapiSchema, TheSameSetGivesTheSameBytes) {
    EXPECT_EQ(Document(ShopSet()).text, Document(ShopSet()).text);
    EXPECT_EQ(Document(WideSet()).text, Document(WideSet()).text);
}

} // namespace
