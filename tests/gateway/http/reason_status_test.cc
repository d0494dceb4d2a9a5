#include "tests/gateway/http/fixture.h"

// The HTTP status that the descriptors give to the reason of an error: upstream.proto's.

namespace {

class ReasonStatus : public GatewayTest {};

TEST_F(ReasonStatus, IsThatOfDomainAndReason) {
    Start();
    Client client(port());
    const struct {
        int code;
        const char *reason, *domain;
        int status;
    } rows[] = {
        {11, "GONE", "", 410}, // the upstream's domain is the package
        {11, "GONE", "http_test.v1", 410},
        {5, "GONE", "", 410}, // whatever the code is
        {3, "UNPROCESSABLE", "", 422},
        {11, "GONE", "other.example", 451},
        {8, "BUSY", "", 503}, // of an enum in a message
        {3, "BUSY", "http_test.v1.Other", 400},
        {11, "GONE", "other.v1", 400},
        {11, "GONE", "gateway.v1", 400},
        {11, "gone", "", 400},
        {11, "GON", "", 400},
        {11, "GONE2", "", 400},
        {11, "UNLISTED", "", 400},
        {11, "ERROR_REASON_UNSPECIFIED", "", 400},
        {3, "UNPROCESSABLE", "other.example", 400},
    };
    for (const auto &row : rows) {
        std::string text = row.reason;
        text += row.domain[0] == 0 ? "" : std::string("%2F") + row.domain;
        Reply reply =
            client.Ask(Request("GET", "/v1/fail/" + std::to_string(row.code) + "?text=" + text));
        ExpectError(reply, row.status, status_code_name(row.code), row.reason);
        EXPECT_EQ(reply.Json("code"), std::to_string(row.status)) << text;
        EXPECT_EQ(reply.Json("error.metadata.key"), "value \"quoted\"");
        EXPECT_EQ(reply.Header("retry-after") != "(none)", row.status == 503) << text;
    }
    EXPECT_NE(LogLine("\"status\":451"), "");
    Reply head = client.Ask(Request("HEAD", "/v1/fail/11?text=GONE"), true);
    EXPECT_EQ(head.status, 410);
}

TEST_F(ReasonStatus, IsThatWithoutTheEnvelopeToo) {
    http_.envelope = ENVELOPE_NONE;
    Start();
    Client client(port());
    Reply reply = client.Ask(Request("GET", "/v1/fail/11?text=GONE"));
    EXPECT_EQ(reply.status, 410);
    EXPECT_EQ(reply.Json("code"), "11");
    EXPECT_EQ(client.Ask(Request("GET", "/v1/fail/11")).status, 400);
}

TEST_F(ReasonStatus, IsThatOfARefusedStreamAndTheCodeOfOneThatFails) {
    Start();
    Client client(port());
    ExpectError(client.Ask(Request("GET", "/v1/watch/refuse_gone")), 410, "NOT_FOUND", "GONE");
    ExpectError(client.Ask(Request("GET", "/v1/watch/refuse")), 404, "NOT_FOUND", "TEST_REASON");
    const struct {
        const char *path, *code;
    } rows[] = {{"/v1/watch/fail_gone?number=1", "410"}, {"/v1/watch/fail?number=1", "409"}};
    for (const auto &row : rows) {
        client.Send(Request("GET", row.path));
        EXPECT_EQ(client.ReceiveHead().status, 200);
        std::string lines = client.ReceiveChunks();
        EXPECT_NE(lines.find(std::string("\n{\"code\":") + row.code + ","), std::string::npos)
            << lines;
    }
}

} // namespace
