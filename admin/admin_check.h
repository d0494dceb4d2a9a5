#ifndef RUNSD_ADMIN_ADMIN_CHECK_H
#define RUNSD_ADMIN_ADMIN_CHECK_H

#include <stdbool.h>

enum { ADMIN_DETAIL_SIZE = 256 };

// What /readyz asks, each time.
struct admin_check {
    const char *name; // a word in lower case, "store": a constant
    // Whether all is well. What is put into detail, one line of UTF-8 which is empty at first, is
    // told to whoever asks. On the listener's thread; must not block.
    bool (*is_ok)(void *context, char detail[ADMIN_DETAIL_SIZE]);
    void *context;
    bool is_told_only; // the program is ready without it
};

// Where the program is in its life: /readyz says 503 unless it is serving.
enum admin_stage { ADMIN_STARTING, ADMIN_SERVING, ADMIN_STOPPING };

#endif
