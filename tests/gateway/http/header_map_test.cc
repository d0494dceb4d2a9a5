#include <vector>

#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/edge/header_map.h"
}

namespace {

class HeaderMap : public testing::Test {
  protected:
    using Mappings = std::vector<struct header_mapping>;

    struct header_map Map(const Mappings &mappings) {
        return {mappings.data(), mappings.size()};
    }

    std::string Refusal(const Mappings &mappings, enum header_map_direction direction) {
        const struct error *e = header_map_check(a_, Map(mappings), direction);
        return e == nullptr ? "" : e->message;
    }

    // "key=value;" for each pair, or the error.
    std::string Request(const Mappings &mappings, const Headers &headers) {
        struct header_map map = Map(mappings);
        size_t bound = header_map_request_bound(map, headers);
        std::vector<struct rpc_metadata> metadata(bound);
        int count = 0;
        const struct error *e = header_map_request(a_, map, headers, metadata.data(), &count);
        if (e != nullptr) {
            EXPECT_EQ(e->code, STATUS_INVALID_ARGUMENT);
            EXPECT_STREQ(e->reason, "HEADER_INVALID");
            EXPECT_STREQ(e->domain, "gateway.v1");
            return e->message;
        }
        EXPECT_EQ(static_cast<size_t>(count), bound);
        std::string text;
        for (const struct rpc_metadata &m : metadata) {
            text += std::string(m.key) + "=" + Str(m.value) + ";";
        }
        return text;
    }

    std::string Response(const Mappings &mappings, const std::string &key,
                         const std::string &value) {
        const char *name = "";
        const char *text = "";
        switch (header_map_response(a_, Map(mappings), Exact(key), Exact(value), &name, &text)) {
        case HEADER_MAP_NONE:
            return "";
        case HEADER_MAP_INVALID:
            return std::string(name) + " invalid";
        case HEADER_MAP_VALUE:
            break;
        }
        return std::string(name) + ": " + text;
    }

    Arena a_;
};

TEST_F(HeaderMap, ReservedNamesAreRefusedOnEitherSide) {
    for (const char *name : {"authorization",
                             "connection",
                             "content-encoding",
                             "content-length",
                             "content-type",
                             "expect",
                             "grpc-timeout",
                             "grpc-anything",
                             "host",
                             "keep-alive",
                             "proxy-authenticate",
                             "proxy-authorization",
                             "proxy-connection",
                             "te",
                             "trailer",
                             "traceparent",
                             "tracestate",
                             "transfer-encoding",
                             "upgrade",
                             "user-agent",
                             "x-request-id",
                             "x-request-timeout",
                             "access-control-allow-origin"}) {
        const std::string expected = "\"" + std::string(name) +
                                     "\" cannot be mapped: it belongs to HTTP, gRPC or the gateway";
        for (auto direction : {HEADER_MAP_REQUEST, HEADER_MAP_RESPONSE}) {
            EXPECT_EQ(Refusal({{name, "x-a"}}, direction), expected);
            EXPECT_EQ(Refusal({{"x-a", name}}, direction), expected);
        }
    }
    for (const char *name :
         {"allow", "cache-control", "date", "etag", "retry-after", "vary", "www-authenticate"}) {
        EXPECT_EQ(Refusal({{"x-a", name}}, HEADER_MAP_RESPONSE),
                  "metadata cannot be mapped to \"" + std::string(name) +
                      "\": the gateway sets it itself");
        EXPECT_EQ(Refusal({{name, "x-a"}}, HEADER_MAP_RESPONSE), "");
    }
}

// Who asks is the gateway's to say; what a client or a proxy says of it may have another key.
TEST_F(HeaderMap, NoHeaderBecomesTheClientsAddress) {
    EXPECT_EQ(Refusal({{"x-real-ip", "x-forwarded-for"}}, HEADER_MAP_REQUEST),
              "no header can be mapped to \"x-forwarded-for\": the gateway sets it itself");
    EXPECT_NE(Refusal({{"x-forwarded-for", "x-forwarded-for"}}, HEADER_MAP_REQUEST), "");
    EXPECT_EQ(Refusal({{"x-client", "x-runsd-client-name"}}, HEADER_MAP_REQUEST),
              "no header can be mapped to \"x-runsd-client-name\": the gateway sets it itself");
    EXPECT_EQ(Refusal({{"x-forwarded-for", "edge-for"}}, HEADER_MAP_REQUEST), "");
    EXPECT_EQ(Refusal({{"x-a", "x-forwarded-for"}}, HEADER_MAP_RESPONSE), "");
}

TEST_F(HeaderMap, NamesMustBeWellFormed) {
    for (const char *name : {"", "a b", ":authority", "X-Upper", "a:b", "\xc3\xa4"}) {
        EXPECT_EQ(Refusal({{name, "a"}}, HEADER_MAP_REQUEST),
                  "the header name \"" + std::string(name) + "\" is no HTTP token in lower case");
        EXPECT_EQ(Refusal({{name, "a"}}, HEADER_MAP_RESPONSE),
                  "the metadata key \"" + std::string(name) +
                      "\" must be of a-z, 0-9, \"_\", \"-\" and \".\"");
    }
    EXPECT_EQ(Refusal({{"a", "a!"}}, HEADER_MAP_RESPONSE), "");
    EXPECT_NE(Refusal({{"a", "a!"}}, HEADER_MAP_REQUEST), "");
    EXPECT_EQ(Refusal({{"a", "a_.-bin"}, {"b", "b"}}, HEADER_MAP_REQUEST), "");
}

TEST_F(HeaderMap, ANameIsMappedOnce) {
    EXPECT_EQ(Refusal({{"a", "b"}, {"c", "d"}, {"a", "e"}}, HEADER_MAP_REQUEST),
              "two mappings are from \"a\", one is allowed");
    EXPECT_EQ(Refusal({{"a", "b"}, {"c", "b"}}, HEADER_MAP_RESPONSE),
              "two mappings are to \"b\", one is allowed");
}

TEST_F(HeaderMap, RequestHeadersBecomeMetadataInOrder) {
    const Mappings mappings = {{"x-tenant", "tenant"}, {"x-b", "x-b"}};
    EXPECT_EQ(Request(mappings, {}), "");
    EXPECT_EQ(Request({}, {{"X-Tenant", "a"}}), "");
    EXPECT_EQ(Request(mappings, {{"X-B", "1"},
                                 {"X-TENANT", "a, b"},
                                 {"X-Other", "no"},
                                 {"tenant", "no"},
                                 {"x-b", "2"},
                                 {"x-tenant", ""}}),
              "x-b=1;tenant=a, b;x-b=2;tenant=;");
}

TEST_F(HeaderMap, BinaryKeysAreBase64InHttp) {
    const Mappings mappings = {{"x-blob", "blob-bin"}};
    EXPECT_EQ(Request(mappings, {{"X-Blob", "AAH/"}}), std::string("blob-bin=\0\x01\xff;", 13));
    EXPECT_EQ(Request(mappings, {{"X-Blob", "AAE"}}), std::string("blob-bin=\0\x01;", 12));
    EXPECT_EQ(Request(mappings, {{"X-Blob", "YQ==, YmI"}, {"X-Blob", "Y2Nj"}}),
              "blob-bin=a;blob-bin=bb;blob-bin=ccc;");
    for (const char *bad : {"AAH*", "A", "a=b=", "\xc3\xa4"}) {
        EXPECT_EQ(Request(mappings, {{"X-Blob", bad}}), "the header \"x-blob\" must be base64");
    }
    // The header's own name means nothing.
    EXPECT_EQ(Request({{"x-bin", "text"}}, {{"x-bin", "*"}}), "text=*;");
}

TEST_F(HeaderMap, ValuesThatMetadataCannotHoldAreRefused) {
    const Mappings mappings = {{"x-a", "a"}};
    for (const char *bad : {"\xc3\xa4", "a\tb", "\x7f"}) {
        EXPECT_EQ(Request(mappings, {{"X-A", bad}}), "the header \"x-a\" must be printable ASCII");
    }
}

TEST_F(HeaderMap, ReplyMetadataBecomesHeaders) {
    const Mappings mappings = {{"cost", "x-cost"}, {"blob-bin", "x-blob"}};
    EXPECT_EQ(Response(mappings, "cost", "12 units"), "x-cost: 12 units");
    EXPECT_EQ(Response(mappings, "blob-bin", std::string("\0\x01\xff", 3)), "x-blob: AAH/");
    EXPECT_EQ(Response(mappings, "costs", "1"), "");
    EXPECT_EQ(Response(mappings, "cost", ""), "");
    EXPECT_EQ(Response({}, "cost", "1"), "");
    for (const char *bad : {"a\r\nSet-Cookie: b", "a\nb", "a\rb", "\x1f", "\x7f", "\x80", "\t"}) {
        EXPECT_EQ(Response(mappings, "cost", bad), "x-cost invalid");
    }
}

} // namespace
