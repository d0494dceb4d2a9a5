#include "ctl/run_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/core/timestamp.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"

static const char *const words[] = {
    [RUNS__V1__RUN_STATUS__RUN_STATUS_RUNNING] = "running",
    [RUNS__V1__RUN_STATUS__RUN_STATUS_WAITING] = "waiting",
    [RUNS__V1__RUN_STATUS__RUN_STATUS_SUCCESS] = "success",
    [RUNS__V1__RUN_STATUS__RUN_STATUS_FAILURE] = "failure",
    [RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED] = "cancelled",
};

enum { WORD_COUNT = sizeof(words) / sizeof(words[0]) };

const char *status_text(int status) {
    return status > 0 && status < WORD_COUNT ? words[status] : "unknown";
}

bool run_status_parse(const char *word, Runs__V1__RunStatus *ret_status) {
    for (int i = 1; i < WORD_COUNT; i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_status = (Runs__V1__RunStatus)i;
            return true;
        }
    }
    return false;
}

const char *timestamp_text(struct arena *a, const Google__Protobuf__Timestamp *t) {
    char text[TIMESTAMP_TEXT_SIZE];
    if (t == NULL || timestamp_format(t->seconds, t->nanos, text) == 0) {
        return "-";
    }
    return arena_cstr(a, slice_of_cstr(text));
}

static const char *or_dash(const char *text) {
    return text[0] != '\0' ? text : "-";
}

int run_print(const struct invocation *in, struct slice bytes) {
    struct arena *a = in->arena;
    if (in->json) {
        return json_print_reply(in, "runs.v1.Run", bytes);
    }
    Runs__V1__Run *run;
    const struct error *error = message_from_bytes(a, &runs__v1__run__descriptor, bytes, &run);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    const char *const rows[][2] = {
        {"id", run->id},
        {"status", status_text((int)run->status)},
        {"organization", run->organization_id},
        {"workflow",
         run->workflow_id[0] == '\0'
             ? "-"
             : arena_printf(a, "%s version %" PRId64, run->workflow_id, run->workflow_version)},
        {"started", timestamp_text(a, run->started_at)},
        {"finished", timestamp_text(a, run->finished_at)},
        {"compute units", arena_printf(a, "%g", run->total_cu)},
        {"triggered",
         arena_printf(a, "%s by %s", or_dash(run->trigger_source), or_dash(run->triggered_by))},
    };
    print_pairs(rows, sizeof(rows) / sizeof(rows[0]), stdout);
    return EXIT_CODE_OK;
}

int run_call_and_print(const struct invocation *in, const struct client_options *options,
                       const char *path, struct slice request) {
    struct slice response;
    int code = client_options_call(in, options, path, request, &response);
    return code != EXIT_CODE_OK ? code : run_print(in, response);
}
