// What SQLite stores keep of counts: right after a kill at any moment and after a store of before
// was brought forward, and told at a price that does not grow with the runs.

#include <atomic>
#include <map>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/storage/deletion_testing.h"
#include "tests/storage/sqlite_limited.h"
#include "tests/storage/sqlite_old_store.h"

using namespace store_testing;

namespace {

class SqliteCount : public SqliteTest {
  protected:
    SqliteCount() : SqliteTest("/dev/shm") { // in memory: the disk's time is not looked at
    }
    void ExpectAllCounted(struct run_store *store) {
        Counts sum = {};
        for (const char *organization : {"acme", "globex", "settling", "young"}) {
            ExpectCounted(store, organization);
            const Counts counts = CountRuns(store, "", organization);
            for (size_t i = 0; i < sum.size(); i++) {
                sum[i] += counts[i];
            }
        }
        EXPECT_EQ(ToCounts(StoreStats(store).runs), sum);
    }
};

// Changes all that can be changed, until it is killed.
void Storm(const std::string &path) {
    Opened o = OpenLimited(path, {.runs = 12, .events = 30, .slice = 3, .idle_us = 300});
    std::mt19937 random(static_cast<unsigned>(getpid()));
    for (int i = 0; o.store != nullptr; i++) {
        auto pick = [&] { return static_cast<int>(random() % static_cast<unsigned>(i + 1)); };
        int n = pick();
        const std::string organization = Model::OrganizationOf(n);
        CreateRun(o.store, {.organization = Model::OrganizationOf(i),
                            .id = RunId(i),
                            .status = i % 7 == 0 ? RUN_SUCCESS : RUN_RUNNING,
                            .workflow_id = "w" + std::to_string(i % 5),
                            .spec = std::string(static_cast<size_t>(i % 90), 's')});
        Apply(o.store, {.organization = organization,
                        .id = RunId(n),
                        .to = static_cast<enum run_status>(1 + random() % 5),
                        .at_us = 2000 + i});
        DeleteRuns(o.store, {RunId(pick()), RunId(pick())});
        if (i % 5 == 0) {
            DeleteRunOnce(o.store, {.id = RunId(pick()), .at_us = 2000 + i});
        }
        if (i % 40 == 0) { // what came before it can be deleted then
            std::string id = std::to_string(getpid()) + "-" + std::to_string(i);
            CreateRun(o.store, {.organization = "settling", .id = id, .status = RUN_FAILURE});
            DeleteRun(o.store, {.organization = "settling", .id = id});
        }
    }
}

TEST_F(SqliteCount, CountsAreRightAfterAKillAtAnyMoment) {
    for (int round = 0; round < 12 && !HasFailure(); round++) {
        SCOPED_TRACE(round);
        SetPath(directory_.File("kill" + std::to_string(round) + ".db"));
        for (int life = 0; life < 3; life++) {
            pid_t child = fork();
            if (child == 0) {
                Storm(path_);
                _exit(1);
            }
            usleep(static_cast<useconds_t>(30000 + 17000 * round + 5000 * life));
            kill(child, SIGKILL);
            int status = 0;
            ASSERT_EQ(waitpid(child, &status, 0), child);
            ASSERT_TRUE(WIFSIGNALED(status));
            Opened o = OpenLimited(path_, {.runs = 12, .events = 30, .slice = 3});
            ASSERT_EQ(o.code, STATUS_OK) << o.message;
            ExpectAllCounted(o.store);
            run_store_close(o.store);
            ExpectSound(path_);
        }
    }
}

// A store of the version before, killed while rows were behind their events, and some ahead of the
// mark.
TEST_F(SqliteCount, MigrationCountsWhatRowsDoNotSayYet) {
    std::mt19937 random(5);
    const std::string killed = directory_.File("killed.db");
    {
        Opened o = OpenLimited(path_, {.runs = 40, .events = 90, .slice = 4});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        for (int i = 0; i < 120; i++) {
            ASSERT_EQ(CreateRun(o.store, {.organization = Model::OrganizationOf(i),
                                          .id = RunId(i),
                                          .workflow_id = "w" + std::to_string(i % 3),
                                          .spec = std::string(static_cast<size_t>(i), 's')})
                          .result,
                      STORE_OK);
        }
        // Its organization has no row yet when the process ends.
        ASSERT_EQ(CreateRun(o.store, {.organization = "young", .id = "r"}).result, STORE_OK);
        for (int i = 0; i < 150; i++) {
            int n = static_cast<int>(random() % 120);
            Apply(o.store, {.organization = Model::OrganizationOf(n),
                            .id = RunId(n),
                            .to = static_cast<enum run_status>(1 + random() % 5),
                            .at_us = 2000 + i});
        }
        CopyFiles(path_, killed);
        ASSERT_NO_FATAL_FAILURE(ExpectAllCounted(o.store));
        run_store_close(o.store);
    }
    ASSERT_NE(QueryText(killed, "SELECT count(*) FROM event WHERE event_key>"
                                "(SELECT value FROM meta WHERE name='applied')"),
              "0\n");
    RunSql(killed, std::string("DELETE FROM meta WHERE name='lineage'; BEGIN;") + kBackToVersion8 +
                       kBackToVersion5 + "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
    unlink((killed + ".state").c_str());
    SetPath(killed);
    for (int start = 0; start < 2; start++) {
        Opened o = OpenLimited(path_, {.runs = 40, .events = 90, .slice = 4});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        ExpectAllCounted(o.store);
        ExpectCounted(o.store, "young");
        EXPECT_EQ(StoreStats(o.store).organizations, 3);
        ASSERT_EQ(
            CreateRun(o.store, {.id = "new" + std::to_string(start), .workflow_id = "w1"}).result,
            STORE_OK);
        ASSERT_EQ(Apply(o.store, {.organization = "young", .id = "r", .to = RUN_WAITING}).result,
                  STORE_OK);
        ExpectAllCounted(o.store);
        const std::string again = directory_.File("again" + std::to_string(start) + ".db");
        CopyFiles(path_, again);
        run_store_close(o.store);
        ExpectSound(path_);
        SetPath(again); // killed once more
    }
}

// A program that does not know of stored bytes writes its rows without them: what it changed since
// is seen by the newest event or, where only old runs went, by how many runs there are.
TEST_F(SqliteCount, BytesThatAnOlderProgramLeftBehindAreCountedAnew) {
    const struct {
        const char *by_hand;
        int64_t bytes;
    } rows[] = {
        {"UPDATE organization SET stored_bytes=7", 7}, // nothing says that it is wrong
        {"UPDATE organization SET stored_bytes=7, bytes_as_of_event=bytes_as_of_event-1", 60},
        {"UPDATE organization SET stored_bytes=7, bytes_of_runs=bytes_of_runs+1", 60},
        {"UPDATE organization SET stored_bytes=0, bytes_as_of_event=0, bytes_of_runs=0", 60},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SCOPED_TRACE(rows[i].by_hand);
        SetPath(directory_.File("old" + std::to_string(i) + ".db"));
        struct run_store *store = MustOpen();
        for (const char *id : {"a", "b", "c"}) {
            ASSERT_EQ(CreateRun(store, {.id = id, .spec = std::string(20, 's')}).result, STORE_OK);
        }
        run_store_close(store);
        RunSql(path_, rows[i].by_hand);
        unlink((path_ + ".state").c_str());
        for (int start = 0; start < 2; start++) {
            store = MustOpen();
            EXPECT_EQ(GetOrganization(store).stored_bytes, rows[i].bytes + 5 * start);
            ASSERT_EQ(CreateRun(store, {.id = "n" + std::to_string(start), .spec = "12345"}).result,
                      STORE_OK);
            EXPECT_EQ(GetOrganization(store).stored_bytes, rows[i].bytes + 5 * start + 5);
            run_store_close(store);
        }
    }
}

std::atomic<int64_t> steps;

int CountStep(void *context) {
    (void)context;
    steps++;
    return 0;
}

// Called by SQLite with each connection that is opened.
int CountItsSteps(sqlite3 *db, const char **ret_message, const void *api) {
    (void)ret_message;
    (void)api;
    sqlite3_progress_handler(db, 1, CountStep, nullptr);
    return SQLITE_OK;
}

class SqliteCountCost : public SqliteCount {
  protected:
    void TearDown() override {
        sqlite3_reset_auto_extension();
    }
    // A store of so many runs of ten workflows.
    void MakeStore(int runs) {
        run_store_close(MustOpen());
        RunSql(path_, R"(PRAGMA synchronous=OFF;
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<)" +
                          std::to_string(runs) + R"() SELECT i, printf('r%07d', i) AS id FROM c;
INSERT INTO workflow(workflow_key, organization, id) SELECT i, 'acme', 'w'||i FROM n WHERE i<=10;
INSERT INTO run(organization, id, run_key, workflow_key, status, started_at, updated_at, sequence,
 newest_event, attempt, total_cu, has_terms)
 SELECT 'acme', id, i, i%10+1, i%5+1, i, i, 1, i, 0, 0, 0 FROM n;
INSERT INTO run_body(run_key, spec, execution_state) SELECT i, '', '' FROM n;
INSERT INTO event(event_key, organization, id, revision, kind, sequence, from_status, to_status,
 at, attempt, actor, reason, request_id, remote_address, idempotency_key, previous_of_run,
 previous_of_organization, holder, workflow_key)
 SELECT i, 'acme', id, i, 1, 1, 0, i%5+1, i, 0, 'a', '', '', '', '', 0, i-1, '', i%10+1 FROM n;
INSERT INTO event_mark(organization, revision, event_key) SELECT 'acme', i, i FROM n WHERE i%64=0;
INSERT INTO organization(name, revision, newest_event, running, waiting, success, failure,
 cancelled) SELECT 'acme', max(i), max(i), sum(i%5=0), sum(i%5=1), sum(i%5=2), sum(i%5=3),
 sum(i%5=4) FROM n;
INSERT INTO run_count(workflow_key, as_of_event, running, waiting, success, failure, cancelled)
 SELECT i%10+1, max(i), sum(i%5=0), sum(i%5=1), sum(i%5=2), sum(i%5=3), sum(i%5=4) FROM n
 GROUP BY 1;
UPDATE meta SET value=)" + std::to_string(runs) +
                          " WHERE name='applied';");
        unlink((path_ + ".state").c_str());
    }
    template <typename F> int64_t StepsOf(F run) {
        steps = 0;
        run();
        return steps;
    }
    std::map<std::string, int64_t> StepsOfAll(struct run_store *store, int64_t runs) {
        std::map<std::string, int64_t> of;
        of["count"] = StepsOf([&] { EXPECT_EQ(CountRuns(store)[RUN_RUNNING], runs / 5); });
        of["count of a workflow"] =
            StepsOf([&] { EXPECT_EQ(CountRuns(store, "w1")[RUN_RUNNING], runs / 10); });
        of["count by workflow"] = StepsOf([&] { EXPECT_EQ(CountByWorkflow(store).size(), 10u); });
        of["organization"] =
            StepsOf([&] { EXPECT_EQ(GetOrganization(store).runs[RUN_FAILURE], runs / 5); });
        of["store"] = StepsOf([&] { EXPECT_EQ(StoreStats(store).events, runs); });
        return of;
    }
};

TEST_F(SqliteCountCost, CountsCostTheSameInALargeStore) {
    sqlite3_auto_extension(reinterpret_cast<void (*)(void)>(CountItsSteps));
    std::map<std::string, int64_t> small;
    for (int runs : {3000, 1000000}) {
        SCOPED_TRACE(runs);
        SetPath(directory_.File(std::to_string(runs) + ".db"));
        MakeStore(runs);
        struct run_store *store = MustOpen();
        ASSERT_NE(store, nullptr);
        std::map<std::string, int64_t> of = StepsOfAll(store, runs);
        run_store_close(store);
        if (small.empty()) {
            small = of;
        }
        for (const auto &operation : of) {
            EXPECT_GT(operation.second, 0) << operation.first;
            EXPECT_LT(operation.second, 300) << operation.first;
            // A new snapshot is a few steps, and not always needed.
            EXPECT_LE(operation.second, small[operation.first] + 20) << operation.first;
            RecordProperty(operation.first + std::to_string(runs),
                           std::to_string(operation.second));
        }
    }
    // To find an instant in the feed takes some more looks.
    struct run_store *store = MustOpen();
    EXPECT_LT(StepsOf([&] { EXPECT_EQ(FindRevision(store, 500000).revision, 499999); }), 3000);
    run_store_close(store);
}

} // namespace
