#ifndef RUNSD_STORAGE_SQLITE_COUNT_CHECK_H
#define RUNSD_STORAGE_SQLITE_COUNT_CHECK_H

#include "storage/sqlite/schema.h"

// Whether what is counted (table run_count, the counts of organizations, the totals in meta) is
// what there is, for storage/sqlite/store_check.c. A count may be ahead of the mark, and behind the
// newest event.

// A column for each status that says whether the column of that name has it.
#define COUNT_CHECK_IS(status)                                                                     \
    status "=1 AS n1, " status "=2 AS n2, " status "=3 AS n3, " status "=4 AS n4, " status         \
           "=5 AS n5"

// What a run's event e changes, times 1 or -1; a deletion takes the run away.
#define COUNT_CHECK_MOVE(sign, n) sign "((e.kind<>7 AND e.to_status=" n ")-(e.from_status=" n "))"
#define COUNT_CHECK_MOVES(sign)                                                                    \
    COUNT_CHECK_MOVE(sign, "1")                                                                    \
    ", " COUNT_CHECK_MOVE(sign, "2") ", " COUNT_CHECK_MOVE(sign, "3") ", " COUNT_CHECK_MOVE(       \
        sign, "4") ", " COUNT_CHECK_MOVE(sign, "5")

#define COUNT_CHECK_APPLIED "(SELECT value FROM meta WHERE name='applied')"

// The runs as their rows and the events that these do not have say, less what is counted, by key:
// a workflow's in count_check_workflows, an organization's name in the other.
#define COUNT_CHECK_SUMS(run_key, counted, event_key, counted_event)                               \
    "(SELECT key FROM (SELECT " run_key " AS key, " COUNT_CHECK_IS(                                \
        "status") " FROM run"                                                                      \
                  " UNION ALL SELECT r." run_key ", " COUNT_CHECK_MOVES(                           \
                      "") " FROM event AS e"                                                       \
                          "  CROSS JOIN run AS r ON r.organization=e.organization AND r.id=e.id"   \
                          "  WHERE e.event_key>" COUNT_CHECK_APPLIED                               \
                          " AND e.event_key>r.newest_event"                                        \
                          " UNION ALL SELECT " counted " UNION ALL SELECT " event_key              \
                          ", " COUNT_CHECK_MOVES(                                                  \
                              "-") " FROM event AS e LEFT JOIN " counted_event                     \
                                   " e.workflow_key<>0 AND e.event_key>" COUNT_CHECK_APPLIED ")"   \
                                   " GROUP BY key HAVING sum(n1)<>0 OR sum(n2)<>0 OR sum(n3)<>0 "  \
                                   "OR sum(n4)<>0 OR sum(n5)<>0"                                   \
                                   " LIMIT 20)"

#define COUNT_CHECK_WORKFLOWS                                                                      \
    "SELECT 'the workflow '||key||' has counts that its runs contradict' FROM " COUNT_CHECK_SUMS(  \
        "workflow_key",                                                                            \
        "workflow_key, -running, -waiting, -success, -failure, -cancelled"                         \
        " FROM run_count",                                                                         \
        "e.workflow_key",                                                                          \
        "run_count AS c ON c.workflow_key=e.workflow_key"                                          \
        " WHERE e.event_key>coalesce(c.as_of_event, 0) AND")

#define COUNT_CHECK_ORGANIZATIONS                                                                  \
    "SELECT 'the organization \"'||key||'\" has counts that its runs contradict' "                 \
    "FROM " COUNT_CHECK_SUMS(                                                                      \
        "organization",                                                                            \
        "name, -running, -waiting, -success, -failure, -cancelled FROM organization",              \
        "e.organization",                                                                          \
        "organization AS o ON o.name=e.organization"                                               \
        " WHERE e.event_key>coalesce(o.newest_event, 0) AND")

#define COUNT_CHECK_EVENTS                                                                         \
    "SELECT 'there are '||events||' events, and '||told||' are counted' FROM"                      \
    " (SELECT (SELECT count(*) FROM event) AS events, " SCHEMA_NEWEST_EVENT_SQL                    \
    "  -coalesce((SELECT value FROM meta WHERE name='events_gone'), 0) AS told)"                   \
    " WHERE events<>told"

#endif
