#include "server/domain/run_state.h"

// 0: the event is refused in that status. Final statuses have no row.
static const uint8_t next_status[RUN_STATUS_COUNT][RUN_EVENT_COUNT] = {
    [RUN_RUNNING] =
        {
            [RUN_EVENT_REPORT_RUNNING] = RUN_RUNNING, // progress
            [RUN_EVENT_REPORT_WAITING] = RUN_WAITING,
            [RUN_EVENT_REPORT_SUCCESS] = RUN_SUCCESS,
            [RUN_EVENT_REPORT_FAILURE] = RUN_FAILURE,
            [RUN_EVENT_CANCEL] = RUN_CANCELLED,
        },
    [RUN_WAITING] =
        {
            [RUN_EVENT_REPORT_RUNNING] = RUN_RUNNING,
            [RUN_EVENT_REPORT_WAITING] = RUN_WAITING, // progress
            [RUN_EVENT_REPORT_SUCCESS] = RUN_SUCCESS,
            [RUN_EVENT_REPORT_FAILURE] = RUN_FAILURE,
            [RUN_EVENT_CANCEL] = RUN_CANCELLED,
        },
};

static const char *const status_words[RUN_STATUS_COUNT] = {
    [0] = "unspecified",       [RUN_RUNNING] = "running", [RUN_WAITING] = "waiting",
    [RUN_SUCCESS] = "success", [RUN_FAILURE] = "failure", [RUN_CANCELLED] = "cancelled",
};

static const char *const event_words[RUN_EVENT_COUNT] = {
    [RUN_EVENT_REPORT_RUNNING] = "report_running",
    [RUN_EVENT_REPORT_WAITING] = "report_waiting",
    [RUN_EVENT_REPORT_SUCCESS] = "report_success",
    [RUN_EVENT_REPORT_FAILURE] = "report_failure",
    [RUN_EVENT_CANCEL] = "cancel",
};

int run_state_next(int status, enum run_event_kind event) {
    return status > 0 && status < RUN_STATUS_COUNT ? next_status[status][event] : 0;
}

uint32_t run_state_sources(enum run_event_kind event) {
    uint32_t sources = 0;
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        if (run_state_next(status, event) != 0) {
            sources |= RUN_STATUS_BIT(status);
        }
    }
    return sources;
}

enum run_status run_state_target(enum run_event_kind event) {
    int target = 0;
    for (int status = 1; status < RUN_STATUS_COUNT && target == 0; status++) {
        target = run_state_next(status, event);
    }
    return (enum run_status)target;
}

bool run_status_is_final(int status) {
    if (status <= 0 || status >= RUN_STATUS_COUNT) {
        return false;
    }
    for (int event = 0; event < RUN_EVENT_COUNT; event++) {
        if (next_status[status][event] != 0) {
            return false;
        }
    }
    return true;
}

const char *run_status_word(int status) {
    return status_words[status > 0 && status < RUN_STATUS_COUNT ? status : 0];
}

const char *run_event_word(enum run_event_kind event) {
    return event_words[event];
}
