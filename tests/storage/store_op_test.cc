// What a store keeps of an operation that failed, to try it again.

extern "C" {
#include "storage/op/list_runs.h"
}

#include <gtest/gtest.h>
#include <string>

namespace {

std::string ToString(struct slice s) {
    return std::string(reinterpret_cast<const char *>(s.data), s.len);
}

TEST(StoreOp, ACopyHasOfItsOwnAllThatItIsAskedBy) {
    std::string texts[] = {"acme", "w", "holder", "place", "one", "two"};
    struct slice slices[6];
    for (int i = 0; i < 6; i++) {
        slices[i] = slice_of(texts[i].data(), texts[i].size());
    }
    struct slice ids[] = {slices[4], slices[5]};
    struct store_list_runs l = {};
    l.op.kind = &store_list_runs_kind;
    l.organization = slices[0];
    l.workflow_id = slices[1];
    l.holder = slices[2];
    l.cursor.id = slices[3];
    l.ids = ids;
    l.id_count = 2;
    l.limit = 7;
    struct arena a;
    arena_init(&a);
    auto *copy = reinterpret_cast<struct store_list_runs *>(store_op_copy(&l.op, &a));
    // What it was made of is gone.
    for (std::string &text : texts) {
        text.assign(text.size(), 'x');
    }
    ids[0] = ids[1] = SLICE_EMPTY;
    l = {};
    EXPECT_EQ(ToString(copy->organization), "acme");
    EXPECT_EQ(ToString(copy->workflow_id), "w");
    EXPECT_EQ(ToString(copy->holder), "holder");
    EXPECT_EQ(ToString(copy->cursor.id), "place");
    ASSERT_EQ(copy->id_count, 2);
    EXPECT_EQ(ToString(copy->ids[0]), "one");
    EXPECT_EQ(ToString(copy->ids[1]), "two");
    EXPECT_EQ(copy->limit, 7);
    arena_release(&a);
}

} // namespace
