#include <random>

#include "tests/gateway/http/gzip.h"
#include "tests/gateway/support.h"

extern "C" {
#include "gateway/edge/gunzip.h"
}

namespace {

struct Room {
    size_t limit = SIZE_MAX;
    size_t most = 0;
    struct gunzip_room room = {Take, this};
    static bool Take(void *self, size_t bytes) {
        auto *r = static_cast<Room *>(self);
        r->most = bytes > r->most ? bytes : r->most;
        return bytes <= r->limit;
    }
};

// "ok:TEXT", or what it is instead.
std::string Inflate(const std::string &gzip, size_t most, Room *room) {
    Exact bytes(gzip);
    Buffer out;
    const char *fault = "";
    switch (gunzip_inflate(bytes, most, &room->room, out, &fault)) {
    case GUNZIP_DONE:
        return "ok:" + out.str();
    case GUNZIP_TOO_LARGE:
        EXPECT_EQ(out.b.data, nullptr);
        return "too large";
    case GUNZIP_MALFORMED:
        EXPECT_EQ(out.b.data, nullptr);
        return fault;
    case GUNZIP_NO_ROOM:
        EXPECT_EQ(out.b.data, nullptr);
        return "no room";
    }
    return "";
}

std::string Inflate(const std::string &gzip, size_t most = 1 << 20) {
    Room room;
    return Inflate(gzip, most, &room);
}

std::string Noise(size_t size) {
    std::mt19937 random(1);
    std::string noise(size, '\0');
    for (char &c : noise) {
        c = static_cast<char>(random());
    }
    return noise;
}

TEST(Gunzip, WhatWasCompressedComesBack) {
    for (size_t size : {0, 1, 100, 4095, 4096, 4097, 70000, 1 << 20}) {
        for (const std::string &text : {std::string(size, 'x'), Noise(size)}) {
            EXPECT_TRUE(Inflate(Zip(text)) == "ok:" + text) << size;
        }
    }
}

TEST(Gunzip, TheBoundIsThatOfWhatIsInflated) {
    for (size_t size : {0, 1, 100, 4096, 5000, 70000}) {
        for (const std::string &text : {std::string(size, 'x'), Noise(size)}) {
            EXPECT_TRUE(Inflate(Zip(text), size) == "ok:" + text) << size;
            if (size > 0) {
                EXPECT_EQ(Inflate(Zip(text), size - 1), "too large") << size;
            }
        }
    }
}

TEST(Gunzip, OfABombNoMoreThanTheBoundIsInflated) {
    const std::string bomb = Zip(std::string(64 << 20, '\0'));
    ASSERT_LT(bomb.size(), 70000u);
    Room room;
    EXPECT_EQ(Inflate(bomb, 1 << 20, &room), "too large");
    EXPECT_EQ(room.most, (1u << 20) + 1);
}

TEST(Gunzip, IsGivenUpWhereThereIsNoRoom) {
    Room room;
    room.limit = 100000;
    EXPECT_EQ(Inflate(Zip(std::string(1 << 20, 'x')), 1 << 20, &room), "no room");
    Room enough;
    enough.limit = 4096;
    EXPECT_EQ(Inflate(Zip("abc"), 1 << 20, &enough), "ok:abc");
}

TEST(Gunzip, MembersAreOneText) {
    EXPECT_EQ(Inflate(Zip("ab") + Zip("") + Zip("cd")), "ok:abcd");
    EXPECT_EQ(Inflate(Zip("ab") + Zip("cd"), 3), "too large");
    std::string many;
    for (int i = 0; i < 20000; i++) {
        many += Zip("");
    }
    EXPECT_EQ(Inflate(many), "ok:");
}

TEST(Gunzip, WhatIsNoGzipIsRefused) {
    const std::string good = Zip("some text that is compressed");
    std::string crc = good, length = good, method = good;
    crc[good.size() - 8] ^= 1;
    length[good.size() - 1] ^= 1;
    method[2] = 7;
    EXPECT_EQ(Inflate(crc), "incorrect data check");
    EXPECT_EQ(Inflate(length), "incorrect length check");
    EXPECT_EQ(Inflate(method), "unknown compression method");
    EXPECT_EQ(Inflate("{\"text\":\"plain\"}"), "incorrect header check");
    EXPECT_EQ(Inflate(Zip("zlib's own", 15)), "incorrect header check");
    EXPECT_EQ(Inflate(Zip("raw", -15)), "incorrect header check");
    for (const char *behind : {"x", "\x1F", "{}", "garbage"}) {
        EXPECT_EQ(Inflate(good + behind), "something stands behind its end") << behind;
    }
    EXPECT_EQ(Inflate(good + std::string(4, '\0')), "something stands behind its end");
    EXPECT_EQ(Inflate(good + "\x1F\x8B"), "it ends early");
    for (size_t n = 1; n < good.size(); n++) {
        EXPECT_EQ(Inflate(good.substr(0, n)), "it ends early") << n;
    }
    const std::string noise = Zip(Noise(70000));
    for (size_t n = 1; n < noise.size(); n += 997) {
        EXPECT_EQ(Inflate(noise.substr(0, n)), "it ends early") << n;
    }
}

} // namespace
