#include <algorithm>

#include "tests/storage/store_contract.h"

using namespace store_testing;

namespace {

INSTANTIATE_STORE_CONTRACT();

TEST_P(StoreContract, PagesAreNewestFirstWithEqualStartsById) {
    std::vector<std::string> expected;
    for (int start = 5; start >= 1; start--) {
        for (char c = 'd'; c >= 'a'; c--) {
            expected.push_back(std::string(1, c) + std::to_string(start));
        }
    }
    std::vector<std::string> shuffled = expected;
    std::sort(shuffled.begin(), shuffled.end());
    for (const std::string &id : shuffled) {
        MustCreate({.id = id, .started_at_us = id[1] - '0'});
    }
    for (int limit = 1; limit <= 21; limit++) {
        SCOPED_TRACE(limit);
        std::vector<std::string> seen;
        Listing l = {.limit = limit};
        Page p = ListRuns(store_, l);
        for (int pages = 1;; pages++) {
            ASSERT_EQ(p.result, STORE_OK);
            ASSERT_LE(p.runs.size(), static_cast<size_t>(limit));
            for (const std::string &id : p.ids()) {
                seen.push_back(id);
            }
            if (!p.has_more) {
                EXPECT_EQ(pages, (20 + limit - 1) / limit); // no empty page at the end
                break;
            }
            p = ListRuns(store_, Behind(l, p));
        }
        EXPECT_EQ(seen, expected);
    }
}

TEST_P(StoreContract, PagesAreStableUnderInserts) {
    for (int i = 0; i < 10; i++) {
        MustCreate({.id = "r" + std::to_string(i), .started_at_us = 1000});
    }
    Listing l = {.limit = 4};
    Page first = ListRuns(store_, l);
    EXPECT_EQ(first.ids(), (std::vector<std::string>{"r9", "r8", "r7", "r6"}));
    MustCreate({.id = "newer", .started_at_us = 2000});
    MustCreate({.id = "r99", .started_at_us = 1000}); // before the cursor
    MustCreate({.id = "r55", .started_at_us = 1000}); // behind it
    Apply(store_, {.id = "r6"});                      // the cursor's own run changes
    Page second = ListRuns(store_, Behind(l, first));
    EXPECT_EQ(second.ids(), (std::vector<std::string>{"r55", "r5", "r4", "r3"}));
}

TEST_P(StoreContract, FiltersHoldAloneAndTogether) {
    // Start 1..20; statuses and workflows in turn.
    std::vector<StoredRun> all;
    for (int i = 1; i <= 20; i++) {
        StoredRun r = {.id = "r" + std::to_string(100 + i),
                       .status = static_cast<run_status>(1 + i % 5),
                       .started_at_us = i,
                       .workflow_id = i % 3 == 0 ? "" : "w" + std::to_string(i % 3)};
        MustCreate(r);
        all.push_back(r);
    }
    std::reverse(all.begin(), all.end());
    const uint32_t masks[] = {0,
                              RUN_STATUS_ALL,
                              kActive,
                              RUN_STATUS_BIT(RUN_WAITING),
                              RUN_STATUS_BIT(RUN_SUCCESS),
                              RUN_STATUS_BIT(RUN_RUNNING) | RUN_STATUS_BIT(RUN_CANCELLED)};
    for (uint32_t mask : masks) {
        for (const char *workflow : {"", "w1", "w2", "W1", "none"}) {
            for (int64_t after : {INT64_MIN, INT64_C(0), INT64_C(5), INT64_C(20), INT64_MAX}) {
                for (int64_t before :
                     {INT64_MAX, INT64_C(21), INT64_C(15), INT64_C(1), INT64_MIN}) {
                    std::vector<std::string> expected;
                    for (const StoredRun &r : all) {
                        if ((RUN_STATUS_BIT(r.status) & mask) != 0 &&
                            (*workflow == '\0' || r.workflow_id == workflow) &&
                            r.started_at_us > after && r.started_at_us < before) {
                            expected.push_back(r.id);
                        }
                    }
                    std::vector<std::string> seen;
                    Listing l = {.status = mask,
                                 .workflow_id = workflow,
                                 .started_after_us = after,
                                 .started_before_us = before,
                                 .limit = 3};
                    Page p = ListRuns(store_, l);
                    while (true) {
                        ASSERT_EQ(p.result, STORE_OK);
                        for (const std::string &id : p.ids()) {
                            seen.push_back(id);
                        }
                        if (!p.has_more) {
                            break;
                        }
                        p = ListRuns(store_, Behind(l, p));
                    }
                    EXPECT_EQ(seen, expected)
                        << mask << " " << workflow << " " << after << " " << before;
                }
            }
        }
    }
}

TEST_P(StoreContract, ListFollowsStatusChanges) {
    MustCreate({.id = "a", .started_at_us = 1});
    MustCreate({.id = "b", .started_at_us = 2});
    Listing active = {.status = kActive};
    EXPECT_EQ(ListRuns(store_, active).ids(), (std::vector<std::string>{"b", "a"}));
    Apply(store_, {.id = "a", .to = RUN_WAITING});
    EXPECT_EQ(ListRuns(store_, active).ids(), (std::vector<std::string>{"b", "a"}));
    Apply(store_, {.id = "b"});
    Page p = ListRuns(store_, active);
    EXPECT_EQ(p.ids(), std::vector<std::string>{"a"});
    EXPECT_EQ(p.runs[0].status, RUN_WAITING);
    EXPECT_EQ(ListRuns(store_, {.status = RUN_STATUS_BIT(RUN_CANCELLED)}).ids(),
              std::vector<std::string>{"b"});
}

TEST_P(StoreContract, ListedRunsAreWhole) {
    StoredRun run = {.id = "r",
                     .started_at_us = 5,
                     .total_cu = 2,
                     .workflow_id = "w",
                     .spec = "spec",
                     .execution_state = "state"};
    MustCreate(run);
    for (uint32_t mask : {kActive, RUN_STATUS_ALL}) {
        for (const char *workflow : {"", "w"}) {
            Page p = ListRuns(store_, {.status = mask, .workflow_id = workflow});
            ASSERT_EQ(p.runs.size(), 1u);
            ExpectSame(p.runs[0], GetRun(store_, "r").run);
        }
    }
}

} // namespace
