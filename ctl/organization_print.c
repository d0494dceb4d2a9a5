#include "ctl/organization_print.h"

#include <stdio.h>

#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/status_counts.h"

int64_t organization_count_runs(const Runs__V1__Organization *organization) {
    int64_t count = 0;
    for (size_t i = 0; i < organization->n_runs; i++) {
        count += organization->runs[i]->count;
    }
    return count;
}

// What it has, and of how much if there is a quota.
static const char *use_text(struct arena *a, int64_t used, int64_t most) {
    return most == 0 ? count_text(a, used)
                     : arena_printf(a, "%s of %s", count_text(a, used), count_text(a, most));
}

static void print_for_people(struct arena *a, const Runs__V1__Organization *o) {
    const char *const head[][2] = {
        {"name", o->name},
        {"frozen", o->frozen_at != NULL
                       ? arena_printf(a, "since %s", timestamp_text(a, o->frozen_at))
                       : "no"},
        {"tokens", count_text(a, o->tokens)},
        {"revision", count_text(a, o->revision)},
        {"floor", count_text(a, o->floor_revision)},
        {"stored bytes", use_text(a, o->stored_bytes, o->most_stored_bytes)},
        {"open runs", use_text(a, o->open_runs, o->most_open_runs)},
        {"runs", count_text(a, organization_count_runs(o))},
    };
    struct table table;
    table_init(&table, 2, NULL);
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
        table_add(&table, head[i][0]);
        table_add(&table, head[i][1]);
    }
    status_counts_add_rows(&table, a, o->runs, o->n_runs);
    table_print(&table, stdout);
    table_release(&table);
}

int organization_print(const struct invocation *in, struct slice bytes) {
    if (in->json) {
        return json_print_reply(in, "runs.v1.Organization", bytes);
    }
    Runs__V1__Organization *organization;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__organization__descriptor, bytes, &organization);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    print_for_people(in->arena, organization);
    return EXIT_CODE_OK;
}
