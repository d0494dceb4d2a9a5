#include <sys/wait.h>

#include "tests/base/metrics_testing.h"
#include "tests/storage/postgres_fixture.h"

// A store in PostgreSQL that several servers open: who is on duty, what each hears of the others,
// and what is answered while the database server is away.

namespace store_testing {
namespace {

// As in storage/postgres/watcher.h.
constexpr int64_t kLookUs = 400 * 1000;
constexpr int64_t kNotifyUs = 20 * 1000;

class PostgresStoreTest : public testing::Test {
  protected:
    PostgresStoreTest() : cluster_(PostgresCluster::Shared()), database_(cluster_.NewDatabase()) {}
    std::string url(const std::string &more = "") {
        return cluster_.Url(database_, "postgres", more);
    }
    // How many sessions of that name there are.
    std::string Sessions(const std::string &name) {
        return cluster_.Value(database_, "SELECT count(*) FROM pg_stat_activity WHERE datname='" +
                                             database_ + "' AND application_name='" + name + "'");
    }
    pid_t Backend(const std::string &name) {
        return atoi(cluster_
                        .Value(database_, "SELECT max(pid) FROM pg_stat_activity WHERE datname='" +
                                              database_ + "' AND application_name='" + name + "'")
                        .c_str());
    }

    PostgresCluster &cluster_;
    std::string database_;
};

TEST_F(PostgresStoreTest, IsNotOpenedUnlessItIsAsItMustBe) {
    const struct {
        std::string url;
        int replicas;
        int code;
        const char *message; // what is in it
    } rows[] = {
        {url(), 0, STATUS_OK, ""},
        {cluster_.Url(cluster_.NewEmptyDatabase()), 0, STATUS_NOT_FOUND, "runsctl store migrate"},
        {cluster_.Url("absent"), 0, STATUS_UNAVAILABLE, "does not exist"},
        {"postgres://127.0.0.1:1/x", 0, STATUS_UNAVAILABLE, "refused"},
        {url(), 1, STATUS_FAILED_PRECONDITION, "1 are required (--require-replicas)"},
        {url("&options=-csynchronous_commit%3Doff"), 0, STATUS_FAILED_PRECONDITION,
         "synchronous_commit is off"},
    };
    for (const auto &row : rows) {
        SharedStore store;
        store.options().require_replicas = row.replicas;
        EXPECT_EQ(store.Open(row.url), row.code) << row.url << ": " << store.message();
        EXPECT_NE(store.message().find(row.message), std::string::npos) << store.message();
    }
}

TEST_F(PostgresStoreTest, TellsEachServerOfWhatAnotherCommitted) {
    SharedStore a;
    SharedStore b;
    ASSERT_EQ(a.Open(url()), STATUS_OK) << a.message();
    ASSERT_EQ(b.Open(url()), STATUS_OK) << b.message();
    EXPECT_TRUE(a.get()->is_shared);
    EXPECT_EQ(a.get()->epoch, b.get()->epoch);
    EXPECT_EQ(memcmp(a.get()->secret, b.get()->secret, STORE_SECRET_BYTES), 0);
    for (int i = 1; i <= 5; i++) {
        ASSERT_EQ(CreateRun(a.get(), {.id = std::to_string(i)}).result, STORE_OK);
        SharedStore::Commit own;
        ASSERT_TRUE(a.TakeCommit(20 * kSecondUs, &own));
        EXPECT_EQ(own.revision, i);
        EXPECT_EQ(own.kinds, 1u << STORE_EVENT_CREATION);
        SharedStore::Commit heard;
        int64_t begin_us = clock_monotonic_us();
        ASSERT_TRUE(b.TakeCommit(20 * kSecondUs, &heard));
        EXPECT_LT(clock_monotonic_us() - begin_us, kSecondUs);
        EXPECT_EQ(heard.organization, "acme");
        EXPECT_EQ(heard.revision, i);
        EXPECT_EQ(heard.kinds, UINT32_MAX);
        EXPECT_EQ(heard.opened, 1);
    }
    // Nobody hears twice, also not of looks without a notification.
    usleep(3 * kLookUs);
    SharedStore::Commit more;
    EXPECT_FALSE(a.TakeCommit(0, &more));
    EXPECT_FALSE(b.TakeCommit(0, &more));
}

// What was committed while the watcher had no connection, and where no notification came.
TEST_F(PostgresStoreTest, FindsWhatItWasNotToldOf) {
    {
        SharedStore before;
        ASSERT_EQ(before.Open(url()), STATUS_OK) << before.message();
        ASSERT_EQ(CreateRun(before.get(), {.id = "r"}).result, STORE_OK);
    }
    SharedStore a;
    ASSERT_EQ(a.Open(url()), STATUS_OK) << a.message();
    SharedStore::Commit heard;
    for (bool loses : {false, true}) {
        int tokens = a.tokens();
        cluster_.Query(database_, std::string("UPDATE organization SET revision=revision+1, "
                                              "changed_at=now()-interval '") +
                                      (loses ? "1 hour'" : "1 second'"));
        if (loses) {
            cluster_.Query(database_, "SELECT pg_terminate_backend(" +
                                          std::to_string(Backend("runsd watcher")) + ")");
        }
        ASSERT_TRUE(a.TakeCommit(5 * kSecondUs, &heard));
        EXPECT_EQ(heard.revision, loses ? 3 : 2);
        // Tokens are told of behind commits.
        for (int64_t begin_us = clock_monotonic_us();
             loses && a.tokens() == tokens && clock_monotonic_us() - begin_us < 20 * kSecondUs;) {
            usleep(1000);
        }
        EXPECT_EQ(a.tokens() > tokens, loses);
    }
}

TEST_F(PostgresStoreTest, HearsWithinASecondThatTokensChanged) {
    SharedStore a;
    ASSERT_EQ(a.Open(url()), STATUS_OK) << a.message();
    for (int i = 1; i <= 3; i++) {
        int64_t begin_us = clock_monotonic_us();
        cluster_.Query(database_, "UPDATE store SET token_changes=token_changes+1");
        ASSERT_TRUE(a.Within(20 * kSecondUs, [&](SharedStore *) { return true; }));
        while (a.tokens() < i) {
            usleep(1000);
        }
        EXPECT_LT(clock_monotonic_us() - begin_us, kSecondUs);
    }
}

TEST_F(PostgresStoreTest, HasOneServerOnDuty) {
    SharedStore a;
    SharedStore b;
    ASSERT_EQ(a.Open(url()), STATUS_OK) << a.message();
    EXPECT_TRUE(a.IsOnDutyWithin(0));
    ASSERT_EQ(b.Open(url()), STATUS_OK) << b.message();
    EXPECT_FALSE(b.IsOnDutyWithin(3 * kLookUs));
    a.Close();
    EXPECT_TRUE(a.IsOnDutyWithin(0, false));
    EXPECT_TRUE(b.IsOnDutyWithin(5 * kSecondUs));
    // It knows that it is not any more, where its connection is lost.
    cluster_.Query(database_,
                   "SELECT pg_terminate_backend(" + std::to_string(Backend("runsd watcher")) + ")");
    EXPECT_TRUE(b.IsOnDutyWithin(5 * kSecondUs, false));
    EXPECT_TRUE(b.IsOnDutyWithin(5 * kSecondUs));
}

// Another process, which is on duty.
class Holder {
  public:
    explicit Holder(const std::string &url) {
        int fds[2];
        EXPECT_EQ(pipe(fds), 0);
        pid_ = fork();
        if (pid_ == 0) {
            dup2(fds[1], STDOUT_FILENO);
            setenv("RUNSD_TEST_HOLDER_URL", url.c_str(), 1);
            unsetenv("GTEST_OUTPUT");
            unsetenv("XML_OUTPUT_FILE");
            unsetenv("TEST_SHARD_INDEX");
            unsetenv("TEST_TOTAL_SHARDS");
            execl("/proc/self/exe", "holder", "--gtest_filter=*HoldsTheDuty", nullptr);
            _exit(1);
        }
        close(fds[1]);
        std::string said;
        char c;
        while (said.find("on duty\n") == std::string::npos && read(fds[0], &c, 1) == 1) {
            said.push_back(c);
        }
        EXPECT_NE(said.find("on duty\n"), std::string::npos) << said;
        close(fds[0]);
    }
    ~Holder() {
        Kill();
    }
    void Kill() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }
    pid_t pid() const {
        return pid_;
    }

  private:
    pid_t pid_;
};

// Alone it is on duty; run by another test, as a process of its own, it stays so.
TEST_F(PostgresStoreTest, HoldsTheDuty) {
    const char *held = getenv("RUNSD_TEST_HOLDER_URL");
    SharedStore store;
    ASSERT_EQ(store.Open(held != nullptr ? held : url()), STATUS_OK) << store.message();
    ASSERT_TRUE(store.IsOnDutyWithin(20 * kSecondUs));
    ASSERT_EQ(write(STDOUT_FILENO, "on duty\n", 8), 8);
    while (held != nullptr) {
        pause();
    }
}

TEST_F(PostgresStoreTest, TakesTheDutyOverFromAProcessThatWasKilledOrStandsStill) {
    for (bool is_killed : {true, false}) {
        Holder holder(url());
        SharedStore store;
        ASSERT_EQ(store.Open(url()), STATUS_OK) << store.message();
        EXPECT_FALSE(store.IsOnDutyWithin(0));
        int64_t begin_us = clock_monotonic_us();
        if (is_killed) {
            holder.Kill();
        } else {
            kill(holder.pid(), SIGSTOP);
        }
        EXPECT_TRUE(store.IsOnDutyWithin(20 * kSecondUs));
        EXPECT_LT(clock_monotonic_us() - begin_us, 5 * kSecondUs) << is_killed;
    }
}

TEST_F(PostgresStoreTest, PutsNotificationsTogether) {
    SharedStore a;
    ASSERT_EQ(a.Open(url()), STATUS_OK) << a.message();
    static const struct pg_statement listen_to = {"t_listen", "LISTEN runsd"};
    static const struct pg_statement notify = {"t_notify", "NOTIFY runsd"};
    PgConnection other(url());
    ASSERT_EQ(other.Open(), PG_OK) << other.detail();
    ASSERT_EQ(other.Run(listen_to), PG_OK);

    // Of many commits, a few notifications.
    int64_t begin_us = clock_monotonic_us();
    for (int i = 0; i < 500; i++) {
        ASSERT_EQ(CreateRun(a.get(), {.id = std::to_string(i)}).result, STORE_OK);
    }
    int64_t took_us = clock_monotonic_us() - begin_us;
    usleep(2 * kNotifyUs);
    int heard = pg_connection_take_notifications(other.get());
    EXPECT_GE(heard, 1);
    EXPECT_LE(heard, took_us / kNotifyUs + 3);

    // Of many notifications, a few looks.
    std::string looks =
        "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname='organization'";
    cluster_.Query(database_, "SELECT pg_stat_reset()");
    begin_us = clock_monotonic_us();
    while (clock_monotonic_us() - begin_us < kSecondUs) {
        ASSERT_EQ(other.Run(notify), PG_OK);
    }
    took_us = clock_monotonic_us() - begin_us;
    usleep(2 * kSecondUs); // until the server counts them
    EXPECT_LE(atoi(cluster_.Value(database_, looks).c_str()), 2 * (took_us / kNotifyUs) + 40);
}

TEST_F(PostgresStoreTest, HasNoSessionIdleInATransaction) {
    SharedStore a;
    ASSERT_EQ(a.Open(url()), STATUS_OK) << a.message();
    ASSERT_EQ(CreateRun(a.get(), {.id = "r"}).result, STORE_OK);
    EXPECT_EQ(GetRun(a.get(), "r").result, STORE_OK);
    EXPECT_EQ(CreateRun(a.get(), {.id = "r"}).result, STORE_EXISTS);
    EXPECT_EQ(GetRun(a.get(), "x").result, STORE_NOT_FOUND);
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM pg_stat_activity WHERE datname='" +
                                            database_ + "' AND state LIKE 'idle in%'"),
              "0");
    EXPECT_EQ(Sessions("runsd watcher"), "1");
    EXPECT_EQ(Sessions("runsd reader 0"), "1");
    EXPECT_EQ(Sessions("runsd reader 1"), "1");
    a.Close();
    while (Sessions("runsd watcher") != "0") {
        usleep(1000);
    }
}

} // namespace
} // namespace store_testing
