extern "C" {
#include "server/domain/lease_state.h"
}

#include <gtest/gtest.h>

namespace {

// The whole table, spelled out a second time: [state][event] in the order of
// enum lease_event_kind.
const int expected[LEASE_STATE_COUNT][LEASE_EVENT_COUNT] = {
    /* no state */ {0, 0, 0, 0, 0, 0},
    /* none     */ {0, 0, 0, 0, 0, LEASE_OVER},
    /* open     */ {LEASE_HELD, 0, 0, 0, 0, LEASE_OVER},
    /* held     */ {0, LEASE_HELD, LEASE_OPEN, LEASE_OPEN, LEASE_OVER, LEASE_OVER},
    /* over     */ {0, 0, 0, 0, 0, 0},
};

TEST(LeaseState, EveryEventInEveryState) {
    for (int state = 0; state < LEASE_STATE_COUNT; state++) {
        for (int event = 0; event < LEASE_EVENT_COUNT; event++) {
            auto kind = static_cast<lease_event_kind>(event);
            EXPECT_EQ(expected[state][event], lease_state_next(state, kind))
                << lease_state_word(state) << " " << lease_event_word(kind);
        }
    }
}

TEST(LeaseState, NumbersThatAreNoStateTakeNoEvent) {
    for (int state : {-1, 0, 5, 6, 1 << 30, INT32_MIN, INT32_MAX}) {
        for (int event = 0; event < LEASE_EVENT_COUNT; event++) {
            EXPECT_EQ(0, lease_state_next(state, static_cast<lease_event_kind>(event))) << state;
        }
        EXPECT_STREQ("unspecified", lease_state_word(state));
    }
}

TEST(LeaseState, ARunIsInOneOfThem) {
    run_record run = {};
    run.status = RUN_RUNNING;
    EXPECT_EQ(LEASE_NONE, lease_state_of(&run));
    run.terms.dispatch = RUN_DISPATCH_LEASE;
    EXPECT_EQ(LEASE_OPEN, lease_state_of(&run));
    run.holder = slice_of_cstr("a");
    run.status = RUN_WAITING;
    EXPECT_EQ(LEASE_HELD, lease_state_of(&run));
    for (run_status status : {RUN_SUCCESS, RUN_FAILURE, RUN_CANCELLED}) {
        run.status = status;
        EXPECT_EQ(LEASE_OVER, lease_state_of(&run));
    }
}

TEST(LeaseState, TheTermsSayWhatALossIs) {
    run_terms terms = {};
    EXPECT_EQ(LEASE_EVENT_EXPIRE, lease_state_loss(&terms));
    terms.fails_on_lease_loss = true;
    EXPECT_EQ(LEASE_EVENT_EXPIRE_FAILING, lease_state_loss(&terms));
}

TEST(LeaseState, Words) {
    const char *const states[] = {"unspecified", "none", "open", "held", "over"};
    for (int state = 0; state < LEASE_STATE_COUNT; state++) {
        EXPECT_STREQ(states[state], lease_state_word(state));
    }
    const char *const events[] = {"acquire", "renew",          "release",
                                  "expire",  "expire_failing", "finish"};
    for (int event = 0; event < LEASE_EVENT_COUNT; event++) {
        EXPECT_STREQ(events[event], lease_event_word(static_cast<lease_event_kind>(event)));
    }
}

} // namespace
