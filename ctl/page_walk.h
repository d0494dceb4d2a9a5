#ifndef RUNSD_CTL_PAGE_WALK_H
#define RUNSD_CTL_PAGE_WALK_H

#include "ctl/client_options.h"
#include "ctl/print.h"

// Lists that a method answers in pages, one page or all, as a table or as JSON: for requests and
// replies as google.aip.dev/158 has them.

struct page_options {
    int page_size;
    const char *page_token;
    bool all;
};

// Their rows, for a cli_table of struct page_options.
extern const struct cli_option page_options_rows[];

// How a list is asked for and printed. Immutable; a constant.
struct page_walk {
    const char *path;          // "/package.Service/Method"
    uint32_t size_field;       // of the request: page_size
    uint32_t token_field;      // page_token
    uint32_t items_field;      // of the reply
    uint32_t next_token_field; // next_page_token
    const char *items_name;    // in JSON
    const char *item_type;     // full name: "runs.v1.BulkCancel"
    const char *none;          // what people read where there are none
    // Adds an item's row to the table; its cells live in in->arena. Returns an exit code; an error
    // has been printed.
    int (*add)(const struct invocation *in, struct table *table, struct slice item);
};

// Asks for one page or all and prints each. request has all but size and token. The table, for
// people, is the caller's, and begun. Returns an exit code; an error has been printed.
int page_walk_print(const struct invocation *in, const struct client_options *client,
                    const struct page_options *options, const struct page_walk *walk,
                    struct slice request, struct table *table);

#endif
