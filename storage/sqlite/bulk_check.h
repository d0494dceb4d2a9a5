#ifndef RUNSD_STORAGE_SQLITE_BULK_CHECK_H
#define RUNSD_STORAGE_SQLITE_BULK_CHECK_H

#include "storage/sqlite/bulk_row.h"
#include "storage/sqlite/row_status.h"

// What is wrong with jobs, their items, and families of runs: for storage/sqlite/store_check.c.

// What is wrong with the row b of bulk, or NULL. One that is being removed has lost items.
#define BULK_PROBLEM                                                                               \
    "CASE WHEN b.state NOT BETWEEN 1 AND 6 THEN 'has an impossible state'"                         \
    " WHEN b.state<>6 AND (b.finished_at<>0)<>(b.state IN (4, 5))"                                 \
    "   OR b.state IN (3, 4) AND b.started_at=0 OR b.state IN (1, 2) AND b.started_at<>0"          \
    "   THEN 'has instants that its state contradicts'"                                            \
    " WHEN b.state<>6 AND (SELECT total(i.outcome<>4)<>b.total OR total(i.outcome=1)<>b.cancelled" \
    "   OR total(i.outcome=2)<>b.already_final OR total(i.outcome=3)<>b.not_found"                 \
    "   FROM bulk_item AS i WHERE i.bulk_key=b.bulk_key)"                                          \
    "   THEN 'has counts that its items contradict'"                                               \
    " WHEN b.state=4 AND EXISTS(SELECT 1 FROM bulk_item AS i"                                      \
    "   WHERE i.bulk_key=b.bulk_key AND i." BULK_ITEM_DUE_SQL ")"                                  \
    "   THEN 'is done, and has items that were not dealt with' END"

#define BULK_PROBLEMS_SQL(from)                                                                    \
    "SELECT 'the job \"'||id||'\" of \"'||organization||'\" '||problem FROM"                       \
    " (SELECT b.id, b.organization, " BULK_PROBLEM " AS problem FROM " from " AS b)"               \
    " WHERE problem IS NOT NULL LIMIT 20"

// Of the newest jobs, those that have few items.
#define BULK_SAMPLE_SQL                                                                            \
    BULK_PROBLEMS_SQL("(SELECT * FROM bulk WHERE total<=5000 ORDER BY bulk_key DESC LIMIT 16)")

// What is wrong with the item i of the job j, whose run is r, or NULL. A run may have been deleted,
// and its id be that of a later one.
#define BULK_ITEM_PROBLEM                                                                          \
    "CASE WHEN NOT EXISTS(SELECT 1 FROM bulk AS b WHERE b.bulk_key=i.bulk_key)"                    \
    "   THEN 'is that of no job'"                                                                  \
    " WHEN i.outcome NOT BETWEEN 0 AND 4 OR i.due NOT BETWEEN 1 AND 2"                             \
    "   THEN 'has an impossible outcome'"                                                          \
    " WHEN i.outcome IN (0, 4) AND i.due IS NULL THEN 'is open, and is never dealt with'"          \
    " WHEN r.run_key<=i.newest_event AND (i.outcome=1 AND r.status IN (3, 4) OR i.outcome IN "     \
    "(1, 2)"                                                                                       \
    "   AND r." RUN_ROW_ACTIVE_SQL " AND NOT EXISTS(SELECT 1 FROM event AS e"                      \
    "   WHERE e.event_key>(SELECT value FROM meta WHERE name='applied')"                           \
    "   AND e.organization=r.organization AND e.id=r.id))"                                         \
    "   THEN 'has an outcome that its run contradicts' END"

// What is wrong with the row p of run_parent, or NULL. Where a row that is gone has a child its
// chain ends at a run that is there.
#define FAMILY_PROBLEM                                                                             \
    "CASE WHEN p.is_gone NOT IN (0, 1) OR p.is_gone<>NOT EXISTS(SELECT 1 FROM run AS r"            \
    "   WHERE r.organization=p.organization AND r.id=p.id)"                                        \
    "   THEN CASE p.is_gone WHEN 0 THEN 'has a parent and is not there'"                           \
    "   ELSE 'is there, and has a parent as one that is gone' END"                                 \
    " WHEN p.is_gone=1 AND NOT EXISTS(SELECT 1 FROM run_parent AS c INDEXED BY run_child"          \
    "   WHERE c.organization=p.organization AND c.parent=p.id)"                                    \
    "   THEN 'is gone, and leads nowhere' END"

#define FAMILY_PROBLEMS_SQL                                                                        \
    "SELECT 'the run \"'||id||'\" of \"'||organization||'\" '||problem FROM"                       \
    " (SELECT " RUN_ID_TEXT_SQL(                                                                   \
        "p.id") " AS id, p.organization, " FAMILY_PROBLEM                                          \
                " AS problem FROM run_parent AS p) WHERE problem IS NOT NULL LIMIT 20"

// The queries of all of it, of which each row that they return is a problem.
#define BULK_CHECK_QUERIES                                                                         \
    BULK_PROBLEMS_SQL("bulk"),                                                                     \
        "SELECT 'the item \"'||id||'\" of the job '||bulk_key||' '||problem FROM"                  \
        " (SELECT " RUN_ID_TEXT_SQL(                                                               \
            "i.id") " AS id, i.bulk_key, " BULK_ITEM_PROBLEM                                       \
                    " AS problem FROM bulk_item AS i LEFT JOIN bulk AS j ON j.bulk_key=i.bulk_key" \
                    " LEFT JOIN run AS r ON r.organization=j.organization AND r.id=i.id)"          \
                    " WHERE problem IS NOT NULL LIMIT 20",                                         \
        FAMILY_PROBLEMS_SQL

#endif
