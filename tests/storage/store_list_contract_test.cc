#include <algorithm>
#include <set>

#include "tests/storage/store_contract.h"

using namespace store_testing;

namespace {

INSTANTIATE_STORE_CONTRACT();

// All ids that l finds, page after page of l.limit runs.
std::vector<std::string> IdsOfPages(struct run_store *store, const Listing &l,
                                    int *ret_pages = nullptr) {
    std::vector<std::string> seen;
    Page p = ListRuns(store, l);
    for (int pages = 1;; pages++) {
        EXPECT_EQ(p.result, STORE_OK);
        EXPECT_LE(p.runs.size(), static_cast<size_t>(l.limit));
        for (const std::string &id : p.ids()) {
            seen.push_back(id);
        }
        if (!p.has_more || p.result != STORE_OK) {
            if (ret_pages != nullptr) {
                *ret_pages = pages;
            }
            return seen;
        }
        p = ListRuns(store, Behind(l, p));
    }
}

TEST_P(StoreContract, PagesAreNewestFirstAndOneOrderWhateverTheirSize) {
    for (char c : {'b', 'd', 'a', 'c'}) {
        for (int start = 1; start <= 5; start++) {
            MustCreate({.id = std::string(1, c) + std::to_string(start), .started_at_us = start});
        }
    }
    const std::vector<std::string> all = ListRuns(store_, {}).ids();
    ASSERT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 20u);
    for (size_t i = 0; i < all.size(); i++) {
        EXPECT_EQ(all[i][1], '5' - static_cast<int>(i) / 4) << all[i];
    }
    for (int limit = 1; limit <= 21; limit++) {
        int pages;
        EXPECT_EQ(IdsOfPages(store_, {.limit = limit}, &pages), all) << limit;
        EXPECT_EQ(pages, (20 + limit - 1) / limit); // no empty page at the end
    }
}

// What is created while someone pages has its place like any other; what was there is neither
// lost nor repeated, and keeps its order.
TEST_P(StoreContract, PagesAreStableUnderInserts) {
    for (int i = 0; i < 10; i++) {
        MustCreate({.id = "r" + std::to_string(i), .started_at_us = 1000});
    }
    const std::vector<std::string> before = ListRuns(store_, {}).ids();
    Listing l = {.limit = 4};
    Page p = ListRuns(store_, l);
    ASSERT_EQ(p.runs.size(), 4u);
    std::vector<std::string> seen = p.ids();
    EXPECT_EQ(seen, std::vector<std::string>(before.begin(), before.begin() + 4));
    MustCreate({.id = "newer", .started_at_us = 2000});
    MustCreate({.id = "older", .started_at_us = 500});
    for (int i = 0; i < 10; i++) {
        MustCreate({.id = "r" + std::to_string(i) + "5", .started_at_us = 1000});
    }
    Apply(store_, {.id = seen[3]}); // the cursor's own run changes
    while (p.has_more) {
        p = ListRuns(store_, Behind(l, p));
        ASSERT_EQ(p.result, STORE_OK);
        for (const std::string &id : p.ids()) {
            seen.push_back(id);
        }
    }
    const std::vector<std::string> after = ListRuns(store_, {}).ids();
    EXPECT_EQ(after.front(), "newer");
    EXPECT_EQ(seen.back(), "older");
    std::vector<std::string> old;
    std::vector<std::string> still;
    for (const std::string &id : seen) {
        if (id.size() == 2) {
            old.push_back(id);
        }
    }
    for (const std::string &id : after) {
        if (id.size() == 2) {
            still.push_back(id);
        }
    }
    EXPECT_EQ(old, before);
    EXPECT_EQ(still, before);
    // Behind the first page the pages are what the whole list is there.
    auto cursor = std::find(after.begin(), after.end(), before[3]);
    EXPECT_EQ(std::vector<std::string>(seen.begin() + 3, seen.end()),
              std::vector<std::string>(cursor, after.end()));
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
                    Listing l = {.status = mask,
                                 .workflow_id = workflow,
                                 .started_after_us = after,
                                 .started_before_us = before,
                                 .limit = 3};
                    EXPECT_EQ(IdsOfPages(store_, l), expected)
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

// What a store returns of a run need not have its workflow; what lists find by it is exact.
TEST_P(StoreContract, WorkflowsAreComparedByteByByte) {
    const std::vector<std::string> workflows = {
        "w",    "W",     "w ",        "ww",         std::string("w\0", 2), std::string("\0w", 2),
        "\xff", "w\xff", "w\xc3\xbc", "wu\xcc\x88", std::string(5000, 'w')};
    for (const char *organization : {"acme", "other"}) {
        for (size_t i = 0; i < workflows.size(); i++) {
            for (int n = 0; n < 3; n++) {
                MustCreate(
                    {.organization = organization,
                     .id = std::string(organization) + std::to_string(i) + "-" + std::to_string(n),
                     .started_at_us = 10 + n,
                     .workflow_id = workflows[i]});
            }
            Apply(store_, {.organization = organization,
                           .id = std::string(organization) + std::to_string(i) + "-1"});
        }
    }
    for (const char *organization : {"acme", "other"}) {
        for (size_t i = 0; i < workflows.size(); i++) {
            SCOPED_TRACE(i);
            const std::string id = std::string(organization) + std::to_string(i) + "-";
            Listing l = {.organization = organization, .workflow_id = workflows[i], .limit = 2};
            EXPECT_EQ(IdsOfPages(store_, l),
                      (std::vector<std::string>{id + "2", id + "1", id + "0"}));
            l.status = kActive;
            EXPECT_EQ(IdsOfPages(store_, l), (std::vector<std::string>{id + "2", id + "0"}));
            l.status = RUN_STATUS_BIT(RUN_CANCELLED);
            EXPECT_EQ(IdsOfPages(store_, l), std::vector<std::string>{id + "1"});
        }
    }
}

} // namespace
