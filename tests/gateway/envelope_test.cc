#include <vector>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/envelope.h"
#include "rpc/status_details.h"
}

namespace {

struct CodeRow {
    int code;
    int runs;
    int none;
};

TEST(Envelope, EveryCodeHasTheStatusOfGoogleRpcCodeButFailedPreconditionOfRuns) {
    const CodeRow rows[] = {{0, 200, 200},  {1, 499, 499},  {2, 500, 500},  {3, 400, 400},
                            {4, 504, 504},  {5, 404, 404},  {6, 409, 409},  {7, 403, 403},
                            {8, 429, 429},  {9, 409, 400},  {10, 409, 409}, {11, 400, 400},
                            {12, 501, 501}, {13, 500, 500}, {14, 503, 503}, {15, 500, 500},
                            {16, 401, 401}, {17, 500, 500}, {-1, 500, 500}};
    for (const CodeRow &row : rows) {
        EXPECT_EQ(envelope_http_status(ENVELOPE_RUNS, row.code), row.runs) << row.code;
        EXPECT_EQ(envelope_http_status(ENVELOPE_NONE, row.code), row.none) << row.code;
    }
}

TEST(Envelope, TheGatewaysOwnReasonsHaveTheirHttpStatus) {
    Arena a;
    const struct {
        enum reason reason;
        int http;
    } rows[] = {{REASON_ROUTE_NOT_FOUND, 404},   {REASON_METHOD_NOT_ALLOWED, 405},
                {REASON_REQUEST_TIMEOUT, 408},   {REASON_BODY_TOO_LARGE, 413},
                {REASON_URL_TOO_LONG, 414},      {REASON_MEDIA_TYPE_UNSUPPORTED, 415},
                {REASON_HEADERS_TOO_LARGE, 431}, {REASON_HEADER_INVALID, 400},
                {REASON_BODY_INVALID, 500},      {REASON_CONTENT_ENCODING_UNSUPPORTED, 415},
                {REASON_EXPECTATION_FAILED, 417}};
    for (const auto &row : rows) {
        struct error *e = error_new(a, STATUS_INTERNAL, row.reason, "x");
        e->domain = "gateway.v1";
        EXPECT_EQ(envelope_error_http_status(ENVELOPE_RUNS, e, NULL), row.http)
            << reason_name(row.reason);
        EXPECT_EQ(envelope_error_http_status(ENVELOPE_NONE, e, NULL), row.http)
            << reason_name(row.reason);
    }
}

TEST(Envelope, AnUpstreamsReasonDoesNotChangeTheStatus) {
    Arena a;
    for (const char *domain : {"other.v1", "gateway.v1", static_cast<const char *>(nullptr)}) {
        struct error *sent = error_new(a, STATUS_NOT_FOUND, REASON_BODY_TOO_LARGE, "x");
        sent->domain = domain;
        const struct error *e =
            status_details_decode(a, STATUS_NOT_FOUND, S("x"), status_details_encode(a, sent));
        ASSERT_STREQ("BODY_TOO_LARGE", e->reason);
        EXPECT_EQ(envelope_error_http_status(ENVELOPE_RUNS, e, NULL), 404);
    }
}

TEST(Envelope, AStatusThatTheDescriptorsGiveIsTheCodeToo) {
    Arena a;
    struct error *e = error_new(a, STATUS_OUT_OF_RANGE, REASON_NONE, "m");
    e->reason = "GONE";
    const struct rpc_status_source status = {SLICE_EMPTY, nullptr, nullptr, 410};
    for (enum envelope_kind kind : {ENVELOPE_RUNS, ENVELOPE_NONE}) {
        EXPECT_EQ(envelope_error_http_status(kind, e, &status), 410);
    }
    Buffer out;
    envelope_append_stream_error(ENVELOPE_RUNS, out, e, &status, S("id"));
    EXPECT_EQ(out.str(), "{\"code\":410,\"message\":\"m\",\"requestId\":\"id\",\"error\":{"
                         "\"status\":\"OUT_OF_RANGE\",\"reason\":\"GONE\",\"metadata\":{}}}");
}

TEST(Envelope, SuccessStandsAroundTheData) {
    Buffer out;
    envelope_begin(ENVELOPE_RUNS, out);
    strbuf_append_cstr(out, "{\"id\":\"r1\"}");
    envelope_end(ENVELOPE_RUNS, out, S("abc-123"));
    EXPECT_EQ(out.str(), "{\"code\":200,\"data\":{\"id\":\"r1\"},\"message\":\"success\","
                         "\"requestId\":\"abc-123\"}");
}

TEST(Envelope, AnErrorHasMetadataAndNoData) {
    Arena a;
    Buffer out;
    struct error *e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_RUN_ALREADY_FINISHED,
                                "Run \"%s\" is already success.", "r1");
    error_add_metadata(e, a, "status", "success");
    error_add_metadata(e, a, "finishedAt", "2026-01-01T00:00:00Z");
    envelope_append_error(ENVELOPE_RUNS, out, e, NULL, S("id"));
    EXPECT_EQ(
        out.str(),
        "{\"code\":409,\"message\":\"Run \\\"r1\\\" is already success.\",\"requestId\":\"id\","
        "\"error\":{\"status\":\"FAILED_PRECONDITION\",\"reason\":\"RUN_ALREADY_FINISHED\","
        "\"metadata\":{\"status\":\"success\",\"finishedAt\":\"2026-01-01T00:00:00Z\"}}}");
}

TEST(Envelope, FieldViolationsStandInTheError) {
    Arena a;
    Buffer out;
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_BODY_INVALID, "bad");
    error_add_violation(e, a, "a.b[1]", "expected %s", "a string");
    error_add_violation(e, a, "c", "two");
    envelope_append_error(ENVELOPE_RUNS, out, e, NULL, S("id"));
    EXPECT_EQ(out.str(), "{\"code\":400,\"message\":\"bad\",\"requestId\":\"id\",\"error\":{"
                         "\"status\":\"INVALID_ARGUMENT\",\"reason\":\"BODY_INVALID\","
                         "\"metadata\":{},\"fieldViolations\":["
                         "{\"field\":\"a.b[1]\",\"description\":\"expected a string\"},"
                         "{\"field\":\"c\",\"description\":\"two\"}]}}");
}

TEST(Envelope, AnErrorWithoutReasonSaysThatTheUpstreamGaveNone) {
    Arena a;
    Buffer out;
    envelope_append_error(ENVELOPE_RUNS, out, error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "down"),
                          NULL, S("id"));
    EXPECT_EQ(out.str(),
              "{\"code\":503,\"message\":\"down\",\"requestId\":\"id\",\"error\":{"
              "\"status\":\"UNAVAILABLE\",\"reason\":\"UPSTREAM_STATUS\",\"metadata\":{}}}");
}

TEST(Envelope, TextOfOthersCannotBreakTheJson) {
    Arena a;
    Buffer out;
    struct error *e = error_new(a, STATUS_UNKNOWN, REASON_NONE, "a\"b\\c\nd\xFF");
    envelope_append_error(ENVELOPE_RUNS, out, e, NULL, S("\"\x01"));
    EXPECT_EQ(out.str(),
              "{\"code\":500,\"message\":\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\",\"requestId\":"
              "\"\\\"\\u0001\",\"error\":{\"status\":\"UNKNOWN\",\"reason\":\"UPSTREAM_STATUS\","
              "\"metadata\":{}}}");
}

// --- none ---

// Knows two types: what is handed out is a note of what was asked.
bool Render(void *context, struct slice full_name, struct slice message, struct strbuf *out) {
    EXPECT_EQ(context, &Render);
    std::string name = Str(full_name);
    if (name == "test.Empty" || name == "google.protobuf.Empty") {
        strbuf_append_cstr(out, "{}");
        return true;
    }
    if (name != "test.Known" && name != "google.protobuf.Duration") {
        return false;
    }
    strbuf_append_cstr(out, ("{\"seen\":\"" + Str(message) + "\"}").c_str());
    return true;
}

struct Detail {
    const char *type_url;
    const char *value;
};

std::string StatusBytes(const std::vector<Detail> &details) {
    Buffer status;
    wire_put_uint(status, 1, 5);
    wire_put_bytes(status, 2, S("not shown"));
    for (const Detail &detail : details) {
        Buffer any;
        wire_put_bytes(any, 1, S(detail.type_url));
        wire_put_bytes(any, 2, S(detail.value));
        wire_put_bytes(status, 3, strbuf_slice(&any.b));
    }
    return status.str();
}

std::string NoneError(const struct error *e, const std::string &upstream = "") {
    Buffer out;
    Exact bytes(upstream);
    const struct rpc_status_source status = {bytes, Render, reinterpret_cast<void *>(&Render), 0};
    envelope_append_error(ENVELOPE_NONE, out, e, upstream.empty() ? NULL : &status, S("id"));
    return out.str();
}

TEST(EnvelopeNone, SuccessIsTheMessageAlone) {
    Buffer out;
    envelope_begin(ENVELOPE_NONE, out);
    strbuf_append_cstr(out, "{}");
    envelope_end(ENVELOPE_NONE, out, S("id"));
    EXPECT_EQ(out.str(), "{}");
}

TEST(EnvelopeNone, AnErrorIsAGoogleRpcStatus) {
    Arena a;
    EXPECT_EQ(NoneError(error_new(a, STATUS_NOT_FOUND, REASON_NONE, "a\"b")),
              "{\"code\":5,\"message\":\"a\\\"b\",\"details\":[]}");
}

TEST(EnvelopeNone, DetailsOfTheGatewayItselfAreThoseOfItsError) {
    Arena a;
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_BODY_INVALID, "bad");
    e->domain = "gateway.v1";
    error_add_metadata(e, a, "k", "v");
    error_add_metadata(e, a, "l", "w");
    error_add_violation(e, a, "a.b", "one");
    error_add_violation(e, a, "c", "two");
    e->resource_type = "run";
    e->resource_name = "r1";
    e->retry_after_ms = 2050;
    EXPECT_EQ(
        NoneError(e),
        "{\"code\":3,\"message\":\"bad\",\"details\":["
        "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"BODY_INVALID\","
        "\"domain\":\"gateway.v1\",\"metadata\":{\"k\":\"v\",\"l\":\"w\"}},"
        "{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":["
        "{\"field\":\"a.b\",\"description\":\"one\"},"
        "{\"field\":\"c\",\"description\":\"two\"}]},"
        "{\"@type\":\"type.googleapis.com/google.rpc.ResourceInfo\",\"resourceType\":\"run\","
        "\"resourceName\":\"r1\"},"
        "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"2.050s\"}]}");
    struct error *short_one = error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "m");
    short_one->retry_after_ms = 3000;
    EXPECT_EQ(NoneError(short_one),
              "{\"code\":14,\"message\":\"m\",\"details\":["
              "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"3s\"}]}");
}

TEST(EnvelopeNone, DetailsOfTheUpstreamAreThoseItSent) {
    Arena a;
    struct error *e = error_new(a, STATUS_NOT_FOUND, REASON_RUN_NOT_FOUND, "m");
    const struct {
        std::string status;
        const char *details;
    } rows[] = {
        {StatusBytes({{"type.googleapis.com/test.Known", "x"}}),
         "{\"@type\":\"type.googleapis.com/test.Known\",\"seen\":\"x\"}"},
        {StatusBytes({{"h/a/test.Known", "x"}, {"/test.Empty", "y"}}),
         "{\"@type\":\"h/a/test.Known\",\"seen\":\"x\"},{\"@type\":\"/test.Empty\"}"},
        // The JSON of well-known types stands under "value".
        {StatusBytes({{"t/google.protobuf.Duration", "x"}, {"t/google.protobuf.Empty", ""}}),
         "{\"@type\":\"t/google.protobuf.Duration\",\"value\":{\"seen\":\"x\"}},"
         "{\"@type\":\"t/google.protobuf.Empty\",\"value\":{}}"},
        // Unknown types are left out, wherever they stand.
        {StatusBytes({{"t/test.Other", "x"}, {"t/test.Known", "y"}, {"t/test.Other", "z"}}),
         "{\"@type\":\"t/test.Known\",\"seen\":\"y\"}"},
        {StatusBytes({{"test.Known", "no slash"}, {"", ""}, {"t/", ""}}), ""},
        {StatusBytes({}), ""},
        // Malformed bytes end the list.
        {StatusBytes({{"t/test.Known", "x"}}) + "\x1a\x7f cut",
         "{\"@type\":\"t/test.Known\",\"seen\":\"x\"}"},
        {std::string("\x1a\x03\x0a\x7f") + "c", ""},
        {"\xff", ""},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(NoneError(e, row.status),
                  std::string("{\"code\":5,\"message\":\"m\",\"details\":[") + row.details + "]}");
    }
}

TEST(Envelope, StreamsHaveOneObjectForEachMessageAndForTheError) {
    Arena a;
    struct error *e = error_new(a, STATUS_ABORTED, REASON_NONE, "m");
    const struct {
        enum envelope_kind kind;
        const char *object;
        const char *error;
    } rows[] = {
        {ENVELOPE_RUNS, "{\"code\":200,\"data\":{},\"message\":\"success\",\"requestId\":\"id\"}",
         "{\"code\":409,\"message\":\"m\",\"requestId\":\"id\",\"error\":{\"status\":\"ABORTED\","
         "\"reason\":\"UPSTREAM_STATUS\",\"metadata\":{}}}"},
        {ENVELOPE_NONE, "{\"result\":{}}",
         "{\"error\":{\"code\":10,\"message\":\"m\",\"details\":[]}}"},
    };
    for (const auto &row : rows) {
        Buffer object;
        envelope_stream_begin(row.kind, object);
        strbuf_append_cstr(object, "{}");
        envelope_stream_end(row.kind, object, S("id"));
        EXPECT_EQ(object.str(), row.object);
        Buffer error;
        envelope_append_stream_error(row.kind, error, e, NULL, S("id"));
        EXPECT_EQ(error.str(), row.error);
    }
}

} // namespace
