#include "tests/storage/bulk_testing.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// Runs that are created anew under the ids of deleted ones: what was said of those does not hold
// for them.

namespace {

INSTANTIATE_STORE_CONTRACT();

using Items = std::map<std::string, int>;

void EndAndDelete(struct run_store *store, const std::string &id) {
    ASSERT_EQ(Apply(store, {.id = id, .to = RUN_SUCCESS}).result, STORE_OK) << id;
    Deleted d = DeleteRun(store, {.id = id});
    ASSERT_EQ(d.result, STORE_OK) << d.detail;
}

// Ends and deletes the run, and creates another one of its id, which starts no later.
void Renew(struct run_store *store, const std::string &id) {
    EndAndDelete(store, id);
    ASSERT_EQ(CreateRun(store, {.id = id}).result, STORE_OK) << id;
}

int64_t AcquireOne(struct run_store *store, const std::string &id,
                   const std::string &organization = "acme") {
    Acquired a = Acquire(store, {.organization = organization, .ids = {id}});
    EXPECT_EQ(a.ids(), std::vector<std::string>{id});
    return a.runs.empty() ? -1 : a.runs[0].attempt;
}

TEST_P(StoreContract, NoAttemptOfADeletedRunIsGivenAgain) {
    MustCreate(LeasedRun("by hand"));
    MustCreate(LeasedRun("by age"));
    EXPECT_EQ(AcquireOne(store_, "by hand"), 1);
    EXPECT_EQ(AcquireOne(store_, "by age"), 1);
    ASSERT_EQ(EndLease(store_, {.id = "by age"}).result, STORE_OK);
    EXPECT_EQ(AcquireOne(store_, "by age"), 2);
    ASSERT_EQ(EndLease(store_, {.id = "by age", .attempt = 2}).result, STORE_OK);
    EXPECT_EQ(AcquireOne(store_, "by age"), 3);

    EndAndDelete(store_, "by hand");
    MustCreate(LeasedRun("by hand"));
    EXPECT_EQ(AcquireOne(store_, "by hand"), 2);
    // The executor of the run that was deleted says something of the one that is there.
    Answer late = EndLease(store_, {.id = "by hand", .attempt = 1});
    EXPECT_EQ(late.result, STORE_CONFLICT);
    EXPECT_TRUE(late.is_stale);
    EXPECT_EQ(GetRun(store_, "by hand").run.holder, "executor");

    ASSERT_EQ(Apply(store_, {.id = "by age", .to = RUN_SUCCESS}).result, STORE_OK);
    Settle(store_);
    ASSERT_EQ(DeleteRuns(store_, {"by age"}), 1);
    if (GetParam().is_kept) {
        Reopen();
    }
    StoredRun held = LeasedRun("by age");
    held.holder = "executor"; // from its creation on
    held.lease_us = 30000000;
    MustCreate(held);
    EXPECT_EQ(GetRun(store_, "by age").run.attempt, 4);
}

TEST_P(StoreContract, NoAttemptOfADeletedOrganizationsRunIsGivenAgain) {
    MustCreate(LeasedRun("x"));
    EXPECT_EQ(AcquireOne(store_, "x"), 1);
    ASSERT_EQ(EndLease(store_, {.id = "x"}).result, STORE_OK);
    EXPECT_EQ(AcquireOne(store_, "x"), 2);
    Settle(store_);
    ASSERT_EQ(Freeze(store_, "acme", 3000), STORE_OK);
    ASSERT_EQ(DeleteOrganization(store_, "acme"), 1);
    if (GetParam().is_kept) {
        Reopen();
    }
    MustCreate(LeasedRun("x"));
    EXPECT_EQ(AcquireOne(store_, "x"), 3);
}

TEST_P(StoreContract, WhatDidNotReachTheFloorOfAttemptsDoesNotRaiseIt) {
    for (const char *id : {"a", "b", "c"}) {
        MustCreate(LeasedRun(id));
        EXPECT_EQ(AcquireOne(store_, id), 1);
    }
    for (const char *id : {"a", "b", "c"}) {
        EndAndDelete(store_, id);
    }
    MustCreate(LeasedRun("d"));
    EXPECT_EQ(AcquireOne(store_, "d"), 2);
}

TEST_P(StoreContract, APlanIsNotAboutRunsThatWereCreatedAfterIt) {
    for (const char *id : {"a", "b", "c"}) {
        MustCreate({.id = id});
    }
    ASSERT_EQ(CreateChild(store_, {.id = "old child"}, "b").result, STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "names", .is_dry_run = true}, {"a", "b"}).result, STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "search", .is_dry_run = true, .has_filter = true}).result,
              STORE_OK);
    ASSERT_EQ(FinishBulk(store_, "search").bulk.total, 4);
    ASSERT_EQ(
        CreateBulk(store_, {.id = "family", .is_dry_run = true, .cascades = true}, {"b"}).result,
        STORE_OK);
    ASSERT_EQ(FinishBulk(store_, "family").bulk.total, 2);
    Renew(store_, "b");
    ASSERT_EQ(CreateChild(store_, {.id = "new child"}, "b").result, STORE_OK);
    Renew(store_, "old child");
    if (GetParam().is_kept) {
        Reopen();
    }
    for (const char *job : {"family", "names", "search"}) {
        ASSERT_EQ(ChangeBulk(store_, {.id = job, .to = BULK_RUNNING}).result, STORE_OK);
        ASSERT_EQ(FinishBulk(store_, job).bulk.state, BULK_DONE);
    }
    EXPECT_EQ(ListBulkItems(store_, "family"),
              (Items{{"b", BULK_NOT_FOUND}, {"old child", BULK_NOT_FOUND}}));
    EXPECT_EQ(ListBulkItems(store_, "names"),
              (Items{{"a", BULK_CANCELLED}, {"b", BULK_NOT_FOUND}}));
    EXPECT_EQ(ListBulkItems(store_, "search"), (Items{{"a", BULK_ALREADY_FINAL},
                                                      {"b", BULK_NOT_FOUND},
                                                      {"c", BULK_CANCELLED},
                                                      {"old child", BULK_NOT_FOUND}}));
    for (const char *id : {"b", "old child", "new child"}) {
        EXPECT_EQ(GetRun(store_, id).run.status, RUN_RUNNING) << id;
    }
}

TEST_P(StoreContract, AJobThatRestedIsNotAboutRunsThatWereCreatedMeanwhile) {
    MustCreate({.id = "ended", .status = RUN_SUCCESS});
    MustCreate({.id = "running"});
    ASSERT_EQ(CreateBulk(store_, {.cascades = true}, {"ended", "running", "absent"}).result,
              STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "search", .has_filter = true}).result, STORE_OK);
    ASSERT_EQ(DeleteRun(store_, {.id = "ended"}).result, STORE_OK);
    MustCreate({.id = "ended"});
    ASSERT_EQ(CreateChild(store_, {.id = "its child"}, "ended").result, STORE_OK);
    MustCreate({.id = "absent"});
    ASSERT_EQ(FinishBulk(store_).bulk.state, BULK_DONE);
    EXPECT_EQ(ListBulkItems(store_), (Items{{"absent", BULK_NOT_FOUND},
                                            {"ended", BULK_ALREADY_FINAL},
                                            {"running", BULK_CANCELLED}}));
    // What it has not looked at yet was created after it, though it starts no later.
    ASSERT_EQ(FinishBulk(store_, "search").bulk.state, BULK_DONE);
    EXPECT_EQ(ListBulkItems(store_, "search"), (Items{}));
    for (const char *id : {"ended", "its child", "absent"}) {
        EXPECT_EQ(GetRun(store_, id).run.status, RUN_RUNNING) << id;
    }
}

// A cascade leaves out no descendant, however late it was created.
TEST_P(StoreContract, DescendantsThatWereCreatedAfterAJobAreItemsOfIt) {
    MustCreate({.id = "m"});
    for (const char *id : {"a", "z"}) { // before its parent and after it, in the order of the items
        ASSERT_EQ(CreateChild(store_, {.id = id}, "m").result, STORE_OK);
    }
    ASSERT_EQ(CreateBulk(store_, {.is_dry_run = true, .cascades = true}, {"m"}).result, STORE_OK);
    ASSERT_EQ(FinishBulk(store_).bulk.total, 3);
    EndAndDelete(store_, "a");
    EndAndDelete(store_, "z");
    ASSERT_EQ(CreateChild(store_, {.id = "between"}, "m").result, STORE_OK);
    ASSERT_EQ(CreateChild(store_, {.id = "a"}, "between").result, STORE_OK);
    ASSERT_EQ(CreateChild(store_, {.id = "z"}, "m").result, STORE_OK);
    ASSERT_EQ(CreateChild(store_, {.id = "other"}, "z").result, STORE_OK);
    ASSERT_EQ(ChangeBulk(store_, {.to = BULK_RUNNING}).result, STORE_OK);
    ASSERT_EQ(FinishBulk(store_, "job", 1).bulk.state, BULK_DONE);
    EXPECT_EQ(ListBulkItems(store_), (Items{{"a", BULK_CANCELLED},
                                            {"between", BULK_CANCELLED},
                                            {"m", BULK_CANCELLED},
                                            {"other", BULK_CANCELLED},
                                            {"z", BULK_CANCELLED}}));
}

// One that a cascade found is meant, also where its parent goes before its turn has come.
TEST_P(StoreContract, DescendantsThatWereFoundStayItemsWhenTheirParentGoes) {
    MustCreate({.id = "m"});
    ASSERT_EQ(CreateBulk(store_, {.is_dry_run = true, .cascades = true}, {"m"}).result, STORE_OK);
    ASSERT_EQ(FinishBulk(store_).bulk.total, 1);
    ASSERT_EQ(CreateChild(store_, {.id = "x"}, "m").result, STORE_OK);
    ASSERT_EQ(CreateChild(store_, {.id = "y"}, "m").result, STORE_OK);
    ASSERT_EQ(ChangeBulk(store_, {.to = BULK_RUNNING}).result, STORE_OK);
    while (RunBulk(store_, "job", 1).bulk.total < 3) {
    }
    Deleted d = DeleteRun(store_, {.id = "m"});
    ASSERT_EQ(d.result, STORE_OK) << d.detail;
    Renew(store_, "y"); // another one, which is nobody's child
    ASSERT_EQ(FinishBulk(store_).bulk.state, BULK_DONE);
    EXPECT_EQ(ListBulkItems(store_),
              (Items{{"m", BULK_CANCELLED}, {"x", BULK_CANCELLED}, {"y", BULK_NOT_FOUND}}));
}

} // namespace
