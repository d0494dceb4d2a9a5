#include <atomic>
#include <gtest/gtest.h>
#include <postgresql/libpq-fe.h>
#include <thread>
#include <unistd.h>

#include "tests/storage/postgres_cluster.h"

extern "C" {
#include "base/core/clock.h"
#include "storage/postgres/migrate.h"
}

using namespace store_testing;

// How the tables of a store come to be: step by step, by one migration at a time, and what a server
// says of a store that is not as it has to be.

namespace {

const char *const kFirst[] = {
    "CREATE TABLE store(version int4, oldest_program int4, secret bytea, epoch int8,"
    " token_changes int8, copy_of bytea)",
    "SELECT pg_sleep(0.2)", nullptr};
const char *const kSecond[] = {"CREATE TABLE second(n int4)", nullptr};
const char *const kFailing[] = {"CREATE TABLE second(n int4)", "SELECT 1/0", nullptr};
const char *const kSlow[] = {"CREATE TABLE second(n int4)", "SELECT pg_sleep(600)", nullptr};

const char *const *const kTwoSteps[] = {kFirst, kSecond};
const char *const *const kFailingSteps[] = {kFirst, kFailing};
const char *const *const kSlowSteps[] = {kFirst, kSlow};

constexpr struct migrate_steps kOne = {kTwoSteps, 1, 1};
constexpr struct migrate_steps kTwo = {kTwoSteps, 2, 1};

struct Migrated {
    int code = STATUS_OK;
    std::string message = {};
    int before = -1;
    int after = -1;
};

Migrated Migrate(const std::string &url, const struct migrate_steps &steps) {
    struct arena a;
    arena_init(&a);
    struct store_migration done = {-1, -1};
    const struct error *e = migrate_run(&a, url.c_str(), "postgres:test", &steps, &done);
    Migrated m;
    if (e != nullptr) {
        m.code = e->code;
        m.message = e->message;
    }
    m.before = done.before;
    m.after = done.after;
    arena_release(&a);
    return m;
}

// A session of a test's own, which holds what it locks.
class Session {
  public:
    explicit Session(const std::string &url) : c_(PQconnectdb(url.c_str())) {}
    ~Session() {
        PQfinish(c_);
    }
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;
    void Run(const std::string &sql) {
        PGresult *result = PQexec(c_, sql.c_str());
        ASSERT_NE(PQresultStatus(result), PGRES_FATAL_ERROR) << PQerrorMessage(c_);
        PQclear(result);
    }

  private:
    PGconn *c_;
};

class PostgresMigration : public testing::Test {
  protected:
    PostgresMigration()
        : cluster_(PostgresCluster::Shared()), database_(cluster_.NewEmptyDatabase()),
          url_(cluster_.Url(database_)) {}

    std::string Value(const std::string &sql) {
        return cluster_.Value(database_, sql);
    }
    bool HasTable(const std::string &name) {
        return Value("SELECT to_regclass('" + name + "') IS NOT NULL") == "t";
    }
    // What a server says of the store.
    Migrated Check() {
        struct arena a;
        arena_init(&a);
        struct pg_connection_options options = {};
        options.conninfo = url_.c_str();
        options.application_name = "test";
        struct pg_connection *c = pg_connection_new(&options);
        EXPECT_EQ(pg_connection_open(c, clock_monotonic_us() + 60000000), PG_OK);
        struct pg_schema_row row = {};
        const struct error *e = schema_check(&a, c, "postgres:test", &row);
        Migrated m;
        m.code = e != nullptr ? int(e->code) : int(STATUS_OK);
        m.message = e != nullptr ? e->message : "";
        m.after = row.version;
        epoch_ = row.epoch;
        pg_connection_free(c);
        arena_release(&a);
        return m;
    }

    PostgresCluster &cluster_;
    std::string database_;
    std::string url_;
    uint64_t epoch_ = 0;
};

TEST_F(PostgresMigration, MakesAllTablesOnce) {
    EXPECT_EQ(Check().code, STATUS_NOT_FOUND);
    Migrated m = Migrate(url_, migrate_all_steps);
    EXPECT_EQ(m.code, STATUS_OK) << m.message;
    EXPECT_EQ(m.before, 0);
    EXPECT_EQ(m.after, PG_SCHEMA_VERSION);
    EXPECT_EQ(Check().code, STATUS_OK);
    EXPECT_NE(epoch_, 0u);
    EXPECT_EQ(std::to_string(int64_t(epoch_)), Value("SELECT epoch FROM store"));
    EXPECT_EQ(Value("SELECT length(secret) FROM store"), "32");
    std::string before = Value("SELECT secret FROM store");
    m = Migrate(url_, migrate_all_steps);
    EXPECT_EQ(m.code, STATUS_OK) << m.message;
    EXPECT_EQ(m.before, PG_SCHEMA_VERSION);
    EXPECT_EQ(m.after, PG_SCHEMA_VERSION);
    EXPECT_EQ(Value("SELECT secret FROM store"), before);
}

TEST_F(PostgresMigration, StoresDifferInSecretAndEpoch) {
    ASSERT_EQ(Migrate(url_, migrate_all_steps).code, STATUS_OK);
    std::string other = cluster_.NewEmptyDatabase();
    ASSERT_EQ(Migrate(cluster_.Url(other), migrate_all_steps).code, STATUS_OK);
    for (const char *column : {"secret", "epoch"}) {
        std::string sql = std::string("SELECT ") + column + " FROM store";
        EXPECT_NE(Value(sql), cluster_.Value(other, sql)) << column;
    }
}

TEST_F(PostgresMigration, GoesOnWhereAnOlderProgramEnded) {
    ASSERT_EQ(Migrate(url_, kOne).after, 1);
    std::string secret = Value("SELECT secret FROM store");
    Migrated m = Migrate(url_, kTwo);
    EXPECT_EQ(m.before, 1);
    EXPECT_EQ(m.after, 2);
    EXPECT_TRUE(HasTable("second"));
    EXPECT_EQ(Value("SELECT version FROM store"), "2");
    EXPECT_EQ(Value("SELECT secret FROM store"), secret);
}

TEST_F(PostgresMigration, TwoAtOnceTakeEachStepOnce) {
    Migrated a;
    Migrated b;
    std::thread one([&] { a = Migrate(url_, kTwo); });
    std::thread two([&] { b = Migrate(url_, kTwo); });
    one.join();
    two.join();
    EXPECT_EQ(a.code, STATUS_OK) << a.message;
    EXPECT_EQ(b.code, STATUS_OK) << b.message;
    EXPECT_EQ(a.after, 2);
    EXPECT_EQ(b.after, 2);
    EXPECT_EQ(Value("SELECT count(*) FROM store"), "1");
}

TEST_F(PostgresMigration, AStepThatFailsLeavesTheVersionBefore) {
    const struct migrate_steps failing = {kFailingSteps, 2, 1};
    Migrated m = Migrate(url_, failing);
    EXPECT_EQ(m.code, STATUS_UNAVAILABLE);
    EXPECT_NE(m.message.find("stays at schema version 1"), std::string::npos) << m.message;
    EXPECT_NE(m.message.find("division by zero"), std::string::npos) << m.message;
    EXPECT_NE(m.message.find("SELECT 1/0"), std::string::npos) << m.message;
    EXPECT_EQ(Value("SELECT version FROM store"), "1");
    EXPECT_FALSE(HasTable("second"));
    EXPECT_EQ(Migrate(url_, kTwo).after, 2);
    EXPECT_TRUE(HasTable("second"));
}

TEST_F(PostgresMigration, AStepWhoseSessionEndsLeavesTheVersionBefore) {
    const struct migrate_steps slow = {kSlowSteps, 2, 1};
    Migrated m;
    std::atomic<bool> is_over{false};
    std::thread one([&] {
        m = Migrate(url_, slow);
        is_over = true;
    });
    while (!is_over &&
           Value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname="
                 "current_database() AND query LIKE '%sleep(600)%' AND pid<>pg_backend_pid()") ==
               "0") {
        usleep(10000); // each look is a session of its own
    }
    one.join();
    EXPECT_EQ(m.code, STATUS_UNAVAILABLE);
    EXPECT_NE(m.message.find("stays at schema version 1"), std::string::npos) << m.message;
    EXPECT_FALSE(HasTable("second"));
    EXPECT_EQ(Value("SELECT version FROM store"), "1");
}

// It gives up after 5 s rather than have all who use the table wait behind it.
TEST_F(PostgresMigration, ALockThatIsHeldEndsIt) {
    ASSERT_EQ(Migrate(url_, kOne).after, 1);
    Session session(url_);
    session.Run("BEGIN");
    session.Run("LOCK TABLE store");
    Migrated m = Migrate(url_, kTwo);
    EXPECT_EQ(m.code, STATUS_ABORTED);
    EXPECT_NE(m.message.find("try again"), std::string::npos) << m.message;
    session.Run("ROLLBACK");
    EXPECT_EQ(Migrate(url_, kTwo).after, 2);
}

TEST_F(PostgresMigration, ANewerStoreIsLeftAsItIs) {
    ASSERT_EQ(Migrate(url_, kTwo).after, 2);
    Migrated m = Migrate(url_, kOne);
    EXPECT_EQ(m.code, STATUS_FAILED_PRECONDITION);
    EXPECT_NE(m.message.find("schema version 2"), std::string::npos) << m.message;
    EXPECT_NE(m.message.find("up to 1"), std::string::npos) << m.message;
    EXPECT_EQ(Value("SELECT version FROM store"), "2");
}

TEST_F(PostgresMigration, ARoleThatMayNotIsToldSo) {
    cluster_.Query("postgres", "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN");
    Migrated m = Migrate(cluster_.Url(database_, "reader"), migrate_all_steps);
    EXPECT_EQ(m.code, STATUS_PERMISSION_DENIED);
    EXPECT_NE(m.message.find("permission denied"), std::string::npos) << m.message;
}

TEST_F(PostgresMigration, AServerThatIsNotThereIsUnavailable) {
    Migrated m = Migrate(cluster_.Url("no_such"), migrate_all_steps);
    EXPECT_EQ(m.code, STATUS_UNAVAILABLE);
    EXPECT_NE(m.message.find("no_such"), std::string::npos) << m.message;
}

// What a server says of the versions, for which it looks as it starts.
TEST_F(PostgresMigration, VersionsDecideWhoServes) {
    Migrated none = Check();
    EXPECT_EQ(none.code, STATUS_NOT_FOUND);
    EXPECT_NE(none.message.find("runsctl store migrate"), std::string::npos) << none.message;
    ASSERT_EQ(Migrate(url_, migrate_all_steps).code, STATUS_OK);
    const std::string ours = std::to_string(PG_SCHEMA_VERSION);
    const std::string next = std::to_string(PG_SCHEMA_VERSION + 1);
    struct {
        const char *what;
        std::string version;
        std::string oldest;
        int code;
        std::vector<std::string> said;
    } rows[] = {
        {"this one", ours, ours, STATUS_OK, {}},
        {"newer, which we may serve", next, ours, STATUS_OK, {}},
        {"newer, which we may not serve",
         next,
         next,
         STATUS_FAILED_PRECONDITION,
         {"schema version " + next, "up to " + ours}},
        {"older",
         std::to_string(PG_SCHEMA_VERSION - 1),
         "1",
         PG_SCHEMA_VERSION == 1 ? STATUS_NOT_FOUND : STATUS_FAILED_PRECONDITION,
         {"runsctl store migrate"}},
    };
    for (const auto &row : rows) {
        cluster_.Query(database_, "UPDATE store SET version=" + row.version +
                                      ", oldest_program=" + row.oldest);
        Migrated m = Check();
        EXPECT_EQ(m.code, row.code) << row.what;
        for (const std::string &text : row.said) {
            EXPECT_NE(m.message.find(text), std::string::npos) << row.what << ": " << m.message;
        }
    }
}

} // namespace
