#ifndef RUNSD_ADMIN_ADMIN_CHECKS_H
#define RUNSD_ADMIN_ADMIN_CHECKS_H

#include <pthread.h>
#include <stddef.h>

#include "admin/admin_check.h"
#include "base/core/strbuf.h"

// What /readyz asks: the stage, then the checks of the program's parts in the order of adding.
// Thread safe.

enum { ADMIN_MOST_CHECKS = 16 };

struct admin_checks {
    pthread_mutex_t mutex; // guards what follows; held while the checks are asked
    enum admin_stage stage;
    struct admin_check items[ADMIN_MOST_CHECKS];
    size_t count;
};

void admin_checks_init(struct admin_checks *checks);
void admin_checks_release(struct admin_checks *checks);

void admin_checks_set_stage(struct admin_checks *checks, enum admin_stage stage);
void admin_checks_add(struct admin_checks *checks, const struct admin_check *check);
void admin_checks_remove(struct admin_checks *checks, void *context);

// Asks all of them, and appends {"status":"ok","checks":[{"name":"stage","ok":true,"detail":
// "serving"},...]}, or "unavailable" if one is not well that is not told only. Returns whether it
// is "ok".
bool admin_checks_ask(struct admin_checks *checks, struct strbuf *out);

// Asks all of them, and says of each whether it is well.
void admin_checks_visit(struct admin_checks *checks,
                        void (*visit)(void *context, const char *name, bool is_ok), void *context);

#endif
