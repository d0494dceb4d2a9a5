#ifndef RUNSD_STORAGE_SQLITE_KEY_CHECK_H
#define RUNSD_STORAGE_SQLITE_KEY_CHECK_H

#include "storage/sqlite/store_totals.h"

// What store_check asks about the keys under which changes were made (storage/sqlite/key_row.h), as
// parts of its statements. That an event has a key and no row leads to it says nothing: keys that
// do not count any more are trimmed, and given to other changes.

// What is wrong with the key of the event e: for EVENT_PROBLEM. applied is the event up to which
// rows are written.
#define KEY_EVENT_PROBLEM(applied)                                                                 \
    " WHEN e.key_digest IS NOT NULL AND (typeof(e.key_digest)<>'blob'"                             \
    "   OR length(e.key_digest)<>32) THEN 'has an impossible idempotency key'"                     \
    " WHEN e.key_digest IS NOT NULL AND e.event_key<=" applied                                     \
    "   AND EXISTS(SELECT 1 FROM idempotency_event AS n WHERE n.name=substr(e.key_digest, 1, 16)"  \
    "   AND n.event_key<e.event_key) THEN 'is unknown to its idempotency key'"

// Each row of these is a problem.
#define KEY_ROW_PROBLEMS                                                                           \
    "SELECT 'the idempotency key '||hex(name)||' leads to no event that has it' FROM"              \
    " idempotency_event AS n WHERE NOT EXISTS(SELECT 1 FROM event AS e"                            \
    "  WHERE e.event_key=n.event_key AND substr(e.key_digest, 1, 16)=n.name) LIMIT 20",            \
        "SELECT 'the idempotency key '||hex(name)||' is no sound one' FROM idempotency"            \
        " WHERE typeof(name)<>'blob' OR length(name)<>16 OR typeof(fingerprint)<>'blob'"           \
        "  OR length(fingerprint)<>16 OR length(target)=0 OR run_key<0 LIMIT 20",                  \
        "SELECT 'there are '||rows||' rows of idempotency keys, but '||told||' are counted' FROM"  \
        " (SELECT (SELECT count(*) FROM idempotency_event)+(SELECT count(*) FROM idempotency)"     \
        "  AS rows, " STORE_TOTAL_KEYS_SQL " AS told) WHERE rows<>told"

#endif
