extern "C" {
#include "server/domain/run_state.h"
}

#include <gtest/gtest.h>

namespace {

// The whole table, spelled out a second time: [status][event] in the order of
// enum run_event_kind.
const int expected[RUN_STATUS_COUNT][RUN_EVENT_COUNT] = {
    /* none      */ {0, 0, 0, 0, 0},
    /* running   */ {RUN_RUNNING, RUN_WAITING, RUN_SUCCESS, RUN_FAILURE, RUN_CANCELLED},
    /* waiting   */ {RUN_RUNNING, RUN_WAITING, RUN_SUCCESS, RUN_FAILURE, RUN_CANCELLED},
    /* success   */ {0, 0, 0, 0, 0},
    /* failure   */ {0, 0, 0, 0, 0},
    /* cancelled */ {0, 0, 0, 0, 0},
};

TEST(RunState, EveryEventInEveryStatus) {
    for (int status = 0; status < RUN_STATUS_COUNT; status++) {
        for (int event = 0; event < RUN_EVENT_COUNT; event++) {
            EXPECT_EQ(expected[status][event],
                      run_state_next(status, static_cast<run_event_kind>(event)))
                << run_status_word(status) << " "
                << run_event_word(static_cast<run_event_kind>(event));
        }
    }
}

TEST(RunState, NumbersThatAreNoStatusTakeNoEvent) {
    for (int status : {-1, 0, 6, 7, 1 << 30, INT32_MIN, INT32_MAX}) {
        for (int event = 0; event < RUN_EVENT_COUNT; event++) {
            EXPECT_EQ(0, run_state_next(status, static_cast<run_event_kind>(event))) << status;
        }
        EXPECT_FALSE(run_status_is_final(status)) << status;
        EXPECT_STREQ("unspecified", run_status_word(status));
    }
}

TEST(RunState, SuccessFailureAndCancelledAreFinal) {
    EXPECT_FALSE(run_status_is_final(RUN_RUNNING));
    EXPECT_FALSE(run_status_is_final(RUN_WAITING));
    EXPECT_TRUE(run_status_is_final(RUN_SUCCESS));
    EXPECT_TRUE(run_status_is_final(RUN_FAILURE));
    EXPECT_TRUE(run_status_is_final(RUN_CANCELLED));
}

TEST(RunState, SourcesAndTargetsFollowTheTable) {
    const int target[] = {RUN_RUNNING, RUN_WAITING, RUN_SUCCESS, RUN_FAILURE, RUN_CANCELLED};
    for (int event = 0; event < RUN_EVENT_COUNT; event++) {
        auto kind = static_cast<run_event_kind>(event);
        EXPECT_EQ(1u << 1 | 1u << 2, run_state_sources(kind)) << run_event_word(kind);
        EXPECT_EQ(target[event], static_cast<int>(run_state_target(kind))) << run_event_word(kind);
    }
}

TEST(RunState, WordsAreThoseOfTheContract) {
    const char *const statuses[] = {"unspecified", "running", "waiting",
                                    "success",     "failure", "cancelled"};
    for (int status = 0; status < RUN_STATUS_COUNT; status++) {
        EXPECT_STREQ(statuses[status], run_status_word(status));
    }
    const char *const events[] = {"report_running", "report_waiting", "report_success",
                                  "report_failure", "cancel"};
    for (int event = 0; event < RUN_EVENT_COUNT; event++) {
        EXPECT_STREQ(events[event], run_event_word(static_cast<run_event_kind>(event)));
    }
}

// What the stores take for active is what the table lets something happen to.
TEST(RunState, ActiveAreTheStatusesThatAreNotFinal) {
    for (int status = RUN_RUNNING; status <= RUN_CANCELLED; status++) {
        EXPECT_EQ(run_status_is_final(status), (RUN_STATUS_ACTIVE & RUN_STATUS_BIT(status)) == 0)
            << run_status_word(status);
    }
    EXPECT_EQ(RUN_STATUS_ACTIVE & ~RUN_STATUS_ALL, 0u);
}

} // namespace
