#ifndef RUNSD_TESTS_GATEWAY_HTTP_GZIP_H
#define RUNSD_TESTS_GATEWAY_HTTP_GZIP_H

#include <gtest/gtest.h>
#include <string>
#include <zlib.h>

// Text compressed as a client does it; in another format than gzip if window says so.
inline std::string Zip(const std::string &text, int window = 15 + 16) {
    std::string bytes(text.size() + 1000, '\0');
    z_stream z = {};
    EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef *>(bytes.data());
    z.avail_out = static_cast<uInt>(bytes.size());
    EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    bytes.resize(z.total_out);
    deflateEnd(&z);
    return bytes;
}

#endif
