#include <csignal>
#include <functional>
#include <gtest/gtest.h>
#include <set>

#include "tests/storage/postgres_history.h"
#include "tests/storage/postgres_proxy.h"
#include "tests/storage/postgres_writer_store.h"

// Connections and servers that end at every moment of a transaction: each change that was
// acknowledged is there, none is made twice, and what is not known is found out.

namespace store_testing {
namespace {

using Message = PostgresProxy::Message;
using Verdict = PostgresProxy::Verdict;

class PostgresCommit : public testing::Test {
  protected:
    void SetUp() override {
        database_ = cluster_.NewDatabase();
    }
    WriterStore::Options Through(const PostgresProxy &proxy) {
        return {.conninfo = "postgres://postgres@/" + database_ + "?host=" + proxy.host()};
    }
    // How many events of the run there are in the history.
    int Events(const std::string &id) {
        return atoi(
            cluster_.Value(database_, "SELECT count(*) FROM event WHERE id='" + id + "'").c_str());
    }

    PostgresCluster &cluster_ = PostgresCluster::Shared();
    std::string database_;
};

// Has the server know, all of it, which standbys must have a change.
void SetStandbys(const PostgresCluster &cluster, const std::string &names) {
    cluster.Query("postgres", "ALTER SYSTEM SET synchronous_standby_names='" + names + "'");
    cluster.Query("postgres", "SELECT pg_reload_conf()");
    EXPECT_TRUE(Eventually(
        [&] { return cluster.Value("postgres", "SHOW synchronous_standby_names") == names; }));
}

// Cuts the connection as the first message comes for which is_it holds, once a run is there.
std::function<Verdict(const Message &)> CutAt(std::function<bool(const Message &)> is_it,
                                              bool *ret_cut) {
    *ret_cut = false;
    return [=](const Message &m) {
        if (*ret_cut || !is_it(m)) {
            return Verdict::kPass;
        }
        *ret_cut = true;
        return Verdict::kCut;
    };
}

TEST_F(PostgresCommit, LostBeforeTheCommitIsSentItIsMadeOnce) {
    PostgresProxy proxy(cluster_.host());
    WriterStore s(Through(proxy));
    ASSERT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    bool was_cut;
    proxy.SetRule(CutAt([](const Message &m) { return m.Runs("commit"); }, &was_cut));
    EXPECT_EQ(Apply(s.store(), {.id = "a"}).result, STORE_OK);
    EXPECT_TRUE(was_cut);
    EXPECT_EQ(Events("a"), 2);
    ExpectSoundHistory(cluster_, database_);
}

TEST_F(PostgresCommit, LostBeforeTheCommitIsAnsweredItIsMadeOnce) {
    PostgresProxy proxy(cluster_.host());
    WriterStore s(Through(proxy));
    ASSERT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    bool was_cut;
    proxy.SetRule(CutAt([](const Message &m) { return m.IsCommitted(); }, &was_cut));
    Answer a = Apply(s.store(), {.id = "a"});
    EXPECT_TRUE(was_cut);
    EXPECT_EQ(a.result, STORE_OK);
    EXPECT_EQ(a.revision, 2);
    EXPECT_EQ(Events("a"), 2);
    EXPECT_TRUE(Eventually([&] { return s.Told("acme") == 2; }));
    EXPECT_EQ(pg_writers_look(s.writers()).unknown_commits, 0);
    ExpectSoundHistory(cluster_, database_);
}

// The connection is cut at each of its messages in turn, of both sides.
TEST_F(PostgresCommit, CutAtAnyMessageNothingIsLostAndNothingTwice) {
    PostgresProxy proxy(cluster_.host());
    WriterStore s(Through(proxy));
    ASSERT_EQ(CreateRun(s.store(), {.id = "first"}).result, STORE_OK);
    bool was_cut = true;
    int at = 0;
    for (; was_cut; at++) {
        SCOPED_TRACE(at);
        std::string id = "r" + std::to_string(at);
        int left = at;
        was_cut = false;
        proxy.SetRule([&](const Message &) {
            if (was_cut || left-- > 0) {
                return Verdict::kPass;
            }
            was_cut = true;
            return Verdict::kCut;
        });
        EXPECT_EQ(CreateRun(s.store(), {.id = id}).result, STORE_OK);
        EXPECT_EQ(Apply(s.store(), {.id = id}).result, STORE_OK);
        proxy.SetRule(nullptr);
        EXPECT_EQ(Events(id), 2);
    }
    EXPECT_GT(at, 20);
    ExpectSoundHistory(cluster_, database_);
}

// What was sent to the old session comes late: it finds its mark fenced, and changes nothing.
TEST_F(PostgresCommit, ATransactionThatComesLateIsNotMade) {
    PostgresProxy proxy(cluster_.host());
    WriterStore s(Through(proxy));
    ASSERT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    std::atomic<int> held{-1};
    proxy.SetRule([&](const Message &m) {
        if (held < 0 && m.Runs("commit_mark_advance")) {
            held = m.connection;
            return Verdict::kHold;
        }
        return Verdict::kPass;
    });
    // The old session has the organization's lock for as long as the proxy holds it.
    Answer a = Apply(s.store(), {.id = "a", .actor = "early"});
    EXPECT_GE(held, 0);
    EXPECT_EQ(a.result, STORE_UNREACHABLE) << a.detail;
    proxy.Release();
    Answer again = Apply(s.store(), {.id = "a", .actor = "late"});
    EXPECT_EQ(again.result, STORE_OK) << again.detail;
    EXPECT_EQ(Events("a"), 2);
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM event WHERE actor='early'"), "0");
    ExpectSoundHistory(cluster_, database_);
}

TEST_F(PostgresCommit, SessionsThatAreEndedUnderLoadLoseNothing) {
    WriterStore a(OptionsFor(cluster_, database_));
    WriterStore b(OptionsFor(cluster_, database_));
    std::atomic<bool> ends{false};
    std::atomic<int> made{0};
    std::thread killer([&] {
        int before = 0;
        while (!ends) {
            if (made == before) { // a session that is ended before it does anything shows nothing
                usleep(1000);
                continue;
            }
            before = made;
            cluster_.Query(database_,
                           "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                           " WHERE datname=current_database() AND application_name LIKE 'runsd%'"
                           " AND random()<0.5");
        }
    });
    // Where no connection could be had in time nothing was changed, which the next answer shows.
    auto until_reached = [](const std::function<Answer()> &ask) {
        Answer answer = ask();
        while (answer.result == STORE_UNREACHABLE) {
            answer = ask();
        }
        return answer;
    };
    RunTogether(8, [&](int n) {
        struct run_store *store = n % 2 == 0 ? a.store() : b.store();
        for (int i = 0; i < 60; i++) {
            std::string id = std::to_string(n) + "-" + std::to_string(i);
            Answer created = until_reached([&] { return CreateRun(store, {.id = id}); });
            EXPECT_EQ(created.result, STORE_OK) << created.detail;
            Answer cancelled = until_reached([&] { return Apply(store, {.id = id}); });
            EXPECT_EQ(cancelled.result, STORE_OK) << cancelled.detail;
            made++;
        }
    });
    ends = true;
    killer.join();
    EXPECT_GT(pg_writers_look(a.writers()).reconnects, 0);
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM run WHERE status=5"),
              std::to_string(made));
    ExpectSoundHistory(cluster_, database_);
}

// What each change of a run was answered while the server ended and began again.
TEST_F(PostgresCommit, AServerThatCrashesUnderLoadLosesNothing) {
    PostgresCluster::Options options;
    options.fsync = true;
    PostgresCluster cluster(options);
    std::string database = cluster.NewDatabase();
    WriterStore s({.conninfo = cluster.Url(database)});
    std::atomic<bool> ends{false};
    constexpr int kThreads = 8;
    std::vector<std::vector<std::string>> acknowledged(kThreads);
    std::thread load([&] {
        RunTogether(kThreads, [&](int n) {
            for (int i = 0; !ends; i++) {
                std::string id = std::to_string(n) + "-" + std::to_string(i);
                if (CreateRun(s.store(), {.id = id}).result != STORE_OK) {
                    continue;
                }
                if (Apply(s.store(), {.id = id}).result == STORE_OK) {
                    acknowledged[n].push_back(id);
                }
            }
        });
    });
    for (int i = 0; i < 3; i++) {
        size_t before = 0;
        EXPECT_TRUE(Eventually([&] {
            size_t now = static_cast<size_t>(s.Told("acme"));
            bool goes = before > 0 && now > before;
            before = before == 0 ? now : before;
            return goes;
        }));
        cluster.Stop(SIGQUIT);
        cluster.Start();
    }
    EXPECT_EQ(CreateRun(s.store(), {.id = "last"}).result, STORE_OK);
    ends = true;
    load.join();
    std::set<std::string> there;
    for (const auto &row :
         cluster.Query(database, "SELECT convert_from(id, 'UTF8') FROM run WHERE status=5")) {
        there.insert(row[0]);
    }
    size_t count = 0;
    for (const auto &ids : acknowledged) {
        for (const std::string &id : ids) {
            EXPECT_EQ(there.count(id), 1u) << id;
            count++;
        }
    }
    EXPECT_GT(count, 0u);
    ExpectSoundHistory(cluster, database);
}

// Nobody changes anything: it is noticed all the same.
TEST_F(PostgresCommit, AServerThatGoesIsNoticedWithoutAChange) {
    PostgresCluster cluster{PostgresCluster::Options()};
    WriterStore s({.conninfo = cluster.Url(cluster.NewDatabase())});
    ASSERT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    cluster.Stop(SIGQUIT);
    EXPECT_TRUE(Eventually([&] { return !s.IsWell(); }));
    cluster.Start();
    EXPECT_TRUE(Eventually([&] { return s.IsWell(); }));
    EXPECT_EQ(CreateRun(s.store(), {.id = "b"}).result, STORE_OK);
}

// A server whose standby is not there, and somebody who has commits not wait for it: what they
// made is there, but a failover would lose it.
TEST_F(PostgresCommit, AWaitForTheStandbyThatWasCancelledIsNoSuccess) {
    PostgresCluster cluster{PostgresCluster::Options()};
    std::string database = cluster.NewDatabase();
    WriterStore s({.conninfo = cluster.Url(database)});
    ASSERT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    cluster.Query(database, "SELECT 1");
    cluster.Query("postgres", "ALTER SYSTEM SET synchronous_standby_names='nobody'");
    cluster.Query("postgres", "SELECT pg_reload_conf()");
    ASSERT_TRUE(Eventually(
        [&] { return cluster.Value("postgres", "SHOW synchronous_standby_names") == "nobody"; }));
    std::atomic<bool> ends{false};
    std::thread canceller([&] {
        while (!ends) {
            cluster.Query(database, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                                    " WHERE wait_event='SyncRep'");
            usleep(20000);
        }
    });
    STORE_OP(op, transition_run);
    Transition t = {.id = "a"};
    FillTransition(op, t);
    enum store_result result = op.RunOn(s.store());
    EXPECT_EQ(result, STORE_UNAVAILABLE) << op.detail();
    EXPECT_NE(op.detail().find("synchronous replication"), std::string::npos) << op.detail();
    EXPECT_FALSE(s.IsWell());
    EXPECT_EQ(pg_writers_look(s.writers()).unknown_commits, 1);
    ends = true;
    canceller.join();
    SetStandbys(cluster, "");
    EXPECT_TRUE(Eventually([&] { return s.IsWell(); }));
    // It was made, as it turned out: whoever asks again is told so.
    EXPECT_EQ(Apply(s.store(), {.id = "a"}).result, STORE_CONFLICT);
}

// The guard knows which standbys must have a change, and somebody says that none must while a
// commit waits for them: the server lets it go on without a warning.
TEST_F(PostgresCommit, StandbysThatAreEmptiedDuringACommitAreNoticed) {
    PostgresCluster cluster{PostgresCluster::Options()};
    std::string database = cluster.NewDatabase();
    WriterStore::Options options = {.conninfo = cluster.Url(database)};
    options.checks_standbys = true;
    WriterStore s(options);
    ASSERT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    SetStandbys(cluster, "nobody");
    s.SetStandbys("nobody");
    std::thread emptier([&] {
        EXPECT_TRUE(Eventually([&] {
            return cluster.Value(database, "SELECT count(*)>0 FROM pg_stat_activity"
                                           " WHERE wait_event='SyncRep'") == "t";
        }));
        SetStandbys(cluster, "");
    });
    Answer a = Apply(s.store(), {.id = "a"});
    emptier.join();
    EXPECT_EQ(a.result, STORE_UNAVAILABLE) << a.detail;
    EXPECT_FALSE(s.IsWell());
    // Nothing is acknowledged from then on, either.
    EXPECT_EQ(CreateRun(s.store(), {.id = "b"}).result, STORE_UNREACHABLE);
}

} // namespace
} // namespace store_testing
