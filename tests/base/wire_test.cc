extern "C" {
#include "base/core/wire.h"
}

#include <gtest/gtest.h>
#include <string>

namespace {

bool ReadAll(const std::string &bytes) {
    auto p = reinterpret_cast<const uint8_t *>(bytes.data());
    const uint8_t *end = p + bytes.size();
    wire_field f;
    while (p < end) {
        if (!wire_read_field(&p, end, &f)) {
            return false;
        }
    }
    return true;
}

TEST(Wire, ReadsBackWhatItWrote) {
    strbuf b = STRBUF_INIT;
    wire_put_uint(&b, 1, 0);
    wire_put_uint(&b, 2, UINT64_MAX);
    wire_put_fixed32(&b, 3, 0xDEADBEEF);
    wire_put_fixed64(&b, 4, wire_double_bits(-0.5));
    wire_put_bytes(&b, 536870911, slice_of_cstr("text"));
    const uint8_t *p = b.data;
    const uint8_t *end = b.data + b.len;
    wire_field f;
    ASSERT_TRUE(wire_read_field(&p, end, &f));
    EXPECT_EQ(1u, f.number);
    EXPECT_EQ(0u, f.value);
    ASSERT_TRUE(wire_read_field(&p, end, &f));
    EXPECT_EQ(UINT64_MAX, f.value);
    ASSERT_TRUE(wire_read_field(&p, end, &f));
    EXPECT_EQ(WIRE_FIXED32, f.type);
    EXPECT_EQ(0xDEADBEEFu, f.value);
    ASSERT_TRUE(wire_read_field(&p, end, &f));
    EXPECT_EQ(-0.5, wire_bits_double(f.value));
    ASSERT_TRUE(wire_read_field(&p, end, &f));
    EXPECT_EQ(536870911u, f.number);
    EXPECT_TRUE(slice_equal_cstr(f.bytes, "text"));
    EXPECT_EQ(end, p);
    strbuf_release(&b);
}

TEST(Wire, SizesVarintsAsItWritesThem) {
    for (int bit = 0; bit < 64; bit++) {
        for (uint64_t value : {UINT64_C(1) << bit, (UINT64_C(1) << bit) - 1}) {
            strbuf b = STRBUF_INIT;
            wire_put_varint(&b, value);
            EXPECT_EQ(b.len, wire_varint_size(value));
            const uint8_t *p = b.data;
            uint64_t back = 1;
            EXPECT_TRUE(wire_read_varint(&p, b.data + b.len, &back));
            EXPECT_EQ(value, back);
            strbuf_release(&b);
        }
    }
}

TEST(Wire, PutsTheLowestBytesFirstWhereverTheBufferEnds) {
    for (size_t width : {4u, 8u}) {
        for (size_t before = 0; before < 300; before++) {
            strbuf b = STRBUF_INIT;
            const std::string fill(before, 'x');
            strbuf_append(&b, fill.data(), fill.size());
            wire_put_little_endian(&b, 0x0102030405060708, width);
            const std::string all(reinterpret_cast<char *>(b.data), b.len);
            EXPECT_EQ(fill + std::string("\x08\x07\x06\x05\x04\x03\x02\x01").substr(0, width), all)
                << before;
            strbuf_release(&b);
        }
    }
}

TEST(Wire, RefusesMalformedFields) {
    const struct {
        const char *what;
        std::string bytes;
    } rows[] = {
        {"field number 0", std::string("\x00\x01", 2)},
        {"wire type 6", "\x0E\x01"},
        {"wire type 7", "\x0F\x01"},
        {"cut varint", "\x08\x80"},
        {"varint of 11 bytes", "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"},
        {"varint past 64 bits", "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"},
        {"tag past 32 bits", "\xF8\xFF\xFF\xFF\xFF\x01\x00"},
        {"cut fixed32", "\x0D\x01\x02\x03"},
        {"cut fixed64", "\x09\x01\x02\x03\x04\x05\x06\x07"},
        {"length past the end", "\x0A\x03zz"},
        {"huge length", "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"},
        {"group without end", "\x0B\x10\x01"},
        {"end without group", "\x0C"},
        {"group ended by another", "\x0B\x14"},
        {"groups too deep", std::string(101, '\x0B') + std::string(101, '\x0C')},
    };
    for (const auto &row : rows) {
        EXPECT_FALSE(ReadAll(row.bytes)) << row.what;
    }
}

TEST(Wire, ReadsNestedGroups) {
    const std::string bytes = "\x0B\x13\x18\x07\x14\x0C";
    auto p = reinterpret_cast<const uint8_t *>(bytes.data());
    wire_field f;
    ASSERT_TRUE(wire_read_field(&p, p + bytes.size(), &f));
    EXPECT_EQ(WIRE_GROUP_START, f.type);
    EXPECT_EQ(4u, f.bytes.len);
    EXPECT_TRUE(ReadAll(std::string(100, '\x0B') + std::string(100, '\x0C')));
}

TEST(Wire, TheLastFieldOfANumberAndTypeIsFound) {
    strbuf b = STRBUF_INIT;
    wire_put_bytes(&b, 1, slice_of_cstr("a"));
    wire_put_uint(&b, 1, 7); // the same number as another type
    wire_put_bytes(&b, 2, slice_of_cstr("other"));
    wire_put_bytes(&b, 1, slice_of_cstr("b"));
    wire_field field = {};
    EXPECT_TRUE(wire_find_last(strbuf_slice(&b), 1, WIRE_BYTES, &field));
    EXPECT_TRUE(slice_equal_cstr(field.bytes, "b"));
    EXPECT_TRUE(wire_find_last(strbuf_slice(&b), 1, WIRE_VARINT, &field));
    EXPECT_EQ(field.value, 7u);
    EXPECT_FALSE(wire_find_last(strbuf_slice(&b), 2, WIRE_VARINT, &field));
    EXPECT_EQ(field.value, 7u);
    b.len--; // what is behind the damage is not looked at
    EXPECT_TRUE(wire_find_last(strbuf_slice(&b), 1, WIRE_BYTES, &field));
    EXPECT_TRUE(slice_equal_cstr(field.bytes, "a"));
    strbuf_release(&b);
}

} // namespace
