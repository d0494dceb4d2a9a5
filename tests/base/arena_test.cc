extern "C" {
#include "base/core/arena.h"
}

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <string>

namespace {

TEST(Arena, AlignsEveryAllocationForAnyType) {
    arena a;
    arena_init(&a);
    for (size_t n = 0; n < 300; n++) {
        auto p = reinterpret_cast<uintptr_t>(arena_alloc(&a, n));
        EXPECT_EQ(0u, p % alignof(std::max_align_t)) << n;
    }
    arena_release(&a);
}

TEST(Arena, KeepsAllocationsApartAcrossBlocks) {
    arena a;
    arena_init(&a);
    std::vector<char *> parts;
    for (int i = 0; i < 2000; i++) {
        char *p = static_cast<char *>(arena_alloc(&a, 100));
        memset(p, i % 251, 100);
        parts.push_back(p);
    }
    for (int i = 0; i < 2000; i++) {
        for (int k = 0; k < 100; k++) {
            ASSERT_EQ(static_cast<char>(i % 251), parts[static_cast<size_t>(i)][k]);
        }
    }
    arena_release(&a);
}

TEST(Arena, GivesBlocksLargerThanItsLargest) {
    arena a;
    arena_init(&a);
    const size_t n = 5 * 1024 * 1024;
    char *p = static_cast<char *>(arena_zalloc(&a, n));
    EXPECT_EQ(0, p[0]);
    EXPECT_EQ(0, p[n - 1]);
    arena_release(&a);
}

TEST(Arena, CopiesAndFormats) {
    arena a;
    arena_init(&a);
    std::string source = "cancel";
    slice copy = arena_copy(&a, slice_of(source.data(), source.size()));
    source = "xxxxxx";
    EXPECT_TRUE(slice_equal_cstr(copy, "cancel"));
    EXPECT_STREQ("cancel", arena_cstr(&a, copy));
    EXPECT_STREQ("run 7 of x", arena_printf(&a, "run %d of %s", 7, "x"));
    EXPECT_EQ(0u, arena_copy(&a, SLICE_EMPTY).len);
    EXPECT_STREQ("", arena_cstr(&a, SLICE_EMPTY));
    arena_release(&a);
}

char *FormatTwice(arena *a, std::string *ret_first, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    *ret_first = arena_vprintf(a, format, again);
    va_end(again);
    char *second = arena_vprintf(a, format, args);
    va_end(args);
    return second;
}

TEST(Arena, FormatsTextsOfAnyLength) {
    arena a;
    arena_init(&a);
    for (size_t length = 0; length < 10000; length = length * 2 + 1) {
        const std::string text(length, 'x');
        std::string first;
        EXPECT_EQ(text + "7", FormatTwice(&a, &first, "%s%d", text.c_str(), 7));
        EXPECT_EQ(text + "7", first);
    }
    arena_release(&a);
}

TEST(Arena, GivesAnAddressForNoBytes) {
    arena a;
    arena_init(&a);
    EXPECT_NE(nullptr, arena_alloc(&a, 0));
    EXPECT_NE(nullptr, arena_zalloc(&a, 0));
    arena_release(&a);
}

TEST(Arena, IsEmptyAndUsableAfterRelease) {
    arena a;
    arena_init(&a);
    arena_alloc(&a, 10);
    arena_release(&a);
    EXPECT_EQ(nullptr, a.blocks);
    EXPECT_NE(nullptr, arena_alloc(&a, 10));
    arena_release(&a);
}

TEST(Arena, KeepsItsFirstBlockAtAReset) {
    arena a;
    arena_init(&a);
    arena_reset(&a); // of nothing
    EXPECT_EQ(nullptr, a.blocks);
    void *first = arena_alloc(&a, 100);
    memset(arena_alloc(&a, 1000000), 1, 1000000);
    arena_reset(&a);
    EXPECT_EQ(first, arena_alloc(&a, 100));
    arena_release(&a);
    arena_alloc(&a, 1000000); // a first block of unusual size
    arena_reset(&a);
    EXPECT_EQ(nullptr, a.blocks);
    arena_release(&a);
}

} // namespace
