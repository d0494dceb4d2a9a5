#ifndef RUNSD_TESTS_STORAGE_BULK_STORY_H
#define RUNSD_TESTS_STORAGE_BULK_STORY_H

#include "tests/storage/bulk_testing.h"
#include "tests/storage/lease_testing.h"

// A job's whole life as a test follows it through faults: a plan by a filter, which cascades,
// looked for, executed and run in small steps. Whatever happens in between, what is stored is true.

namespace store_testing {

constexpr int kStoryRuns = 20;

inline std::string StoryId(int i) {
    char uuid[64];
    snprintf(uuid, sizeof(uuid), "01937560-0000-7a01-8000-%012d", i);
    return i % 3 == 0 ? uuid : "r" + std::to_string(i);
}

// A tree of runs: each has two children, some are leased and held, some have ended. Only the first
// one is named by the job's filter.
inline void MakeStory(struct run_store *store) {
    for (int i = 0; i < kStoryRuns; i++) {
        StoredRun run = i % 4 == 0 ? LeasedRun(StoryId(i)) : StoredRun{.id = StoryId(i)};
        run.started_at_us = 1000 + i;
        run.workflow_id = i == 0 ? "named" : "other";
        run.holder = i % 4 == 0 ? "h" : "";
        run.lease_us = i % 4 == 0 ? 1000 : 0;
        ASSERT_EQ(CreateChild(store, run, i == 0 ? "" : StoryId((i - 1) / 2)).result, STORE_OK);
    }
    for (int i : {2, 9}) {
        ASSERT_EQ(Apply(store, {.id = StoryId(i), .to = RUN_SUCCESS}).result, STORE_OK);
    }
}

class Story {
  public:
    // The job as it was acknowledged last; state 0: not even its creation.
    Bulk acknowledged;

    // Goes on from where the job is, to its end or the first step whose outcome is not known;
    // on_full is called where a step found no room, before it is taken again. Returns whether it
    // came to the end.
    template <typename Full, typename Each>
    bool GoOn(struct run_store *store, Full on_full, Each after_each) {
        while (acknowledged.state != BULK_DONE) {
            BulkAnswer a = Next(store);
            if (a.result == STORE_DISK_FULL) { // nothing was changed
                on_full();
                a = Next(store);
            }
            if (a.result != STORE_OK) {
                EXPECT_TRUE(a.result == STORE_UNAVAILABLE || a.result == STORE_STOPPED)
                    << a.result << a.detail;
                return false;
            }
            acknowledged = a.bulk;
            after_each();
        }
        return true;
    }

    // What is stored says the truth of each run, and has all that was acknowledged.
    void ExpectTrue(struct run_store *store) {
        BulkAnswer now = GetBulk(store);
        if (now.result == STORE_NOT_FOUND) {
            ASSERT_EQ(acknowledged.state, 0);
            return;
        }
        ASSERT_EQ(now.result, STORE_OK) << now.detail;
        ASSERT_GE(now.bulk.state, acknowledged.state);
        ASSERT_GE(now.bulk.total, acknowledged.total);
        ASSERT_GE(now.bulk.cancelled, acknowledged.cancelled);
        ASSERT_GE(now.bulk.already_final, acknowledged.already_final);
        std::map<std::string, int> items = ListBulkItems(store);
        int64_t counts[4] = {};
        for (const auto &[id, outcome] : items) {
            counts[outcome]++;
        }
        ASSERT_EQ(now.bulk.total, static_cast<int64_t>(items.size()));
        ASSERT_EQ(now.bulk.cancelled, counts[BULK_CANCELLED]);
        ASSERT_EQ(now.bulk.already_final, counts[BULK_ALREADY_FINAL]);
        ASSERT_EQ(now.bulk.not_found, 0);
        for (int i = 0; i < kStoryRuns; i++) {
            const std::string id = StoryId(i);
            std::vector<WholeEvent> events = ListWholeEvents(store, id);
            const bool has_ended = i == 2 || i == 9;
            const bool is_cancelled = items.count(id) != 0 && items[id] == BULK_CANCELLED;
            ASSERT_EQ(events.size(), has_ended || is_cancelled ? 2u : 1u) << id;
            ASSERT_EQ(GetRun(store, id).run.status, has_ended      ? RUN_SUCCESS
                                                    : is_cancelled ? RUN_CANCELLED
                                                                   : RUN_RUNNING)
                << id;
        }
        // The rest of its life is taken up where it was.
        acknowledged = now.bulk;
    }

    // All of the family has ended, by the job unless it had before.
    static void ExpectOver(struct run_store *store) {
        Bulk bulk = GetBulk(store).bulk;
        EXPECT_EQ(bulk.state, BULK_DONE);
        EXPECT_EQ(bulk.total, kStoryRuns);
        EXPECT_EQ(bulk.cancelled, kStoryRuns - 2);
        EXPECT_EQ(bulk.already_final, 2);
        EXPECT_EQ(ListRuns(store, {.status = kActive}).runs.size(), 0u);
        EXPECT_EQ(ListLeases(store), (std::vector<Lease>{}));
        EXPECT_EQ(ListUnfinishedBulks(store), (std::vector<std::string>{}));
    }

  private:
    BulkAnswer Next(struct run_store *store) {
        const Key key = {"key of the creation", "creation"};
        switch (acknowledged.state) {
        case 0:
            return CreateBulk(store,
                              {.is_dry_run = true,
                               .cascades = true,
                               .has_filter = true,
                               .filter = {.workflow_id = "named"}},
                              {}, 1, key);
        case BULK_PLANNING:
            return CollectBulk(store, "job", 3);
        case BULK_PLANNED:
            return ChangeBulk(store, {.from = BULK_STATE_BIT(BULK_PLANNED), .to = BULK_RUNNING});
        default:
            return RunBulk(store, "job", 3);
        }
    }
};

} // namespace store_testing

#endif
