#ifndef RUNSD_STORAGE_POSTGRES_STANDBY_NAMES_H
#define RUNSD_STORAGE_POSTGRES_STANDBY_NAMES_H

#include <stdbool.h>

#include "base/core/slice.h"

// What PostgreSQL's setting synchronous_standby_names asks for, read as PostgreSQL reads it
// (src/backend/replication/syncrep_gram.y and syncrep_scanner.l).

enum standby_method {
    STANDBY_NONE,  // the setting is empty: a commit waits for no standby
    STANDBY_FIRST, // for those first in the list
    STANDBY_ANY,
};

struct standby_names {
    enum standby_method method;
    int must_confirm; // how many standbys a commit waits for
    int listed;       // how many names there are
};

// Returns false, with *ret untouched, if PostgreSQL takes text for no such list.
bool standby_names_parse(struct slice text, struct standby_names *ret);

#endif
