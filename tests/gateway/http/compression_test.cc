#include <random>
#include <zlib.h>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/edge/compression.h"
}

namespace {

// What a client makes of it; "(no gzip)" if it is none.
std::string Unzip(const std::string &gzip, size_t size) {
    std::string bytes(size + 1, '\0');
    z_stream stream = {};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(gzip.data()));
    stream.avail_in = static_cast<uInt>(gzip.size());
    stream.next_out = reinterpret_cast<Bytef *>(bytes.data());
    stream.avail_out = static_cast<uInt>(bytes.size());
    bool ended = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0;
    bytes.resize(stream.total_out);
    inflateEnd(&stream);
    return ended ? bytes : "(no gzip)";
}

std::string Json(size_t size) {
    std::string text = "[";
    std::mt19937 random(1);
    while (text.size() < size) {
        text += "{\"id\":" + std::to_string(random()) + ",\"status\":\"running\"},";
    }
    text.resize(size);
    return text;
}

TEST(Compression, ComesBackAsItWas) {
    for (size_t size : {100, 511, 512, 513, 4096, 32767, 32768, 32769, 70000, 1 << 20}) {
        std::string text = Json(size);
        Buffer out;
        ASSERT_TRUE(compression_gzip(S(text), out)) << size;
        EXPECT_LT(out.str().size(), size);
        EXPECT_TRUE(Unzip(out.str(), size) == text) << size;
    }
}

TEST(Compression, LeavesWhatWouldNotBeSmaller) {
    std::mt19937 random(2);
    std::string noise(5000, '\0');
    for (char &c : noise) {
        c = static_cast<char>(random());
    }
    for (const std::string &text : {std::string(), std::string("{}"), noise}) {
        Buffer out;
        EXPECT_FALSE(compression_gzip(S(text), out)) << text.size();
        EXPECT_EQ(out.b.data, nullptr);
        EXPECT_EQ(out.b.len, 0u);
    }
}

} // namespace
