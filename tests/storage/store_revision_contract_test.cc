#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <thread>

#include "tests/storage/store_contract.h"

using namespace store_testing;

// Revisions: an organization's events counted 1, 2, 3 and so on in the order of their commits.

namespace {

INSTANTIATE_STORE_CONTRACT();

// The revisions of all events of the organization's runs, in order.
std::vector<int64_t> RevisionsOf(struct run_store *store, const std::string &organization) {
    std::vector<int64_t> revisions;
    Listing l = {.organization = organization};
    Page p = ListRuns(store, l);
    for (;; p = ListRuns(store, Behind(l, p))) {
        EXPECT_EQ(p.result, STORE_OK);
        for (const StoredRun &run : p.runs) {
            int64_t previous = 0;
            for (const WholeEvent &e : ListWholeEvents(store, run.id, organization)) {
                EXPECT_GT(e.revision, previous) << run.id << " " << e;
                previous = e.revision;
                revisions.push_back(e.revision);
            }
        }
        if (!p.has_more) {
            break;
        }
    }
    std::sort(revisions.begin(), revisions.end());
    return revisions;
}

std::vector<int64_t> UpTo(int64_t count) {
    std::vector<int64_t> all;
    for (int64_t i = 1; i <= count; i++) {
        all.push_back(i);
    }
    return all;
}

TEST_P(StoreContract, RevisionsCountTheEventsOfEachOrganizationByItself) {
    const std::vector<std::string> organizations = {
        "acme", "ACME", "acme ", std::string("acme\0", 5), "\xff", std::string(300, 'o')};
    std::map<std::string, int64_t> newest;
    for (int i = 0; i < 10; i++) {
        const std::string id = std::to_string(i);
        for (size_t o = 0; o < organizations.size(); o++) {
            const std::string &organization = organizations[o];
            int64_t *n = &newest[organization];
            EXPECT_EQ(CreateRun(store_, {.organization = organization, .id = id}).revision, ++*n);
            for (size_t k = 0; k < o; k++) { // each at its own pace
                EXPECT_EQ(Apply(store_, {.organization = organization,
                                         .id = id,
                                         .to = k % 2 == 0 ? RUN_WAITING : RUN_RUNNING})
                              .revision,
                          ++*n);
            }
        }
    }
    for (const std::string &organization : organizations) {
        EXPECT_EQ(RevisionsOf(store_, organization), UpTo(newest[organization]));
    }
    // What was answered is what is kept.
    std::vector<WholeEvent> events = ListWholeEvents(store_, "9", organizations[2]);
    ASSERT_EQ(events.size(), 3u);
    for (size_t i = 0; i < events.size(); i++) {
        EXPECT_EQ(events[i].revision, 28 + static_cast<int64_t>(i));
    }
}

TEST_P(StoreContract, WhatMakesNoEventTakesNoRevision) {
    ASSERT_EQ(CreateRun(store_, {.id = "r"}).revision, 1);
    ASSERT_EQ(CreateRun(store_, {.id = "done", .status = RUN_SUCCESS}).revision, 2);
    int64_t newest = 2;
    const int64_t past_us = clock_monotonic_us();
    auto refused = [&](int kind) {
        StoredRun run = {.id = "r"};
        Transition t = {.id = "r"};
        STORE_OP(create, create_run);
        STORE_OP(transition, transition_run);
        create->ret_revision = transition->ret_revision = -1;
        switch (kind) {
        case 0:
            FillCreate(create, run);
            EXPECT_EQ(create.RunOn(store_), STORE_EXISTS);
            EXPECT_EQ(create->ret_revision, -1);
            break;
        case 1:
            run.id = "expired";
            FillCreate(create, run);
            create->op.deadline_us = past_us;
            EXPECT_EQ(create.RunOn(store_), STORE_EXPIRED);
            EXPECT_EQ(create->ret_revision, -1);
            break;
        case 2:
            run.id = "large";
            FillCreate(create, run);
            create->in.spec = slice_of("", size_t{300} * 1024 * 1024);
            EXPECT_EQ(create.RunOn(store_), STORE_TOO_LARGE);
            EXPECT_EQ(create->ret_revision, -1);
            break;
        case 3:
            t.id = "absent";
            FillTransition(transition, t);
            EXPECT_EQ(transition.RunOn(store_), STORE_NOT_FOUND);
            EXPECT_EQ(transition->ret_revision, -1);
            break;
        case 4:
            t.id = "done";
            FillTransition(transition, t);
            EXPECT_EQ(transition.RunOn(store_), STORE_CONFLICT);
            EXPECT_EQ(transition->ret_revision, 0);
            break;
        case 5:
            FillTransition(transition, t);
            transition->op.deadline_us = past_us;
            EXPECT_EQ(transition.RunOn(store_), STORE_EXPIRED);
            EXPECT_EQ(transition->ret_revision, -1);
            break;
        case 6: // fields alone
            t.to = GetRun(store_, "r").run.status;
            t.set_execution_state = true;
            t.execution_state = std::to_string(newest);
            FillTransition(transition, t);
            EXPECT_EQ(transition.RunOn(store_), STORE_OK);
            EXPECT_EQ(transition->ret_revision, 0);
            EXPECT_EQ(ToString(transition->ret.fields.execution_state), t.execution_state);
            break;
        case 7: // not even fields
            t.to = GetRun(store_, "r").run.status;
            FillTransition(transition, t);
            EXPECT_EQ(transition.RunOn(store_), STORE_OK);
            EXPECT_EQ(transition->ret_revision, 0);
            break;
        }
    };
    for (int kind = 0; kind < 8; kind++) {
        SCOPED_TRACE(kind);
        refused(kind);
        refused(kind);
        enum run_status to = kind % 2 == 0 ? RUN_WAITING : RUN_RUNNING;
        EXPECT_EQ(Apply(store_, {.id = "r", .to = to}).revision, ++newest);
        EXPECT_EQ(CreateRun(store_, {.id = "r" + std::to_string(kind)}).revision, ++newest);
    }
    EXPECT_EQ(RevisionsOf(store_, "acme"), UpTo(newest));
    EXPECT_EQ(GetRun(store_, "r").run.sequence, 9);
}

TEST_P(StoreContract, RevisionsAndEpochGoOnWhereTheStoreIsKept) {
    const uint64_t epoch = store_->epoch;
    EXPECT_NE(epoch, 0u);
    ASSERT_EQ(CreateRun(store_, {.id = "0"}).revision, 1);
    ASSERT_EQ(CreateRun(store_, {.organization = "other", .id = "0"}).revision, 1);
    ASSERT_EQ(Apply(store_, {.id = "0"}).revision, 2);
    for (int round = 1; round <= 3; round++) {
        run_store_close(store_);
        store_ = nullptr;
        Opened o = Open(url_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
        if (!GetParam().is_kept) {
            EXPECT_NE(store_->epoch, epoch);
            EXPECT_EQ(CreateRun(store_, {.id = "0"}).revision, 1);
            continue;
        }
        EXPECT_EQ(store_->epoch, epoch);
        EXPECT_EQ(CreateRun(store_, {.id = std::to_string(round)}).revision, 2 + round);
        EXPECT_EQ(Apply(store_, {.organization = "other",
                                 .id = "0",
                                 .to = round % 2 == 0 ? RUN_RUNNING : RUN_WAITING})
                      .revision,
                  1 + round);
    }
}

TEST_P(StoreContract, StoresHaveEpochsOfTheirOwn) {
    TemporaryDirectory other;
    Opened o = Open(UrlBelow(other, GetParam().backend));
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_NE(o.store->epoch, 0u);
    EXPECT_NE(o.store->epoch, store_->epoch);
    run_store_close(o.store);
}

// The organizations of the race, and the newest revision of each that anybody was answered.
struct Raced {
    std::string name;
    std::atomic<int64_t> answered{0};
    std::atomic<int64_t> made{0}; // how many changes said that they made an event
};

// Makes one change; whatever was answered before it began has smaller revisions.
void Change(Raced *o, const std::function<Answer()> &change) {
    int64_t before = o->answered.load();
    Answer a = change();
    if (a.revision <= 0) {
        EXPECT_TRUE(a.result != STORE_OK || a.revision == 0) << a.revision;
        return;
    }
    EXPECT_EQ(a.result, STORE_OK);
    EXPECT_GT(a.revision, before);
    o->made++;
    while (before < a.revision && !o->answered.compare_exchange_weak(before, a.revision)) {
    }
}

TEST_P(StoreContract, RevisionsHaveNoGapsAndFollowCommitsUnderConcurrentChanges) {
    const int kThreads = 24;
    const int kRuns = 40;
    Raced organizations[7];
    const int kOrganizations = static_cast<int>(std::size(organizations));
    for (int i = 0; i < kOrganizations; i++) {
        organizations[i].name = "tenant-" + std::to_string(i);
    }
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < kRuns; i++) {
            // Three threads a run: most creations and changes of it are refused.
            Raced *o = &organizations[(n / 3 + i) % kOrganizations];
            const std::string id = std::to_string(n / 3) + "-" + std::to_string(i);
            Change(o, [&] { return CreateRun(store_, {.organization = o->name, .id = id}); });
            Change(o, [&] {
                return Apply(store_, {.organization = o->name,
                                      .id = id,
                                      .to = RUN_RUNNING,
                                      .set_execution_state = true,
                                      .execution_state = id});
            });
            Change(o, [&] {
                return Apply(store_, {.organization = o->name,
                                      .id = id,
                                      .from = RUN_STATUS_BIT(RUN_RUNNING),
                                      .to = RUN_WAITING});
            });
            Change(o, [&] {
                return Apply(store_, {.organization = o->name,
                                      .id = id,
                                      .to = n % 2 == 0 ? RUN_CANCELLED : RUN_SUCCESS});
            });
        }
    });
    int64_t all = 0;
    for (Raced &o : organizations) {
        SCOPED_TRACE(o.name);
        EXPECT_EQ(o.answered, o.made);
        EXPECT_EQ(RevisionsOf(store_, o.name), UpTo(o.made));
        all += o.made;
    }
    // Of each run its creation and its end, and a pause where that came in time.
    EXPECT_GE(all, kThreads / 3 * kRuns * 2);
    RecordProperty("events", static_cast<int>(all));
}

} // namespace
