#include <atomic>
#include <map>
#include <thread>

#include "tests/storage/feed_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

// What a store says of its commits, and readers who follow what it says.

namespace {

const std::string kAcme = "acme";

class StoreHints : public StoreContract {
  protected:
    void SetUp() override {
        StoreContract::SetUp();
        run_store_close(store_);
        store_ = nullptr;
        Opened o = Open(url_, commits_.options());
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    // From here on commits_ has all that was done.
    void Close() {
        run_store_close(store_);
        store_ = nullptr;
    }

    Commits commits_;
};

INSTANTIATE_TEST_SUITE_P(Backends, StoreHints, testing::ValuesIn(RegisteredBackends()),
                         [](const testing::TestParamInfo<struct registered_backend> &info) {
                             return std::string(info.param.backend->scheme);
                         });

TEST_P(StoreHints, EachCommitIsToldWithWhatItDid) {
    ASSERT_EQ(CreateRun(store_, {.id = "r"}).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, {.organization = "other", .id = "r"}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "r"}).result, STORE_OK);
    // What makes no event.
    int64_t floor;
    EXPECT_EQ(CreateRun(store_, {.id = "r"}).result, STORE_EXISTS);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_CONFLICT);
    EXPECT_EQ(Apply(store_, {.id = "absent"}).result, STORE_NOT_FOUND);
    EXPECT_EQ(CreateToken(store_, {.name = "t"}), STORE_OK);
    EXPECT_EQ(TrimChanges(store_, 1, &floor), STORE_OK);
    EXPECT_EQ(Apply(store_, {.organization = "other",
                             .id = "r",
                             .to = RUN_RUNNING,
                             .set_execution_state = true,
                             .execution_state = "x"})
                  .result,
              STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "r", .from = RUN_STATUS_ALL, .to = RUN_SUCCESS}).revision, 3);
    Close();
    std::vector<Commits::Commit> all = commits_.all();
    ASSERT_EQ(all.size(), 4u);
    const struct {
        const char *organization;
        int64_t revision;
        int kind;
    } expected[] = {{"acme", 1, STORE_EVENT_CREATION},
                    {"other", 1, STORE_EVENT_CREATION},
                    {"acme", 2, STORE_EVENT_TRANSITION},
                    {"acme", 3, STORE_EVENT_TRANSITION}};
    for (size_t i = 0; i < 4; i++) {
        EXPECT_EQ(all[i].organization, expected[i].organization);
        EXPECT_EQ(all[i].revision, expected[i].revision);
        EXPECT_EQ(all[i].kinds, 1u << expected[i].kind);
        EXPECT_EQ(all[i].opened, 0);
    }
    EXPECT_EQ(commits_.calls(), 4);
}

// Of what waits for an executor, the store says how many runs there are to be acquired anew.
TEST_P(StoreHints, RunsThatCanBeAcquiredAreCounted) {
    StoredRun first = LeasedRun("first");
    first.holder = "creator";
    first.lease_us = 1000000;
    StoredRun fails = LeasedRun("fails");
    fails.terms.fails_on_lease_loss = true;
    ASSERT_EQ(CreateRun(store_, {.id = "external"}).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, first).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, LeasedRun("r")).result, STORE_OK);
    ASSERT_EQ(Acquire(store_, {.ids = {"r"}}).runs.size(), 1u);
    ASSERT_EQ(EndLease(store_, {.id = "r"}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "r", .to = RUN_WAITING}).result, STORE_OK); // as before
    ASSERT_EQ(EndLease(store_, {.id = "first", .kind = STORE_EVENT_LEASE_LOSS}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "first"}).result, STORE_OK);
    ASSERT_EQ(StopRun(store_, {.id = "first", .attempt = 1}).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, fails).result, STORE_OK);
    ASSERT_EQ(Acquire(store_, {.ids = {"fails"}}).runs.size(), 1u);
    ASSERT_EQ(EndLease(store_, {.id = "fails", .kind = STORE_EVENT_LEASE_LOSS}).result, STORE_OK);
    StoredRun done = LeasedRun("done");
    done.status = RUN_SUCCESS;
    ASSERT_EQ(CreateRun(store_, done).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, LeasedRun("a")).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, LeasedRun("b")).result, STORE_OK);
    ASSERT_EQ(Acquire(store_, {.ids = {"a", "b"}, .limit = 2}).runs.size(), 2u);
    Close();
    const struct {
        int kind;
        int opened;
    } expected[] = {
        {STORE_EVENT_CREATION, 0},    {STORE_EVENT_CREATION, 0},    {STORE_EVENT_CREATION, 1},
        {STORE_EVENT_ACQUISITION, 0}, {STORE_EVENT_RELEASE, 1},     {STORE_EVENT_TRANSITION, 0},
        {STORE_EVENT_LEASE_LOSS, 1},  {STORE_EVENT_TRANSITION, 0},  {STORE_EVENT_STOP, 0},
        {STORE_EVENT_CREATION, 1},    {STORE_EVENT_ACQUISITION, 0}, {STORE_EVENT_LEASE_LOSS, 0},
        {STORE_EVENT_CREATION, 0},    {STORE_EVENT_CREATION, 1},    {STORE_EVENT_CREATION, 1},
        {STORE_EVENT_ACQUISITION, 0},
    };
    std::vector<Commits::Commit> all = commits_.all();
    ASSERT_EQ(all.size(), std::size(expected));
    for (size_t i = 0; i < all.size(); i++) {
        EXPECT_EQ(all[i].kinds, 1u << expected[i].kind) << i;
        EXPECT_EQ(all[i].opened, expected[i].opened) << i;
    }
    EXPECT_EQ(all.back().revision, 17); // of the two that were acquired at once
}

// Who is told finds the event, and the operation answered before.
TEST_P(StoreHints, HintsComeAfterTheAnswersAndNameWhatIsThere) {
    Close();
    struct Listener {
        struct run_store *store = nullptr;
        std::atomic<int64_t> answered{0};
        std::atomic<int64_t> told{0};
        std::atomic<int> at_once{0};
        std::atomic<int> reading{0};
        std::atomic<int64_t> read{0};
    } listener;
    struct ReadNewest {
        Op<struct store_list_changes> op{&store_list_changes_kind};
        Listener *listener;
        int64_t told;
    };
    struct run_store_options options = {};
    options.context = &listener;
    options.on_commit = [](void *context, const struct store_commit *commits, int count) {
        auto *l = static_cast<Listener *>(context);
        EXPECT_EQ(++l->at_once, 1) << "one call at a time";
        ASSERT_EQ(count, 1);
        EXPECT_GT(commits->revision, l->told) << "in order";
        EXPECT_LE(commits->revision, l->answered) << "after the answers";
        l->told = commits->revision;
        l->reading++;
        auto *r = new ReadNewest();
        r->listener = l;
        r->told = commits->revision;
        r->op->organization = ToSlice(kAcme);
        r->op->after_revision = commits->revision - 1;
        r->op->limit = 1000;
        r->op->op.context = r;
        r->op->op.done = [](struct store_op *op) {
            auto *done = static_cast<ReadNewest *>(op->context);
            Listener *of = done->listener;
            EXPECT_EQ(op->result, STORE_OK);
            EXPECT_GE(done->op->ret_count, 1);
            EXPECT_EQ(done->op->ret_changes[0].event.revision, done->told);
            of->read = std::max(of->read.load(), done->op->ret_newest);
            delete done;
            of->reading--;
        };
        run_store_submit(l->store, r->op.get());
        l->at_once--;
    };
    Opened o = Open(url_, options);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    listener.store = o.store;
    constexpr int kThreads = 4;
    constexpr int kRuns = 100;
    // done counts, before the hint of its transaction.
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < kRuns; i++) {
            const std::string id = std::to_string(n) + "-" + std::to_string(i);
            const StoredRun run = {.id = id};
            STORE_OP(op, create_run);
            FillCreate(op, run);
            struct Done {
                std::atomic<bool> is_done{false};
                Listener *listener;
            } done;
            done.listener = &listener;
            op->op.context = &done;
            op->op.done = [](struct store_op *create) {
                auto *d = static_cast<Done *>(create->context);
                int64_t revision =
                    reinterpret_cast<struct store_create_run *>(create)->ret_revision;
                int64_t before = d->listener->answered;
                while (before < revision &&
                       !d->listener->answered.compare_exchange_weak(before, revision)) {
                }
                d->is_done = true;
            };
            run_store_submit(o.store, op.get());
            while (!done.is_done) {
                std::this_thread::yield();
            }
        }
    });
    const int64_t end_us = clock_monotonic_us() + 60 * 1000000;
    while ((listener.told < kThreads * kRuns || listener.reading > 0) &&
           clock_monotonic_us() < end_us) {
        usleep(1000);
    }
    EXPECT_EQ(listener.told, kThreads * kRuns);
    EXPECT_EQ(listener.read, kThreads * kRuns);
    run_store_close(o.store);
}

// An answer may submit: what comes of that is told after what is being answered, in order.
TEST_P(StoreHints, HintsWaitForTheAnswerThatMakesTheNextCommit) {
    struct Chain {
        Op<struct store_create_run> first{&store_create_run_kind};
        Op<struct store_create_run> second{&store_create_run_kind};
        StoredRun runs[2];
        struct run_store *store;
        Commits *commits;
        std::atomic<int> told_before{-1};
        std::atomic<bool> is_done{false};
    } chain;
    chain.runs[0].id = "first";
    chain.runs[1].id = "second";
    FillCreate(chain.first, chain.runs[0]);
    FillCreate(chain.second, chain.runs[1]);
    chain.store = store_;
    chain.commits = &commits_;
    chain.first->op.context = chain.second->op.context = &chain;
    chain.first->op.done = [](struct store_op *op) {
        auto *c = static_cast<Chain *>(op->context);
        run_store_submit(c->store, c->second.get());
        c->told_before = c->commits->calls();
    };
    chain.second->op.done = [](struct store_op *op) {
        static_cast<Chain *>(op->context)->is_done = true;
    };
    run_store_submit(store_, chain.first.get());
    while (!chain.is_done) {
        std::this_thread::yield();
    }
    Close();
    EXPECT_EQ(chain.told_before, 0);
    std::vector<Commits::Commit> all = commits_.all();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].revision, 1);
    EXPECT_EQ(all[1].revision, 2);
}

// Several writers, and readers who follow their organization from hint to hint or all the time:
// each has the same history, whole and in order, and none an event before its commit.
TEST_P(StoreHints, ReadersBesideWritersMissNothingAndReadNothingTwice) {
    constexpr int kOrganizations = 3;
    constexpr int kWriters = 6;
    constexpr int kReaders = 4;
    constexpr int kRounds = 60;
    std::atomic<int64_t> answered[kOrganizations] = {};
    std::atomic<int> writing{kWriters};
    auto name = [](int o) { return "tenant-" + std::to_string(o); };
    auto answer = [&](int o, const Answer &a) {
        ASSERT_EQ(a.result, STORE_OK) << a.detail;
        int64_t before = answered[o];
        while (before < a.revision && !answered[o].compare_exchange_weak(before, a.revision)) {
        }
    };
    RunTogether(kWriters + kReaders, [&](int n) {
        if (n < kWriters) {
            for (int i = 0; i < kRounds; i++) {
                int o = (n + i) % kOrganizations;
                const std::string id = std::to_string(n) + "-" + std::to_string(i);
                answer(o, CreateRun(store_, {.organization = name(o), .id = id}));
                answer(o, Apply(store_, {.organization = name(o), .id = id, .to = RUN_WAITING}));
                answer(o, Apply(store_, {.organization = name(o), .id = id}));
            }
            writing--;
            return;
        }
        int o = n % kOrganizations;
        int64_t at = 0;
        std::map<std::string, int64_t> sequences;
        for (bool is_last = false; !is_last;) {
            is_last = writing == 0;
            const int64_t known = answered[o]; // before the submission
            Changes c = ListChanges(store_, {.organization = name(o),
                                             .after = at,
                                             .limit = n % 2 == 0 ? 1000 : 7,
                                             .with_workflow = true,
                                             .with_runs = true});
            ASSERT_EQ(c.result, STORE_OK) << c.detail;
            ASSERT_GE(c.newest, known);
            for (const Change &change : c.changes) {
                ASSERT_EQ(change.event.revision, ++at);
                ASSERT_EQ(change.event.sequence, ++sequences[change.run_id]);
                ASSERT_EQ(change.run.id, change.run_id);
                ASSERT_GE(change.run.sequence, change.event.sequence);
                ASSERT_TRUE(change.run.sequence > change.event.sequence ||
                            change.run.status == change.event.to);
            }
            is_last = is_last && at == c.newest;
        }
        ASSERT_EQ(at, answered[o]);
    });
    Close();
    int64_t newest[kOrganizations] = {};
    for (const Commits::Commit &c : commits_.all()) {
        int o = c.organization.back() - '0';
        EXPECT_GT(c.revision, newest[o]);
        newest[o] = c.revision;
    }
    for (int o = 0; o < kOrganizations; o++) {
        EXPECT_EQ(newest[o], answered[o]);
    }
}

} // namespace
