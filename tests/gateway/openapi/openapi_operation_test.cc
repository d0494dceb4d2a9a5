#include <set>

#include "tests/gateway/openapi/document.h"

namespace {

TEST(OpenapiOperation, WildcardsAreParametersOfOneSegment) {
    Document d(ShopSet());
    const struct {
        const char *path, *name, *description;
    } rows[] = {
        {"/v1/things/{name}", "name",
         "What stands for the wildcard of `name`, which is `things/*`."},
        {"/v1/shelves/{name-1}/things/{name-2}:old", "name-2",
         "What stands for the wildcard of `name`, which is `*/things/*`."},
        {"/v1/a~b%7Bc%20/{segment3}/{name}", "segment3",
         "A segment that the method does not look at."},
        {"/v1/a~b%7Bc%20/{segment3}/{name}", "name",
         "Any number of segments, none too; slashes between them are sent as they are."},
    };
    for (const auto &row : rows) {
        const Json &p = d.Parameter("get", row.path, row.name);
        EXPECT_EQ(p.members.at("in").text, "path");
        EXPECT_EQ(Print(p.members.at("required")), "true");
        EXPECT_EQ(p.members.at("description").text, row.description) << row.path;
    }
}

TEST(OpenapiOperation, PathsThatDifferInNamesOnlyAreOne) {
    Document d(ShopSet());
    EXPECT_EQ(d.Operation("patch", "/v1/things/{name}").members.at("operationId").text,
              "shop.v1.Shop.Change");
    EXPECT_EQ(d.Parameter("patch", "/v1/things/{name}", "name").members.at("description").text,
              "What stands for the wildcard of `thing.name`, which is `things/*`.");
    EXPECT_EQ(Print(d.Operation("patch", "/v1/things/{name}").members.at("deprecated")), "true");
}

TEST(OpenapiOperation, QueriesHaveWhatIsNeitherInThePathNorInTheBody) {
    Document d(ShopSet());
    const struct {
        const char *name, *parameter;
    } rows[] = {
        {"pageSize",
         R"({"description":"At most so many.","in":"query","name":"pageSize","required":true,"schema":{"format":"int32","type":"integer"}})"},
        {"labelKinds",
         R"({"explode":true,"in":"query","name":"labelKinds","schema":{"additionalProperties":{"enum":["KIND_UNSPECIFIED","quoted","KIND_QUIET"],"type":"string"},"type":"object"},"style":"deepObject"})"},
        {"kinds",
         R"({"explode":true,"in":"query","name":"kinds","schema":{"items":{"enum":["KIND_UNSPECIFIED","quoted","KIND_QUIET"],"type":"string"},"type":"array"},"style":"form"})"},
        {"like.made",
         R"({"in":"query","name":"like.made","schema":{"format":"date-time","type":"string"}})"},
        {"like.part.label",
         R"({"in":"query","name":"like.part.label","schema":{"type":"string"}})"},
        {"like.known",
         R"({"in":"query","name":"like.known","schema":{"enum":["quoted","KIND_QUIET"],"type":"string"}})"},
        {"exact",
         R"({"in":"query","name":"exact","schema":{"format":"int64","type":["integer","string"]}})"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Print(d.Parameter("get", "/v1/things/{name}", row.name)), row.parameter);
    }
    size_t queries = 0;
    for (const Json &p : d.Operation("get", "/v1/things/{name}").members.at("parameters").items) {
        queries += p.members.count("in") != 0 && p.members.at("in").text == "query";
    }
    EXPECT_EQ(queries, 24u);
    EXPECT_NE(d.Operation("get", "/v1/things/{name}")
                  .members.at("description")
                  .text.find("nested messages that are not listed"),
              std::string::npos);
    EXPECT_EQ(d.Parameter("patch", "/v1/things/{name}", "updateMask").members.at("in").text,
              "query");
    EXPECT_NE(d.Operation("patch", "/v1/things/{name}")
                  .members.at("description")
                  .text.find("unless `updateMask` says it"),
              std::string::npos);
}

TEST(OpenapiOperation, BodiesLeaveOutWhatThePathGives) {
    Document d(ShopSet());
    const Json &body = d.At({"paths", "/v1/things/{name}:buy", "post", "requestBody"});
    EXPECT_EQ(Print(body.members.at("required")), "false");
    const Json &schema =
        body.members.at("content").members.at("application/json").members.at("schema");
    EXPECT_EQ(schema.members.at("properties").members.count("name"), 0u);
    EXPECT_EQ(schema.members.at("properties").members.count("kind"), 1u);
    EXPECT_EQ(schema.members.count("required"), 0u);
    EXPECT_EQ(Print(d.At({"paths", "/v1/files/{name}", "put", "requestBody", "content"})),
              R"({"*/*":{"schema":{}}})");
    EXPECT_EQ(
        Print(d.At({"paths", "/v1/things/{name}", "patch", "requestBody", "content"})),
        R"({"application/json":{"schema":{"$ref":"#/components/schemas/shop.v1.Thing-Input"}}})");
    Document runs(RunsSet());
    EXPECT_EQ(Print(runs.At({"paths", "/v1/runs", "post", "requestBody", "required"})), "true");
}

TEST(OpenapiOperation, AnyVerbIsListedByTheUsualOnesAndOthersApart) {
    Document d(ShopSet());
    const Json &any = d.At({"paths", "/v1/any"});
    std::set<std::string> ids;
    for (const char *verb : {"get", "put", "post", "delete", "patch"}) {
        ids.insert(any.members.at(verb).members.at("operationId").text);
    }
    EXPECT_EQ(ids.size(), 5u);
    EXPECT_EQ(d.At({"paths", "/v1/any", "x-additionalOperations", "PURGE", "operationId"}).text,
              "shop.v1.Shop.Purge");
}

TEST(OpenapiOperation, IdsAreUniqueAndAdditionalBindingsHaveTheirOwn) {
    for (const std::string &set : {WideSet(), RunsSet(), ShopSet()}) {
        Document d(set, DocumentOptions(), true);
        std::set<std::string> ids;
        size_t count = 0;
        for (const auto &path : d.At({"paths"}).members) {
            for (const auto &operation : path.second.members) {
                if (operation.second.members.count("operationId") != 0) {
                    ids.insert(operation.second.members.at("operationId").text);
                    count++;
                }
            }
        }
        EXPECT_EQ(ids.size(), count);
        EXPECT_GT(count, 5u);
    }
    Document d(ShopSet());
    EXPECT_EQ(d.Operation("get", "/v1/shelves/{name-1}/things/{name-2}:old")
                  .members.at("operationId")
                  .text,
              "shop.v1.Shop.Get-2");
}

TEST(OpenapiOperation, MethodsThatTakeAStreamAreNone) {
    EXPECT_FALSE(Document(ShopSet()).Has({"paths", "/v1/collect"}));
}

TEST(OpenapiOperation, CommentsAreItsWordsAndThoseOfItsErrors) {
    Document d(ShopSet());
    const Json &get = d.Operation("get", "/v1/things/{name}");
    EXPECT_EQ(get.members.at("summary").text, "Get a thing; it is there");
    EXPECT_EQ(get.members.at("description")
                  .text.find("Get a thing; it is there. All of "
                             "it.\n\nMore of it, in two lines.\n\n"),
              0u);
    const Json &responses = get.members.at("responses");
    EXPECT_EQ(responses.members.at("404").members.at("description").text,
              "Not Found: there is no such thing.");
    EXPECT_EQ(responses.members.at("409").members.at("description").text,
              "Conflict: it changed. Or: it is twice.");
    EXPECT_EQ(Print(responses.members.at("403")), R"({"$ref":"#/components/responses/Error-403"})");
    EXPECT_EQ(d.At({"tags", "0", "description"}).text, "A shop.");
    EXPECT_EQ(d.At({"info", "title"}).text, "Shop");
    EXPECT_EQ(d.At({"info", "version"}).text, "v7");
}

TEST(OpenapiOperation, ASetWithoutCommentsSaysWhatItKnows) {
    Document d(ShopSet("bare"));
    const Json &get = d.Operation("get", "/v1/things/{name}");
    EXPECT_EQ(get.members.at("summary").text, "Get");
    EXPECT_NE(get.members.at("description").text.find("Over gRPC: `shop.v1.Shop/Get`."),
              std::string::npos);
    EXPECT_EQ(d.At({"info", "title"}).text, "Shop") << "an option, no comment";
}

TEST(OpenapiResponses, EveryStatusHasWordsAndAnExample) {
    const char *const statuses[] = {"400", "401", "403", "404", "408", "409", "413", "414", "415",
                                    "417", "429", "431", "499", "500", "501", "502", "503", "504"};
    Document d(WideSet());
    const Json &responses = d.At({"components", "responses"});
    EXPECT_EQ(responses.members.size(), sizeof(statuses) / sizeof(statuses[0]));
    for (const char *status : statuses) {
        const Json &response = d.At({"components", "responses", std::string("Error-") + status});
        EXPECT_NE(response.members.at("description").text.substr(0, 5), "Error") << status;
        const Json &example =
            response.members.at("content").members.at("application/json").members.at("example");
        EXPECT_EQ(example.members.at("code").text, status);
    }
    EXPECT_EQ(d.At({"components", "responses", "Error-413", "description"}).text,
              "Content Too Large: The body is larger than 1000 bytes.");
    for (const char *status : {"429", "503"}) {
        EXPECT_TRUE(d.Has(
            {"components", "responses", std::string("Error-") + status, "headers", "Retry-After"}));
    }
    EXPECT_TRUE(d.Has({"components", "responses", "Error-401", "headers", "WWW-Authenticate"}));
}

TEST(OpenapiResponses, ReasonsOfTheirOwnStatusAreListed) {
    const std::vector<std::string> of[] = {{"components", "responses", "Error-410"},
                                           {"components", "responses", "Error-460"},
                                           {"components", "responses", "Error-422"}};
    Document d(ShopSet()), bare(ShopSet("bare")), none(ShopSet(), DocumentOptions(ENVELOPE_NONE));
    EXPECT_EQ(d.At(of[0]).members.at("description").text,
              "Gone: `MOVED`: it has moved on. `SOLD`: the thing is sold for good.");
    EXPECT_EQ(d.At(of[1]).members.at("description").text, "Error: `ODD`: Nobody knows");
    EXPECT_EQ(d.At(of[2]).members.at("description").text, "Unprocessable Content: `BARE`");
    EXPECT_EQ(bare.At(of[0]).members.at("description").text, "Gone: `MOVED` `SOLD`");
    auto example = [](const Document &document, const std::vector<std::string> &response) {
        std::vector<std::string> path = response;
        for (const char *name : {"content", "application/json", "example"}) {
            path.push_back(name);
        }
        return Print(document.At(path));
    };
    EXPECT_EQ(
        example(d, of[0]),
        R"({"code":410,"error":{"metadata":{},"reason":"MOVED","status":"OUT_OF_RANGE"},"message":"it has moved on.","requestId":"abc-123"})");
    EXPECT_EQ(
        example(none, of[0]),
        R"({"code":11,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"shop.example","reason":"MOVED"}],"message":"it has moved on."})");
    // Each operation lists it.
    EXPECT_EQ(Print(d.At({"paths", "/v1/who", "get", "responses", "410"})),
              R"({"$ref":"#/components/responses/Error-410"})");
    // The example of a code's status has a reason that has no other.
    EXPECT_EQ(d.At({"components", "responses", "Error-409", "content", "application/json",
                    "example", "error", "reason"})
                  .text,
              "LOOKED_AT");
    // Not of what is served: those of the product.
    EXPECT_FALSE(Document(RunsSet()).Has({"components", "responses", "Error-460"}));
}

TEST(OpenapiResponses, ExamplesHaveTheUpstreamsReasons) {
    Document d(RunsSet());
    EXPECT_EQ(Print(d.At({"paths", "/v1/runs/{id}/cancel", "post", "responses", "409", "content",
                          "application/json", "example", "error"})),
              R"({"metadata":{},"reason":"RUN_ALREADY_FINISHED","status":"FAILED_PRECONDITION"})");
    EXPECT_EQ(d.At({"components", "responses", "Error-403", "content", "application/json",
                    "example", "error", "reason"})
                  .text,
              "SCOPE_MISSING");
    // Where the method's comment names one, that one.
    auto reason = [&d](const char *path, const char *verb, const char *status) {
        return d
            .At({"paths", path, verb, "responses", status, "content", "application/json", "example",
                 "error", "reason"})
            .text;
    };
    EXPECT_EQ(reason("/v1/runs/{id}", "delete", "409"), "RUN_NOT_FINISHED");
    EXPECT_EQ(reason("/v1/bulkCancels/{id}", "get", "404"), "BULK_CANCEL_NOT_FOUND");
    EXPECT_EQ(reason("/v1/runs:cancel", "post", "404"), "BULK_CANCEL_NOT_FOUND");
    EXPECT_EQ(reason("/v1/runs:cancel", "post", "429"), "BULK_CANCEL_LIMIT");
    EXPECT_EQ(reason("/v1/runs:watch", "get", "401"), "TOKEN_INVALID");
    EXPECT_EQ(Document(ShopSet())
                  .At({"components", "responses", "Error-403", "content", "application/json",
                       "example", "error", "reason"})
                  .text,
              "UPSTREAM_STATUS");
}

TEST(OpenapiResponses, SuccessIsInTheEnvelopeOrBare) {
    const std::vector<std::string> schema = {
        "paths", "/v1/who", "get", "responses", "200", "content", "application/json", "schema"};
    Document runs(ShopSet());
    EXPECT_EQ(Print(runs.At(schema).members.at("required")),
              R"(["code","data","message","requestId"])");
    EXPECT_EQ(Print(runs.At(schema).members.at("properties").members.at("data")),
              R"({"$ref":"#/components/schemas/shop.v1.Nothing"})");
    Document none(ShopSet(), DocumentOptions(ENVELOPE_NONE));
    EXPECT_EQ(Print(none.At(schema)), R"({"$ref":"#/components/schemas/shop.v1.Nothing"})");
    EXPECT_EQ(
        Print(none.At(
            {"components", "responses", "Error-404", "content", "application/json", "example"})),
        R"({"code":5,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"gateway.v1","reason":"UPSTREAM_STATUS"}],"message":"There is no such resource."})");
}

std::vector<std::string> ReplyExample(const std::string &verb, const std::string &path) {
    return {"paths", path, verb, "responses", "200", "content", "application/json", "example"};
}

TEST(OpenapiResponses, AReplyHasAnExampleOfThoseOfItsFieldsAndOfItsMethod) {
    Document d(ShopSet());
    const std::string bare =
        R"({"card":"c-1","kind":"quoted","lines":[{"amount":"5"}],"note":"paid","number":"r-2"})";
    EXPECT_EQ(Print(d.At(ReplyExample("post", "/v1/pay"))),
              R"({"code":200,"data":)" + bare + R"(,"message":"success","requestId":"abc-123"})");
    EXPECT_EQ(Print(Document(ShopSet(), DocumentOptions(ENVELOPE_NONE))
                        .At(ReplyExample("post", "/v1/pay"))),
              bare);
    EXPECT_EQ(Print(d.At(ReplyExample("post", "/v1/repay")).members.at("data")),
              R"({"card":"c-1","kind":"quoted","lines":[{"amount":"5"}],"number":"r-1"})")
        << "what its method says has a field that the reply has not";
}

TEST(OpenapiResponses, AReplyThatNoExampleWouldBeWholeOfHasNone) {
    Document d(ShopSet());
    EXPECT_FALSE(d.Has(ReplyExample("post", "/v1/things/{name}:buy"))) << "made has no example";
    EXPECT_FALSE(d.Has(ReplyExample("get", "/v1/who"))) << "no field has one";
    EXPECT_FALSE(d.Has(
        {"paths", "/v1/part", "get", "responses", "200", "content", "application/json", "example"}))
        << "a field of the message";
}

TEST(OpenapiResponses, TheExampleOfACancelIsCancelled) {
    Document d(RunsSet());
    const std::vector<std::string> rows[] = {ReplyExample("post", "/v1/runs"),
                                             ReplyExample("post", "/v1/runs/{id}/cancel")};
    const Json &created = d.At(rows[0]).members.at("data");
    const Json &cancelled = d.At(rows[1]).members.at("data");
    EXPECT_EQ(created.members.at("status").text, "running");
    EXPECT_EQ(created.members.count("finishedAt"), 0u);
    EXPECT_EQ(cancelled.members.at("status").text, "cancelled");
    EXPECT_EQ(cancelled.members.count("finishedAt"), 1u);
    EXPECT_EQ(cancelled.members.at("id").text, created.members.at("id").text);
}

TEST(OpenapiResponses, FailedPreconditionIsWhatTheEnvelopeMakesOfIt) {
    // 409 with the envelope; 400 without (google.rpc.Code), where ABORTED and
    // ALREADY_EXISTS are 409 still.
    const char *const cancel = "/v1/runs/{id}/cancel";
    EXPECT_EQ(Document(RunsSet())
                  .At({"paths", cancel, "post", "responses", "409", "description"})
                  .text.find("Conflict: the run is already final"),
              0u);
    Document none(RunsSet(), DocumentOptions(ENVELOPE_NONE));
    EXPECT_EQ(none.At({"paths", cancel, "post", "responses", "400", "description"})
                  .text.find("Bad Request: the run is already final"),
              0u);
    EXPECT_EQ(none.At({"paths", cancel, "post", "responses", "409", "description"})
                  .text.find("Conflict: RUN_CHANGED"),
              0u);
    EXPECT_TRUE(none.Has({"paths", "/v1/runs/{id}/release", "post", "responses", "409", "$ref"}));
}

TEST(OpenapiResponses, AResponseBodyThatIsAMessageMayBeNull) {
    EXPECT_EQ(Print(Document(ShopSet(), DocumentOptions(ENVELOPE_NONE))
                        .At({"paths", "/v1/part", "get", "responses", "200", "content",
                             "application/json", "schema"})),
              R"({"anyOf":[{"$ref":"#/components/schemas/shop.v1.Thing.Part"},{"type":"null"}]})");
}

TEST(OpenapiResponses, StreamsAreMediaTypesOfTheirOwn) {
    Document runs(ShopSet());
    const Json &content = runs.At({"paths", "/v1/watch", "get", "responses", "200", "content"});
    EXPECT_EQ(content.members.size(), 2u);
    for (const char *type : {"application/x-ndjson", "text/event-stream"}) {
        const Json &item = content.members.at(type).members.at("schema").members.at("anyOf");
        EXPECT_EQ(item.items[0].members.at("properties").members.count("data"), 1u);
        EXPECT_EQ(Print(item.items[1]), R"({"$ref":"#/components/schemas/Error-Reply"})");
    }
    Document none(ShopSet(), DocumentOptions(ENVELOPE_NONE));
    EXPECT_EQ(
        Print(none.At({"paths", "/v1/watch", "get", "responses", "200", "content",
                       "text/event-stream", "schema", "anyOf"})),
        R"([{"properties":{"result":{"$ref":"#/components/schemas/shop.v1.Thing"}},"required":["result"],"type":"object"},{"properties":{"error":{"$ref":"#/components/schemas/Error-Reply"}},"required":["error"],"type":"object"}])");
    EXPECT_FALSE(runs.Has({"paths", "/v1/watch", "get", "responses", "304"}));
}

TEST(OpenapiResponses, BytesAreOfAnyMediaType) {
    EXPECT_EQ(Print(Document(ShopSet()).At(
                  {"paths", "/v1/files/{name}", "put", "responses", "200", "content"})),
              R"({"*/*":{"schema":{}}})");
}

TEST(OpenapiResponses, OnlyGetHasAnEtag) {
    Document d(ShopSet());
    EXPECT_TRUE(d.Has({"paths", "/v1/who", "get", "responses", "304", "headers", "ETag"}));
    EXPECT_TRUE(d.Has({"paths", "/v1/who", "get", "responses", "200", "headers", "ETag"}));
    EXPECT_FALSE(d.Has({"paths", "/v1/any", "post", "responses", "304"}));
    EXPECT_NE(Print(d.Operation("get", "/v1/who")).find("If-None-Match"), std::string::npos);
    EXPECT_EQ(Print(d.Operation("post", "/v1/any")).find("If-None-Match"), std::string::npos);
}

TEST(OpenapiSecurity, TokensAreNeededWhereAMethodVerifiesCallers) {
    EXPECT_EQ(Print(Document(ShopSet()).At({"security"})), R"([{"bearer":[]}])");
    EXPECT_EQ(Print(Document(WideSet()).At({"security"})), R"([{"bearer":[]},{}])");
}

TEST(OpenapiHeaders, MappedOnesAreListed) {
    const struct header_mapping in[] = {{"x-tenant", "tenant"}};
    const struct header_mapping out[] = {{"served-by", "x-served-by"}};
    struct openapi_options options = DocumentOptions();
    options.request_headers = in;
    options.request_header_count = 1;
    options.response_headers = out;
    options.response_header_count = 1;
    Document d(ShopSet(), options);
    EXPECT_EQ(d.At({"components", "parameters", "x-tenant", "description"}).text,
              "Passed on to the service as `tenant`.");
    EXPECT_TRUE(d.Has({"paths", "/v1/who", "get", "responses", "200", "headers", "x-served-by"}));
    EXPECT_TRUE(d.Has({"components", "responses", "Error-404", "headers", "x-served-by"}));
    EXPECT_NE(Print(d.Operation("get", "/v1/who")).find("parameters/x-tenant"), std::string::npos);
}

TEST(OpenapiHeaders, AKeyIsAHeaderOfMethodsThatTakeOne) {
    Document d(RunsSet());
    const char parameter[] = "parameters/Idempotency-Key";
    const std::vector<std::string> rows[] = {{"post", "/v1/runs"},
                                             {"post", "/v1/runs/{id}/cancel"}};
    for (const auto &row : rows) {
        EXPECT_NE(Print(d.Operation(row[0], row[1])).find(parameter), std::string::npos) << row[1];
        EXPECT_TRUE(
            d.Has({"paths", row[1], row[0], "responses", "200", "headers", "Idempotency-Replayed"}))
            << row[1];
    }
    EXPECT_EQ(Print(d.Operation("get", "/v1/runs")).find(parameter), std::string::npos);
    EXPECT_EQ(d.At({"components", "parameters", "Idempotency-Key", "in"}).text, "header");
    EXPECT_TRUE(d.Has({"components", "headers", "Idempotency-Replayed", "description"}));
    Document shop(ShopSet());
    EXPECT_FALSE(shop.Has({"components", "parameters", "Idempotency-Key"}));
    EXPECT_FALSE(shop.Has({"components", "headers", "Idempotency-Replayed"}));
}

} // namespace
