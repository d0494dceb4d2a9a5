#ifndef RUNSD_STORAGE_STORE_CHECK_REPORT_H
#define RUNSD_STORAGE_STORE_CHECK_REPORT_H

#include <stdbool.h>

// What run_store_check found; texts live in its arena.
struct store_check_report {
    const char *const *problems; // a sentence each, for people
    int count;                   // 0: the store is sound; at most 20 are listed
    bool is_served;              // by another process, when it was checked
};

#endif
