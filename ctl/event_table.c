#include "ctl/event_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/run_print.h"

static const char *const kinds[] = {
    [RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_CREATED] = "created",
    [RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_STATUS_CHANGED] = "changed",
    [RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_ACQUIRED] = "acquired",
    [RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_RELEASED] = "released",
    [RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_LEASE_LOST] = "lease lost",
    [RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_STOPPED] = "stopped",
    [RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_DELETED] = "deleted",
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]), MOST_COLUMNS = 9 };

// Widths that later rows may need.
enum { ID_WIDTH = 36, TIME_WIDTH = 27, NARROW_TIME_WIDTH = 20, NAME_WIDTH = 8 };

// A column, and in which tables it is.
static const struct column {
    const char *heading;
    unsigned needs; // EVENT_TABLE_...; 0: in all
    unsigned never; // not in these
    bool is_wide;   // not where it must fit a terminal and leases are shown
    bool is_cuttable;
    size_t width; // of a table that grows; 0: the heading's
} columns[MOST_COLUMNS] = {
    {.heading = "RUN", .needs = EVENT_TABLE_RUNS, .width = ID_WIDTH},
    {.heading = "SEQUENCE", .never = EVENT_TABLE_RUNS},
    {.heading = "AT", .width = TIME_WIDTH},
    {.heading = "EVENT", .needs = EVENT_TABLE_LEASES, .width = sizeof("lease lost") - 1},
    {.heading = "FROM", .is_wide = true, .width = sizeof("waiting") - 1},
    {.heading = "TO", .width = sizeof("cancelled") - 1},
    {.heading = "HOLDER", .needs = EVENT_TABLE_LEASES, .is_cuttable = true, .width = NAME_WIDTH},
    {.heading = "ACTOR", .is_cuttable = true, .width = NAME_WIDTH},
    {.heading = "REASON", .is_cuttable = true},
};

const char *event_kind_text(int kind) {
    return kind > 0 && kind < KIND_COUNT ? kinds[kind] : "unknown";
}

bool event_table_needs_leases(const Runs__V1__RunEvent *event) {
    return event->attempt > 0 ||
           event->kind > RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_STATUS_CHANGED;
}

static bool has_column(const struct event_table *t, const struct column *c) {
    bool is_cut = c->is_wide && t->is_narrow && (t->kind & EVENT_TABLE_LEASES) != 0;
    return (t->kind & c->needs) == c->needs && (t->kind & c->never) == 0 && !is_cut;
}

void event_table_begin(struct event_table *t, unsigned kind, bool wide) {
    size_t width = print_width(wide);
    *t = (struct event_table){.kind = kind, .is_narrow = width > 0};
    const char *headings[MOST_COLUMNS];
    size_t widths[MOST_COLUMNS];
    unsigned cuttable = 0;
    int count = 0;
    for (const struct column *c = columns; c < columns + MOST_COLUMNS; c++) {
        if (has_column(t, c)) {
            cuttable |= (unsigned)c->is_cuttable << count;
            widths[count] = c->width == TIME_WIDTH && t->is_narrow ? NARROW_TIME_WIDTH : c->width;
            headings[count++] = c->heading;
        }
    }
    table_init(&t->table, count, NULL);
    table_fit(&t->table, width, cuttable);
    for (int i = 0; i < count; i++) {
        table_add(&t->table, headings[i]);
        if ((kind & EVENT_TABLE_GROWS) != 0) {
            table_reserve(&t->table, i, widths[i]);
        }
    }
}

static const char *or_dash(const char *text) {
    return text[0] != '\0' ? text : "-";
}

static void add(struct event_table *t, struct arena *a, const Runs__V1__RunEvent *event,
                const char *what) {
    const char *holder =
        event->attempt > 0 ? arena_printf(a, "%s #%" PRId64, or_dash(event->holder), event->attempt)
                           : or_dash(event->holder);
    const char *const cells[MOST_COLUMNS] = {
        event->run_id,
        arena_printf(a, "%" PRId64, event->sequence),
        t->is_narrow ? timestamp_text_short(a, event->at) : timestamp_text(a, event->at),
        what,
        event->from_status == RUNS__V1__RUN_STATUS__RUN_STATUS_UNSPECIFIED
            ? "-"
            : status_text((int)event->from_status),
        status_text((int)event->to_status),
        holder,
        event->actor,
        or_dash(event->reason),
    };
    for (int i = 0; i < MOST_COLUMNS; i++) {
        if (has_column(t, &columns[i])) {
            table_add(&t->table, cells[i]);
        }
    }
}

void event_table_add(struct event_table *t, struct arena *a, const Runs__V1__RunEvent *event) {
    add(t, a, event, event_kind_text((int)event->kind));
}

void event_table_add_live(struct event_table *t, struct arena *a, const Runs__V1__Run *run) {
    Runs__V1__RunEvent event = RUNS__V1__RUN_EVENT__INIT;
    event.run_id = run->id;
    event.at = run->started_at;
    event.to_status = run->status;
    event.actor = run->triggered_by;
    if (run->lease != NULL) {
        event.attempt = run->lease->attempt;
        event.holder = run->lease->holder;
    }
    add(t, a, &event, "live");
}

void event_table_print(struct event_table *t) {
    table_print(&t->table, stdout);
}

void event_table_release(struct event_table *t) {
    table_release(&t->table);
}
