#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/edge/accept_encoding.h"
}

namespace {

struct Row {
    const char *value;
    enum accept_encoding accepts;
};

TEST(AcceptEncoding, WeighsGzipAgainstIdentity) {
    const Row rows[] = {
        {"gzip", ACCEPT_GZIP},
        {"GZip", ACCEPT_GZIP},
        {"x-gzip", ACCEPT_GZIP},
        {"gzip, deflate, br", ACCEPT_GZIP},
        {"br;q=1.0, gzip;q=0.8, *;q=0.1", ACCEPT_GZIP},
        {"*", ACCEPT_GZIP},
        {"br, *;q=0.001", ACCEPT_GZIP},
        {"gzip;q=0.001", ACCEPT_GZIP},
        {"gzip ; Q=1.000", ACCEPT_GZIP},
        {"gzip;q=0.5, identity;q=0.5", ACCEPT_GZIP},
        {"x-gzip;q=0, gzip", ACCEPT_GZIP},
        {",,gzip,", ACCEPT_GZIP},
        {"gzip;q=1.", ACCEPT_GZIP},
        {"gzip, identity;q=0", ACCEPT_GZIP_ONLY},
        {"gzip, *;q=0", ACCEPT_GZIP_ONLY},
        {"*, identity;q=0.000", ACCEPT_GZIP_ONLY},
        {"", ACCEPT_IDENTITY},
        {"identity", ACCEPT_IDENTITY},
        {"br, deflate", ACCEPT_IDENTITY},
        {"gzip;q=0", ACCEPT_IDENTITY},
        {"gzip;q=0.000, *", ACCEPT_IDENTITY},
        {"*;q=0", ACCEPT_IDENTITY},
        {"identity;q=0", ACCEPT_IDENTITY},
        {"gzip;q=0.5, identity", ACCEPT_IDENTITY},
        {"gzip;q=0.5, identity;q=0.501", ACCEPT_IDENTITY},
        {"gzipped", ACCEPT_IDENTITY},
        {"gzi", ACCEPT_IDENTITY},
        // Malformed members do not count.
        {"gzip;q=1.001", ACCEPT_IDENTITY},
        {"gzip;q=2", ACCEPT_IDENTITY},
        {"gzip;q=-1", ACCEPT_IDENTITY},
        {"gzip;q=0.1234", ACCEPT_IDENTITY},
        {"gzip;q=.5", ACCEPT_IDENTITY},
        {"gzip;q=", ACCEPT_IDENTITY},
        {"gzip;q", ACCEPT_IDENTITY},
        {"gzip;q=0,5", ACCEPT_IDENTITY},
        {"gzip;level=9", ACCEPT_IDENTITY},
        {"gzip;q=1;q=0", ACCEPT_IDENTITY},
        {"gzip q=1", ACCEPT_IDENTITY},
        {"gzip;q=0x1", ACCEPT_IDENTITY},
        {"\"gzip\"", ACCEPT_IDENTITY},
    };
    for (const Row &row : rows) {
        Headers headers = {{"accept-encoding", row.value}};
        EXPECT_EQ(accept_encoding_read(headers), row.accepts) << row.value;
    }
}

TEST(AcceptEncoding, ReadsAllHeadersAndNoOther) {
    EXPECT_EQ(accept_encoding_read(Headers{}), ACCEPT_IDENTITY);
    EXPECT_EQ(accept_encoding_read(Headers{{"Accept", "gzip"}}), ACCEPT_IDENTITY);
    const Headers two = {{"Accept-Encoding", "br"}, {"a", "b"}, {"Accept-Encoding", "gzip"}};
    EXPECT_EQ(accept_encoding_read(two), ACCEPT_GZIP);
}

} // namespace
