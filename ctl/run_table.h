#ifndef RUNSD_CTL_RUN_TABLE_H
#define RUNSD_CTL_RUN_TABLE_H

#include "ctl/command.h"
#include "ctl/json.h"
#include "ctl/print.h"
#include "runs/v1/runs_service.pb-c.h"

// Lists of runs on standard output, a page after the other: for people as a table, else as one
// runs.v1.ListRunsResponse in JSON whose runs are those of all pages.

struct run_table {
    struct table table;
    bool is_narrow; // age in place of times: it must fit a terminal
    int64_t now_us;
    struct json_printer *json; // NULL: for people
    bool has_begun;            // likewise
    bool has_runs;
    char *watch_cursor; // of the first page that has one; NULL: none
};

// Begins; prints nothing. wide: all columns, whatever the terminal.
void run_table_begin(struct run_table *t, bool json, bool wide);

// Prints a page, whose bytes are response. *ret_next is the token of the next, "" if there is
// none, in in->arena. Returns an exit code; an error has been printed.
int run_table_page(struct run_table *t, const struct invocation *in, struct slice response,
                   const char **ret_next);

// Ends, behind at least one page: prints the end of JSON, with next as the token of what is left,
// and the watch's cursor if there is one.
void run_table_end(struct run_table *t, const char *next);

// Releases what t holds, also of a list that was not ended.
void run_table_release(struct run_table *t);

#endif
