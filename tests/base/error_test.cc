extern "C" {
#include "base/core/error.h"
}

#include <gtest/gtest.h>

namespace {

TEST(Error, NamesAllSeventeenCodes) {
    const char *const names[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    };
    ASSERT_EQ(17, STATUS_CODE_COUNT);
    for (int code = 0; code < STATUS_CODE_COUNT; code++) {
        EXPECT_STREQ(names[code], status_code_name(code));
    }
    EXPECT_STREQ("UNKNOWN", status_code_name(-1));
    EXPECT_STREQ("UNKNOWN", status_code_name(17));
}

TEST(Error, KeepsMetadataAndViolationsInOrder) {
    arena a;
    arena_init(&a);
    error *e =
        error_new(&a, STATUS_INVALID_ARGUMENT, REASON_FIELD_INVALID, "%d bytes, at most %d", 9, 8);
    error_add_metadata(e, &a, "one", "1");
    error_add_metadata(e, &a, "two", "2");
    error_add_violation(e, &a, "id", "has %d bytes", 9);
    error_add_violation(e, &a, "reason", "is no text");
    EXPECT_STREQ("9 bytes, at most 8", e->message);
    EXPECT_STREQ("one", e->metadata->key);
    EXPECT_STREQ("two", e->metadata->next->key);
    EXPECT_EQ(nullptr, e->metadata->next->next);
    EXPECT_STREQ("has 9 bytes", e->violations->description);
    EXPECT_STREQ("reason", e->violations->next->field);
    arena_release(&a);
}

TEST(Error, TakesAnEmptyMessage) {
    arena a;
    arena_init(&a);
    EXPECT_STREQ("", error_new(&a, STATUS_INTERNAL, REASON_NONE, "%s", "")->message);
    arena_release(&a);
}

} // namespace
