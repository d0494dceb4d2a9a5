#include "ctl/run_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli/time_span.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/core/wire.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/run_print.h"

enum { COLUMNS = 8, NARROW_COLUMNS = 5 };
// HOLDER and WORKFLOW.
enum { CUTTABLE = 1 << 6 | 1 << 7, NARROW_CUTTABLE = 1 << 3 | 1 << 4 };

// Of an id as we make them, the longest status, three times, an attempt, a short holder and
// workflow.
enum { FULL_WIDTH = 170 };

// Of a time to a microsecond.
enum { TIME_WIDTH = 27 };

enum { FIELD_RUNS = 1 }; // of ListRunsResponse

static const char *const headings[COLUMNS] = {"ID",      "STATUS",  "STARTED", "FINISHED",
                                              "STOPPED", "ATTEMPT", "HOLDER",  "WORKFLOW"};
static const char *const narrow_headings[NARROW_COLUMNS] = {"ID", "STATUS", "AGE", "HOLDER",
                                                            "WORKFLOW"};

void run_table_begin(struct run_table *t, bool json, bool wide) {
    size_t width = print_width(wide);
    *t = (struct run_table){
        .is_narrow = width > 0 && width < FULL_WIDTH,
        .now_us = clock_now_us(&clock_system),
        .json = json ? json_printer_new("runs.v1.Run") : NULL,
    };
    table_init(&t->table, t->is_narrow ? NARROW_COLUMNS : COLUMNS,
               t->is_narrow ? narrow_headings : headings);
    // So that each page has the same columns.
    table_reserve(&t->table, 1, strlen("cancelled"));
    table_reserve(&t->table, 2, t->is_narrow ? strlen("119s") : 0);
    table_reserve(&t->table, 3, t->is_narrow ? 0 : TIME_WIDTH);
    table_fit(&t->table, width, t->is_narrow ? NARROW_CUTTABLE : CUTTABLE);
}

// How long ago; of clocks that differ not less than nothing.
static const char *age_text(struct arena *a, int64_t now_us, const Google__Protobuf__Timestamp *t) {
    return t == NULL ? "-" : time_span_text(a, now_us / 1000000 - t->seconds);
}

static void print_rows(struct run_table *t, struct arena *a,
                       const Runs__V1__ListRunsResponse *list) {
    for (size_t i = 0; i < list->n_runs; i++) {
        const Runs__V1__Run *run = list->runs[i];
        table_add(&t->table, run->id);
        table_add(&t->table, status_text((int)run->status));
        if (t->is_narrow) {
            table_add(&t->table, age_text(a, t->now_us, run->started_at));
        } else {
            table_add(&t->table, timestamp_text(a, run->started_at));
            table_add(&t->table, timestamp_text(a, run->finished_at));
            table_add(&t->table, timestamp_text(a, run->stopped_at));
            table_add(&t->table,
                      run->lease != NULL ? arena_printf(a, "%" PRId64, run->lease->attempt) : "-");
        }
        const char *holder = run->lease != NULL ? run->lease->holder : "";
        table_add(&t->table, holder[0] != '\0' ? holder : "-");
        table_add(&t->table, run->workflow_id[0] != '\0' ? run->workflow_id : "-");
    }
    table_print(&t->table, stdout);
}

static int print_json(struct run_table *t, const struct invocation *in, struct slice response) {
    const uint8_t *p = response.data;
    const uint8_t *end = p + response.len;
    int code = EXIT_CODE_OK;
    fputs(t->has_begun ? "" : "{\"runs\":[", stdout);
    t->has_begun = true;
    struct wire_field field;
    while (code == EXIT_CODE_OK && p < end && wire_read_field(&p, end, &field)) {
        if (field.number == FIELD_RUNS && field.type == WIRE_BYTES) {
            fputs(t->has_runs ? "," : "", stdout);
            t->has_runs = true;
            code = json_printer_print(t->json, in, field.bytes);
        }
    }
    return code;
}

int run_table_page(struct run_table *t, const struct invocation *in, struct slice response,
                   const char **ret_next) {
    Runs__V1__ListRunsResponse *list;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__list_runs_response__descriptor, response, &list);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    *ret_next = list->next_page_token;
    if (t->watch_cursor == NULL && list->watch_cursor[0] != '\0') {
        t->watch_cursor = mem_strdup(list->watch_cursor);
    }
    if (t->json != NULL) {
        return print_json(t, in, response);
    }
    print_rows(t, in->arena, list);
    return EXIT_CODE_OK;
}

void run_table_end(struct run_table *t, const char *next) {
    if (t->json == NULL) {
        if (t->watch_cursor != NULL) {
            printf("\nFrom here on: runsctl runs watch --cursor %s\n", t->watch_cursor);
        }
        return;
    }
    struct strbuf end = STRBUF_INIT;
    strbuf_append_cstr(&end, "],\"nextPageToken\":");
    strbuf_append_json_string(&end, slice_of_cstr(next));
    if (t->watch_cursor != NULL) {
        strbuf_append_cstr(&end, ",\"watchCursor\":");
        strbuf_append_json_string(&end, slice_of_cstr(t->watch_cursor));
    }
    printf("%.*s}\n", SLICE_FMT(strbuf_slice(&end)));
    strbuf_release(&end);
}

void run_table_release(struct run_table *t) {
    if (t->json != NULL) {
        json_printer_free(t->json);
    }
    free(t->watch_cursor);
    table_release(&t->table);
}
