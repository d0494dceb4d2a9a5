#include <google/protobuf/descriptor.pb.h>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/transcode/transcoder.h"
}

namespace {

const struct error *EncodeRequest(const struct transcoder *t, struct arena *a,
                                  const struct transcoder_match *m, struct slice query,
                                  struct slice body, struct slice *ret_message) {
    const struct transcoder_request request = {query, body, SLICE_EMPTY};
    return transcoder_encode_request(t, a, m, &request, ret_message);
}

class TranscoderTest : public ::testing::Test {
  protected:
    void SetUp() override {
        wide = WideSet();
        runs = RunsSet();
        const struct slice sets[] = {S(runs), S(wide)};
        const struct error *e = transcoder_new(a, sets, 2, nullptr, &t);
        ASSERT_EQ(e, nullptr) << e->message;
    }
    void TearDown() override {
        transcoder_free(t);
    }

    const struct transcoder_route *Route(const std::string &verb, const std::string &path) {
        for (size_t i = 0; i < transcoder_route_count(t); i++) {
            const struct transcoder_route *r = transcoder_route_at(t, i);
            if (verb == transcoder_route_verb(r) && path == transcoder_route_template(r)) {
                return r;
            }
        }
        ADD_FAILURE() << verb << " " << path;
        return nullptr;
    }

    // The request message of "VERB /path?query" and a body, as JSON (read as the
    // type that json_route answers with); or "REASON field: description".
    std::string Encode(const std::string &line, const std::string &body,
                       const struct transcoder_route *json_route) {
        size_t space = line.find(' ');
        size_t mark = line.find('?');
        Exact verb(line.substr(0, space));
        Exact path(line.substr(space + 1, mark == std::string::npos ? mark : mark - space - 1));
        Exact query(mark == std::string::npos ? "" : line.substr(mark + 1));
        Exact bytes(body);
        Arena scratch;
        struct transcoder_match m;
        const struct error *e = transcoder_match_route(t, scratch, verb, path, &m);
        struct slice message;
        if (e == nullptr) {
            e = EncodeRequest(t, scratch, &m, query, bytes, &message);
        }
        if (e != nullptr) {
            EXPECT_STREQ(e->domain, "gateway.v1");
            return std::string(e->reason) + " " +
                   (e->violations == nullptr ? e->message : Violation(e));
        }
        Buffer out;
        e = transcoder_decode_response(t, scratch, json_route, message, out);
        return e == nullptr ? out.str() : e->detail;
    }

    // For requests of wide.v1.Wide and wide.v1.Item.
    std::string Wide(const std::string &line, const std::string &body = "") {
        return Encode(line, body, Route("GET", "/v1/wide"));
    }
    std::string Query(const std::string &query) {
        return Wide("GET /v1/wide?" + query);
    }

    // For wide.v1.GetRequest: no method answers with it, so bytes are shown.
    std::string Get(const std::string &line, const std::string &body = "") {
        size_t space = line.find(' ');
        size_t mark = line.find('?');
        std::string path =
            line.substr(space + 1, mark == std::string::npos ? mark : mark - space - 1);
        std::string query = mark == std::string::npos ? "" : line.substr(mark + 1);
        Arena scratch;
        struct transcoder_match m;
        std::string verb = line.substr(0, space);
        const struct error *e = transcoder_match_route(t, scratch, S(verb), S(path), &m);
        struct slice message;
        if (e == nullptr) {
            e = EncodeRequest(t, scratch, &m, S(query), S(body), &message);
        }
        if (e != nullptr) {
            return std::string(e->reason) + " " +
                   (e->violations == nullptr ? e->message : Violation(e));
        }
        return Fields(message);
    }

    // "1=items/x 4={1=n}": strings and messages of GetRequest and Item.
    static std::string Fields(struct slice bytes) {
        std::string text;
        const uint8_t *p = bytes.data;
        const uint8_t *end = p + bytes.len;
        while (p < end) {
            struct wire_field f;
            if (!wire_read_field(&p, end, &f)) {
                return "malformed";
            }
            text += (text.empty() ? "" : " ") + std::to_string(f.number) + "=";
            if (f.type != WIRE_BYTES) {
                text += std::to_string(f.value);
            } else if (f.number >= 3) {
                text += "{" + Fields(f.bytes) + "}";
            } else {
                text += Str(f.bytes);
            }
        }
        return text;
    }

    Arena a;
    std::string wide, runs;
    struct transcoder *t = nullptr;
};

TEST_F(TranscoderTest, RoutesTellTheirRpcVerbAndTemplate) {
    const struct transcoder_route *cancel = Route("POST", "/v1/runs/{id}/cancel");
    EXPECT_STREQ(transcoder_route_rpc(cancel), "/runs.v1.RunsService/CancelRun");
    EXPECT_FALSE(transcoder_route_server_streaming(cancel));
    EXPECT_TRUE(transcoder_route_server_streaming(Route("GET", "/v1/watch")));
    EXPECT_FALSE(transcoder_route_client_streaming(Route("GET", "/v1/watch")));
    // The routes of one RPC share an index, others do not.
    EXPECT_EQ(transcoder_route_method_index(Route("GET", "/v1/items")),
              transcoder_route_method_index(Route("PURGE", "/v1/items")));
    EXPECT_NE(transcoder_route_method_index(cancel),
              transcoder_route_method_index(Route("GET", "/v1/runs/{id}")));
    for (size_t i = 0; i < transcoder_route_count(t); i++) {
        EXPECT_LT(transcoder_route_method_index(transcoder_route_at(t, i)),
                  transcoder_route_count(t));
    }
}

TEST_F(TranscoderTest, UnknownPathsMethodsAndEncodingsAreToldApart) {
    Arena scratch;
    struct transcoder_match m;
    const struct error *e = transcoder_match_route(t, scratch, S("GET"), S("/v1/nope"), &m);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(e->code, STATUS_NOT_FOUND);
    EXPECT_STREQ(e->reason, "ROUTE_NOT_FOUND");
    e = transcoder_match_route(t, scratch, S("DELETE"), S("/v1/runs"), &m);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(e->code, STATUS_UNIMPLEMENTED);
    EXPECT_STREQ(e->reason, "METHOD_NOT_ALLOWED");
    ASSERT_NE(e->metadata, nullptr);
    EXPECT_STREQ(e->metadata->key, "allow");
    EXPECT_STREQ(e->metadata->value, "GET, POST");
    e = transcoder_match_route(t, scratch, S("GET"), S("/v1/runs/%zz"), &m);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(e->code, STATUS_INVALID_ARGUMENT);
    EXPECT_STREQ(e->reason, "PATH_INVALID");
    e = transcoder_match_route(t, scratch, S("GET"), S("/v1/runs/%FF"), &m);
    ASSERT_NE(e, nullptr);
    EXPECT_STREQ(e->reason, "PATH_INVALID");
    EXPECT_EQ(Violation(e), "id: it decodes to no valid UTF-8");
}

TEST_F(TranscoderTest, PathVariablesAreDecodedOnceAndBound) {
    const struct {
        const char *line, *fields;
    } rows[] = {
        {"GET /v1/items/x", "1=items/x"},
        {"GET /v1/items/a%20b+c%2Bd", "1=items/a b+c+d"},
        // A variable of several segments keeps %2F, one of a single segment does not.
        {"GET /v1/items/a%2Fb%252F", "1=items/a%2Fb%2F"},
        {"PUT /v1/star/a%2Fb%252F", "1=a/b%2F"},
        {"GET /v1/files/a/b%2fc//d/", "1=a/b%2fc//d/"},
        {"GET /v1/files/", "1="},
        {"GET /v1/files", "1="},
        {"GET /v1/sizes/42", "4={2=42}"},
        {"GET /v1/deep/n/7", "4={3={1=n}} 5=7"},
        {"GET /v1/sizes/x",
         "PATH_INVALID item.size: \"x\" is no integer from -2147483648 to 2147483647"},
        {"GET /v1/sizes/99999999999",
         "PATH_INVALID item.size: \"99999999999\" is no integer from -2147483648 to 2147483647"},
        {"GET /v1/when/1970-01-01T00:00:01Z/COLOR_RED", "3={71={1= 2=0}} 3={16=1}"},
        {"GET /v1/when/yesterday/1",
         "PATH_INVALID wide.timestamp: \"yesterday\" is no RFC 3339 time from year 1 to 9999, such "
         "as 2026-01-31T12:00:00Z"},
    };
    for (const auto &row : rows) {
        std::string expected = row.fields;
        size_t seconds = expected.find("1= 2=0");
        if (seconds != std::string::npos) {
            expected.replace(seconds, 6, "1=1 2=0");
        }
        EXPECT_EQ(Get(row.line), expected) << row.line;
    }
}

TEST_F(TranscoderTest, ThePathWinsOverTheBody) {
    EXPECT_EQ(Get("PUT /v1/star/path", R"({"name":"body","number":3})"), "1=body 5=3 1=path");
    EXPECT_EQ(Get("PATCH /v1/items/path", R"({"name":"body","size":2})"),
              "4={1=body 2=2} 4={1=path}");
    EXPECT_EQ(Get("POST /v1/items/x:act", R"({"size":2})"), "4={2=2} 1=items/x");
}

TEST_F(TranscoderTest, QueryValuesOfEveryTypeAreBound) {
    const struct {
        const char *query, *json;
    } rows[] = {
        {"", "{}"},
        {"&&", "{}"},
        {"aString=a+b%2Bc%26", R"({"aString":"a b+c&"})"},
        {"a_string=x", R"({"aString":"x"})"},
        {"aString=a=b", R"({"aString":"a=b"})"},
        {"maybeString", R"({"maybeString":""})"},
        {"maybeString=", R"({"maybeString":""})"},
        {"anInt32=-5&anInt64=9223372036854775807",
         R"({"anInt32":-5,"anInt64":"9223372036854775807"})"},
        {"aUint32=4294967295&aUint64=18446744073709551615",
         R"({"aUint32":4294967295,"aUint64":"18446744073709551615"})"},
        {"aSint32=-1&aSint64=-2&aFixed32=3&aFixed64=4&aSfixed32=-5&aSfixed64=-6",
         R"({"aSint32":-1,"aSint64":"-2","aFixed32":3,"aFixed64":"4","aSfixed32":-5,"aSfixed64":"-6"})"},
        {"aDouble=1.5&aFloat=-1e3", R"({"aDouble":1.5,"aFloat":-1000})"},
        {"aDouble=NaN&aFloat=-Infinity", R"({"aDouble":"NaN","aFloat":"-Infinity"})"},
        {"aBool=true", R"({"aBool":true})"},
        {"aBytes=YWI%3D", R"({"aBytes":"YWI="})"},
        {"aBytes=-_8", R"({"aBytes":"+/8="})"},
        {"color=COLOR_RED", R"({"color":"COLOR_RED"})"},
        {"color=2", R"({"color":"COLOR_BLUE"})"},
        {"color=99", R"({"color":99})"},
        {"strings=a&strings=b&strings=a", R"({"strings":["a","b","a"]})"},
        {"int32s=1&int32s=2&colors=1&colors=COLOR_BLUE",
         R"({"int32s":[1,2],"colors":["COLOR_RED","COLOR_BLUE"]})"},
        {"child.aString=x&child.anInt32=1&child.child.aBool=true", R"({"anInt32":0})"},
        {"timestamp=2026-01-31T12:00:00Z", R"({"timestamp":"2026-01-31T12:00:00Z"})"},
        {"timestamp=2026-01-31T12:00:00%2B01:00", R"({"timestamp":"2026-01-31T11:00:00Z"})"},
        {"duration=1.5s", R"({"duration":"1.500s"})"},
        {"mask=a,fooBar", R"({"mask":"a,fooBar"})"},
        {"int64Value=0&boolValue=false&stringValue=x&doubleValue=0.5",
         R"({"boolValue":false,"doubleValue":0.5,"int64Value":"0","stringValue":"x"})"},
        {"timestamps=1970-01-01T00:00:00Z&timestamps=1970-01-01T00:00:01Z",
         R"({"timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:01Z"]})"},
        {"choiceInt=0", R"({"choiceInt":0})"},
        {"maybeInt=0", R"({"maybeInt":0})"},
        {"%61String=x", R"({"aString":"x"})"},
    };
    for (const auto &row : rows) {
        std::string expected = row.json;
        if (std::string(row.query).find("child.") == 0) {
            expected = R"({"child":{"anInt32":1,"aString":"x","child":{"aBool":true}}})";
        }
        EXPECT_EQ(Query(row.query), expected) << row.query;
    }
}

TEST_F(TranscoderTest, QueryRefusalsNameTheKey) {
    const struct {
        const char *query, *error;
    } rows[] = {
        {"nope=1", "nope: wide.v1.Wide has no field \"nope\""},
        {"=1", ": wide.v1.Wide has no field \"\""},
        {"child.nope=1", "child.nope: wide.v1.Wide has no field \"nope\""},
        {"child.=1", "child.: wide.v1.Wide has no field \"\""},
        {"aString.x=1", "aString.x: field \"aString\" has no fields that can be given so"},
        {"children.aString=1",
         "children.aString: field \"children\" has no fields that can be given so"},
        {"timestamp.seconds=1",
         "timestamp.seconds: field \"timestamp\" has no fields that can be given so"},
        {"child=1", "child: field \"child\" is a message, which only a body can give"},
        {"struct=1", "struct: expected an object, found a number"},
        {"stringMap=1",
         "stringMap: field \"stringMap\" is a map: give each entry as stringMap[key]=value"},
        {"aString=1&aString=1", "aString: it is given twice"},
        {"aString=1&a_string=1", "a_string: it is given twice"},
        {"child.aBool=true&child.a_bool=true", "child.a_bool: it is given twice"},
        {"choiceInt=1&choiceString=x",
         "choiceString: another parameter of the same oneof is given too"},
        {"choiceInt=1&choiceWide.aBool=true",
         "choiceWide.aBool: another parameter of the same oneof is given too"},
        {"anInt32=", "anInt32: \"\" is no integer from -2147483648 to 2147483647"},
        {"anInt32=abc", "anInt32: \"abc\" is no integer from -2147483648 to 2147483647"},
        {"anInt32=1.5", "anInt32: \"1.5\" is no integer from -2147483648 to 2147483647"},
        {"anInt32=2147483648",
         "anInt32: \"2147483648\" is no integer from -2147483648 to 2147483647"},
        {"anInt32=+1", "anInt32: \" 1\" is no integer from -2147483648 to 2147483647"},
        {"aUint32=-1", "aUint32: \"-1\" is no integer from 0 to 4294967295"},
        {"aDouble=x", "aDouble: \"x\" is no number"},
        {"aDouble=1e999", "aDouble: \"1e999\" is out of the range of a double"},
        {"aBool=1", "aBool: \"1\" is neither true nor false"},
        {"aBool", "aBool: \"\" is neither true nor false"},
        {"aBytes=a", "aBytes: \"a\" is no base64"},
        {"color=red",
         "color: \"red\" is none of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE, COLOR_FAR, "
         "COLOR_NEGATIVE"},
        {"timestamp=2026-01-31T12:00:00+01:00",
         "timestamp: \"2026-01-31T12:00:00 01:00\" is no RFC 3339 time from year 1 to 9999, such "
         "as 2026-01-31T12:00:00Z; in a URL a + is written %2B"},
        {"timestamp=now", "timestamp: \"now\" is no RFC 3339 time from year 1 to 9999, such as "
                          "2026-01-31T12:00:00Z"},
        {"duration=1",
         "duration: \"1\" is no duration such as 1.5s, at most 315576000000.999999999s"},
        {"int64Value=x",
         "int64Value: \"x\" is no integer from -9223372036854775808 to 9223372036854775807"},
        {"aString=%zz", "aString: \"%\" is not followed by two hex digits"},
        {"aString=%4", "aString: \"%\" is not followed by two hex digits"},
        {"%=x", "%: \"%\" is not followed by two hex digits"},
        {"aString=%FF", "aString: \"\" (bytes that are no text) is no valid UTF-8"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Query(row.query), std::string("QUERY_INVALID ") + row.error) << row.query;
    }
    std::string deep;
    for (int i = 0; i < 40; i++) {
        deep += "child.";
    }
    EXPECT_NE(Query(deep + "aBool=true").find("it is nested deeper than 32"), std::string::npos);
}

TEST_F(TranscoderTest, AKeyThatPathOrBodyGivesIsRefused) {
    EXPECT_EQ(Get("GET /v1/items/x?name=y"), "QUERY_INVALID name: the path gives it already");
    EXPECT_EQ(Get("GET /v1/sizes/1?item.size=2"),
              "QUERY_INVALID item.size: the path gives it already");
    EXPECT_EQ(Get("GET /v1/sizes/1?item.name=n"), "4={1=n} 4={2=1}");
    EXPECT_EQ(Get("POST /v1/items/x:act?item.size=2"),
              "QUERY_INVALID item.size: the body gives it");
    EXPECT_EQ(Get("POST /v1/items/x:act?number=2"), "5=2 1=items/x");
    EXPECT_EQ(Wide("POST /v1/wide?aBool=true", "{}"),
              "QUERY_INVALID aBool: this method takes no query parameters; its fields stand in the "
              "body");
}

TEST_F(TranscoderTest, BodiesAreTheMessageAFieldOrNothing) {
    EXPECT_EQ(Wide("POST /v1/wide", ""), "{}");
    EXPECT_EQ(Wide("POST /v1/wide", R"({"aBool":true})"), R"({"aBool":true})");
    EXPECT_EQ(Wide("POST /v1/wide", " "),
              "BODY_INVALID line 1, column 2: expected a value, found the end of the text");
    EXPECT_EQ(Wide("GET /v1/wide", "{}"),
              "BODY_INVALID body: no body is taken, but 2 bytes were sent");
    EXPECT_EQ(Wide("PUT /v1/strings", R"(["a","b"])"), R"({"strings":["a","b"]})");
    EXPECT_EQ(Wide("PUT /v1/strings", R"("a")"),
              "BODY_INVALID body: expected an array, found a string");
    EXPECT_EQ(Wide("PUT /v1/strings", R"(["a",1])"),
              "BODY_INVALID [1]: expected a string, found a number");
    EXPECT_EQ(Wide("PUT /v1/strings?aBool=true", ""), R"({"aBool":true})");
    EXPECT_EQ(Get("POST /v1/items/x:act", "null"), "1=items/x");
}

TEST_F(TranscoderTest, AResponseBodyIsOneField) {
    Arena scratch;
    Buffer wire;
    wire_put_uint(wire, 3, 7);
    wire_put_bytes(wire, 37, S(""));
    wire_put_bytes(wire, 37, S("\x18\x05"));
    const struct {
        const char *path, *json, *unset;
    } rows[] = {{"/v1/children", R"([{},{"anInt32":5}])", "[]"}, {"/v1/count", "7", "0"}};
    for (const auto &row : rows) {
        Buffer out, unset;
        const struct transcoder_route *r = Route("GET", row.path);
        ASSERT_EQ(transcoder_decode_response(t, scratch, r, strbuf_slice(&wire.b), out), nullptr);
        EXPECT_EQ(out.str(), row.json);
        ASSERT_EQ(transcoder_decode_response(t, scratch, r, SLICE_EMPTY, unset), nullptr);
        EXPECT_EQ(unset.str(), row.unset);
    }
}

TEST_F(TranscoderTest, AMalformedReplyIsAnErrorAndLeavesTheOutput) {
    Arena scratch;
    Buffer out;
    strbuf_append_cstr(out, "kept");
    const std::string bad = "\x72\x05hi";
    const struct error *e =
        transcoder_decode_response(t, scratch, Route("GET", "/v1/wide"), S(bad), out);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(e->code, STATUS_INTERNAL);
    EXPECT_STREQ(e->reason, "RESPONSE_MALFORMED");
    EXPECT_STREQ(e->detail, "/wide.v1.Wides/GetWide: reply of 4 bytes as wide.v1.Wide: the message "
                            "is malformed");
    EXPECT_EQ(out.str(), "kept");
}

// A full run, in the contract's order of keys.
const char run_json[] =
    R"({"executionState":{"step":3,"done":["a",null]},"finishedAt":"2026-01-31T12:00:01.500Z",)"
    R"("id":"run-1","isDustTest":true,"isSimulation":true,"organizationId":"org",)"
    R"("propValues":{"amount":0.1,"big":"9007199254740993","z":-0,"a":{"":[]}},)"
    R"("simulationForks":[{"chainId":11297108109,"forkId":"f","rpcUrl":"http://x/?a=b&c"}],)"
    R"("simulationMode":"fork","sourceRunId":"run-0","startedAt":"2026-01-31T12:00:00Z",)"
    R"("status":"cancelled","totalCu":12.75,"triggerSource":"api","triggeredBy":"tok",)"
    R"("workflowDefinition":{"blockExpansions":{"b":1},"inputSchema":[{"description":"d\"q\"",)"
    R"("key":"k","required":true,"type":"string"}],"nodes":{"root":{"type":"manual",)"
    R"("children":["n1"]},"n1":{"type":"é"}}},"workflowId":"wf","workflowVersion":9007199254740993})";

TEST_F(TranscoderTest, AFullRunComesBackAsItWasGiven) {
    Arena scratch;
    struct transcoder_match m;
    ASSERT_EQ(transcoder_match_route(t, scratch, S("POST"), S("/v1/runs"), &m), nullptr);
    struct slice message;
    const struct error *e = EncodeRequest(t, scratch, &m, SLICE_EMPTY, S(run_json), &message);
    ASSERT_EQ(e, nullptr) << e->message;
    const uint8_t *p = message.data;
    struct wire_field run;
    ASSERT_TRUE(wire_read_field(&p, message.data + message.len, &run));
    Buffer out;
    e = transcoder_decode_response(t, scratch, m.route, run.bytes, out);
    ASSERT_EQ(e, nullptr) << e->detail;
    EXPECT_EQ(out.str(), run_json);

    // The server's replies are stored bytes and a suffix: the last one counts.
    Buffer reply;
    strbuf_append_slice(reply, run.bytes);
    wire_put_uint(reply, 12, 3);
    const std::string epoch("\x08\x00", 2);
    wire_put_bytes(reply, 2, S(epoch));
    Buffer changed;
    ASSERT_EQ(transcoder_decode_response(t, scratch, m.route, strbuf_slice(&reply.b), changed),
              nullptr);
    EXPECT_NE(changed.str().find(R"("status":"success")"), std::string::npos);
    EXPECT_NE(changed.str().find(R"("finishedAt":"1970-01-01T00:00:00.500Z")"), std::string::npos);

    // Every cut is refused, or is the whole of fewer fields.
    int refused = 0;
    for (size_t n = 0; n < run.bytes.len; n++) {
        Exact cut(Str(slice_of(run.bytes.data, n)));
        Buffer part;
        e = transcoder_decode_response(t, scratch, m.route, cut, part);
        refused += e != nullptr;
        EXPECT_EQ(e == nullptr, part.b.len > 0) << n;
    }
    EXPECT_GE(refused, static_cast<int>(run.bytes.len) - 18);
}

TEST_F(TranscoderTest, AnEmptyRunHasEveryKeyButTheTimesTheStatusAndTheDefinition) {
    Arena scratch;
    Buffer out;
    ASSERT_EQ(
        transcoder_decode_response(t, scratch, Route("GET", "/v1/runs/{id}"), SLICE_EMPTY, out),
        nullptr);
    EXPECT_EQ(out.str(),
              R"({"executionState":{},"id":"","isDustTest":false,"isSimulation":false,)"
              R"("organizationId":"","propValues":{},"simulationForks":[],"simulationMode":"",)"
              R"("sourceRunId":"","totalCu":0,)"
              R"("triggerSource":"","triggeredBy":"","workflowId":"","workflowVersion":0})");
}

TEST_F(TranscoderTest, ListFiltersTakeWordsNamesAndNumbers) {
    Arena scratch;
    struct transcoder_match m;
    ASSERT_EQ(transcoder_match_route(t, scratch, S("GET"), S("/v1/runs"), &m), nullptr);
    struct slice message;
    const struct error *e = EncodeRequest(
        t, scratch, &m, S("status=running&status=RUN_STATUS_WAITING&status=5&pageSize=10"),
        SLICE_EMPTY, &message);
    ASSERT_EQ(e, nullptr) << e->message;
    EXPECT_EQ(Str(message), "\x18\x01\x18\x02\x18\x05\x08\x0A");
    e = EncodeRequest(t, scratch, &m, S("status=done"), SLICE_EMPTY, &message);
    EXPECT_EQ(Violation(e), "status: \"done\" is none of running, waiting, success, failure, "
                            "cancelled");
}

void AddStringFields(google::protobuf::DescriptorProto *m, const std::vector<const char *> &names) {
    for (const char *name : names) {
        auto *f = m->add_field();
        f->set_name(name);
        f->set_number(m->field_size());
        f->set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
        f->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
    }
}

// A field of bad.M that is no string.
void AddBadField(google::protobuf::DescriptorProto *m, const char *name, const char *type,
                 bool repeated) {
    auto *f = m->add_field();
    f->set_name(name);
    f->set_number(m->field_size());
    f->set_type(google::protobuf::FieldDescriptorProto::TYPE_MESSAGE);
    f->set_type_name(type);
    f->set_label(repeated ? google::protobuf::FieldDescriptorProto::LABEL_REPEATED
                          : google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
}

// One service whose methods have these rules: what transcoder_new says.
std::string Start(const std::vector<std::string> &rules) {
    google::protobuf::FileDescriptorSet set;
    auto *file = set.add_file();
    file->set_name("bad.proto");
    file->set_package("bad");
    file->set_syntax("proto3");
    auto *m = file->add_message_type();
    m->set_name("M");
    for (const char *name : {"id", "list"}) {
        auto *f = m->add_field();
        f->set_name(name);
        f->set_number(m->field_size());
        f->set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
        f->set_label(std::string(name) == "list"
                         ? google::protobuf::FieldDescriptorProto::LABEL_REPEATED
                         : google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
    }
    AddStringFields(m, {"resource_id", "left", "right"});
    m->add_oneof_decl()->set_name("side");
    m->mutable_field(3)->set_oneof_index(0);
    m->mutable_field(4)->set_oneof_index(0);
    AddBadField(m, "inner_part", ".bad.M", false);
    AddBadField(m, "inner_parts", ".bad.M", true);
    AddBadField(m, "by_key", ".bad.M.ByKeyEntry", true);
    auto *entry = m->add_nested_type();
    entry->set_name("ByKeyEntry");
    AddStringFields(entry, {"key", "value"});
    entry->mutable_options()->set_map_entry(true);
    auto *service = file->add_service();
    service->set_name("S");
    for (size_t i = 0; i < rules.size(); i++) {
        auto *method = service->add_method();
        method->set_name("M" + std::to_string(i));
        method->set_input_type(".bad.M");
        method->set_output_type(".bad.M");
        method->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(72295728, rules[i]);
    }
    std::string bytes = set.SerializeAsString();
    Arena a;
    struct slice slice = S(bytes);
    struct transcoder *t = nullptr;
    const struct error *e = transcoder_new(a, &slice, 1, nullptr, &t);
    transcoder_free(t);
    EXPECT_TRUE(e == nullptr || e->code == STATUS_INVALID_ARGUMENT);
    return e == nullptr ? "" : e->message;
}

std::string Rule(int field, const std::string &value) {
    Buffer b;
    wire_put_bytes(b, static_cast<uint32_t>(field), S(value));
    return b.str();
}

TEST(TranscoderStart, RulesThatAreWrongRefuseToStartAndSayWhere) {
    const std::string get = Rule(2, "/v1/a/{id}");
    const struct {
        std::vector<std::string> rules;
        const char *message;
    } rows[] = {
        {{get}, ""},
        {{get, Rule(4, "/v1/a/{id}")}, ""},
        {{Rule(2, "/v1/{id")},
         "bad.proto: method bad.S.M0: GET \"/v1/{id\", column 8: \"}\" is missing"},
        {{Rule(2, "/v1/{nope}")},
         "bad.proto: method bad.S.M0: GET \"/v1/{nope}\", column 5: bad.M has no field \"nope\""},
        {{Rule(2, "/v1/{id.x}")},
         "bad.proto: method bad.S.M0: GET \"/v1/{id.x}\", column 5: field \"id\" has no fields "
         "that "
         "can be given so"},
        {{Rule(2, "/v1/{list}")},
         "bad.proto: method bad.S.M0: GET \"/v1/{list}\", column 5: a repeated field cannot be a "
         "path variable"},
        {{get, Rule(2, "/v1/a/{list=*}")},
         "bad.proto: method bad.S.M1: GET \"/v1/a/{list=*}\", column 7: a repeated field cannot be "
         "a path variable"},
        {{get, Rule(2, "/v1/a/*")},
         "bad.proto: method bad.S.M1: GET \"/v1/a/*\", column 1: matches the same requests as GET "
         "\"/v1/a/{id}\" of method bad.S.M0 in bad.proto"},
        {{get + Rule(11, get)},
         "bad.proto: method bad.S.M0: additional binding 1: GET \"/v1/a/{id}\", column 1: matches "
         "the same requests as GET \"/v1/a/{id}\" of method bad.S.M0 in bad.proto"},
        {{get + Rule(11, Rule(4, "/b")) + Rule(11, Rule(5, "/c/"))},
         "bad.proto: method bad.S.M0: additional binding 2: DELETE \"/c/\", column 4: a segment is "
         "empty"},
        {{Rule(2, std::string("/v1/a\0b", 7))},
         "bad.proto: method bad.S.M0: GET \"/v1/a\", column 6: a segment is a literal, \"*\", "
         "\"**\" or a variable, not a mixture"},
        {{get + Rule(7, "nope")},
         "bad.proto: method bad.S.M0: GET \"/v1/a/{id}\": body: bad.M has no field \"nope\""},
        {{get + Rule(12, "nope")},
         "bad.proto: method bad.S.M0: GET \"/v1/a/{id}\": response_body: bad.M has no field "
         "\"nope\""},
        {{""},
         "bad.proto: method bad.S.M0: the google.api.http option has no pattern (get, put, post, "
         "delete, patch or custom with kind and path)"},
        {{Rule(8, Rule(1, "FETCH"))},
         "bad.proto: method bad.S.M0: the google.api.http option has no pattern (get, put, post, "
         "delete, patch or custom with kind and path)"},
        {{Rule(8, Rule(1, "FETCH") + Rule(2, "/v1/a"))}, ""},
        {{Rule(8, Rule(1, "*") + Rule(2, "/v1/a"))}, ""},
        {{Rule(8, Rule(1, "A\r\nB") + Rule(2, "/v1/a"))},
         "bad.proto: method bad.S.M0: the kind of a custom pattern is no HTTP method (RFC 9110: a "
         "token)"},
        {{Rule(8, Rule(1, "A B") + Rule(2, "/v1/a"))},
         "bad.proto: method bad.S.M0: the kind of a custom pattern is no HTTP method (RFC 9110: a "
         "token)"},
        {{get + Rule(7, "a.b")},
         "bad.proto: method bad.S.M0: GET \"/v1/a/{id}\": body: bad.M has no field \"a.b\""},
        {{get + Rule(11, Rule(2, "/b") + Rule(11, Rule(2, "/c")))},
         "bad.proto: method bad.S.M0: an additional binding has additional bindings of its own"},
        {{"\x12\x7F"}, "bad.proto: method bad.S.M0: the google.api.http option is malformed"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Start(row.rules), row.message);
    }
}

// http.proto: names in rules are those of the proto.
TEST(TranscoderStart, NamesInRulesAreProtoNames) {
    const std::string post = Rule(4, "/v1/a");
    const struct {
        std::string rule;
        const char *message;
    } rows[] = {
        {Rule(2, "/v1/{resource_id}"), ""},
        {Rule(2, "/v1/{inner_part.resource_id}"), ""},
        {post + Rule(7, "inner_part") + Rule(12, "inner_parts"), ""},
        {Rule(2, "/v1/{resourceId}"),
         "GET \"/v1/{resourceId}\", column 5: bad.M has no field \"resourceId\": that is the JSON "
         "name of \"resource_id\", and rules use the proto's names"},
        {Rule(2, "/v1/{innerPart.resource_id}"),
         "GET \"/v1/{innerPart.resource_id}\", column 5: bad.M has no field \"innerPart\": that is "
         "the JSON name of \"inner_part\", and rules use the proto's names"},
        {Rule(2, "/v1/x/{inner_part.resourceId=a/*}"),
         "GET \"/v1/x/{inner_part.resourceId=a/*}\", column 7: bad.M has no field \"resourceId\": "
         "that is the JSON name of \"resource_id\", and rules use the proto's names"},
        {post + Rule(7, "innerPart"),
         "POST \"/v1/a\": body: bad.M has no field \"innerPart\": that is the JSON name of "
         "\"inner_part\", and rules use the proto's names"},
        {post + Rule(12, "innerParts"),
         "POST \"/v1/a\": response_body: bad.M has no field \"innerParts\": that is the JSON name "
         "of \"inner_parts\", and rules use the proto's names"},
        {post + Rule(12, "*"), "POST \"/v1/a\": response_body: bad.M has no field \"*\""},
    };
    for (const auto &row : rows) {
        std::string expected = row.message;
        EXPECT_EQ(Start({row.rule}),
                  expected.empty() ? "" : "bad.proto: method bad.S.M0: " + expected);
    }
}

TEST(TranscoderStart, WhatAPathOrABodyCannotSetRefusesToStart) {
    const struct {
        std::string rule;
        const char *message;
    } rows[] = {
        {Rule(2, "/v1/{left}/{id}"), ""},
        {Rule(2, "/v1/{left}/{inner_part.right}"), ""},
        {Rule(2, "/v1/{left}/{right}"), "GET \"/v1/{left}/{right}\", column 12: it excludes the "
                                        "variable \"left\": both are of one "
                                        "oneof"},
        {Rule(2, "/v1/{inner_part.right}/x/{inner_part.left}"),
         "GET \"/v1/{inner_part.right}/x/{inner_part.left}\", column 26: it excludes the variable "
         "\"inner_part.right\": both are of one oneof"},
        {Rule(2, "/v1/{id}/{id}"), "GET \"/v1/{id}/{id}\", column 10: a variable stands twice"},
        {Rule(2, "/v1/{inner_part}"),
         "GET \"/v1/{inner_part}\", column 5: a message cannot be a path variable"},
        {Rule(2, "/v1/{inner_parts}"),
         "GET \"/v1/{inner_parts}\", column 5: a repeated field cannot be a path variable"},
        {Rule(2, "/v1/{inner_parts.id}"),
         "GET \"/v1/{inner_parts.id}\", column 5: field \"inner_parts\" has no fields that can be "
         "given so"},
        {Rule(2, "/v1/{by_key}"),
         "GET \"/v1/{by_key}\", column 5: a map cannot be a path variable"},
        {Rule(2, "/v1/{by_key.value}"),
         "GET \"/v1/{by_key.value}\", column 5: field \"by_key\" has no fields that can be given "
         "so"},
        // What AIP-134 has: the path is part of the body, and wins.
        {Rule(6, "/v1/{inner_part.id}") + Rule(7, "inner_part"), ""},
        {Rule(4, "/v1/{id}") + Rule(7, "*"), ""},
        {Rule(4, "/v1/{id}") + Rule(7, "id"),
         "POST \"/v1/{id}\", column 5: the variable is the body, too"},
        {Rule(4, "/v1/x{") + Rule(7, "id"),
         "POST \"/v1/x{\", column 6: a segment is a literal, \"*\", \"**\" or a variable, not a "
         "mixture"},
        {Rule(4, "/v1/{id}/{left}") + Rule(7, "right"),
         "POST \"/v1/{id}/{left}\", column 10: it excludes the body \"right\": both are of one "
         "oneof"},
    };
    for (const auto &row : rows) {
        std::string expected = row.message;
        EXPECT_EQ(Start({row.rule}),
                  expected.empty() ? "" : "bad.proto: method bad.S.M0: " + expected);
    }
}

} // namespace
