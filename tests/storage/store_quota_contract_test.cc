#include <atomic>
#include <thread>

#include "tests/storage/count_testing.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// How many runs an organization may have open, and how much may be stored of its runs.

namespace {

INSTANTIATE_STORE_CONTRACT();

struct Created {
    enum store_result result;
    enum store_excess excess;
    int64_t open_runs;
    int64_t stored_bytes;
    bool is_replayed;
};

Created Create(struct run_store *store, const struct store_quota &quota, const StoredRun &run,
               const Key &key = {}, const std::string &parent = {}) {
    STORE_OP(op, create_run);
    FillCreate(op, run);
    op->quota = quota;
    op->idempotency = ToIdempotency(key);
    op->parent_id = ToSlice(parent);
    enum store_result result = op.RunOn(store);
    return {result, op->ret_excess, op->ret_use.open_runs, op->ret_use.stored_bytes,
            result == STORE_OK && op->ret_is_replayed};
}

std::string Id(int i) {
    return "r" + std::to_string(i);
}

std::string Spec(size_t size) {
    return std::string(size, 's');
}

TEST_P(StoreContract, AnOrganizationHasNoMoreOpenRunsThanItMay) {
    const struct store_quota quota = {3, 0};
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(Create(store_, quota, {.id = Id(i)}).result, STORE_OK);
    }
    Created beyond = Create(store_, quota, {.id = "beyond"});
    EXPECT_EQ(beyond.result, STORE_OVER_QUOTA);
    EXPECT_EQ(beyond.excess, EXCESS_OPEN_RUNS);
    EXPECT_EQ(beyond.open_runs, 3);
    EXPECT_EQ(GetRun(store_, "beyond").result, STORE_NOT_FOUND);
    // Another one has its own, and a run that is final at once is none that is open.
    EXPECT_EQ(Create(store_, quota, {.organization = "globex", .id = "r0"}).result, STORE_OK);
    EXPECT_EQ(Create(store_, quota, {.id = "final", .status = RUN_SUCCESS}).result, STORE_OK);
    // What waits is open; what ends makes room, and nothing keeps it from ending.
    ASSERT_EQ(Apply(store_, {.id = "r0", .to = RUN_WAITING}).result, STORE_OK);
    EXPECT_EQ(Create(store_, quota, {.id = "beyond"}).result, STORE_OVER_QUOTA);
    ASSERT_EQ(Apply(store_, {.id = "r0"}).result, STORE_OK);
    EXPECT_EQ(Create(store_, quota, {.id = "after"}).result, STORE_OK);
    EXPECT_EQ(Create(store_, quota, {.id = "beyond"}).result, STORE_OVER_QUOTA);
    // A quota that is lowered ends nothing.
    EXPECT_EQ(Create(store_, {1, 0}, {.id = "beyond"}).open_runs, 3);
    EXPECT_EQ(Apply(store_, {.id = "r1", .to = RUN_SUCCESS}).result, STORE_OK);
    EXPECT_EQ(Create(store_, {0, 0}, {.id = "beyond"}).result, STORE_OK);
    ExpectCounted(store_);
}

TEST_P(StoreContract, AnOrganizationHasNoMoreBytesStoredThanItMay) {
    const struct store_quota quota = {0, 1000};
    EXPECT_EQ(Create(store_, quota, {.id = "r0", .spec = Spec(600)}).result, STORE_OK);
    EXPECT_EQ(GetOrganization(store_).stored_bytes, 600);
    Created beyond = Create(store_, quota, {.id = "beyond", .spec = Spec(401)});
    EXPECT_EQ(beyond.result, STORE_OVER_QUOTA);
    EXPECT_EQ(beyond.excess, EXCESS_STORED_BYTES);
    EXPECT_EQ(beyond.stored_bytes, 600);
    EXPECT_EQ(Create(store_, quota, {.id = "r1", .status = RUN_SUCCESS, .spec = Spec(400)}).result,
              STORE_OK);
    EXPECT_EQ(Create(store_, quota, {.id = "beyond", .spec = Spec(1)}).result, STORE_OVER_QUOTA);
    EXPECT_EQ(Create(store_, quota, {.id = "nothing"}).result, STORE_OK);
    EXPECT_EQ(
        Create(store_, quota, {.organization = "globex", .id = "r", .spec = Spec(1000)}).result,
        STORE_OK);
    // A report and a cancel are never refused, and change nothing of it.
    EXPECT_EQ(Apply(store_, {.id = "r0",
                             .to = RUN_WAITING,
                             .set_execution_state = true,
                             .execution_state = Spec(5000)})
                  .result,
              STORE_OK);
    EXPECT_EQ(Apply(store_, {.id = "r0"}).result, STORE_OK);
    EXPECT_EQ(GetOrganization(store_).stored_bytes, 1000);
    // A deletion makes room.
    ASSERT_EQ(DeleteRun(store_, {.id = "r0"}).result, STORE_OK);
    EXPECT_EQ(GetOrganization(store_).stored_bytes, 400);
    EXPECT_EQ(Create(store_, quota, {.id = "r0", .spec = Spec(601)}).result, STORE_OVER_QUOTA);
    EXPECT_EQ(Create(store_, quota, {.id = "r0", .spec = Spec(600)}).result, STORE_OK);
    ExpectCounted(store_);
}

TEST_P(StoreContract, WhatWasCreatedIsAnsweredWhateverTheQuota) {
    const struct store_quota quota = {1, 10};
    const Key key = {"key", "request"};
    EXPECT_EQ(Create(store_, quota, {.id = "r", .spec = Spec(10)}, key).result, STORE_OK);
    for (const struct store_quota &later : {quota, store_quota{1, 0}, store_quota{0, 1}}) {
        Created again = Create(store_, later, {.id = "r", .spec = Spec(10)}, key);
        EXPECT_EQ(again.result, STORE_OK);
        EXPECT_TRUE(again.is_replayed);
        EXPECT_EQ(Create(store_, later, {.id = "r", .spec = Spec(10)}, {"key", "other"}).result,
                  STORE_KEY_REUSED);
        EXPECT_EQ(Create(store_, later, {.id = "r", .spec = Spec(10)}).result, STORE_EXISTS);
        EXPECT_EQ(Create(store_, later, {.id = "c"}, {}, "absent").result, STORE_CONFLICT);
    }
    // A key that was refused is not used up.
    const Key refused = {"refused", "request"};
    EXPECT_EQ(Create(store_, quota, {.id = "s"}, refused).result, STORE_OVER_QUOTA);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_OK);
    Created now = Create(store_, quota, {.id = "s"}, refused);
    EXPECT_EQ(now.result, STORE_OK);
    EXPECT_FALSE(now.is_replayed);
}

TEST_P(StoreContract, QuotasAreExactWhateverIsCreatedAtOnce) {
    constexpr int kThreads = 8;
    constexpr int kEach = 40;
    const struct store_quota quotas[] = {{100, 0}, {0, 1000}};
    for (size_t q = 0; q < 2; q++) {
        const std::string organization = "o" + std::to_string(q);
        std::atomic<int> created{0};
        std::atomic<int> refused{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < kThreads; t++) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < kEach; i++) {
                    Created c = Create(
                        store_, quotas[q],
                        {.organization = organization, .id = Id(t * kEach + i), .spec = Spec(10)});
                    created += c.result == STORE_OK;
                    refused += c.result == STORE_OVER_QUOTA;
                }
            });
        }
        for (auto &thread : threads) {
            thread.join();
        }
        EXPECT_EQ(created.load(), 100);
        EXPECT_EQ(refused.load(), kThreads * kEach - 100);
        EXPECT_EQ(GetOrganization(store_, organization).stored_bytes, 1000);
        ExpectCounted(store_, organization);
    }
}

TEST_P(StoreContract, AnOrganizationThatIsDeletedHasNothingStored) {
    for (int i = 0; i < 20; i++) {
        MustCreate({.id = Id(i), .spec = Spec(static_cast<size_t>(i))});
    }
    EXPECT_EQ(GetOrganization(store_).stored_bytes, 190);
    ASSERT_EQ(Freeze(store_, "acme", 5000), STORE_OK);
    DeleteOrganization(store_, "acme", 7);
    EXPECT_EQ(GetOrganization(store_).stored_bytes, 0);
    ASSERT_EQ(Create(store_, {20, 5}, {.id = "r", .spec = Spec(5)}).result, STORE_OK);
    ExpectCounted(store_);
}

} // namespace
