#include "ctl/run_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cli/did_you_mean.h"
#include "base/core/timestamp.h"
#include "base/core/utf8.h"
#include "base/core/wire.h"
#include "ctl/comma_list.h"
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

const struct error *run_status_read(struct arena *a, const char *word,
                                    Runs__V1__RunStatus *ret_status) {
    struct did_you_mean meant = {.given = word, .length = strlen(word)};
    for (int i = 1; i < WORD_COUNT; i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_status = (Runs__V1__RunStatus)i;
            return NULL;
        }
        did_you_mean_consider(&meant, words[i]);
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "--status: \"%s\" is no status%s",
                     word, did_you_mean_text(a, meant.best));
}

const struct error *run_statuses_read(struct arena *a, const struct cli_list *values,
                                      Runs__V1__RunStatus **ret_statuses, size_t *ret_count) {
    struct cli_list words;
    const struct error *error = comma_list_read(a, "--status", values, &words);
    if (error != NULL) {
        return error;
    }
    Runs__V1__RunStatus *statuses = ARENA_ARRAY(a, Runs__V1__RunStatus, words.count + 1);
    for (size_t i = 0; error == NULL && i < words.count; i++) {
        error = run_status_read(a, words.items[i], &statuses[i]);
    }
    if (error == NULL) {
        *ret_statuses = statuses;
        *ret_count = words.count;
    }
    return error;
}

const char *timestamp_text(struct arena *a, const Google__Protobuf__Timestamp *t) {
    char text[TIMESTAMP_TEXT_SIZE];
    if (t == NULL || timestamp_format(t->seconds, t->nanos, text) == 0) {
        return "-";
    }
    return arena_cstr(a, slice_of_cstr(text));
}

const char *timestamp_text_short(struct arena *a, const Google__Protobuf__Timestamp *t) {
    Google__Protobuf__Timestamp second = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    second.seconds = t != NULL ? t->seconds : 0;
    return timestamp_text(a, t != NULL ? &second : NULL);
}

static const char *or_dash(const char *text) {
    return text[0] != '\0' ? text : "-";
}

// The JSON of the free-form object in the field of a run's bytes, on one line; of a long one its
// beginning. Not by way of protobuf-c, which cuts strings at U+0000.
static const char *struct_text(struct arena *a, struct slice run, uint32_t number) {
    enum { MOST_BYTES = 2000 };
    struct wire_field field;
    if (!wire_find_last(run, number, WIRE_BYTES, &field)) {
        return "-";
    }
    const char *text = json_text(a, "google.protobuf.Struct", field.bytes);
    if (text == NULL || strlen(text) <= MOST_BYTES) {
        return text != NULL ? text : "-";
    }
    struct slice shown = utf8_cut(slice_of_cstr(text), MOST_BYTES);
    return arena_printf(a, "%.*s... (%zu bytes; --json prints all)", SLICE_FMT(shown),
                        strlen(text));
}

// "fork, on palm-1 of chain 11297108109, for dust amounts"; "no".
static const char *simulation_text(struct arena *a, const Runs__V1__Run *run) {
    const char *text = run->simulation_mode[0] != '\0' ? run->simulation_mode
                       : run->is_simulation            ? "yes"
                                                       : "no";
    for (size_t i = 0; i < run->n_simulation_forks; i++) {
        const Runs__V1__SimulationFork *fork = run->simulation_forks[i];
        text = arena_printf(a, "%s, on %s of chain %" PRId64, text, or_dash(fork->fork_id),
                            fork->chain_id);
    }
    return run->is_dust_test ? arena_printf(a, "%s, for dust amounts", text) : text;
}

static const char *definition_text(struct arena *a, const Runs__V1__WorkflowDefinition *d) {
    size_t nodes = d != NULL && d->nodes != NULL ? d->nodes->n_fields : 0;
    return arena_printf(a, "%zu node%s; --json prints it", nodes, nodes == 1 ? "" : "s");
}

// "600s".
static const char *duration_text(struct arena *a, const Google__Protobuf__Duration *d) {
    if (d == NULL) {
        return "-";
    }
    return d->nanos != 0 ? arena_printf(a, "%" PRId64 ".%09ds", d->seconds, d->nanos)
                         : arena_printf(a, "%" PRId64 "s", d->seconds);
}

static const char *holder_text(struct arena *a, const Runs__V1__Run *run) {
    const Runs__V1__RunLease *lease = run->lease;
    return lease == NULL
               ? "-, never acquired"
               : arena_printf(a, "%s, attempt %" PRId64, or_dash(lease->holder), lease->attempt);
}

static void add_row(struct table *table, const char *name, const char *text) {
    table_add(table, name);
    table_add(table, text);
}

// Those that have a name.
static void add_rows(struct table *table, const char *const (*rows)[2], size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (rows[i][0] != NULL) {
            add_row(table, rows[i][0], rows[i][1]);
        }
    }
}

// What only runs have that are acquired, or that have a deadline.
static void add_terms(struct table *table, struct arena *a, const Runs__V1__Run *run) {
    if (run->dispatch == RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_LEASE || run->lease != NULL) {
        add_row(table, "holder", holder_text(a, run));
        add_row(table, "lease's loss",
                run->on_lease_loss == RUNS__V1__LEASE_LOSS__LEASE_LOSS_FAILURE
                    ? "makes it a failure"
                    : "lets it be acquired again");
    }
    if (run->stopped_at != NULL) {
        add_row(table, "stopped", timestamp_text(a, run->stopped_at));
    }
    const char *then =
        run->on_timeout == RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED ? "cancelled" : "failure";
    if (run->timeout != NULL) {
        add_row(table, "timeout",
                arena_printf(a, "%s, then %s", duration_text(a, run->timeout), then));
    }
    if (run->waiting_timeout != NULL) {
        add_row(table, "waiting timeout",
                arena_printf(a, "%s, then %s", duration_text(a, run->waiting_timeout), then));
    }
}

static void print_for_people(struct arena *a, const Runs__V1__Run *run, struct slice bytes,
                             const Runs__V1__RunEvent *end) {
    enum { FIELD_EXECUTION_STATE = 1, FIELD_PROP_VALUES = 7 };
    struct table table;
    table_init(&table, 2, NULL);
    const char *const rows[][2] = {
        {"id", run->id},
        {"status", status_text((int)run->status)},
        {end != NULL ? "ended by" : NULL, end != NULL ? or_dash(end->actor) : NULL},
        {end != NULL ? "reason" : NULL, end != NULL ? or_dash(end->reason) : NULL},
        {"organization", run->organization_id},
        {"workflow",
         run->workflow_id[0] == '\0'
             ? "-"
             : arena_printf(a, "%s version %" PRId64, run->workflow_id, run->workflow_version)},
        {"definition", definition_text(a, run->workflow_definition)},
        {"source run", or_dash(run->source_run_id)},
        {run->parent_run_id != NULL ? "parent run" : NULL,
         run->parent_run_id != NULL ? or_dash(run->parent_run_id->value) : NULL},
        {"started", timestamp_text(a, run->started_at)},
        {"finished", timestamp_text(a, run->finished_at)},
        {"triggered",
         arena_printf(a, "%s by %s", or_dash(run->trigger_source), or_dash(run->triggered_by))},
        {"simulation", simulation_text(a, run)},
    };
    add_rows(&table, rows, sizeof(rows) / sizeof(rows[0]));
    add_terms(&table, a, run);
    const char *const contents[][2] = {
        {"compute units", arena_printf(a, "%g", run->total_cu)},
        {"inputs", struct_text(a, bytes, FIELD_PROP_VALUES)},
        {"state", struct_text(a, bytes, FIELD_EXECUTION_STATE)},
    };
    add_rows(&table, contents, sizeof(contents) / sizeof(contents[0]));
    table_print(&table, stdout);
    table_release(&table);
}

int run_print(const struct invocation *in, struct slice bytes, const Runs__V1__RunEvent *end) {
    if (in->json) {
        return json_print_reply(in, "runs.v1.Run", bytes);
    }
    Runs__V1__Run *run;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__run__descriptor, bytes, &run);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    print_for_people(in->arena, run, bytes, end);
    return EXIT_CODE_OK;
}

int run_call_and_print(const struct invocation *in, const struct client_options *options,
                       const char *path, struct slice request) {
    struct slice response;
    int code = client_options_call(in, options, path, request, &response);
    return code != EXIT_CODE_OK ? code : run_print(in, response, NULL);
}
