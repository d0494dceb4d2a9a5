#include "ctl/bulk_print.h"

#include <inttypes.h>
#include <string.h>

#include "base/cli/did_you_mean.h"
#include "ctl/comma_list.h"
#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_filter.h"
#include "ctl/run_print.h"

// Of its sample, how many a plan shows.
enum { MOST_SHOWN = 10 };

static const char *const states[] = {
    [RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_PLANNING] = "planning",
    [RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_PLANNED] = "planned",
    [RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_RUNNING] = "running",
    [RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_DONE] = "done",
    [RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_ABORTED] = "aborted",
};

static const char *const outcomes[] = {
    [RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_CANCELLED] = "cancelled",
    [RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_ALREADY_FINAL] = "already_final",
    [RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_NOT_FOUND] = "not_found",
    [RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_OPEN] = "open",
};

enum {
    STATE_COUNT = sizeof(states) / sizeof(states[0]),
    OUTCOME_COUNT = sizeof(outcomes) / sizeof(outcomes[0]),
};

const char *bulk_state_text(int state) {
    return state > 0 && state < STATE_COUNT ? states[state] : "unknown";
}

const char *bulk_outcome_text(int outcome) {
    return outcome > 0 && outcome < OUTCOME_COUNT ? outcomes[outcome] : "unknown";
}

static const struct error *read_outcome(struct arena *a, const char *word,
                                        Runs__V1__BulkCancelOutcome *ret) {
    struct did_you_mean meant = {.given = word, .length = strlen(word)};
    for (int i = 1; i < OUTCOME_COUNT; i++) {
        if (strcmp(word, outcomes[i]) == 0) {
            *ret = (Runs__V1__BulkCancelOutcome)i;
            return NULL;
        }
        did_you_mean_consider(&meant, outcomes[i]);
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "--outcome: \"%s\" is no outcome%s",
                     word, did_you_mean_text(a, meant.best));
}

const struct error *bulk_outcomes_read(struct arena *a, const struct cli_list *values,
                                       Runs__V1__BulkCancelOutcome **ret_outcomes,
                                       size_t *ret_count) {
    struct cli_list words;
    const struct error *error = comma_list_read(a, "--outcome", values, &words);
    if (error != NULL) {
        return error;
    }
    Runs__V1__BulkCancelOutcome *list =
        ARENA_ARRAY(a, Runs__V1__BulkCancelOutcome, words.count + 1);
    for (size_t i = 0; error == NULL && i < words.count; i++) {
        error = read_outcome(a, words.items[i], &list[i]);
    }
    if (error == NULL) {
        *ret_outcomes = list;
        *ret_count = words.count;
    }
    return error;
}

bool bulk_is_over(const Runs__V1__BulkCancel *bulk) {
    return bulk->state == RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_DONE ||
           bulk->state == RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_ABORTED;
}

const char *bulk_set_text(struct arena *a, const Runs__V1__BulkCancel *bulk) {
    const char *set = bulk->filter != NULL ? run_filter_text(a, bulk->filter) : "named by id";
    return bulk->cascade ? arena_printf(a, "%s; with their descendants", set) : set;
}

static void print_line(FILE *out, const char *text) {
    print_text(out, slice_of_cstr(text));
    fputc('\n', out);
}

void bulk_print_plan(struct arena *a, const Runs__V1__BulkCancel *bulk, FILE *out) {
    print_line(
        out, arena_printf(a, "%s: %s", count_text_of_runs(a, bulk->open), bulk_set_text(a, bulk)));
    size_t shown = bulk->n_sample < MOST_SHOWN ? bulk->n_sample : MOST_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        print_line(out, arena_printf(a, "  %s", bulk->sample[i]));
    }
    if (bulk->open > (int64_t)shown && shown > 0) {
        print_line(out,
                   arena_printf(a, "  and %s more", count_text(a, bulk->open - (int64_t)shown)));
    }
}

static const char *or_dash(const char *text) {
    return text[0] != '\0' ? text : "-";
}

static void print_for_people(struct arena *a, const Runs__V1__BulkCancel *bulk) {
    const char *const rows[][2] = {
        {"id", bulk->id},
        {"state", bulk_state_text((int)bulk->state)},
        {"runs", bulk_set_text(a, bulk)},
        {"total", count_text(a, bulk->total)},
        {"cancelled", count_text(a, bulk->cancelled)},
        {"already final", count_text(a, bulk->already_final)},
        {"not found", count_text(a, bulk->not_found)},
        {"open", count_text(a, bulk->open)},
        {"actor", or_dash(bulk->actor)},
        {"reason", or_dash(bulk->reason)},
        {"created", timestamp_text(a, bulk->created_at)},
        {"started", timestamp_text(a, bulk->started_at)},
        {"finished", timestamp_text(a, bulk->finished_at)},
    };
    print_pairs(rows, sizeof(rows) / sizeof(rows[0]), stdout);
    if (bulk->expires_at != NULL) {
        printf("\nUntil %s: runsctl runs cancel --plan %s\n", timestamp_text(a, bulk->expires_at),
               bulk->id);
    }
}

int bulk_print(const struct invocation *in, struct slice bytes) {
    if (in->json) {
        return json_print_reply(in, "runs.v1.BulkCancel", bytes);
    }
    Runs__V1__BulkCancel *bulk;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__bulk_cancel__descriptor, bytes, &bulk);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    print_for_people(in->arena, bulk);
    return EXIT_CODE_OK;
}

void bulk_print_end(struct arena *a, const Runs__V1__BulkCancel *bulk) {
    const char *text = arena_printf(a, "%s cancelled", count_text_of_runs(a, bulk->cancelled));
    const struct {
        int64_t count;
        const char *what;
    } others[] = {
        {bulk->already_final, "had ended before"},
        {bulk->not_found, "not found"},
        {bulk->open, "left as they were"},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i].count > 0) {
            text =
                arena_printf(a, "%s, %s %s", text, count_text(a, others[i].count), others[i].what);
        }
    }
    bool is_aborted = bulk->state == RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_ABORTED;
    print_line(stdout, arena_printf(a, "%s%s; bulk cancel %s.", is_aborted ? "Aborted: " : "", text,
                                    bulk->id));
    if (bulk->cancelled < bulk->total) {
        printf("Which: runsctl bulk-cancels outcomes %s --outcome already_final,not_found,open\n",
               bulk->id);
    }
}
