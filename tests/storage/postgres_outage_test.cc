#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

#include "tests/base/metrics_testing.h"
#include "tests/storage/postgres_fixture.h"
#include "tests/storage/postgres_proxy.h"

// What a store in PostgreSQL answers while its server is away, stands still or is not replicated as
// required, and that it comes back by itself.

namespace store_testing {
namespace {

// How long a change or a read is waited for (storage/postgres/reader.h), and what an answer may
// take beyond that on a busy machine.
constexpr int64_t kWaitUs = 5 * kSecondUs;
constexpr int64_t kSlackUs = 5 * kSecondUs;

class PostgresOutageTest : public testing::Test {
  protected:
    PostgresOutageTest()
        : cluster_(PostgresCluster::Options()), database_(cluster_.NewDatabase()) {}
    std::string url() {
        return cluster_.Url(database_);
    }
    std::vector<pid_t> Backends(const std::string &like) {
        std::vector<pid_t> out;
        for (const auto &row : cluster_.Query(
                 database_, "SELECT pid FROM pg_stat_activity WHERE datname='" + database_ +
                                "' AND application_name LIKE '" + like + "'")) {
            out.push_back(atoi(row[0].c_str()));
        }
        return out;
    }
    // Runs it and says how long it took.
    template <typename Run> int64_t Took(const Run &run) {
        int64_t begin_us = clock_monotonic_us();
        run();
        return clock_monotonic_us() - begin_us;
    }

    PostgresCluster cluster_;
    std::string database_;
};

TEST_F(PostgresOutageTest, ReadsWhateverMessageItsConnectionIsLostAt) {
    using Message = PostgresProxy::Message;
    PostgresProxy proxy(cluster_.host());
    std::string through = "postgres://postgres@/" + database_ + "?host=" + proxy.host();
    SharedStore store;
    ASSERT_EQ(store.Open(through), STATUS_OK) << store.message();
    ASSERT_EQ(CreateRun(store.get(), {.id = "r"}).result, STORE_OK);
    for (int at = 0; at < 12; at++) {
        std::atomic<int> seen{0};
        // Of readers alone: those are the only ones who ask for runs.
        std::mutex mutex;
        int reader = -1;
        proxy.SetRule([&](const Message &m) {
            std::lock_guard<std::mutex> lock(mutex);
            if (reader < 0 && m.from_client &&
                (m.body.find("get_run") != std::string::npos ||
                 m.body.find("list_runs") != std::string::npos)) {
                reader = m.connection;
            }
            return m.connection == reader && seen++ == at ? PostgresProxy::Verdict::kCut
                                                          : PostgresProxy::Verdict::kPass;
        });
        EXPECT_EQ(GetRun(store.get(), "r").result, STORE_OK) << at;
        Page page = ListRuns(store.get(), {});
        EXPECT_EQ(page.result, STORE_OK) << at;
        EXPECT_EQ(page.ids(), std::vector<std::string>{"r"}) << at;
        proxy.SetRule(nullptr);
        if (at == 0) {
            EXPECT_GT(seen, 0) << "nothing was cut";
        }
    }
}

TEST_F(PostgresOutageTest, OutlivesItsServer) {
    SharedStore store;
    ASSERT_EQ(store.Open(url()), STATUS_OK) << store.message();
    ASSERT_EQ(CreateRun(store.get(), {.id = "r"}).result, STORE_OK);
    // A short while is not noticed.
    cluster_.Stop(SIGQUIT);
    std::thread starts([&] {
        usleep(kSecondUs / 2);
        cluster_.Start();
    });
    EXPECT_EQ(GetRun(store.get(), "r").result, STORE_OK);
    EXPECT_EQ(Apply(store.get(), {.id = "r"}).result, STORE_OK);
    starts.join();

    cluster_.Stop(SIGQUIT);
    EXPECT_TRUE(store.WorksWithin(20 * kSecondUs, STORE_READS, false));
    EXPECT_TRUE(store.WorksWithin(20 * kSecondUs, STORE_CHANGES, false));
    EXPECT_TRUE(store.IsOnDutyWithin(20 * kSecondUs, false));
    std::string detail;
    EXPECT_LT(Took([&] {
                  STORE_OP(get, get_run);
                  get->organization = slice_of_cstr("acme");
                  get->id = slice_of_cstr("r");
                  EXPECT_EQ(get.RunOn(store.get()), STORE_UNREACHABLE);
                  detail = get.detail();
              }),
              kWaitUs + kSlackUs);
    EXPECT_NE(detail, "");
    EXPECT_LT(Took([&] { EXPECT_EQ(Apply(store.get(), {.id = "r"}).result, STORE_UNREACHABLE); }),
              kWaitUs + kSlackUs);
    // One whose own deadline comes before.
    STORE_OP(get, get_run);
    get->organization = slice_of_cstr("acme");
    get->id = slice_of_cstr("r");
    get.get()->deadline_us = clock_monotonic_us() + kSecondUs / 2;
    EXPECT_LT(Took([&] { EXPECT_EQ(get.RunOn(store.get()), STORE_EXPIRED); }), kWaitUs);

    cluster_.Start();
    EXPECT_TRUE(store.WorksWithin(20 * kSecondUs, STORE_READS, true));
    EXPECT_TRUE(store.WorksWithin(20 * kSecondUs, STORE_CHANGES, true));
    EXPECT_TRUE(store.IsOnDutyWithin(20 * kSecondUs));
    EXPECT_EQ(GetRun(store.get(), "r").run.status, RUN_CANCELLED);
}

TEST_F(PostgresOutageTest, GivesUpReadersThatStandStill) {
    SharedStore store;
    ASSERT_EQ(store.Open(url()), STATUS_OK) << store.message();
    ASSERT_EQ(CreateRun(store.get(), {.id = "r"}).result, STORE_OK);
    std::vector<pid_t> backends;
    while (backends.size() < 4) {
        backends = Backends("runsd reader%");
    }
    {
        std::deque<Frozen> frozen;
        for (pid_t pid : backends) {
            frozen.emplace_back(pid);
        }
        int64_t took_us =
            Took([&] { EXPECT_EQ(GetRun(store.get(), "r").result, STORE_UNREACHABLE); });
        EXPECT_GE(took_us, kWaitUs);
        EXPECT_LT(took_us, kWaitUs + kSlackUs);
        EXPECT_EQ(Apply(store.get(), {.id = "r"}).result, STORE_OK); // which is another's
    }
    EXPECT_EQ(GetRun(store.get(), "r").result, STORE_OK);
}

// The whole server: also its postmaster, so that nobody can connect.
TEST_F(PostgresOutageTest, GivesUpAServerThatStandsStill) {
    SharedStore a;
    ASSERT_EQ(a.Open(url()), STATUS_OK) << a.message();
    ASSERT_EQ(CreateRun(a.get(), {.id = "r"}).result, STORE_OK);
    {
        std::vector<pid_t> all = Backends("runsd%");
        all.push_back(cluster_.pid());
        std::deque<Frozen> frozen;
        for (pid_t pid : all) {
            frozen.emplace_back(pid);
        }
        EXPECT_EQ(GetRun(a.get(), "r").result, STORE_UNREACHABLE);
        enum store_result result = Apply(a.get(), {.id = "r"}).result;
        EXPECT_TRUE(result == STORE_UNREACHABLE || result == STORE_UNAVAILABLE) << result;
        EXPECT_TRUE(a.IsOnDutyWithin(20 * kSecondUs, false));
    }
    EXPECT_TRUE(a.WorksWithin(30 * kSecondUs, STORE_READS, true));
    EXPECT_TRUE(a.WorksWithin(30 * kSecondUs, STORE_CHANGES, true));
    EXPECT_EQ(GetRun(a.get(), "r").result, STORE_OK);
}

TEST_F(PostgresOutageTest, IsBusyWhereTooManyWait) {
    SharedStore store;
    store.options().queue_limit = 2;
    ASSERT_EQ(store.Open(url()), STATUS_OK) << store.message();
    cluster_.Stop(SIGQUIT);
    EXPECT_TRUE(store.WorksWithin(20 * kSecondUs, STORE_READS, false));
    std::atomic<int> busy{0};
    std::atomic<int> unreachable{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; i++) {
        threads.emplace_back([&] {
            enum store_result result = ListRuns(store.get(), {}).result;
            busy += result == STORE_BUSY;
            unreachable += result == STORE_UNREACHABLE;
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_GT(busy, 0);
    EXPECT_EQ(busy + unreachable, 16);
    cluster_.Start();
}

// A standby, as far as replication goes: it has the log.
class LogReceiver {
  public:
    explicit LogReceiver(const PostgresCluster &cluster) : folder_(cluster.data() + "_log") {
        mkdir(folder_.c_str(), 0700);
        pid_ = fork();
        if (pid_ == 0) {
            std::string conninfo = "host=" + cluster.host() + " user=postgres";
            execl("/usr/lib/postgresql/15/bin/pg_receivewal", "pg_receivewal", "--no-loop",
                  "--synchronous", "-D", folder_.c_str(), "-d", conninfo.c_str(), nullptr);
            _exit(1);
        }
    }
    ~LogReceiver() {
        Kill();
        std::string command = "rm -rf '" + folder_ + "'";
        EXPECT_EQ(system(command.c_str()), 0);
    }
    void Signal(int signal) {
        kill(pid_, signal);
    }
    void Kill() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }

  private:
    std::string folder_;
    pid_t pid_;
};

TEST_F(PostgresOutageTest, TakesNoChangesWhereReplicationIsLess) {
    struct metrics *metrics = metrics_new();
    {
        LogReceiver standby(cluster_);
        while (cluster_.Value("postgres", "SELECT count(*) FROM pg_stat_replication"
                                          " WHERE state='streaming'") != "1") {
            usleep(10000);
        }
        auto set = [&](const std::string &name, const std::string &value) {
            cluster_.Query("postgres", "ALTER SYSTEM SET " + name + "='" + value + "'");
            cluster_.Query("postgres", "SELECT pg_reload_conf()");
        };
        set("synchronous_standby_names", "*");
        SharedStore store;
        store.options().require_replicas = 1;
        store.options().metrics = metrics;
        while (cluster_.Value("postgres", "SHOW synchronous_standby_names") != "*") {
            usleep(10000);
        }
        ASSERT_EQ(store.Open(url()), STATUS_OK) << store.message();
        ASSERT_EQ(CreateRun(store.get(), {.id = "r"}).result, STORE_OK);
        EXPECT_EQ(metrics_testing::Look(metrics, "runsd_store_sync_standbys").value, 1);

        const struct {
            const char *name;
            const char *less;
            const char *enough;
        } rows[] = {
            {"synchronous_standby_names", "", "*"},
            {"synchronous_commit", "local", "on"},
            {"synchronous_commit", "off", "on"},
            {"synchronous_standby_names", "no_such_standby", "*"},
        };
        for (const auto &row : rows) {
            set(row.name, row.less);
            EXPECT_TRUE(store.WorksWithin(kSecondUs + kSlackUs, STORE_CHANGES, false)) << row.name;
            EXPECT_EQ(CreateRun(store.get(), {.id = "none"}).result, STORE_UNREACHABLE) << row.name;
            set(row.name, row.enough);
            EXPECT_TRUE(store.WorksWithin(20 * kSecondUs, STORE_CHANGES, true)) << row.name;
        }
        usleep(kSecondUs); // until the writers' sessions know, too
        EXPECT_EQ(Apply(store.get(), {.id = "r"}).result, STORE_OK);
        // The standby goes away: nobody waits for it.
        standby.Kill();
        EXPECT_TRUE(store.WorksWithin(kSecondUs + kSlackUs, STORE_CHANGES, false));
        EXPECT_EQ(CreateRun(store.get(), {.id = "none"}).result, STORE_UNREACHABLE);
        EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM run"), "1");
    }
    metrics_free(metrics);
}

// A primary that its standbys have left may not be the primary any more.
TEST_F(PostgresOutageTest, AnswersNoReadOfAServerThatItsStandbysHaveLeft) {
    LogReceiver standby(cluster_);
    while (cluster_.Value("postgres", "SELECT count(*) FROM pg_stat_replication"
                                      " WHERE state='streaming'") != "1") {
        usleep(10000);
    }
    cluster_.Query("postgres", "ALTER SYSTEM SET synchronous_standby_names='*'");
    cluster_.Query("postgres", "SELECT pg_reload_conf()");
    while (cluster_.Value("postgres", "SHOW synchronous_standby_names") != "*") {
        usleep(10000);
    }
    SharedStore store;
    SharedStore other; // which requires none
    store.options().require_replicas = 1;
    ASSERT_EQ(store.Open(url()), STATUS_OK) << store.message();
    ASSERT_EQ(other.Open(url()), STATUS_OK) << other.message();
    ASSERT_EQ(CreateRun(store.get(), {.id = "r"}).result, STORE_OK);
    EXPECT_EQ(GetRun(store.get(), "r").result, STORE_OK);
    standby.Signal(SIGSTOP);
    enum store_result result = STORE_OK;
    for (int64_t end_us = clock_monotonic_us() + 60 * kSecondUs;
         result == STORE_OK && clock_monotonic_us() < end_us;) {
        result = GetRun(store.get(), "r").result;
    }
    EXPECT_EQ(result, STORE_UNREACHABLE);
    EXPECT_EQ(GetRun(other.get(), "r").result, STORE_OK);
    standby.Signal(SIGCONT);
    EXPECT_TRUE(store.WorksWithin(20 * kSecondUs, STORE_READS, true));
    for (int64_t end_us = clock_monotonic_us() + 60 * kSecondUs;
         result != STORE_OK && clock_monotonic_us() < end_us;) {
        result = GetRun(store.get(), "r").result;
    }
    EXPECT_EQ(result, STORE_OK);
}

TEST_F(PostgresOutageTest, CountsItsConnections) {
    struct metrics *metrics = metrics_new();
    {
        SharedStore store;
        store.options().metrics = metrics;
        ASSERT_EQ(store.Open(url()), STATUS_OK) << store.message();
        ASSERT_EQ(CreateRun(store.get(), {.id = "r"}).result, STORE_OK);
        auto value = [&](const std::string &name, const std::vector<std::string> &values) {
            return metrics_testing::Look(metrics, name, values).value;
        };
        auto wait_for = [&](const char *use, const char *state, int count) {
            int64_t begin_us = clock_monotonic_us();
            while (value("runsd_store_connections", {use, state}) != count &&
                   clock_monotonic_us() - begin_us < 20 * kSecondUs) {
                usleep(10000);
            }
            return value("runsd_store_connections", {use, state});
        };
        EXPECT_EQ(wait_for("reader", "open", 4), 4);
        EXPECT_EQ(wait_for("writer", "open", 3), 3);
        EXPECT_EQ(wait_for("watcher", "open", 1), 1);
        EXPECT_EQ(value("runsd_store_reconnects", {"watcher"}), 0);
        cluster_.Stop(SIGQUIT);
        EXPECT_EQ(wait_for("watcher", "closed", 1), 1);
        cluster_.Start();
        EXPECT_EQ(wait_for("watcher", "open", 1), 1);
        EXPECT_EQ(value("runsd_store_reconnects", {"watcher"}), 1);
        EXPECT_TRUE(store.WorksWithin(20 * kSecondUs, STORE_READS, true));
        EXPECT_GE(value("runsd_store_reconnects", {"reader"}), 0);
        while (value("runsd_store_runs", {"running"}) != 1) {
            usleep(10000);
        }
        EXPECT_EQ(value("runsd_store_organizations", {}), 1);
    }
    metrics_free(metrics);
}

} // namespace
} // namespace store_testing
