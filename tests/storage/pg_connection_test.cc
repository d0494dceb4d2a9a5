#include <arpa/inet.h>
#include <cmath>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/storage/pg_connection_testing.h"

// A connection to PostgreSQL and what it says of statements, whatever the server does.

namespace store_testing {
namespace {

const struct pg_statement kOne = {"t_one", "SELECT 1::int8"};
const struct pg_statement kFails = {"t_fails", "SELECT 1/0"};
const struct pg_statement kInsert = {"t_insert", "INSERT INTO t VALUES(7)"};
const struct pg_statement kCount = {"t_count", "SELECT count(*) FROM t"};
const struct pg_statement kPid = {"t_pid", "SELECT pg_backend_pid()::int8"};
const struct pg_statement kSleep = {"t_sleep", "SELECT pg_sleep(60)"};

class PgConnectionTest : public testing::Test {
  protected:
    PgConnectionTest()
        : cluster_(PostgresCluster::Shared()), database_(cluster_.NewEmptyDatabase()) {
        cluster_.Query(database_, "CREATE TABLE t(n int8 PRIMARY KEY)");
    }
    std::string url(const std::string &more = "") {
        return cluster_.Url(database_, "postgres", more);
    }

    PostgresCluster &cluster_;
    std::string database_;
};

std::string Bytes(const PGresult *result, int row, int column) {
    struct slice s = pg_bytes(result, row, column);
    return std::string(reinterpret_cast<const char *>(s.data), s.len);
}

TEST_F(PgConnectionTest, GivesBackWhatItWasGiven) {
    static const struct pg_statement all = {
        "t_all", "SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float8, $6::bytea, $7::int8"};
    const struct {
        bool truth;
        int i2;
        int32_t i4;
        int64_t i8;
        double f8;
        std::string bytes;
    } rows[] = {
        {true, 1, 2, 3, 1.5, "abc"},
        {false, -1, -2, -3, -0.0, ""},
        {true, INT16_MAX, INT32_MAX, INT64_MAX, INFINITY, std::string("\0\xFF'\\", 4)},
        {false, INT16_MIN, INT32_MIN, INT64_MIN, 5e-324, std::string(300000, '\0')},
    };
    for (bool is_pooled : {false, true}) {
        PgConnection c(url(), is_pooled);
        ASSERT_EQ(c.Open(), PG_OK) << c.detail();
        for (const auto &row : rows) {
            struct pg_params p = c.Params();
            pg_add_bool(&p, row.truth);
            pg_add_int2(&p, row.i2);
            pg_add_int4(&p, row.i4);
            pg_add_int8(&p, row.i8);
            pg_add_float8(&p, row.f8);
            pg_add_bytes(&p, slice_of(row.bytes.data(), row.bytes.size()));
            pg_add_null(&p);
            const PGresult *result = nullptr;
            ASSERT_EQ(c.Run(all, &p, &result), PG_OK) << c.detail();
            ASSERT_EQ(pg_row_count(result), 1);
            EXPECT_EQ(pg_bool(result, 0, 0), row.truth);
            EXPECT_EQ(pg_int(result, 0, 1), row.i2);
            EXPECT_EQ(pg_int(result, 0, 2), row.i4);
            EXPECT_EQ(pg_int(result, 0, 3), row.i8);
            EXPECT_EQ(pg_float8(result, 0, 4), row.f8);
            EXPECT_EQ(std::signbit(pg_float8(result, 0, 4)), std::signbit(row.f8));
            EXPECT_EQ(Bytes(result, 0, 5), row.bytes);
            EXPECT_TRUE(pg_is_null(result, 0, 6));
            EXPECT_EQ(pg_int(result, 0, 6), 0);
            pg_connection_clear(c.get());
        }
    }
}

TEST_F(PgConnectionTest, GivesBackArraysItemByItem) {
    static const struct pg_statement arrays = {
        "t_arrays", "SELECT * FROM unnest($1::bool[], $2::int2[], $3::int4[], $4::int8[],"
                    " $5::float8[], $6::bytea[]) WITH ORDINALITY"};
    PgConnection c(url());
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    for (int count : {0, 1, 3, 2000}) {
        struct pg_params p = c.Params();
        struct pg_array a[6];
        const uint32_t types[] = {PG_BOOL, PG_INT2, PG_INT4, PG_INT8, PG_FLOAT8, PG_BYTEA};
        for (int i = 0; i < 6; i++) {
            pg_array_init(&a[i], c.arena(), types[i]);
        }
        for (int i = 0; i < count; i++) {
            std::string bytes(i % 50, static_cast<char>(i));
            pg_array_bool(&a[0], i % 2 == 1);
            pg_array_int2(&a[1], -i);
            pg_array_int4(&a[2], i * 1000);
            pg_array_int8(&a[3], i * 10000000000);
            pg_array_float8(&a[4], i / 4.0);
            if (i % 3 == 2) {
                pg_array_null(&a[5]);
            } else {
                pg_array_bytes(&a[5], slice_of(bytes.data(), bytes.size()));
            }
        }
        for (auto &array : a) {
            pg_add_array(&p, &array);
        }
        const PGresult *result = nullptr;
        ASSERT_EQ(c.Run(arrays, &p, &result), PG_OK) << c.detail();
        ASSERT_EQ(pg_row_count(result), count);
        EXPECT_EQ(pg_touched(result), count);
        for (int i = 0; i < count; i++) {
            EXPECT_EQ(pg_bool(result, i, 0), i % 2 == 1);
            EXPECT_EQ(pg_int(result, i, 1), -i);
            EXPECT_EQ(pg_int(result, i, 2), i * 1000);
            EXPECT_EQ(pg_int(result, i, 3), i * 10000000000);
            EXPECT_EQ(pg_float8(result, i, 4), i / 4.0);
            EXPECT_EQ(pg_is_null(result, i, 5), i % 3 == 2);
            if (i % 3 != 2) {
                EXPECT_EQ(Bytes(result, i, 5), std::string(i % 50, static_cast<char>(i)));
            }
        }
        pg_connection_clear(c.get());
    }
}

TEST_F(PgConnectionTest, SetsItsSession) {
    static const struct pg_statement read = {
        "t_read", "SELECT current_setting('application_name')::bytea,"
                  " current_setting('idle_in_transaction_session_timeout')::bytea,"
                  " current_setting('client_connection_check_interval')::bytea,"
                  " (SELECT count(*) FROM pg_prepared_statements)"};
    PgConnection direct(url());
    PgConnection pooled(url(), true);
    ASSERT_EQ(direct.Open(), PG_OK) << direct.detail();
    ASSERT_EQ(pooled.Open(), PG_OK) << pooled.detail();
    const PGresult *result = nullptr;
    ASSERT_EQ(direct.Run(read, nullptr, &result), PG_OK);
    EXPECT_EQ(Bytes(result, 0, 0), "runsd test");
    EXPECT_EQ(Bytes(result, 0, 1), "5s");
    EXPECT_EQ(Bytes(result, 0, 2), "1s");
    EXPECT_GT(pg_int(result, 0, 3), 0);
    ASSERT_EQ(pooled.Run(read, nullptr, &result), PG_OK);
    EXPECT_EQ(Bytes(result, 0, 0), "runsd test");
    EXPECT_EQ(Bytes(result, 0, 1), "0");
    EXPECT_EQ(pg_int(result, 0, 3), 0);
}

TEST_F(PgConnectionTest, CarriesOutAFlightOrNothingOfIt) {
    for (bool is_pooled : {false, true}) {
        cluster_.Query(database_, "DELETE FROM t");
        PgConnection c(url(), is_pooled);
        ASSERT_EQ(c.Open(), PG_OK) << c.detail();
        const PGresult *untouched = nullptr;
        c.Queue(pg_begin);
        c.Queue(kInsert, &untouched);
        c.Queue(kFails);
        c.Queue(kCount); // prepared here first, and skipped
        c.Queue(pg_commit);
        EXPECT_EQ(pg_sync(c.get()), PG_REFUSED);
        EXPECT_EQ(c.sqlstate(), "22012");
        EXPECT_EQ(c.detail(), "22012: division by zero (in t_fails)");
        EXPECT_EQ(untouched, nullptr);
        EXPECT_TRUE(pg_connection_is_open(c.get()));
        EXPECT_FALSE(pg_connection_is_in_transaction(c.get()));
        EXPECT_EQ(c.Integer(kCount), 0) << c.detail();

        c.Queue(pg_begin);
        c.Queue(kInsert);
        EXPECT_EQ(pg_sync(c.get()), PG_OK);
        EXPECT_TRUE(pg_connection_is_in_transaction(c.get()));
        EXPECT_EQ(c.Run(kFails), PG_REFUSED);
        EXPECT_FALSE(pg_connection_is_in_transaction(c.get()));
        EXPECT_EQ(cluster_.Value(database_, "SELECT state FROM pg_stat_activity WHERE pid=" +
                                                std::to_string(c.Integer(kPid))),
                  "idle");
        EXPECT_EQ(c.Integer(kCount), 0) << c.detail();

        c.Queue(pg_begin);
        c.Queue(kInsert);
        c.Queue(pg_commit);
        EXPECT_EQ(pg_sync(c.get()), PG_OK) << c.detail();
        EXPECT_EQ(c.Integer(kCount), 1);
    }
}

// What may come out otherwise the next time.
TEST_F(PgConnectionTest, SaysWhatIsToBeTriedAgain) {
    cluster_.Query(database_, "INSERT INTO t VALUES(7)");
    PgConnection c(url());
    PgConnection other(url());
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    ASSERT_EQ(other.Open(), PG_OK) << other.detail();
    EXPECT_EQ(c.Run(kInsert), PG_AGAIN);
    EXPECT_EQ(c.sqlstate(), "23505");
    EXPECT_EQ(c.detail().find("(7)"), std::string::npos) << "a value: " << c.detail();

    static const struct pg_statement lock = {"t_lock", "SELECT n FROM t FOR UPDATE"};
    static const struct pg_statement lock_now = {"t_lock_now", "SELECT n FROM t FOR UPDATE NOWAIT"};
    other.Queue(pg_begin);
    other.Queue(lock);
    ASSERT_EQ(pg_sync(other.get()), PG_OK);
    EXPECT_EQ(c.Run(lock_now), PG_AGAIN);
    EXPECT_EQ(c.sqlstate(), "55P03");
    EXPECT_TRUE(pg_connection_is_open(c.get()));
}

// The columns of a table that are not as they were: what was prepared is prepared anew.
TEST_F(PgConnectionTest, IsClosedWhereWhatItPreparedIsVoid) {
    static const struct pg_statement all = {"t_star", "SELECT * FROM t"};
    PgConnection c(url());
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    ASSERT_EQ(c.Run(all), PG_OK);
    cluster_.Query(database_, "ALTER TABLE t ADD COLUMN m int8");
    EXPECT_EQ(c.Run(all), PG_AGAIN);
    EXPECT_FALSE(pg_connection_is_open(c.get()));
    ASSERT_EQ(c.Open(), PG_OK);
    EXPECT_EQ(c.Run(all), PG_OK) << c.detail();
}

TEST_F(PgConnectionTest, TakesNoRollbackForACommit) {
    static const struct pg_statement later = {"t_later", "ROLLBACK AND CHAIN"};
    PgConnection c(url());
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    cluster_.Query(database_,
                   "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS"
                   " $$BEGIN RAISE WARNING 'only here'; RETURN NULL; END$$;"
                   "CREATE CONSTRAINT TRIGGER w AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
                   " FOR EACH ROW EXECUTE FUNCTION warn()");
    // A warning as that of a wait for a standby that was cancelled.
    c.Queue(pg_begin);
    c.Queue(kInsert);
    c.Queue(pg_commit);
    EXPECT_EQ(pg_sync(c.get()), PG_LOST);
    EXPECT_EQ(c.detail(), "only here");
    EXPECT_FALSE(pg_connection_is_open(c.get()));
    // The same without a commit is none.
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    EXPECT_EQ(c.Run(later), PG_REFUSED); // outside of a transaction
}

TEST_F(PgConnectionTest, GivesUpAtItsDeadline) {
    PgConnection c(url());
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    pid_t backend = static_cast<pid_t>(c.Integer(kPid));
    c.Within(kSecondUs / 5);
    int64_t begin_us = clock_monotonic_us();
    EXPECT_EQ(c.Run(kSleep), PG_LOST);
    EXPECT_GE(clock_monotonic_us() - begin_us, kSecondUs / 5);
    EXPECT_EQ(c.detail(), "the database server did not answer in time");
    EXPECT_FALSE(pg_connection_is_open(c.get()));
    EXPECT_EQ(c.Run(kOne), PG_LOST);

    // The server finds out that nobody waits any more.
    std::string is_there =
        "SELECT count(*) FROM pg_stat_activity WHERE pid=" + std::to_string(backend);
    while (cluster_.Value(database_, is_there) != "0") {
        usleep(10000);
    }

    // A backend that stands still.
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    pg_connection_set_deadline(c.get(), 0);
    Frozen frozen(static_cast<pid_t>(c.Integer(kPid)));
    c.Within(kSecondUs / 5);
    EXPECT_EQ(c.Run(kOne), PG_LOST);
}

TEST_F(PgConnectionTest, FindsItsConnectionLost) {
    PgConnection c(url());
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    std::string end = "SELECT pg_terminate_backend(" + std::to_string(c.Integer(kPid)) + ", 20000)";
    ASSERT_EQ(cluster_.Value(database_, end), "t");
    EXPECT_EQ(c.Run(kOne), PG_LOST);
    EXPECT_NE(c.detail(), "");
    EXPECT_FALSE(pg_connection_is_open(c.get()));
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    EXPECT_EQ(c.Integer(kOne), 1);
}

TEST_F(PgConnectionTest, OutlivesItsServer) {
    PostgresCluster cluster{PostgresCluster::Options()};
    PgConnection c(cluster.Url("postgres"));
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    for (int signal : {SIGQUIT, SIGINT}) {
        cluster.Stop(signal);
        EXPECT_EQ(c.Run(kOne), PG_LOST);
        EXPECT_EQ(c.Open(), PG_LOST);
        EXPECT_NE(c.detail(), "");
        cluster.Start();
        ASSERT_EQ(c.Open(), PG_OK) << c.detail();
        EXPECT_EQ(c.Integer(kOne), 1);
    }
    {
        Frozen frozen(cluster.pid());
        PgConnection late(cluster.Url("postgres"));
        int64_t begin_us = clock_monotonic_us();
        EXPECT_EQ(late.Open(kSecondUs / 5), PG_LOST);
        EXPECT_GE(clock_monotonic_us() - begin_us, kSecondUs / 5);
        EXPECT_EQ(late.detail(), "the database server did not let us in, in time");
    }
}

// A socket at which connections are accepted, by the kernel, and nothing is ever said.
class SilentHost {
  public:
    SilentHost() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
        struct sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t len = sizeof(address);
        EXPECT_EQ(bind(fd_, reinterpret_cast<struct sockaddr *>(&address), len), 0);
        EXPECT_EQ(listen(fd_, 16), 0);
        EXPECT_EQ(getsockname(fd_, reinterpret_cast<struct sockaddr *>(&address), &len), 0);
        port_ = ntohs(address.sin_port);
    }
    ~SilentHost() {
        close(fd_);
    }
    std::string port() const {
        return std::to_string(port_);
    }

  private:
    int fd_;
    int port_;
};

TEST_F(PgConnectionTest, PassesOverHostsThatTakeNoChanges) {
    SilentHost silent;
    std::string read_only = cluster_.NewEmptyDatabase();
    std::string socket = cluster_.host();
    cluster_.Query("postgres",
                   "ALTER DATABASE " + read_only + " SET default_transaction_read_only=on");
    const struct {
        std::string conninfo;
        enum pg_outcome outcome;
    } rows[] = {
        {"user=postgres dbname=" + database_ + " host=127.0.0.1," + socket +
             " port=" + silent.port() + ",5432",
         PG_OK},
        {"user=postgres dbname=" + database_ + " host=127.0.0.1,127.0.0.1," + socket + " port=1," +
             silent.port() + ",5432",
         PG_OK},
        {"postgres://postgres@127.0.0.1:" + silent.port() + ",127.0.0.1:1/" + database_, PG_LOST},
        {"user=postgres dbname=" + read_only + " host=" + socket, PG_LOST},
        {"user=postgres dbname=" + read_only + " host=" + socket + "," + socket, PG_LOST},
        {"user=postgres dbname=" + database_ + " host=a,b port=1,2,3", PG_LOST},
    };
    for (const auto &row : rows) {
        PgConnection c(row.conninfo);
        EXPECT_EQ(c.Open(row.outcome == PG_OK ? 20 * kSecondUs : kSecondUs), row.outcome)
            << row.conninfo << ": " << c.detail();
        if (row.outcome == PG_OK) {
            EXPECT_EQ(c.Integer(kOne), 1);
        } else {
            EXPECT_NE(c.detail(), "");
        }
    }
}

// A server that was failed over from still takes itself for the primary when it goes on.
TEST_F(PgConnectionTest, IsLostWhereAnotherHasMetANewerTimeline) {
    std::string conninfo = url();
    struct pg_timeline timeline = {0};
    struct pg_connection_options options = {};
    options.conninfo = conninfo.c_str();
    options.application_name = "runsd test";
    options.timeline = &timeline;
    struct pg_connection *c = pg_connection_new(&options);
    int64_t deadline_us = clock_monotonic_us() + 60 * kSecondUs;
    ASSERT_EQ(pg_connection_open(c, deadline_us), PG_OK) << pg_connection_detail(c);
    EXPECT_EQ(timeline.newest, 1);
    EXPECT_EQ(pg_run(c, &kInsert, nullptr, nullptr), PG_OK);
    timeline.newest = 2;
    EXPECT_EQ(pg_run(c, &kCount, nullptr, nullptr), PG_LOST);
    EXPECT_STREQ(pg_connection_detail(c), "the database server was failed over from");
    EXPECT_EQ(pg_connection_open(c, deadline_us), PG_LOST);
    EXPECT_STREQ(pg_connection_detail(c),
                 "the database server was failed over from: its timeline is an older one");
    EXPECT_FALSE(pg_connection_is_open(c));
    timeline.newest = 1;
    EXPECT_EQ(pg_connection_open(c, deadline_us), PG_OK) << pg_connection_detail(c);
    pg_connection_free(c);
}

TEST_F(PgConnectionTest, SaysNoPassword) {
    const struct {
        const char *conninfo;
        const char *detail; // what is in it
    } rows[] = {
        {"postgres://runsd:hunter2@127.0.0.1:1/x", "refused"},
        {"postgres://runsd:hunter2%zz@127.0.0.1:1/x", "neither a URI nor keywords"},
        {"password='hunter2 host=x", "neither a URI nor keywords"},
        {"hunter2 = x", "invalid connection option"},
        {"postgres://h/x?passwort=hunter2", "passwort"},
        {"host=127.0.0.1 port=1 password=hunter2", "refused"},
        {"sslmod=verify-full", "sslmod"},
    };
    for (const auto &row : rows) {
        PgConnection c(row.conninfo);
        EXPECT_EQ(c.Open(kSecondUs), PG_LOST);
        EXPECT_NE(c.detail().find(row.detail), std::string::npos) << c.detail();
        if (row.conninfo[0] != 'h' || row.conninfo[1] != 'u') {
            EXPECT_EQ(c.detail().find("hunter2"), std::string::npos) << c.detail();
        }
        EXPECT_EQ(c.detail().find('\n'), std::string::npos);
    }
}

TEST_F(PgConnectionTest, SendsAndReadsMuchAtOnce) {
    static const struct pg_statement echo = {"t_echo", "SELECT $1::bytea"};
    PgConnection c(url());
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    std::string much(4 << 20, 'x');
    const PGresult *results[4] = {};
    for (auto &result : results) {
        struct pg_params p = c.Params();
        pg_add_bytes(&p, slice_of(much.data(), much.size()));
        pg_queue(c.get(), &echo, &p, &result);
    }
    ASSERT_EQ(pg_sync(c.get()), PG_OK) << c.detail();
    for (const PGresult *result : results) {
        EXPECT_EQ(pg_bytes(result, 0, 0).len, much.size());
    }
}

TEST_F(PgConnectionTest, CountsNotificationsOfOthers) {
    static const struct pg_statement listen_to = {"t_listen", "LISTEN c"};
    static const struct pg_statement notify = {"t_notify", "NOTIFY c"};
    PgConnection c(url());
    PgConnection other(url());
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    ASSERT_EQ(other.Open(), PG_OK) << other.detail();
    ASSERT_EQ(c.Run(listen_to), PG_OK);
    EXPECT_EQ(c.Run(notify), PG_OK); // its own
    EXPECT_EQ(pg_connection_take_notifications(c.get()), 0);
    EXPECT_EQ(other.Run(notify), PG_OK);
    EXPECT_EQ(other.Run(notify), PG_OK);
    int count = 0;
    while (count < 2) {
        count += pg_connection_take_notifications(c.get());
    }
    EXPECT_EQ(count, 2);
    cluster_.Query(database_,
                   "SELECT pg_terminate_backend(" + std::to_string(c.Integer(kPid)) + ", 20000)");
    while (pg_connection_is_open(c.get())) {
        EXPECT_EQ(pg_connection_take_notifications(c.get()), 0);
    }
    EXPECT_EQ(pg_connection_socket(c.get()), -1);
}

} // namespace
} // namespace store_testing
