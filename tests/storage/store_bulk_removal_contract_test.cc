#include "tests/storage/bulk_testing.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/store_contract.h"

extern "C" {
#include "storage/op/delete_organization.h"
#include "storage/op/freeze_organization.h"
}

using namespace store_testing;

// Jobs that are removed, whose runs are, and whose organization is frozen or deleted.

namespace {

INSTANTIATE_STORE_CONTRACT();

using Items = std::map<std::string, int>;
using Names = std::vector<std::string>;

enum store_result Freeze(struct run_store *store, int64_t at_us) {
    STORE_OP(op, freeze_organization);
    op->name = slice_of_cstr("acme");
    op->at_us = at_us;
    return op.RunOn(store);
}

TEST_P(StoreContract, FrozenOrganizationsJobsRestUntilItIsThawed) {
    MustCreate({.id = "a"});
    MustCreate({.id = "b"});
    ASSERT_EQ(CreateBulk(store_, {.id = "runs"}, {"a"}).result, STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "search", .has_filter = true}).result, STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "plan", .is_dry_run = true}, {"b"}).result, STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "other", .is_dry_run = true}, {"b"}).result, STORE_OK);
    const BulkChange execution = {.id = "plan", .to = BULK_RUNNING};
    ASSERT_EQ(Freeze(store_, 5500), STORE_OK);
    for (bool is_reopened : {false, true}) {
        EXPECT_EQ(CreateBulk(store_, {.id = "new"}, {"a"}).result, STORE_READ_ONLY);
        EXPECT_EQ(CollectBulk(store_, "search").result, STORE_READ_ONLY);
        EXPECT_EQ(RunBulk(store_, "runs").result, STORE_READ_ONLY);
        EXPECT_EQ(ChangeBulk(store_, execution).result, STORE_READ_ONLY);
        EXPECT_EQ(CreateChild(store_, {.id = "c"}, "a").result, STORE_READ_ONLY);
        EXPECT_EQ(ListUnfinishedBulks(store_), (Names{}));
        EXPECT_EQ(GetBulk(store_, "plan").bulk.state, BULK_PLANNED);
        EXPECT_EQ(ListBulks(store_).size(), 4u);
        if (is_reopened || !GetParam().is_kept) {
            break;
        }
        Reopen();
    }
    // To end one changes no run.
    EXPECT_EQ(ChangeBulk(store_, {.id = "other"}).result, STORE_OK);
    ASSERT_EQ(Freeze(store_, 0), STORE_OK);
    EXPECT_EQ(ListUnfinishedBulks(store_), (Names{"acme/runs 3", "acme/search 1"}));
    EXPECT_EQ(ChangeBulk(store_, execution).result, STORE_OK);
    EXPECT_EQ(FinishBulk(store_, "runs").bulk.cancelled, 1);
    EXPECT_EQ(FinishBulk(store_, "search").bulk.cancelled, 1);
    EXPECT_EQ(FinishBulk(store_, "plan").bulk.already_final, 1);
}

TEST_P(StoreContract, RunsThatWereDeletedMeanwhileAreNotFound) {
    for (const char *id : {"a", "b", "c"}) {
        MustCreate({.id = id});
    }
    ASSERT_EQ(CreateChild(store_, {.id = "child"}, "b").result, STORE_OK);
    ASSERT_EQ(CreateChild(store_, {.id = "grandchild"}, "child").result, STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.is_dry_run = true, .cascades = true}, {"a", "b", "c"}).result,
              STORE_OK);
    ASSERT_EQ(FinishBulk(store_).bulk.state, BULK_PLANNED);
    for (const char *id : {"a", "child"}) {
        ASSERT_EQ(Apply(store_, {.id = id, .to = RUN_SUCCESS}).result, STORE_OK);
        Deleted d = DeleteRun(store_, {.id = id});
        ASSERT_EQ(d.result, STORE_OK) << d.detail;
    }
    // A run whose parent is gone has no ancestors any more.
    EXPECT_EQ(CreateChild(store_, {.id = "late"}, "grandchild").result, STORE_OK);
    ASSERT_EQ(ChangeBulk(store_, {.to = BULK_RUNNING}).result, STORE_OK);
    ASSERT_EQ(FinishBulk(store_).bulk.state, BULK_DONE);
    EXPECT_EQ(ListBulkItems(store_), (Items{{"a", BULK_NOT_FOUND},
                                            {"b", BULK_CANCELLED},
                                            {"c", BULK_CANCELLED},
                                            {"child", BULK_NOT_FOUND},
                                            {"grandchild", BULK_CANCELLED},
                                            {"late", BULK_CANCELLED}}));
}

TEST_P(StoreContract, OldJobsAndPlansAreRemovedWithTheirItems) {
    Ids ids;
    for (int i = 0; i < 10; i++) {
        ids.push_back(std::to_string(i));
        MustCreate({.id = ids.back()});
    }
    ASSERT_EQ(CreateBulk(store_, {.id = "plan", .is_dry_run = true}, ids).result, STORE_OK);
    ASSERT_EQ(
        CreateBulk(store_, {.id = "newer", .is_dry_run = true, .created_at_us = 5001}, ids).result,
        STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "done"}, ids).result, STORE_OK);
    ASSERT_EQ(FinishBulk(store_, "done").bulk.finished_at_us, 7000);
    ASSERT_EQ(CreateBulk(store_, {.id = "aborted", .is_dry_run = true}, ids).result, STORE_OK);
    ASSERT_EQ(ChangeBulk(store_, {.id = "aborted", .at_us = 7001}).result, STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "search", .has_filter = true}).result, STORE_OK);
    EXPECT_EQ(TrimBulks(store_, INT64_MIN, INT64_MIN), 0);
    EXPECT_EQ(TrimBulks(store_, 7000, 5000), 0);
    EXPECT_EQ(ListBulks(store_).size(), 5u);
    EXPECT_EQ(TrimBulks(store_, INT64_MIN, 5001), 11);
    EXPECT_EQ(GetBulk(store_, "plan").result, STORE_NOT_FOUND);
    EXPECT_EQ(TrimBulks(store_, 7001, INT64_MIN), 11);
    EXPECT_EQ(GetBulk(store_, "done").result, STORE_NOT_FOUND);
    EXPECT_EQ(GetBulk(store_, "aborted").result, STORE_OK);
    // In batches: a job is not there from the first one on.
    bool has_more = true;
    int gone = 0;
    for (int i = 0; has_more; i++) {
        ASSERT_LT(i, 10);
        gone += TrimBulks(store_, INT64_MAX, INT64_MIN, 4, &has_more);
        EXPECT_EQ(GetBulk(store_, "aborted").result, STORE_NOT_FOUND);
        EXPECT_EQ(ChangeBulk(store_, {.id = "aborted"}).result, STORE_NOT_FOUND);
        EXPECT_EQ(RunBulk(store_, "aborted").result, STORE_NOT_FOUND);
        if (GetParam().is_kept) {
            Reopen();
        }
    }
    EXPECT_EQ(gone, 11);
    EXPECT_EQ(TrimBulks(store_, INT64_MAX, INT64_MAX), 11);
    // What is not finished stays, however old; the id of what went may be taken again.
    EXPECT_EQ(ListBulks(store_), (Ids{"search"}));
    EXPECT_EQ(CreateBulk(store_, {.id = "plan"}, {"0"}).result, STORE_OK);
    EXPECT_EQ(GetBulk(store_, "plan").bulk.already_final, 1);
}

// A job is removed in batches, each of which leaves a store that is sound.
TEST_P(StoreContract, JobThatIsBeingRemovedIsNotThereToAnybody) {
    Ids ids;
    for (int i = 0; i < 10; i++) {
        ids.push_back("absent" + std::to_string(i));
    }
    const Key key = {"key", "create"};
    ASSERT_EQ(CreateBulk(store_, {.id = "old"}, ids, 16, key).bulk.state, BULK_DONE);
    ASSERT_GT(TrimBulks(store_, INT64_MAX, INT64_MIN, 4), 0);
    for (bool is_reopened : {false, true}) {
        EXPECT_EQ(GetBulk(store_, "old").result, STORE_NOT_FOUND);
        EXPECT_EQ(ListBulks(store_), (is_reopened ? Ids{"new"} : Ids{}));
        EXPECT_EQ(ChangeBulk(store_, {.id = "old"}).result, STORE_NOT_FOUND);
        BulkAnswer a = CreateBulk(store_, {.id = "new"}, ids, 16, key);
        EXPECT_EQ(a.result, STORE_OK) << a.detail;
        EXPECT_EQ(a.is_replayed, is_reopened);
        if (is_reopened || !GetParam().is_kept) {
            break;
        }
        Reopen();
    }
}

TEST_P(StoreContract, JobsGoWithTheirOrganizationStepByStep) {
    MustCreate({.id = "r"});
    for (int i = 0; i < 3; i++) {
        const std::string n = std::to_string(i);
        ASSERT_EQ(CreateBulk(store_, {.id = "job" + n, .is_dry_run = i == 1},
                             {"r", "x" + n, "y" + n, "z" + n, "w" + n})
                      .result,
                  STORE_OK);
    }
    ASSERT_EQ(Apply(store_, {.id = "r"}).result, STORE_OK);
    ASSERT_EQ(Freeze(store_, 9000), STORE_OK);
    bool is_done = false;
    for (int steps = 0; !is_done; steps++) {
        ASSERT_LT(steps, 1000);
        STORE_OP(op, delete_organization);
        op->name = slice_of_cstr("acme");
        op->most = 2;
        ASSERT_EQ(op.RunOn(store_), STORE_OK) << op.detail();
        is_done = op->ret_is_done;
        if (GetParam().is_kept) {
            Reopen();
        }
    }
    EXPECT_EQ(ListBulks(store_), (Ids{}));
    EXPECT_EQ(ListUnfinishedBulks(store_), (Names{}));
    STORE_OP(stats, store_stats);
    ASSERT_EQ(stats.RunOn(store_), STORE_OK) << stats.detail();
    EXPECT_EQ(stats->ret.jobs, 0);
}

} // namespace
