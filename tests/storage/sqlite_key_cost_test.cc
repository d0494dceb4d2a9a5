// What keys cost: a change without one nothing, however many there are; a change with one no page
// of its own, and as many steps at any size.

#include <atomic>
#include <map>
#include <sqlite3.h>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

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

struct Cost {
    int64_t steps;
    int writes;
    bool operator==(const Cost &o) const {
        return steps == o.steps && writes == o.writes;
    }
};

std::ostream &operator<<(std::ostream &out, const Cost &c) {
    return out << c.steps << " steps, " << c.writes << " writes";
}

class SqliteKeyCost : public SqliteTest {
  protected:
    SqliteKeyCost() : SqliteTest("/dev/shm") { // in memory: the disk's time is not looked at
    }
    void TearDown() override {
        run_store_close(store_);
        sqlite3_reset_auto_extension();
    }
    // A store of runs that are cancelled under a key each, but for the last 100.
    void MakeStore(int runs) {
        Opened o = OpenLimited(path_, {.runs = 1000000, .events = 1000000});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
        for (int n = 0; n < runs; n++) {
            ASSERT_EQ(CreateRun(store_, {.id = RunId(n)}).result, STORE_OK);
            if (n < runs - 100) {
                ASSERT_EQ(Apply(store_, Keyed(n)).result, STORE_OK);
            }
        }
        run_store_close(store_);
        store_ = nullptr;
    }
    static Transition Keyed(int n) {
        return {.id = RunId(n), .key = {"key " + std::to_string(n), "request"}};
    }
    Cost CostOf(const Transition &t, enum store_result result = STORE_OK) {
        steps = 0;
        const int before = vfs_.writes();
        EXPECT_EQ(Apply(store_, t).result, result);
        return {steps, vfs_.writes() - before};
    }

    FaultyVfs &vfs_ = FaultyVfs::Install();
    struct run_store *store_ = nullptr;
};

TEST_F(SqliteKeyCost, IsThatOfTheKeyAloneAtAnySize) {
    std::map<std::string, Cost> of_few;
    for (int runs : {300, 3000}) {
        SCOPED_TRACE(runs);
        RemoveFiles();
        MakeStore(runs);
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(CountItsSteps));
        Opened o = OpenLimited(path_, {.runs = 1000000, .events = 1000000});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
        // Revisions that have a mark cost one more page.
        const int first = runs - 60;
        ASSERT_EQ(Apply(store_, {.id = RunId(first)}).result, STORE_OK);
        std::map<std::string, Cost> of;
        of["without"] = CostOf({.id = RunId(first + 1)});
        of["without, again"] = CostOf({.id = RunId(first + 2)});
        of["with"] = CostOf(Keyed(first + 3));
        of["with, again"] = CostOf(Keyed(first + 4));
        of["replay of a pending one"] = CostOf(Keyed(first + 4));
        of["replay of one in the table"] = CostOf(Keyed(runs / 2));
        Transition other = Keyed(runs / 2);
        other.key.request = "another";
        of["reused"] = CostOf(other, STORE_KEY_REUSED);
        run_store_close(store_);
        store_ = nullptr;
        sqlite3_reset_auto_extension();
        for (const auto &operation : of) {
            RecordProperty(operation.first + ", steps of " + std::to_string(runs),
                           std::to_string(operation.second.steps));
        }
        EXPECT_EQ(of["without"], of["without, again"]);
        EXPECT_EQ(of["with"], of["with, again"]);
        EXPECT_EQ(of["with"].writes, of["without"].writes);
        EXPECT_LE(of["with"].steps, of["without"].steps + 60);
        of_few = of_few.empty() ? of : of_few;
        EXPECT_EQ(of, of_few);
    }
}

} // namespace
