#ifndef RUNSD_BENCH_WATCH_WATCH_API_H
#define RUNSD_BENCH_WATCH_WATCH_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// How a service is asked to watch and to change, and what its messages say: runsd's, and
// etcd's. Changes are numbers from 0 (bench/watch/delivery_book.h). Pure.

// What a message of a watch says of one change.
struct watch_event {
    uint64_t change;
    int64_t position; // in the order of the changes of its group
};

struct watch_api {
    const char *name;
    const char *watch_path;
    bool stays_open;       // the client's half of a watch is left open
    bool is_ready_at_head; // a watch sees all changes from its initial metadata on; else from
                           // its first message on
    // A call for each group, which gives the token of the group's other calls; NULL: none is
    // needed.
    const char *enroll_path;
    const char *prepare_path; // a call that each change needs before; NULL: none
    const char *change_path;

    // Append requests.
    void (*enroll)(struct strbuf *out, size_t group);
    void (*watch)(struct strbuf *out, size_t group);
    void (*prepare)(struct strbuf *out, size_t group, uint64_t change);
    void (*change)(struct strbuf *out, size_t group, uint64_t change);

    // The token in a reply to enroll; empty: there is none.
    struct slice (*read_token)(struct slice message);
    // Calls event for each change that a message of a watch has. Returns false if the message
    // cannot be read.
    bool (*read)(struct slice message, void (*event)(void *context, struct watch_event event),
                 void *context);
};

extern const struct watch_api watch_api_runs;
extern const struct watch_api watch_api_etcd;

// "runs" or "etcd"; NULL if it is none.
const struct watch_api *watch_api_find(const char *name);

#endif
