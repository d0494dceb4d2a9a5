// A disk that fails at each write and each sync of the life of a lease: each change was made whole,
// with its event, its row and its indexes, or not at all; no attempt is given twice.

#include <errno.h>
#include <sqlite3.h>

#include "tests/storage/lease_testing.h"
#include "tests/storage/sqlite_fault.h"

using namespace store_testing;

namespace {

// The steps of a run's life, each of which follows from the one before: acquired, given back,
// acquired, cancelled, stopped.
constexpr int kSteps = 5;

class SqliteLeaseFault : public SqliteFault {
  protected:
    void Create(const std::string &id) {
        StoredRun run = LeasedRun(id);
        run.terms.on_timeout = RUN_FAILURE;
        run.terms.timeout_at_us = 90000;
        ASSERT_EQ(CreateRun(store_, run).result, STORE_OK);
    }
    enum store_result Make(const std::string &id, int step) {
        switch (step) {
        case 0:
        case 2:
            return Acquire(store_, {.ids = {id}, .holder = "h" + std::to_string(step)}).result;
        case 1:
            return EndLease(store_, {.id = id, .attempt = 1}).result;
        case 3:
            return Apply(store_, {.id = id, .checks_attempt = true, .attempt = 2}).result;
        default:
            return StopRun(store_, {.id = id, .attempt = 2}).result;
        }
    }
    // The run is as so many steps have left it, in all that tells of it.
    void Expect(const std::string &id, int made) {
        StoredRun run = GetRun(store_, id).run;
        const int64_t attempt = made >= 3 ? 2 : made >= 1 ? 1 : 0;
        const std::string holder = made == 1 ? "h0" : made == 3 ? "h2" : "";
        EXPECT_EQ(run.sequence, made + 1);
        EXPECT_EQ(run.attempt, attempt);
        EXPECT_EQ(run.holder, holder);
        EXPECT_EQ(run.status, made >= 4 ? RUN_CANCELLED : RUN_RUNNING);
        EXPECT_EQ(run.finished_at_us, made >= 4 ? 2000 : 0);
        EXPECT_EQ(run.stopped_at_us, made == 5 ? 2500 : 0);
        const int kinds[] = {STORE_EVENT_CREATION,    STORE_EVENT_ACQUISITION, STORE_EVENT_RELEASE,
                             STORE_EVENT_ACQUISITION, STORE_EVENT_TRANSITION,  STORE_EVENT_STOP};
        std::vector<WholeEvent> events = ListWholeEvents(store_, id);
        ASSERT_EQ(events.size(), static_cast<size_t>(made + 1));
        for (size_t i = 0; i < events.size(); i++) {
            EXPECT_EQ(events[i].kind, kinds[i]);
        }
        EXPECT_EQ(ListLeases(store_).size(), holder.empty() ? 0u : 1u);
        EXPECT_EQ(ListDue(store_, INT64_MAX).due.size(), made >= 4 ? 0u : 1u);
    }
    void ExpectSound() {
        run_store_close(store_);
        store_ = nullptr;
        struct arena a;
        arena_init(&a);
        struct store_check_report report = {};
        ASSERT_EQ(run_store_check(&a, ("sqlite:" + path_).c_str(), false, &report), nullptr);
        for (int i = 0; i < report.count; i++) {
            ADD_FAILURE() << report.problems[i];
        }
        arena_release(&a);
    }
};

TEST_F(SqliteLeaseFault, FullDiskChangesNothingAndPasses) {
    int refused = 0;
    for (int after = 0; after < 12; after++) {
        SCOPED_TRACE(after);
        const std::string id = "full" + std::to_string(after);
        Create(id);
        for (int made = 0; made < kSteps; made++) {
            SCOPED_TRACE(made);
            vfs_.FailWrites(SQLITE_FULL, after);
            enum store_result result = Make(id, made);
            vfs_.Reset();
            if (result != STORE_OK) {
                refused++;
                EXPECT_EQ(result, STORE_DISK_FULL);
                Expect(id, made);
                ASSERT_EQ(Make(id, made), STORE_OK); // there is room again
            }
            Expect(id, made + 1);
        }
    }
    EXPECT_GE(refused, 2 * kSteps);
    ExpectSound();
}

TEST_F(SqliteLeaseFault, FailedCommitIsUnknownAndTheRestartSaysWhich) {
    int unknown = 0;
    int was_made = 0;
    for (int after = 0; after < 3; after++) {
        for (int kind = 0; kind < 3; kind++) {
            SCOPED_TRACE(testing::Message() << after << " " << kind);
            const std::string id = "unknown" + std::to_string(after) + std::to_string(kind);
            Create(id);
            for (int made = 0; made < kSteps; made++) {
                SCOPED_TRACE(made);
                if (kind == 2) {
                    vfs_.FailWrites(SQLITE_IOERR_WRITE, after, EIO);
                } else {
                    vfs_.FailSyncs(FaultyVfs::File::kLog, kind == 1);
                }
                enum store_result result = Make(id, made);
                vfs_.Reset();
                OpenStore(0);
                int64_t sequence = GetRun(store_, id).run.sequence;
                ASSERT_TRUE(sequence == made + 1 || sequence == made + 2);
                if (result == STORE_OK) {
                    EXPECT_EQ(sequence, made + 2);
                } else {
                    unknown++;
                    was_made += sequence == made + 2;
                    EXPECT_EQ(result, STORE_UNAVAILABLE);
                    Expect(id, static_cast<int>(sequence) - 1);
                    if (sequence == made + 1) {
                        ASSERT_EQ(Make(id, made), STORE_OK);
                    }
                }
                Expect(id, made + 1);
            }
        }
    }
    EXPECT_GE(unknown, 2 * kSteps);
    EXPECT_GT(was_made, 0);
    EXPECT_LT(was_made, unknown);
    ExpectSound();
}

} // namespace
