#include "tests/storage/bulk_testing.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// Families of runs: who may be whose child, and jobs that cancel descendants.

namespace {

INSTANTIATE_STORE_CONTRACT();

using Items = std::map<std::string, int>;

const ChildAnswer kSound = {STORE_OK, PARENT_SOUND, ""};

TEST_P(StoreContract, ParentMustBeARunOfTheOrganization) {
    MustCreate({.id = "p"});
    MustCreate({.organization = "globex", .id = "foreign"});
    EXPECT_EQ(CreateChild(store_, {.id = "c"}, "p"), kSound);
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, "absent"),
              (ChildAnswer{STORE_CONFLICT, PARENT_MISSING, ""}));
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, "foreign"),
              (ChildAnswer{STORE_CONFLICT, PARENT_MISSING, ""}));
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, "x"),
              (ChildAnswer{STORE_CONFLICT, PARENT_MISSING, ""}));
    EXPECT_EQ(GetRun(store_, "x").result, STORE_NOT_FOUND);
    EXPECT_EQ(ListEvents(store_, "c").size(), 1u);
    // That the id is taken comes first.
    EXPECT_EQ(CreateChild(store_, {.id = "c"}, "absent").result, STORE_EXISTS);
    EXPECT_EQ(CreateChild(store_, {.id = "c"}, "p").result, STORE_EXISTS);
    EXPECT_EQ(CreateChild(store_, {.id = "c"}, "c").result, STORE_EXISTS);
}

TEST_P(StoreContract, ChildUnderACancelledAncestorIsRefused) {
    const std::string uuid = "01937560-0000-7a01-8000-000000000001";
    MustCreate({.id = uuid});
    ASSERT_EQ(CreateChild(store_, {.id = "b"}, uuid), kSound);
    ASSERT_EQ(CreateChild(store_, {.id = "c"}, "b"), kSound);
    // One that has ended otherwise may have children.
    ASSERT_EQ(Apply(store_, {.id = "b", .to = RUN_SUCCESS}).result, STORE_OK);
    EXPECT_EQ(CreateChild(store_, {.id = "b2"}, "b"), kSound);
    ASSERT_EQ(Apply(store_, {.id = uuid}).result, STORE_OK);
    const ChildAnswer refused = {STORE_CONFLICT, PARENT_CANCELLED, uuid};
    for (bool is_reopened : {false, true}) {
        for (const std::string &parent : {uuid, std::string("b"), std::string("c")}) {
            EXPECT_EQ(CreateChild(store_, {.id = "x"}, parent), refused);
        }
        EXPECT_EQ(CreateChild(store_, {.id = "c"}, uuid).result, STORE_EXISTS);
        EXPECT_EQ(GetRun(store_, "x").result, STORE_NOT_FOUND);
        if (is_reopened || !GetParam().is_kept) {
            break;
        }
        Reopen();
    }
    // The nearest one is named.
    ASSERT_EQ(Apply(store_, {.id = "c"}).result, STORE_OK);
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, "c"),
              (ChildAnswer{STORE_CONFLICT, PARENT_CANCELLED, "c"}));
}

TEST_P(StoreContract, AncestorsHaveALimit) {
    MustCreate({.id = "0"});
    for (int i = 1; i <= STORE_MOST_ANCESTORS; i++) {
        ASSERT_EQ(CreateChild(store_, {.id = std::to_string(i)}, std::to_string(i - 1)), kSound);
    }
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, std::to_string(STORE_MOST_ANCESTORS)),
              (ChildAnswer{STORE_CONFLICT, PARENT_TOO_DEEP, ""}));
    ASSERT_EQ(Apply(store_, {.id = "0"}).result, STORE_OK);
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, std::to_string(STORE_MOST_ANCESTORS - 1)),
              (ChildAnswer{STORE_CONFLICT, PARENT_CANCELLED, "0"}));
    // All of them are descendants.
    ASSERT_EQ(CreateBulk(store_, {.cascades = true}, {"0"}).result, STORE_OK);
    BulkAnswer a = FinishBulk(store_, "job", 3);
    EXPECT_EQ(a.bulk.total, 1 + STORE_MOST_ANCESTORS);
    EXPECT_EQ(a.bulk.cancelled, STORE_MOST_ANCESTORS);
    EXPECT_EQ(a.bulk.already_final, 1);
}

// root has two children, one of which has ended and has a child, and ten grandchildren.
void MakeFamily(struct run_store *store) {
    ASSERT_EQ(CreateRun(store, {.id = "root"}).result, STORE_OK);
    ASSERT_EQ(CreateChild(store, {.id = "left"}, "root"), kSound);
    ASSERT_EQ(CreateChild(store, {.id = "right"}, "root"), kSound);
    ASSERT_EQ(Apply(store, {.id = "right", .to = RUN_SUCCESS}).result, STORE_OK);
    ASSERT_EQ(CreateChild(store, {.id = "of right"}, "right"), kSound);
    for (int i = 0; i < 10; i++) {
        char uuid[64];
        snprintf(uuid, sizeof(uuid), "01937560-0000-7a01-8000-%012d", i);
        ASSERT_EQ(CreateChild(store, {.id = i % 2 == 0 ? uuid : "a" + std::to_string(i)}, "left"),
                  kSound);
    }
    ASSERT_EQ(CreateRun(store, {.id = "stranger"}).result, STORE_OK);
    ASSERT_EQ(CreateRun(store, {.organization = "globex", .id = "root"}).result, STORE_OK);
    ASSERT_EQ(CreateChild(store, {.organization = "globex", .id = "theirs"}, "root"), kSound);
}

TEST_P(StoreContract, CascadeCancelsAllDescendants) {
    MakeFamily(store_);
    ASSERT_EQ(CreateBulk(store_, {.cascades = true}, {"root"}).bulk.total, 1);
    BulkAnswer a;
    int steps = 0;
    do {
        a = RunBulk(store_, "job", 2);
        ASSERT_EQ(a.result, STORE_OK) << a.detail;
        ASSERT_LT(++steps, 100);
        if (GetParam().is_kept) {
            Reopen();
        }
    } while (a.bulk.state == BULK_RUNNING);
    EXPECT_EQ(a.bulk.total, 14);
    EXPECT_EQ(a.bulk.cancelled, 13);
    EXPECT_EQ(a.bulk.already_final, 1);
    EXPECT_EQ(GetRun(store_, "right").run.status, RUN_SUCCESS);
    EXPECT_EQ(GetRun(store_, "of right").run.status, RUN_CANCELLED);
    EXPECT_EQ(ListRuns(store_, {.status = kActive}).ids(), (Ids{"stranger"}));
    EXPECT_EQ(ListRuns(store_, {.organization = "globex", .status = kActive}).runs.size(), 2u);
    EXPECT_EQ(ListBulkItems(store_).size(), 14u);
}

TEST_P(StoreContract, CascadeReachesDescendantsOfWhatHasEnded) {
    for (enum run_status to : {RUN_SUCCESS, RUN_FAILURE, RUN_CANCELLED}) {
        const std::string n = std::to_string(to);
        MustCreate({.id = "p" + n});
        ASSERT_EQ(CreateChild(store_, {.id = "c" + n}, "p" + n), kSound);
        ASSERT_EQ(Apply(store_, {.id = "p" + n, .to = to}).result, STORE_OK);
        BulkAnswer a = CreateBulk(store_, {.id = n, .cascades = true}, {"p" + n, "absent"});
        EXPECT_EQ(a.bulk.state, BULK_RUNNING);
        EXPECT_EQ(a.bulk.already_final, 1);
        EXPECT_EQ(a.bulk.not_found, 1);
        a = FinishBulk(store_, n);
        EXPECT_EQ(a.bulk.state, BULK_DONE);
        EXPECT_EQ(ListBulkItems(store_, n), (Items{{"p" + n, BULK_ALREADY_FINAL},
                                                   {"absent", BULK_NOT_FOUND},
                                                   {"c" + n, BULK_CANCELLED}}));
    }
    // Without it only what was named.
    MustCreate({.id = "p"});
    ASSERT_EQ(CreateChild(store_, {.id = "c"}, "p"), kSound);
    ASSERT_EQ(CreateBulk(store_, {}, {"p"}).result, STORE_OK);
    EXPECT_EQ(FinishBulk(store_).bulk.total, 1);
    EXPECT_EQ(GetRun(store_, "c").run.status, RUN_RUNNING);
}

TEST_P(StoreContract, FilterThatCascadesTakesDescendantsThatItDoesNotName) {
    MustCreate({.id = "p", .workflow_id = "w1"});
    MustCreate({.id = "q", .workflow_id = "w2"});
    ASSERT_EQ(CreateChild(store_, {.id = "c", .started_at_us = 9000, .workflow_id = "w2"}, "p"),
              kSound);
    ASSERT_EQ(
        CreateBulk(store_, {.cascades = true, .has_filter = true, .filter = {.workflow_id = "w1"}})
            .result,
        STORE_OK);
    EXPECT_EQ(FinishBulk(store_).bulk.cancelled, 2);
    EXPECT_EQ(ListBulkItems(store_), (Items{{"p", BULK_CANCELLED}, {"c", BULK_CANCELLED}}));
    EXPECT_EQ(GetRun(store_, "q").run.status, RUN_RUNNING);
}

// A plan shows all that its execution is to cancel.
TEST_P(StoreContract, PlanThatCascadesHasTheDescendants) {
    MakeFamily(store_);
    for (bool has_filter : {false, true}) {
        for (int most : {1, 2, 3, 1000}) {
            SCOPED_TRACE(most);
            const std::string id = (has_filter ? "f" : "n") + std::to_string(most);
            Bulk in = {.id = id, .is_dry_run = true, .cascades = true, .has_filter = has_filter};
            BulkAnswer a = CreateBulk(store_, in, has_filter ? Ids{} : Ids{"root"});
            ASSERT_EQ(a.bulk.state, BULK_PLANNING);
            for (int steps = 0; a.bulk.state == BULK_PLANNING; steps++) {
                ASSERT_LT(steps, 100);
                a = CollectBulk(store_, id, most);
                ASSERT_EQ(a.result, STORE_OK) << a.detail;
            }
            EXPECT_EQ(a.bulk.state, BULK_PLANNED);
            EXPECT_EQ(a.bulk.total, has_filter ? 15 : 14);
            EXPECT_EQ(a.bulk.already_final, 1);
            EXPECT_EQ(a.bulk.cancelled, 0);
            EXPECT_EQ(GetBulk(store_, id).sample.size(), has_filter ? 14u : 13u);
            ASSERT_EQ(ChangeBulk(store_, {.id = id}).result, STORE_OK);
        }
    }
    EXPECT_EQ(ListRuns(store_, {.status = kActive}).runs.size(), 14u);
}

// Whatever was created under its runs since it was planned is cancelled too: nothing runs on under
// a cancelled run.
TEST_P(StoreContract, ExecutionOfACascadeFindsWhatWasCreatedSince) {
    MakeFamily(store_);
    Bulk in = {.is_dry_run = true, .cascades = true};
    ASSERT_EQ(CreateBulk(store_, in, {"root"}).result, STORE_OK);
    ASSERT_EQ(FinishBulk(store_).bulk.state, BULK_PLANNED);
    ASSERT_EQ(CreateChild(store_, {.id = "new"}, "left"), kSound);
    ASSERT_EQ(CreateChild(store_, {.id = "newer"}, "new"), kSound);
    ASSERT_EQ(CreateChild(store_, {.id = "under what has ended"}, "right"), kSound);
    ASSERT_EQ(ChangeBulk(store_, {.from = BULK_STATE_BIT(BULK_PLANNED), .to = BULK_RUNNING}).result,
              STORE_OK);
    BulkAnswer a = FinishBulk(store_, "job", 2);
    EXPECT_EQ(a.bulk.state, BULK_DONE);
    EXPECT_EQ(a.bulk.total, 17);
    EXPECT_EQ(a.bulk.cancelled, 16);
    EXPECT_EQ(a.bulk.already_final, 1);
    EXPECT_EQ(ListRuns(store_, {.status = kActive}).ids(), (Ids{"stranger"}));
}

// Children of a run that its executor creates while a job goes through the family.
TEST_P(StoreContract, ChildrenCreatedBetweenStepsDoNotEscape) {
    MakeFamily(store_);
    ASSERT_EQ(CreateBulk(store_, {.cascades = true}, {"root"}).result, STORE_OK);
    std::vector<std::string> parents = {"root", "left", "right",   "of right",
                                        "a1",   "a3",   "stranger"};
    int created = 0;
    int refused = 0;
    for (int step = 0; RunBulk(store_, "job", 1).bulk.state == BULK_RUNNING; step++) {
        ASSERT_LT(step, 1000);
        if (step < 40) {
            const std::string id = "new" + std::to_string(step);
            ChildAnswer a = CreateChild(store_, {.id = id}, parents[step % parents.size()]);
            (a.result == STORE_OK ? created : refused)++;
            if (a.result == STORE_OK) {
                parents.push_back(id);
            }
        }
    }
    EXPECT_GT(created, 0);
    EXPECT_GT(refused, 0);
    // What is left runs under the stranger.
    for (const StoredRun &run : ListRuns(store_, {.status = kActive, .limit = 1000}).runs) {
        EXPECT_EQ(CreateChild(store_, {.id = "of " + run.id}, run.id), kSound) << run.id;
    }
}

// Kinship that goes on through runs that were deleted.

const ChildAnswer kDescends = {STORE_CONFLICT, PARENT_DESCENDS, ""};

ChildAnswer Cancelled(const std::string &ancestor) {
    return {STORE_CONFLICT, PARENT_CANCELLED, ancestor};
}

// Makes a run, its child, the child of that one, and so on.
void MakeLine(struct run_store *store, const Ids &ids) {
    ASSERT_EQ(CreateRun(store, {.id = ids[0]}).result, STORE_OK);
    for (size_t i = 1; i < ids.size(); i++) {
        ASSERT_EQ(CreateChild(store, {.id = ids[i]}, ids[i - 1]), kSound);
    }
}

// Ends the run with success, unless it has ended, and deletes it, one way or the other.
void EndAndDelete(struct run_store *store, const std::string &id, bool by_hand) {
    if (GetRun(store, id).run.status == RUN_RUNNING) {
        ASSERT_EQ(Apply(store, {.id = id, .to = RUN_SUCCESS}).result, STORE_OK);
    }
    if (by_hand) {
        ASSERT_EQ(DeleteRun(store, {.id = id}).result, STORE_OK);
    } else {
        Settle(store);
        ASSERT_EQ(DeleteRuns(store, {id}), 1);
    }
    ASSERT_EQ(GetRun(store, id).result, STORE_NOT_FOUND);
}

// However many in a row were deleted, in whichever order, and by whom.
TEST_P(StoreContract, DeletionOfRunsBetweenDoesNotCutTheFamily) {
    const std::string uuid = "01937560-0000-7a01-8000-000000000001";
    for (bool by_hand : {false, true}) {
        for (const Ids &order : {Ids{uuid}, Ids{uuid, "c"}, Ids{"c", uuid}}) {
            SCOPED_TRACE((by_hand ? "by hand " : "") + order[0] + std::to_string(order.size()));
            MakeLine(store_, {"a", uuid, "c", "d", "e"});
            ASSERT_EQ(CreateChild(store_, {.id = "d2"}, "c"), kSound);
            for (const std::string &id : order) {
                EndAndDelete(store_, id, by_hand);
            }
            if (GetParam().is_kept) {
                Reopen();
            }
            EXPECT_EQ(CreateChild(store_, {.id = "x"}, uuid),
                      (ChildAnswer{STORE_CONFLICT, PARENT_MISSING, ""}));
            // Those between are no items.
            Items items = {{"a", BULK_CANCELLED},
                           {"d", BULK_CANCELLED},
                           {"d2", BULK_CANCELLED},
                           {"e", BULK_CANCELLED}};
            if (order.size() == 1) {
                items["c"] = BULK_CANCELLED;
            }
            Bulk in = {.id = "plan", .is_dry_run = true, .cascades = true};
            in.has_filter = by_hand;
            ASSERT_EQ(CreateBulk(store_, in, by_hand ? Ids{} : Ids{"a"}).result, STORE_OK);
            BulkAnswer plan = FinishBulk(store_, "plan", 1);
            EXPECT_EQ(plan.bulk.state, BULK_PLANNED);
            EXPECT_EQ(plan.bulk.total, static_cast<int64_t>(items.size()));
            EXPECT_EQ(ListBulkItems(store_, "plan").size(), items.size());
            EXPECT_EQ(GetBulk(store_, "plan").sample.size(), items.size());
            // One is cancelled alone; then all that descend from it, a step at a time.
            ASSERT_EQ(Apply(store_, {.id = "a"}).result, STORE_OK);
            EXPECT_EQ(CreateChild(store_, {.id = "x"}, "d"), Cancelled("a"));
            EXPECT_EQ(CreateChild(store_, {.id = "x"}, "e"), Cancelled("a"));
            ASSERT_EQ(CreateBulk(store_, {.cascades = true}, {"a"}).result, STORE_OK);
            BulkAnswer a;
            do {
                a = RunBulk(store_, "job", 1);
                ASSERT_EQ(a.result, STORE_OK) << a.detail;
                EXPECT_EQ(ListBulkItems(store_).size(), static_cast<size_t>(a.bulk.total));
                EXPECT_EQ(ListBulkItems(store_).count(uuid), 0u);
                if (GetParam().is_kept) {
                    Reopen();
                }
            } while (a.bulk.state == BULK_RUNNING);
            items["a"] = BULK_ALREADY_FINAL;
            EXPECT_EQ(ListBulkItems(store_), items);
            EXPECT_EQ(a.bulk.not_found, 0);
            EXPECT_TRUE(ListRuns(store_, {.status = kActive}).ids().empty());
            // The plan finds them so as well.
            ASSERT_EQ(
                ChangeBulk(store_,
                           {.id = "plan", .from = BULK_STATE_BIT(BULK_PLANNED), .to = BULK_RUNNING})
                    .result,
                STORE_OK);
            EXPECT_EQ(FinishBulk(store_, "plan", 2).bulk.already_final,
                      static_cast<int64_t>(items.size()));
            for (const std::string &id : ListRuns(store_, {}).ids()) {
                EndAndDelete(store_, id, true);
            }
            EXPECT_GT(TrimBulks(store_, INT64_MAX), 0);
        }
    }
}

// A job that is about to deal with a run, or has named one, when it is deleted.
TEST_P(StoreContract, CascadeGoesOnThroughRunsThatAreDeletedMeanwhile) {
    MakeLine(store_, {"a", "b", "c", "d"});
    ASSERT_EQ(CreateBulk(store_, {.cascades = true}, {"a"}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "a"}).result, STORE_OK);
    EndAndDelete(store_, "b", true);
    EndAndDelete(store_, "a", true);
    EXPECT_EQ(FinishBulk(store_, "job", 1).bulk.state, BULK_DONE);
    EXPECT_EQ(ListBulkItems(store_),
              (Items{{"a", BULK_NOT_FOUND}, {"c", BULK_CANCELLED}, {"d", BULK_CANCELLED}}));
    // Named when it is gone already: there is nothing to cancel of it, but of its descendants.
    MakeLine(store_, {"p", "q", "r", "s"});
    EndAndDelete(store_, "q", true);
    EndAndDelete(store_, "p", true);
    for (const std::string id : {"plan", "job2"}) {
        Bulk in = {.id = id, .is_dry_run = id == "plan", .cascades = true};
        EXPECT_EQ(CreateBulk(store_, in, {"p"}).bulk.not_found, 1);
        BulkAnswer a = FinishBulk(store_, id, 1);
        EXPECT_EQ(a.bulk.total, 3);
        EXPECT_EQ(a.bulk.cancelled, id == "plan" ? 0 : 2);
    }
    // What has its id now is not what was named.
    MustCreate({.id = "p"});
    ASSERT_EQ(CreateChild(store_, {.id = "other"}, "p"), kSound);
    ASSERT_EQ(
        ChangeBulk(store_, {.id = "plan", .from = BULK_STATE_BIT(BULK_PLANNED), .to = BULK_RUNNING})
            .result,
        STORE_OK);
    EXPECT_EQ(FinishBulk(store_, "plan", 1).bulk.total, 3);
    EXPECT_EQ(ListRuns(store_, {.status = kActive}).runs.size(), 2u);
}

TEST_P(StoreContract, NewRunOfADeletedOnesIdTakesItsPlace) {
    MakeLine(store_, {"a", "b", "c"});
    MakeLine(store_, {"other"});
    EndAndDelete(store_, "b", true);
    // Without a parent it has left the family with its children.
    MustCreate({.id = "b"});
    ASSERT_EQ(Apply(store_, {.id = "a"}).result, STORE_OK);
    EXPECT_EQ(CreateChild(store_, {.id = "d"}, "c"), kSound);
    ASSERT_EQ(CreateBulk(store_, {.cascades = true}, {"a"}).result, STORE_OK);
    EXPECT_EQ(FinishBulk(store_).bulk.total, 1);
    // With another one it has joined another.
    EndAndDelete(store_, "b", false);
    ASSERT_EQ(CreateChild(store_, {.id = "b"}, "other"), kSound);
    EndAndDelete(store_, "b", true);
    if (GetParam().is_kept) {
        Reopen();
    }
    ASSERT_EQ(CreateBulk(store_, {.id = "job2", .cascades = true}, {"other"}).result, STORE_OK);
    EXPECT_EQ(FinishBulk(store_, "job2").bulk.cancelled, 3);
    EXPECT_EQ(ListBulkItems(store_, "job2"),
              (Items{{"other", BULK_CANCELLED}, {"c", BULK_CANCELLED}, {"d", BULK_CANCELLED}}));
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, "d"), Cancelled("d"));
    EXPECT_EQ(CreateChild(store_, {.id = "b"}, "other"), Cancelled("other"));
}

TEST_P(StoreContract, NobodyDescendsFromItself) {
    MakeLine(store_, {"a", "b", "c", "d"});
    EndAndDelete(store_, "b", true);
    EXPECT_EQ(CreateChild(store_, {.id = "b"}, "c"), kDescends);
    EXPECT_EQ(CreateChild(store_, {.id = "b"}, "d"), kDescends);
    EXPECT_EQ(GetRun(store_, "b").result, STORE_NOT_FOUND);
    EndAndDelete(store_, "a", true);
    EXPECT_EQ(CreateChild(store_, {.id = "a"}, "d"), kDescends); // it had no parent
    EndAndDelete(store_, "c", true);
    EXPECT_EQ(CreateChild(store_, {.id = "b"}, "d"), kDescends);
    // Of those between the nearest one says why.
    EXPECT_EQ(CreateChild(store_, {.id = "b"}, "b"),
              (ChildAnswer{STORE_CONFLICT, PARENT_MISSING, ""}));
    EXPECT_EQ(CreateChild(store_, {.id = "d"}, "d").result, STORE_EXISTS);
    ASSERT_EQ(Apply(store_, {.id = "d"}).result, STORE_OK);
    EXPECT_EQ(CreateChild(store_, {.id = "b"}, "d"), Cancelled("d"));
    // Once nobody descends from it any more its id is as good as any.
    EndAndDelete(store_, "d", true);
    MakeLine(store_, {"d", "c", "b", "a"});
}

// Ids of runs that were deleted are ids of strangers once no run descends from them through others.
TEST_P(StoreContract, KinshipEndsWithTheLastDescendant) {
    MakeLine(store_, {"a", "b", "c"});
    ASSERT_EQ(CreateChild(store_, {.id = "c2"}, "b"), kSound);
    EndAndDelete(store_, "b", true);
    EndAndDelete(store_, "c", false);
    ASSERT_EQ(Apply(store_, {.id = "a"}).result, STORE_OK);
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, "c2"), Cancelled("a"));
    EndAndDelete(store_, "c2", true);
    MakeLine(store_, {"b", "c"});
    ASSERT_EQ(CreateBulk(store_, {.cascades = true}, {"a"}).result, STORE_OK);
    EXPECT_EQ(FinishBulk(store_).bulk.total, 1);
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, "c"), kSound);
}

// Those that were deleted count as ancestors.
TEST_P(StoreContract, DeletedAncestorsCountForTheLimit) {
    Ids line;
    for (int i = 0; i <= STORE_MOST_ANCESTORS; i++) {
        line.push_back(std::to_string(i));
    }
    MakeLine(store_, line);
    for (int i = 0; i < STORE_MOST_ANCESTORS; i += 3) {
        EndAndDelete(store_, line[i], true);
    }
    EXPECT_EQ(CreateChild(store_, {.id = "x"}, line.back()),
              (ChildAnswer{STORE_CONFLICT, PARENT_TOO_DEEP, ""}));
    ASSERT_EQ(CreateBulk(store_, {.cascades = true}, {"1"}).result, STORE_OK);
    EXPECT_EQ(FinishBulk(store_, "job", 2).bulk.cancelled, 43);
    EXPECT_TRUE(ListRuns(store_, {.status = kActive}).ids().empty());
}

} // namespace
