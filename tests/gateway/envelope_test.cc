#include "tests/gateway/support.h"

extern "C" {
#include "gateway/envelope.h"
}

namespace {

struct CodeRow {
    int code;
    int http;
};

TEST(Envelope, EveryCodeHasTheStatusOfGoogleRpcCodeButFailedPrecondition) {
    const CodeRow rows[] = {{0, 200},  {1, 499},  {2, 500},  {3, 400},  {4, 504},
                            {5, 404},  {6, 409},  {7, 403},  {8, 429},  {9, 409},
                            {10, 409}, {11, 400}, {12, 501}, {13, 500}, {14, 503},
                            {15, 500}, {16, 401}, {17, 500}, {-1, 500}};
    for (const CodeRow &row : rows) {
        EXPECT_EQ(envelope_http_status(row.code), row.http) << row.code;
    }
}

TEST(Envelope, TheGatewaysOwnReasonsHaveTheirHttpStatus) {
    Arena a;
    const struct {
        const char *reason;
        int http;
    } rows[] = {
        {"ROUTE_NOT_FOUND", 404},   {"METHOD_NOT_ALLOWED", 405}, {"REQUEST_TIMEOUT", 408},
        {"BODY_TOO_LARGE", 413},    {"URL_TOO_LONG", 414},       {"MEDIA_TYPE_UNSUPPORTED", 415},
        {"HEADERS_TOO_LARGE", 431}, {"HEADER_INVALID", 400},     {"SOMETHING_ELSE", 500}};
    for (const auto &row : rows) {
        struct error *e = error_new(a, STATUS_INTERNAL, row.reason, "x");
        e->domain = "gateway.v1";
        EXPECT_EQ(envelope_error_http_status(e), row.http) << row.reason;
    }
}

TEST(Envelope, AnUpstreamsReasonDoesNotChangeTheStatus) {
    Arena a;
    struct error *e = error_new(a, STATUS_NOT_FOUND, "BODY_TOO_LARGE", "x");
    e->domain = "other.v1";
    EXPECT_EQ(envelope_error_http_status(e), 404);
}

TEST(Envelope, SuccessStandsAroundTheData) {
    Buffer out;
    envelope_begin(out);
    strbuf_append_cstr(out, "{\"id\":\"r1\"}");
    envelope_end(out, S("abc-123"));
    EXPECT_EQ(out.str(), "{\"code\":200,\"data\":{\"id\":\"r1\"},\"message\":\"success\","
                         "\"requestId\":\"abc-123\"}");
}

TEST(Envelope, AnErrorHasMetadataAndNoData) {
    Arena a;
    Buffer out;
    struct error *e = error_new(a, STATUS_FAILED_PRECONDITION, "RUN_ALREADY_FINISHED",
                                "Run \"%s\" is already success.", "r1");
    error_add_metadata(e, a, "status", "success");
    error_add_metadata(e, a, "finishedAt", "2026-01-01T00:00:00Z");
    envelope_append_error(out, e, 409, S("id"));
    EXPECT_EQ(
        out.str(),
        "{\"code\":409,\"message\":\"Run \\\"r1\\\" is already success.\",\"requestId\":\"id\","
        "\"error\":{\"status\":\"FAILED_PRECONDITION\",\"reason\":\"RUN_ALREADY_FINISHED\","
        "\"metadata\":{\"status\":\"success\",\"finishedAt\":\"2026-01-01T00:00:00Z\"}}}");
}

TEST(Envelope, FieldViolationsStandInTheError) {
    Arena a;
    Buffer out;
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, "BODY_INVALID", "bad");
    error_add_violation(e, a, "a.b[1]", "expected %s", "a string");
    error_add_violation(e, a, "c", "two");
    envelope_append_error(out, e, 400, S("id"));
    EXPECT_EQ(out.str(), "{\"code\":400,\"message\":\"bad\",\"requestId\":\"id\",\"error\":{"
                         "\"status\":\"INVALID_ARGUMENT\",\"reason\":\"BODY_INVALID\","
                         "\"metadata\":{},\"fieldViolations\":["
                         "{\"field\":\"a.b[1]\",\"description\":\"expected a string\"},"
                         "{\"field\":\"c\",\"description\":\"two\"}]}}");
}

TEST(Envelope, AnErrorWithoutReasonGivesItsStatus) {
    Arena a;
    Buffer out;
    envelope_append_error(out, error_new(a, STATUS_UNAVAILABLE, NULL, "down"), 503, S("id"));
    EXPECT_EQ(out.str(), "{\"code\":503,\"message\":\"down\",\"requestId\":\"id\",\"error\":{"
                         "\"status\":\"UNAVAILABLE\",\"reason\":\"UNAVAILABLE\",\"metadata\":{}}}");
}

TEST(Envelope, TextOfOthersCannotBreakTheJson) {
    Arena a;
    Buffer out;
    struct error *e = error_new(a, STATUS_UNKNOWN, NULL, "a\"b\\c\nd\xFF");
    envelope_append_error(out, e, 500, S("\"\x01"));
    EXPECT_EQ(out.str(), "{\"code\":500,\"message\":\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\",\"requestId\":"
                         "\"\\\"\\u0001\",\"error\":{\"status\":\"UNKNOWN\",\"reason\":\"UNKNOWN\","
                         "\"metadata\":{}}}");
}

} // namespace
