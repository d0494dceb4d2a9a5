#include "tests/storage/deletion_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

// Organizations that are frozen and deleted, and what is left of them.

namespace {

INSTANTIATE_STORE_CONTRACT();

TEST_P(StoreContract, WhatIsFrozenIsNotDeleted) {
    MakeEnded(store_, "run");
    MakeEnded(store_, "run", 1000, "other");
    Settle(store_);
    ASSERT_EQ(Freeze(store_, "acme", 5000), STORE_OK);
    enum store_result result;
    EXPECT_EQ(DeleteRuns(store_, {"run"}, INT64_MAX, "acme", &result), -1);
    EXPECT_EQ(result, STORE_READ_ONLY);
    EXPECT_EQ(DeleteRunOnce(store_, {.id = "run"}).result, STORE_READ_ONLY);
    EXPECT_EQ(GetRun(store_, "run").result, STORE_OK);
    EXPECT_EQ(ListEnded(store_, 5000), (std::vector<Ended>{{"other", "run", 1001, 2}}));
    ASSERT_EQ(Freeze(store_, "acme", 0), STORE_OK);
    EXPECT_EQ(ListEnded(store_, 5000).size(), 2u);
    EXPECT_EQ(DeleteRuns(store_, {"run"}), 1);
}

TEST_P(StoreContract, AnOrganizationIsDeletedWithAllItHas) {
    for (int most : {1, 7, 1000}) {
        SCOPED_TRACE(most);
        const std::string name = "doomed" + std::to_string(most);
        const Token token = {.organization = name,
                             .name = "t",
                             .hash = std::string(TOKEN_HASH_BYTES, 'a' + most % 8)};
        for (int i = 0; i < 40; i++) {
            MakeEnded(store_, std::to_string(i), 1000, name);
            StoredRun run = LeasedRun("active" + std::to_string(i));
            run.organization = name;
            run.workflow_id = std::to_string(i);
            MustCreate(run);
        }
        ASSERT_EQ(DeleteRun(store_, {.organization = name, .id = "7"}).result, STORE_OK);
        MakeEnded(store_, "mine");
        ASSERT_EQ(CreateToken(store_, token), STORE_OK);
        EXPECT_EQ(DeleteOrganizationOnce(store_, name).result, STORE_CONFLICT);
        ASSERT_EQ(Freeze(store_, name, 5000), STORE_OK);
        EXPECT_EQ(DeleteOrganization(store_, name, most), 79);
        EXPECT_EQ(DeleteOrganizationOnce(store_, name).result, STORE_CONFLICT); // thawed
        EXPECT_TRUE(ListRuns(store_, {.organization = name}).runs.empty());
        EXPECT_TRUE(ListTokens(store_, name).empty());
        EXPECT_EQ(GetRun(store_, "1", name).result, STORE_NOT_FOUND);
        EXPECT_TRUE(ListDue(store_, INT64_MAX, 100).due.empty());
        EXPECT_EQ(GetRun(store_, "mine").result, STORE_OK);
        ASSERT_EQ(DeleteRun(store_, {.id = "mine"}).result, STORE_OK);
        // The name can be used, and no cursor of before names an event of it.
        Changes c = ListChanges(store_, {.organization = name, .after = 121});
        EXPECT_EQ(c.result, STORE_OK) << c.detail;
        EXPECT_EQ(c.floor, 121);
        EXPECT_EQ(c.newest, 121);
        ASSERT_EQ(CreateToken(store_, token), STORE_OK);
        Answer a = CreateRun(store_, {.organization = name, .id = "1", .workflow_id = "w"});
        EXPECT_EQ(a.revision, 122);
        for (int64_t before = 0; before < 121; before++) {
            EXPECT_EQ(ListChanges(store_, {.organization = name, .after = before}).result,
                      STORE_CONFLICT);
        }
        EXPECT_EQ(ListChanges(store_, {.organization = name, .after = 121}).changes.size(), 1u);
        STORE_OP(op, get_organization);
        op->name = ToSlice(name);
        ASSERT_EQ(op.RunOn(store_), STORE_OK);
        EXPECT_EQ(op->ret.runs[RUN_RUNNING], 1);
        EXPECT_EQ(op->ret.runs[RUN_CANCELLED], 0);
        EXPECT_EQ(op->ret.frozen_at_us, 0);
    }
    EXPECT_EQ(DeleteOrganizationOnce(store_, "absent").result, STORE_NOT_FOUND);
}

// There is no newer event than the one that goes.
TEST_P(StoreContract, TheOnlyOrganizationIsDeletedAndEventsGoOn) {
    MakeEnded(store_, "one");
    MustCreate({.id = "two"});
    ASSERT_EQ(Freeze(store_, "acme", 5000), STORE_OK);
    EXPECT_EQ(DeleteOrganization(store_, "acme"), 2);
    for (int round = 0; round < 2; round++) {
        EXPECT_TRUE(ListRuns(store_, {}).runs.empty());
        STORE_OP(stats, store_stats);
        ASSERT_EQ(stats.RunOn(store_), STORE_OK);
        EXPECT_EQ(stats->ret.events, 0);
        if (round == 0 && GetParam().is_kept) {
            Reopen();
        }
    }
    EXPECT_EQ(CreateRun(store_, {.id = "three"}).revision, 4);
    EXPECT_EQ(ListChanges(store_, {.after = 3}).changes.size(), 1u);
    STORE_OP(stats, store_stats);
    ASSERT_EQ(stats.RunOn(store_), STORE_OK);
    EXPECT_EQ(stats->ret.events, 1);
}

TEST_P(StoreContract, AnOrganizationThatHasOnlyTokensIsDeleted) {
    ASSERT_EQ(CreateToken(store_, {.organization = "new", .name = "t"}), STORE_OK);
    EXPECT_EQ(DeleteOrganizationOnce(store_, "new").result, STORE_CONFLICT);
    ASSERT_EQ(Freeze(store_, "new", 5000), STORE_OK);
    EXPECT_EQ(DeleteOrganization(store_, "new"), 0);
    EXPECT_TRUE(ListTokens(store_, "new").empty());
    EXPECT_EQ(DeleteOrganizationOnce(store_, "new").result, STORE_NOT_FOUND);
}

} // namespace
