#include "ctl/watch_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cli/time_span.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "ctl/event_table.h"
#include "ctl/print.h"
#include "ctl/run_print.h"

// More runs than these are forgotten, first those that are final.
enum { MOST_RUNS = 500 };
enum { USUAL_LINES = 24, LEAST_GAP_US = 100000, AGE_GAP_US = 1000000 };
enum { COLUMNS = 6 };

static const char *const headings[COLUMNS] = {"RUN",    "STATUS", "SINCE",
                                              "HOLDER", "LAST",   "WORKFLOW"};

// A run as its newest message has it. Texts are its own.
struct row {
    char *id;
    char *holder; // with the attempt; "-" if nobody holds it
    char *last;   // what happened last, by whom and why
    char *workflow;
    int status;
    int64_t sequence;
    int64_t at_s;
};

struct watch_table {
    struct row rows[MOST_RUNS]; // the newest first
    int count;
    bool is_cut; // some were forgotten
    bool is_changed;
    char *said;
    int64_t revision;
    int64_t newest_revision;
    int64_t drawn_us; // clock_monotonic_us; 0: never
    int drawn_lines;
};

struct watch_table *watch_table_new(void) {
    struct watch_table *t = mem_zalloc(sizeof(*t));
    t->said = mem_strdup("");
    t->is_changed = true;
    return t;
}

static void row_release(struct row *row) {
    free(row->id);
    free(row->holder);
    free(row->last);
    free(row->workflow);
}

void watch_table_clear(struct watch_table *t) {
    for (int i = 0; i < t->count; i++) {
        row_release(&t->rows[i]);
    }
    t->count = 0;
    t->is_cut = false;
    t->is_changed = true;
}

void watch_table_free(struct watch_table *t) {
    watch_table_clear(t);
    free(t->said);
    free(t);
}

void watch_table_say(struct watch_table *t, const char *text) {
    free(t->said);
    t->said = mem_strdup(text);
    t->is_changed = true;
}

static bool is_final(int status) {
    return status >= RUNS__V1__RUN_STATUS__RUN_STATUS_SUCCESS;
}

// Makes room for one more: forgets the final run that changed least recently; else any.
static void make_room(struct watch_table *t) {
    int victim = t->count - 1;
    while (victim > 0 && !is_final(t->rows[victim].status)) {
        victim--;
    }
    victim = is_final(t->rows[victim].status) ? victim : t->count - 1;
    row_release(&t->rows[victim]);
    memmove(&t->rows[victim], &t->rows[victim + 1],
            (size_t)(t->count - 1 - victim) * sizeof(t->rows[0]));
    t->count--;
    t->is_cut = true;
}

// The run's row, moved to the beginning; a new one if it has none.
static struct row *row_of(struct watch_table *t, const char *id) {
    int i = 0;
    while (i < t->count && strcmp(t->rows[i].id, id) != 0) {
        i++;
    }
    struct row row = {0};
    if (i < t->count) {
        row = t->rows[i];
    } else {
        if (t->count == MOST_RUNS) {
            make_room(t);
        }
        row = (struct row){.id = mem_strdup(id), .workflow = mem_strdup("-")};
        i = t->count++;
    }
    memmove(&t->rows[1], &t->rows[0], (size_t)i * sizeof(t->rows[0]));
    t->rows[0] = row;
    return &t->rows[0];
}

static void set_text(char **field, const char *text) {
    free(*field);
    *field = mem_strdup(text[0] != '\0' ? text : "-");
}

static void set_holder(struct row *row, const char *holder, int64_t attempt) {
    char text[512];
    snprintf(text, sizeof(text), "%s #%" PRId64, holder, attempt);
    set_text(&row->holder, holder[0] != '\0' ? text : "");
}

static void set_last(struct row *row, const Runs__V1__RunEvent *event) {
    char text[2048];
    bool is_change = event->kind == RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_STATUS_CHANGED;
    const char *what =
        is_change ? status_text((int)event->to_status) : event_kind_text((int)event->kind);
    snprintf(text, sizeof(text), "%s by %s%s%s", what, event->actor,
             event->reason[0] != '\0' ? ": " : "", event->reason);
    set_text(&row->last, text);
}

static void add_run(struct watch_table *t, const Runs__V1__SnapshotRun *item) {
    const Runs__V1__Run *run = item->run;
    if (run == NULL) {
        return;
    }
    struct row *row = row_of(t, run->id);
    row->status = (int)run->status;
    row->sequence = item->sequence;
    row->at_s = run->started_at != NULL ? run->started_at->seconds : 0;
    set_text(&row->workflow, run->workflow_id);
    set_text(&row->last, "");
    set_holder(row, run->lease != NULL ? run->lease->holder : "",
               run->lease != NULL ? run->lease->attempt : 0);
}

static void add_change(struct watch_table *t, const Runs__V1__RunEvent *event,
                       const Runs__V1__Run *run) {
    struct row *row = row_of(t, event->run_id);
    if (run != NULL) {
        set_text(&row->workflow, run->workflow_id);
    }
    if (row->sequence >= event->sequence) {
        return; // the snapshot had it
    }
    bool is_given_up = event->kind == RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_RELEASED ||
                       event->kind == RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_LEASE_LOST;
    row->sequence = event->sequence;
    row->status = (int)event->to_status;
    row->at_s = event->at != NULL ? event->at->seconds : 0;
    set_holder(row, is_given_up ? "" : event->holder, event->attempt);
    set_last(row, event);
}

void watch_table_add(struct watch_table *t, const Runs__V1__WatchRunsResponse *message) {
    t->is_changed = true;
    switch (message->item_case) {
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_CHANGE:
        add_change(t, message->change, message->run);
        t->revision = message->change->revision;
        break;
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_SNAPSHOT_RUN:
        add_run(t, message->snapshot_run);
        break;
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_BOOKMARK:
        t->revision = message->bookmark->revision;
        t->newest_revision = message->bookmark->newest_revision;
        break;
    default:
        break;
    }
}

int64_t watch_table_due_us(const struct watch_table *t) {
    return t->drawn_us == 0 ? 1 : t->drawn_us + (t->is_changed ? LEAST_GAP_US : AGE_GAP_US);
}

static int terminal_lines(void) {
    struct winsize size = {0};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row
                                                                           : USUAL_LINES;
}

static void draw_head(const struct watch_table *t, struct arena *a, size_t width) {
    int live = 0;
    for (int i = 0; i < t->count; i++) {
        live += !is_final(t->rows[i].status);
    }
    const char *behind =
        t->newest_revision > t->revision
            ? arena_printf(a, ", %" PRId64 " behind", t->newest_revision - t->revision)
            : "";
    struct table line;
    table_init(&line, 1, NULL);
    table_fit(&line, width, 1);
    table_add(&line, arena_printf(a, "%d live, %d ended%s; revision %" PRId64 "%s%s%s", live,
                                  t->count - live, t->is_cut ? ", more are not kept" : "",
                                  t->revision, behind, t->said[0] != '\0' ? "; " : "", t->said));
    table_print(&line, stdout);
    table_release(&line);
}

static void draw_rows(const struct watch_table *t, struct arena *a, size_t width, int most) {
    struct table table;
    table_init(&table, COLUMNS, headings);
    // All may be cut, so that a line of the terminal is one of the table.
    table_fit(&table, width, (1U << COLUMNS) - 1);
    int64_t now_s = clock_now_us(&clock_system) / 1000000;
    for (int i = 0; i < t->count && i < most; i++) {
        const struct row *row = &t->rows[i];
        table_add(&table, row->id);
        table_add(&table, status_text(row->status));
        table_add(&table, time_span_text(a, now_s - row->at_s));
        table_add(&table, row->holder);
        table_add(&table, row->last);
        table_add(&table, row->workflow);
    }
    table_print(&table, stdout);
    table_release(&table);
}

void watch_table_draw(struct watch_table *t) {
    enum { HEAD_LINES = 2 }; // and the one where the cursor stands
    struct arena a;
    arena_init(&a);
    size_t width = print_width(false);
    int most = terminal_lines() - HEAD_LINES - 1;
    most = most > 0 ? most : 1;
    // To the beginning of what was drawn, and clear from there (ECMA-48: CUU, ED).
    if (t->drawn_lines > 0) {
        printf("\x1b[%dA\x1b[J", t->drawn_lines);
    }
    draw_head(t, &a, width);
    draw_rows(t, &a, width, most);
    fflush(stdout);
    t->drawn_lines = HEAD_LINES + (t->count < most ? t->count : most);
    t->drawn_us = clock_monotonic_us();
    t->is_changed = false;
    arena_release(&a);
}
