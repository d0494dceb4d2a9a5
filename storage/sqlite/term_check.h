#ifndef RUNSD_STORAGE_SQLITE_TERM_CHECK_H
#define RUNSD_STORAGE_SQLITE_TERM_CHECK_H

#include "storage/sqlite/row_status.h"
#include "storage/sqlite/term_row.h"

// What may be wrong with leases and deadlines, in SQL, for storage/sqlite/store_check.c. Unlike the
// row of another run, that of a run with terms is never behind its events.

// Whether the run r has a row of run_term, and whether it needs one: for RUN_PROBLEM.
#define TERM_FLAG_PROBLEM                                                                          \
    " WHEN (r.has_terms<>0)<>EXISTS(SELECT 1 FROM run_term AS t WHERE t.run_key=r.run_key)"        \
    "   OR (r.has_terms=0 AND EXISTS(SELECT 1 FROM event AS e WHERE e.event_key=r.newest_event"    \
    "   AND (e.kind>2 OR e.holder<>''))) THEN 'has terms that its row contradicts'"

#define TERM_IS_ACTIVE "r." RUN_ROW_ACTIVE_SQL
_Static_assert(RUN_DISPATCH_LEASE == 1 && STORE_EVENT_STOP == 6, "the numbers below are others");

// columns compares the index's columns of i, in its order, with those of t: the row is found by
// its key there.
#define TERM_NOT_IN_INDEX(index, columns, where)                                                   \
    " WHEN t." where " AND NOT EXISTS(SELECT 1 FROM run_term AS i INDEXED BY " index               \
    " WHERE " columns " AND i." where " AND i.run_key=t.run_key)"                                  \
    " THEN 'is missing in the index " index "'"
#define TERM_BY_START " AND i.started_at=t.started_at AND i.id=t.id"
#define TERM_OF_ALL   "i.organization=t.organization" TERM_BY_START
#define TERM_OF_FLOW  "i.workflow_key=t.workflow_key" TERM_BY_START
#define TERM_OF_HOLD  "i.organization=t.organization AND i.holder=t.holder" TERM_BY_START
#define TERM_NOT_IN_INDEXES                                                                        \
    TERM_NOT_IN_INDEX("term_open", TERM_OF_ALL, TERM_ROW_OPEN_SQL)                                 \
    TERM_NOT_IN_INDEX("term_open_by_workflow", TERM_OF_FLOW, TERM_ROW_OPEN_SQL)                    \
    TERM_NOT_IN_INDEX("term_held", TERM_OF_HOLD, TERM_ROW_HELD_SQL)                                \
    TERM_NOT_IN_INDEX("term_due", "i.due_at=t.due_at", TERM_ROW_DUE_SQL)

// What is wrong with the row of run_term of the run r, or NULL: the last of a CASE's questions.
#define TERM_PROBLEM                                                                               \
    " WHEN r.has_terms<>0 THEN (SELECT CASE"                                                       \
    " WHEN t.organization<>r.organization OR t.id<>r.id OR t.workflow_key<>r.workflow_key"         \
    "   OR t.started_at<>r.started_at THEN 'has the terms of another run'"                         \
    " WHEN t.dispatch NOT IN (0, 1) OR t.fails_on_lease_loss NOT IN (0, 1)"                        \
    "   OR t.on_timeout NOT IN (0, 4, 5) OR t.timeout_at<0 OR t.waiting_timeout<0"                 \
    "   THEN 'has impossible terms'"                                                               \
    " WHEN t.state<>CASE WHEN t.holder<>'' THEN 2 WHEN t.dispatch=1 AND " TERM_IS_ACTIVE           \
    "   AND r.attempt<9223372036854775807 THEN 1 ELSE 0 END"                                       \
    "   OR (t.holder<>'' AND (NOT " TERM_IS_ACTIVE " OR r.attempt<1))"                             \
    "   OR (t.holder='' AND t.lease<>0) THEN 'has a lease that its row contradicts'"               \
    " WHEN (t.waiting_until<>0)<>(r.status=2 AND t.waiting_timeout<>0)"                            \
    "   OR t.due_at<>CASE WHEN NOT " TERM_IS_ACTIVE " THEN 0"                                      \
    "     WHEN t.timeout_at=0 THEN t.waiting_until WHEN t.waiting_until=0 THEN t.timeout_at"       \
    "     ELSE min(t.timeout_at, t.waiting_until) END"                                             \
    "   THEN 'has a deadline that its row contradicts'"                                            \
    " WHEN t.stopped_at<>(SELECT CASE e.kind WHEN 6 THEN e.at ELSE 0 END FROM event AS e"          \
    "   WHERE e.event_key=r.newest_event) THEN 'has a stop that its newest event "                 \
    "contradicts'" TERM_NOT_IN_INDEXES " END FROM run_term AS t WHERE t.run_key=r.run_key)"

// What is wrong with the event e, before which p was its run's: for EVENT_PROBLEM.
#define TERM_EVENT_PROBLEM                                                                         \
    " WHEN e.kind NOT BETWEEN 1 AND 7 OR (e.kind IN (3, 4, 6, 7) AND e.from_status<>e.to_status)"  \
    "   OR (e.kind=5 AND e.to_status NOT IN (e.from_status, 4))"                                   \
    "   OR (e.kind=6 AND e.to_status<>5) OR (e.kind IN (3, 4, 5) AND e.holder='')"                 \
    "   OR (e.kind IN (6, 7) AND e.holder<>'') THEN 'has a kind that its change contradicts'"      \
    " WHEN e.previous_of_run<>0 AND CASE e.kind WHEN 3 THEN e.attempt<=p.attempt"                  \
    "   ELSE e.attempt<>p.attempt END"                                                             \
    "   THEN 'has an attempt that does not follow the one before it'"

#endif
