#include "server/domain/lease_state.h"

// 0: the event is refused in that state.
static const uint8_t next_state[LEASE_STATE_COUNT][LEASE_EVENT_COUNT] = {
    [LEASE_NONE] = {[LEASE_EVENT_FINISH] = LEASE_OVER},
    [LEASE_OPEN] =
        {
            [LEASE_EVENT_ACQUIRE] = LEASE_HELD,
            [LEASE_EVENT_FINISH] = LEASE_OVER,
        },
    [LEASE_HELD] =
        {
            [LEASE_EVENT_RENEW] = LEASE_HELD,
            [LEASE_EVENT_RELEASE] = LEASE_OPEN,
            [LEASE_EVENT_EXPIRE] = LEASE_OPEN,
            [LEASE_EVENT_EXPIRE_FAILING] = LEASE_OVER,
            [LEASE_EVENT_FINISH] = LEASE_OVER,
        },
};

static const char *const state_words[LEASE_STATE_COUNT] = {
    [0] = "unspecified",   [LEASE_NONE] = "none", [LEASE_OPEN] = "open",
    [LEASE_HELD] = "held", [LEASE_OVER] = "over",
};

static const char *const event_words[LEASE_EVENT_COUNT] = {
    [LEASE_EVENT_ACQUIRE] = "acquire",
    [LEASE_EVENT_RENEW] = "renew",
    [LEASE_EVENT_RELEASE] = "release",
    [LEASE_EVENT_EXPIRE] = "expire",
    [LEASE_EVENT_EXPIRE_FAILING] = "expire_failing",
    [LEASE_EVENT_FINISH] = "finish",
};

int lease_state_next(int state, enum lease_event_kind event) {
    return state > 0 && state < LEASE_STATE_COUNT ? next_state[state][event] : 0;
}

enum lease_state lease_state_of(const struct run_record *run) {
    if ((RUN_STATUS_BIT(run->status) & RUN_STATUS_ACTIVE) == 0) {
        return LEASE_OVER;
    }
    if (run->terms.dispatch != RUN_DISPATCH_LEASE) {
        return LEASE_NONE;
    }
    return run->holder.len > 0 ? LEASE_HELD : LEASE_OPEN;
}

enum lease_event_kind lease_state_loss(const struct run_terms *terms) {
    return terms->fails_on_lease_loss ? LEASE_EVENT_EXPIRE_FAILING : LEASE_EVENT_EXPIRE;
}

const char *lease_state_word(int state) {
    return state_words[state > 0 && state < LEASE_STATE_COUNT ? state : 0];
}

const char *lease_event_word(enum lease_event_kind event) {
    return event_words[event];
}
