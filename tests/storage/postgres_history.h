#ifndef RUNSD_TESTS_STORAGE_POSTGRES_HISTORY_H
#define RUNSD_TESTS_STORAGE_POSTGRES_HISTORY_H

#include <string>
#include <vector>

#include "tests/storage/postgres_cluster.h"
#include "tests/storage/store_testing.h"

namespace store_testing {

// What must hold of the tables whatever happened: revisions without a gap, at most one event that
// makes a run final, rows that say what the newest event says, counts that are those of the rows.
inline void ExpectSoundHistory(const PostgresCluster &cluster, const std::string &database) {
    const struct {
        const char *what;
        const char *sql; // what is wrong
    } checks[] = {
        {"revisions are 1, 2, 3 and so on up to the organization's",
         "SELECT o.name FROM organization o LEFT JOIN event e ON e.organization=o.name"
         " GROUP BY o.name, o.revision HAVING count(e.revision)<>o.revision"
         " OR coalesce(max(e.revision), 0)<>o.revision"},
        {"a run becomes final once",
         "SELECT id FROM event WHERE from_status IN (0, 1, 2) AND to_status IN (3, 4, 5)"
         " GROUP BY organization, id HAVING count(*)>1"},
        {"a run has its events' sequence",
         "SELECT r.id FROM run r JOIN event e USING(organization, id)"
         " GROUP BY r.organization, r.id, r.sequence, r.newest_revision"
         " HAVING count(*)<>r.sequence OR max(e.sequence)<>r.sequence"
         " OR max(e.revision)<>r.newest_revision"},
        {"a run has its newest event's status",
         "SELECT r.id FROM run r JOIN event e ON e.organization=r.organization"
         " AND e.revision=r.newest_revision WHERE e.to_status<>r.status OR e.id<>r.id"},
        {"a run has a body",
         "SELECT id FROM run LEFT JOIN run_body USING(run_key) WHERE run_body.run_key IS NULL"},
        {"runs that are not final are listed as such, and no others",
         "SELECT id FROM (SELECT organization, started_at, id FROM run WHERE status IN (1, 2)) AS r"
         " FULL JOIN run_active AS a USING(organization, started_at, id)"
         " WHERE a.id IS NULL OR r.id IS NULL"},
        {"organizations count their runs",
         "SELECT o.name FROM organization o LEFT JOIN run r ON r.organization=o.name"
         " GROUP BY o.name HAVING o.running<>count(*) FILTER (WHERE r.status=1)"
         " OR o.cancelled<>count(*) FILTER (WHERE r.status=5)"
         " OR o.success<>count(*) FILTER (WHERE r.status=3)"},
        {"workflows count their runs",
         "SELECT c.workflow_id FROM run_count c LEFT JOIN run r USING(organization, workflow_id)"
         " GROUP BY c.organization, c.workflow_id HAVING c.running<>count(*) FILTER"
         " (WHERE r.status=1) OR c.cancelled<>count(*) FILTER (WHERE r.status=5)"},
    };
    for (const auto &check : checks) {
        EXPECT_TRUE(cluster.Query(database, check.sql).empty()) << check.what;
    }
}

// Whether the run's row has the status.
inline bool HasStatus(const PostgresCluster &cluster, const std::string &database,
                      const std::string &id, int status) {
    return cluster.Value(database, "SELECT count(*) FROM run WHERE id='" + id +
                                       "' AND status=" + std::to_string(status)) == "1";
}

} // namespace store_testing

#endif
