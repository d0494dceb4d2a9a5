#ifndef RUNSD_STORAGE_STORE_COPY_REPORT_H
#define RUNSD_STORAGE_STORE_COPY_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "storage/store_sums.h"

// What is asked of run_store_copy, and what it says.

struct store_copy_options {
    const char *from; // URLs
    const char *to;
    bool only_verify; // compare two stores that are there
    // Called now and then: what is done ("copying"), so many rows of about so many.
    void (*on_progress)(void *context, const char *what, int64_t done, int64_t total);
    void *context;
};

// How many rows a table has in both stores, and what they come to.
struct store_copy_line {
    const char *table;
    struct slice organization; // of one; empty: of all
    bool is_total;
    struct store_sum from;
    struct store_sum to;
};

struct store_copy_report {
    int64_t resumed;                     // rows that an earlier call had copied
    int64_t copied;                      // by this one
    const struct store_copy_line *lines; // the organizations' by name, and the totals behind them
    int line_count;
    // A sentence for each table in which something differs, with the key of a row.
    const char *const *differences;
    int difference_count; // 0: both stores have the same
};

#endif
