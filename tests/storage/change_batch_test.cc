#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

extern "C" {
#include "base/core/clock.h"
#include "storage/op/create_run.h"
#include "storage/postgres/change_batch.h"
#include "tests/storage/store_metrics_testing.h"
}

// Which operations go into one transaction of the back-end for PostgreSQL, and that each is
// answered once, whatever becomes of it.

namespace {

constexpr size_t kMega = 1 << 20;
constexpr int64_t kLong = INT64_C(60) * 1000 * 1000;

class ChangeBatch : public testing::Test {
  protected:
    struct Op {
        struct store_op op = {}; // first
        int number;
        size_t bytes;
        struct store_timing timing = {};
        ChangeBatch *test;
    };

    ChangeBatch() {
        arena_init(&arena_);
        kind_.bytes = [](const struct store_op *op) {
            return reinterpret_cast<const Op *>(op)->bytes;
        };
        ops_.reserve(100); // whose addresses stay
    }
    ~ChangeBatch() override {
        arena_release(&arena_);
        store_metrics_testing_free(metrics_);
    }

    struct store_op *Add(size_t bytes = 1, int64_t deadline_us = 0) {
        ops_.emplace_back();
        Op &o = ops_.back();
        o.number = static_cast<int>(ops_.size());
        o.bytes = bytes;
        o.test = this;
        o.op.kind = &kind_;
        o.op.arena = &arena_;
        o.op.deadline_us = deadline_us;
        o.op.timing = &o.timing;
        o.op.detail = "of another try";
        o.op.done = [](struct store_op *op) {
            Op *done = reinterpret_cast<Op *>(op);
            done->test->answered_.push_back(done->number);
            op->next = nullptr; // its owner's
        };
        *end_ = &o.op;
        end_ = &o.op.next;
        return &o.op;
    }
    std::vector<int> Numbers(const struct change_batch &b) {
        std::vector<int> numbers;
        for (struct store_op *op = b.first; op != nullptr; op = op->next) {
            numbers.push_back(reinterpret_cast<Op *>(op)->number);
        }
        EXPECT_EQ(static_cast<size_t>(b.count), numbers.size());
        return numbers;
    }
    struct change_batch Fill(int most = 100) {
        struct change_batch b;
        change_batch_fill(&b, &waiting_, most, metrics_);
        b.end = b.first == nullptr ? &b.first : b.end;
        return b;
    }
    using Of = std::vector<int>;

    struct store_kind kind_ = store_create_run_kind;
    struct store_metrics *metrics_ = store_metrics_testing_new();
    struct arena arena_;
    std::vector<Op> ops_;
    struct store_op *waiting_ = nullptr;
    struct store_op **end_ = &waiting_;
    std::vector<int> answered_;
};

TEST_F(ChangeBatch, TakesWhatWaitsInOrderUpToItsSize) {
    for (int i = 0; i < 5; i++) {
        Add(3);
    }
    struct change_batch b = Fill(3);
    EXPECT_EQ(Numbers(b), (Of{1, 2, 3}));
    EXPECT_EQ(b.bytes, 9u);
    EXPECT_LE(b.begin_us, clock_monotonic_us());
    EXPECT_GT(b.begin_us, clock_monotonic_us() - kLong);
    EXPECT_EQ(b.first->detail, nullptr);
    EXPECT_EQ(Numbers(Fill(3)), (Of{4, 5}));
    EXPECT_EQ(Fill(3).count, 0);
    EXPECT_TRUE(answered_.empty());
}

TEST_F(ChangeBatch, EndsWithTheOneThatMakesItLarge) {
    Add(8 * kMega - 1);
    Add(1);
    Add(1);
    EXPECT_EQ(Numbers(Fill()), (Of{1, 2}));
    EXPECT_EQ(Numbers(Fill()), (Of{3}));
    Add(100 * kMega); // one alone may be larger
    Add(1);
    end_ = &waiting_;
    waiting_ = &ops_[3].op;
    EXPECT_EQ(Numbers(Fill()), (Of{4}));
}

TEST_F(ChangeBatch, AnswersWhatIsTooLateOrTooLarge) {
    Add(1, 1); // long ago
    Add(STORE_LARGEST_OP_BYTES + size_t{1});
    Add(1, clock_monotonic_us() + kLong);
    Add(STORE_LARGEST_OP_BYTES);
    EXPECT_EQ(Numbers(Fill()), (Of{3, 4}));
    EXPECT_EQ(answered_, (Of{1, 2}));
    EXPECT_EQ(ops_[0].op.result, STORE_EXPIRED);
    EXPECT_EQ(ops_[1].op.result, STORE_TOO_LARGE);
}

TEST_F(ChangeBatch, DropsThoseThatBecameLate) {
    for (int i = 0; i < 4; i++) {
        Add(2, clock_monotonic_us() + kLong);
    }
    struct change_batch b = Fill();
    int64_t begin_us = b.begin_us;
    ops_[0].op.deadline_us = ops_[2].op.deadline_us = 1;
    change_batch_drop_late(&b, metrics_);
    EXPECT_EQ(Numbers(b), (Of{2, 4}));
    EXPECT_EQ(b.bytes, 4u);
    EXPECT_EQ(b.begin_us, begin_us);
    EXPECT_EQ(answered_, (Of{1, 3}));
    EXPECT_EQ(ops_[2].op.result, STORE_EXPIRED);
    ops_[1].op.deadline_us = ops_[3].op.deadline_us = 1;
    change_batch_drop_late(&b, metrics_);
    EXPECT_EQ(Numbers(b), Of{});
    EXPECT_EQ(answered_, (Of{1, 3, 2, 4}));
    EXPECT_EQ(b.end, &b.first) << "it can be filled again";
}

TEST_F(ChangeBatch, SplitsIntoBatchesOfOne) {
    Add(5);
    Add(6);
    struct change_batch b = Fill();
    b.begin_us = 1;
    struct change_batch single;
    ASSERT_TRUE(change_batch_split(&b, &single));
    EXPECT_EQ(Numbers(single), (Of{1}));
    EXPECT_EQ(single.bytes, 5u);
    EXPECT_GT(single.begin_us, clock_monotonic_us() - kLong);
    EXPECT_EQ(Numbers(b), (Of{2}));
    EXPECT_EQ(b.end, &b.first->next);
    ASSERT_TRUE(change_batch_split(&b, &single));
    EXPECT_EQ(Numbers(single), (Of{2}));
    EXPECT_EQ(Numbers(b), Of{});
    EXPECT_EQ(b.end, &b.first);
    EXPECT_FALSE(change_batch_split(&b, &single));
    EXPECT_EQ(Numbers(single), (Of{2})) << "it is left alone";
}

TEST_F(ChangeBatch, WaitsForAnAnswerAsLongAsAnyCaller) {
    int64_t now_us = clock_monotonic_us();
    Add(1, now_us + 3 * kLong);
    Add(1, now_us + 5 * kLong);
    Add(1, now_us + 4 * kLong);
    struct change_batch b = Fill();
    EXPECT_EQ(change_batch_deadline(&b, now_us + 9 * kLong), now_us + 5 * kLong);
    EXPECT_EQ(change_batch_deadline(&b, now_us + 4 * kLong), now_us + 4 * kLong);
    ops_[2].op.deadline_us = 0;
    EXPECT_EQ(change_batch_deadline(&b, now_us + 9 * kLong), now_us + 9 * kLong);
}

TEST_F(ChangeBatch, AnswersAllOnceWithTheirTime) {
    for (int i = 0; i < 3; i++) {
        Add();
    }
    ops_[1].op.timing = nullptr;
    struct change_batch b = Fill();
    ops_[0].op.result = STORE_CONFLICT;
    change_batch_answer(&b, metrics_);
    EXPECT_EQ(answered_, (Of{1, 2, 3}));
    EXPECT_EQ(Numbers(b), Of{});
    EXPECT_EQ(ops_[0].op.result, STORE_CONFLICT);
    for (int i : {0, 2}) {
        EXPECT_EQ(ops_[i].timing.begin_us, b.begin_us);
        EXPECT_GE(ops_[i].timing.end_us, b.begin_us);
        EXPECT_EQ(ops_[i].timing.op_count, 3);
    }
    EXPECT_EQ(ops_[1].timing.op_count, 0);
}

TEST_F(ChangeBatch, AnswersAllAlike) {
    Add();
    Add();
    struct change_batch b = Fill();
    change_batch_answer_all(&b, metrics_, STORE_UNREACHABLE, "it is gone");
    EXPECT_EQ(answered_, (Of{1, 2}));
    for (const Op &o : ops_) {
        EXPECT_EQ(o.op.result, STORE_UNREACHABLE);
        EXPECT_STREQ(o.op.detail, "it is gone");
    }
}

} // namespace
