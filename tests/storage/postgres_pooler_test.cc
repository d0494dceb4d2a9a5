#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/storage/postgres_fixture.h"

// A store behind PgBouncer in transaction mode, whose sessions are another server's with each
// transaction.

namespace store_testing {
namespace {

// PgBouncer before a server, with few sessions for many clients. Its files are beside data.
class Pooler {
  public:
    Pooler(const std::string &data, const std::string &server, const std::string &more = "")
        : folder_(data + "_pooler"), host_(server + "-pooler") {
        EXPECT_EQ(mkdir(folder_.c_str(), 0700), 0);
        std::string config = folder_ + "/pgbouncer.ini";
        std::ofstream(config) << "[databases]\n* = host=" << server
                              << " user=postgres\n[pgbouncer]\nlisten_port=6432\nlisten_addr=\n"
                              << "unix_socket_dir=" << host_
                              << "\nauth_type=any\npool_mode=transaction\ndefault_pool_size=2\n"
                              << "server_lifetime=1\nserver_login_retry=1\nlogfile=" << folder_
                              << "/log\n"
                              << more;
        pid_ = fork();
        if (pid_ == 0) {
            if (getuid() == 0) { // whom it refuses
                execl("/usr/bin/unshare", "unshare", "--user", "--map-user=1000",
                      "--map-group=1000", "--", "/usr/sbin/pgbouncer", "-q", config.c_str(),
                      nullptr);
            }
            execl("/usr/sbin/pgbouncer", "pgbouncer", "-q", config.c_str(), nullptr);
            _exit(1);
        }
    }
    ~Pooler() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        std::string command = "rm -rf '" + folder_ + "'";
        EXPECT_EQ(system(command.c_str()), 0);
    }
    const std::string &host() const {
        return host_;
    }
    std::string Url(const std::string &database) const {
        return "postgres://postgres@/" + database + "?host=" + host_ + "&port=6432";
    }

  private:
    std::string folder_;
    std::string host_;
    pid_t pid_;
};

class PostgresPoolerTest : public testing::Test {
  protected:
    PostgresPoolerTest()
        : cluster_(PostgresCluster::Shared()), pooler_(cluster_.data(), cluster_.host()),
          database_(cluster_.NewDatabase()) {
        PgConnection c(pooler_.Url(database_), true);
        int64_t begin_us = clock_monotonic_us();
        while (c.Open() != PG_OK && clock_monotonic_us() - begin_us < 20 * kSecondUs) {
            usleep(10000);
        }
        EXPECT_TRUE(pg_connection_is_open(c.get())) << c.detail();
    }

    PostgresCluster &cluster_;
    Pooler pooler_;
    std::string database_;
};

TEST_F(PostgresPoolerTest, ServesAStore) {
    SharedStore a;
    SharedStore b;
    ASSERT_EQ(a.Open(pooler_.Url(database_), cluster_.Url(database_)), STATUS_OK) << a.message();
    ASSERT_EQ(b.Open(pooler_.Url(database_), cluster_.Url(database_)), STATUS_OK) << b.message();
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    for (int t = 0; t < 8; t++) {
        threads.emplace_back([&, t] {
            struct run_store *store = t % 2 == 0 ? a.get() : b.get();
            for (int i = 0; i < 25; i++) {
                std::string id = std::to_string(t) + "-" + std::to_string(i);
                std::string organization = "o" + std::to_string(i % 3);
                failed +=
                    CreateRun(store, {.organization = organization, .id = id}).result != STORE_OK;
                failed += Apply(store, {.organization = organization, .id = id}).result != STORE_OK;
                failed += GetRun(store, id, organization).run.status != RUN_CANCELLED;
                failed += ListRuns(store, {.organization = organization}).result != STORE_OK;
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM run WHERE status=5"), "200");
    EXPECT_EQ(cluster_.Value(database_, "SELECT sum(revision) FROM organization"), "400");
    // Each hears of what the other did, by the direct connection.
    SharedStore::Commit heard;
    bool from_elsewhere = false;
    while (!from_elsewhere && a.TakeCommit(5 * kSecondUs, &heard)) {
        from_elsewhere = heard.kinds == UINT32_MAX;
    }
    EXPECT_TRUE(from_elsewhere);
}

// A pooler that is not named as one: what is prepared is another session's.
TEST_F(PostgresPoolerTest, SaysThatAPoolerSeemsToBeBetween) {
    static const struct pg_statement one = {"t_one", "SELECT 1::int8"};
    PgConnection first(pooler_.Url(database_));
    PgConnection second(pooler_.Url(database_));
    std::string detail;
    for (int i = 0; i < 50 && detail.find("--store-direct-url") == std::string::npos; i++) {
        for (PgConnection *c : {&first, &second}) {
            if ((pg_connection_is_open(c->get()) ? c->Run(one) : c->Open()) != PG_OK) {
                detail += c->detail();
            }
        }
    }
    EXPECT_NE(detail.find("--store-direct-url"), std::string::npos) << detail;
}

// A standby to which a pooler leads, as after a failover: nothing is read there.
class Standby {
  public:
    explicit Standby(const PostgresCluster &primary)
        : folder_(primary.data() + "_standby"), host_(primary.host() + "-standby") {
        EXPECT_EQ(mkdir(folder_.c_str(), 0700), 0);
        Run("pg_basebackup -h " + primary.host() + " -U postgres -c fast -D " + folder_ +
            "/data -R --no-sync");
        Run("pg_ctl -D " + folder_ + "/data -l " + folder_ +
            "/log -w start -o \"-c max_connections=200 -c listen_addresses= -c "
            "unix_socket_directories=" +
            host_ + "\"");
    }
    ~Standby() {
        Run("pg_ctl -D " + folder_ + "/data -m immediate stop");
        std::string command = "rm -rf '" + folder_ + "'";
        EXPECT_EQ(system(command.c_str()), 0);
    }
    std::string Url(const std::string &database) const {
        return "postgres://postgres@/" + database + "?host=" + host_;
    }
    const std::string &host() const {
        return host_;
    }
    std::string data() const {
        return folder_ + "/data";
    }
    void Promote() {
        Run("pg_ctl -D " + data() + " -w promote");
    }

  private:
    static void Run(const std::string &command) {
        std::string as_postgres =
            (getuid() == 0 ? "unshare --user --map-user=1000 --map-group=1000 -- " : "") +
            std::string("/usr/lib/postgresql/15/bin/") + command + " >/dev/null";
        EXPECT_EQ(system(as_postgres.c_str()), 0) << command;
    }

    std::string folder_;
    std::string host_;
};

TEST_F(PostgresPoolerTest, ReadsNoStandby) {
    static const struct pg_statement one = {"t_one", "SELECT 1::int8"};
    Standby standby(cluster_);
    for (bool is_pooled : {false, true}) {
        PgConnection c(standby.Url("postgres"), is_pooled);
        EXPECT_EQ(c.Open(), PG_LOST);
        EXPECT_NE(c.detail(), "");
        PgConnection both("user=postgres dbname=postgres host=" + standby.host() + "," +
                              cluster_.host(),
                          is_pooled);
        ASSERT_EQ(both.Open(), PG_OK) << both.detail();
        EXPECT_EQ(both.Integer(one), 1);
    }
}

// A pooler goes on saying that its server is a standby, as it was when the pooler met it.
TEST_F(PostgresPoolerTest, ReachesAPrimaryThatWasAStandby) {
    static const struct pg_statement one = {"t_one", "SELECT 1::int8"};
    Standby standby(cluster_);
    Pooler before(standby.data(), standby.host(), "server_lifetime=3600\n");
    std::string conninfo = "user=postgres dbname=postgres port=6432 target_session_attrs=read-write"
                           " host=" +
                           before.host();
    std::string both = conninfo + "," + pooler_.host();
    // Whichever answers first, the one that takes changes is it.
    for (int i = 0; i < 10; i++) {
        PgConnection c(both, true);
        ASSERT_EQ(c.Open(), PG_OK) << c.detail();
        EXPECT_EQ(c.Integer(one), 1);
    }
    PgConnection c(conninfo, true);
    int64_t begin_us = clock_monotonic_us();
    do { // until it is there, and knows its server
        EXPECT_EQ(c.Open(), PG_LOST);
        usleep(10000);
    } while (c.detail().find("it is a standby") == std::string::npos &&
             clock_monotonic_us() - begin_us < 20 * kSecondUs);
    EXPECT_NE(c.detail().find("it is a standby"), std::string::npos) << c.detail();
    standby.Promote();
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    EXPECT_EQ(c.Integer(one), 1);
}

} // namespace
} // namespace store_testing
