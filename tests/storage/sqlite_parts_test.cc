// Parts of the SQLite back-end by themselves: what pending runs, organizations and ids are kept
// as.

#include <algorithm>
#include <sqlite3.h>

#include "tests/storage/store_testing.h"

extern "C" {
#include "storage/sqlite/organizations.h"
#include "storage/sqlite/run_id.h"
#include "tests/storage/pending_testing.h"
}

using namespace store_testing;

namespace {

const char *const kUuid = "0193755f-8f3e-7a01-8000-00000000000a";

class PendingRuns : public testing::Test {
  protected:
    ~PendingRuns() override {
        pending_testing_free(p_);
    }
    void Stage(const std::string &id, int64_t sequence, const std::string &organization = "acme") {
        pending_testing_stage(p_, organization.c_str(), id.c_str(), sequence);
    }
    int64_t Find(const std::string &id, const std::string &organization = "acme") {
        return pending_testing_find(p_, organization.c_str(), id.c_str());
    }
    int64_t FindOwn(const std::string &id, const std::string &organization = "acme") {
        return pending_testing_find_own(p_, organization.c_str(), id.c_str());
    }
    // The ids that are left to take, each with its sequence.
    std::vector<std::pair<std::string, int64_t>> Take() {
        std::vector<std::pair<std::string, int64_t>> taken;
        int len;
        bool is_uuid;
        int64_t sequence;
        while (const uint8_t *id = pending_testing_take(p_, &len, &is_uuid, &sequence)) {
            taken.emplace_back(std::string(reinterpret_cast<const char *>(id), len), sequence);
        }
        return taken;
    }
    void ApplyAll(int64_t newest_event) {
        Take();
        pending_testing_committed(p_, newest_event);
        pending_testing_retire(p_);
    }

    struct pending *p_ = pending_testing_new(100, 200);
};

TEST_F(PendingRuns, WhatIsStagedIsTheWritersAloneUntilItIsCommitted) {
    Stage("a", 2);
    EXPECT_EQ(FindOwn("a"), 2);
    EXPECT_EQ(Find("a"), 0);
    Stage("a", 3); // again in the same transaction
    EXPECT_EQ(FindOwn("a"), 3);
    pending_testing_committed(p_, 7);
    EXPECT_EQ(Find("a"), 3);
    EXPECT_EQ(FindOwn("a"), 3);
    EXPECT_EQ(pending_testing_newest_event(p_), 7);
    EXPECT_TRUE(pending_testing_has_any(p_));
    Stage("a", 4);
    Stage("b", 2);
    EXPECT_EQ(FindOwn("b"), 2);
    pending_testing_rolled_back(p_);
    EXPECT_EQ(FindOwn("a"), 3);
    EXPECT_EQ(FindOwn("b"), 0);
    EXPECT_EQ(Find("a"), 3);
    EXPECT_EQ(pending_testing_newest_event(p_), 7);
}

TEST_F(PendingRuns, RunsAreToldApartByOrganizationIdAndKindOfId) {
    const std::string bytes("\x01\x93\x75\x5f\x8f\x3e\x7a\x01\x80\x01\x01\x01\x01\x01\x01\x0a");
    const std::string uuid = "0193755f-8f3e-7a01-8001-01010101010a";
    Stage(uuid, 2);
    Stage(bytes, 3); // a text that is the bytes of the UUID
    Stage("ab", 4, "x");
    Stage("b", 5, "xa"); // the same bytes behind each other
    Stage("", 6, "x");
    Stage("x", 7, "");
    pending_testing_committed(p_, 6);
    EXPECT_EQ(Find(uuid), 2);
    EXPECT_EQ(Find(bytes), 3);
    EXPECT_EQ(Find("ab", "x"), 4);
    EXPECT_EQ(Find("b", "xa"), 5);
    EXPECT_EQ(Find("", "x"), 6);
    EXPECT_EQ(Find("x", ""), 7);
    EXPECT_EQ(Find(uuid, "other"), 0);
    EXPECT_EQ(Find("0193755F-8F3E-7A01-8001-01010101010A"), 0);
}

TEST_F(PendingRuns, GenerationGoesFromFillingToFrozenToRetired) {
    Stage("a", 2);
    Stage("b", 2);
    pending_testing_committed(p_, 2);
    EXPECT_FALSE(pending_testing_is_frozen(p_));
    pending_testing_freeze(p_);
    EXPECT_TRUE(pending_testing_is_frozen(p_));
    EXPECT_EQ(pending_testing_mark(p_), 2);
    // What is filled now is newer, and found first.
    Stage("a", 3);
    pending_testing_committed(p_, 3);
    EXPECT_EQ(Find("a"), 3);
    EXPECT_EQ(Find("b"), 2);
    int len;
    bool is_uuid;
    int64_t sequence;
    ASSERT_NE(pending_testing_take(p_, &len, &is_uuid, &sequence), nullptr);
    // A slice that is rolled back is taken again.
    pending_testing_rolled_back(p_);
    ASSERT_EQ(Take().size(), 2u);
    pending_testing_rolled_back(p_);
    // One that is committed is not.
    ASSERT_NE(pending_testing_take(p_, &len, &is_uuid, &sequence), nullptr);
    pending_testing_committed(p_, 3);
    EXPECT_EQ(Find("b"), 2);
    EXPECT_EQ(Take().size(), 1u);
    pending_testing_committed(p_, 3);
    EXPECT_EQ(pending_testing_mark(p_), 2); // that of the frozen one, not of what fills
    pending_testing_retire(p_);
    EXPECT_FALSE(pending_testing_is_frozen(p_));
    EXPECT_TRUE(pending_testing_has_any(p_));
    EXPECT_EQ(Find("a"), 3);
    EXPECT_EQ(FindOwn("b"), 0); // the writer reads its row
    pending_testing_freeze(p_);
    ApplyAll(3);
    EXPECT_FALSE(pending_testing_has_any(p_));
    EXPECT_EQ(Find("a"), 0);
}

// Who began a snapshot before the rows were up to date does not see them: it finds the retired
// generation, and the newest of several.
TEST_F(PendingRuns, ReaderHoldsTheGenerationsOfItsSnapshot) {
    pending_testing_enter(p_, 0);
    Stage("a", 2);
    Stage("b", 2);
    pending_testing_committed(p_, 2);
    pending_testing_freeze(p_);
    ApplyAll(2);
    EXPECT_EQ(Find("a"), 2);
    pending_testing_enter(p_, 3); // it sees the rows
    Stage("a", 3);
    pending_testing_committed(p_, 3);
    pending_testing_freeze(p_);
    ApplyAll(3);
    EXPECT_EQ(Find("a"), 3);
    EXPECT_EQ(Find("b"), 2);
    pending_testing_leave(p_, 0);
    pending_testing_committed(p_, 3); // frees what nobody needs
    EXPECT_EQ(Find("a"), 3);          // that which the second one's snapshot is older than
    EXPECT_EQ(Find("b"), 0);
    pending_testing_leave(p_, 3);
    pending_testing_committed(p_, 3);
    EXPECT_EQ(Find("a"), 0);
}

TEST_F(PendingRuns, IsFullByRunsOrByEvents) {
    for (int i = 0; i < 99; i++) {
        Stage(std::to_string(i), 2);
    }
    pending_testing_committed(p_, 99);
    EXPECT_FALSE(pending_testing_is_full(p_));
    Stage("99", 2);
    pending_testing_committed(p_, 100);
    EXPECT_TRUE(pending_testing_is_full(p_));
    pending_testing_freeze(p_);
    EXPECT_FALSE(pending_testing_is_full(p_));
    ApplyAll(100);
    // Events of runs whose rows were written at once count as well: a start reads them.
    pending_testing_committed(p_, 299);
    EXPECT_FALSE(pending_testing_is_full(p_));
    pending_testing_committed(p_, 300);
    EXPECT_TRUE(pending_testing_is_full(p_));
    pending_testing_freeze(p_);
    EXPECT_EQ(pending_testing_mark(p_), 300);
    EXPECT_EQ(Take().size(), 0u);
}

TEST_F(PendingRuns, EveryRunOfALargeGenerationIsTakenOnceInTheOrderOfItsRow) {
    constexpr int kRuns = 5000;
    for (int i = 0; i < kRuns; i++) {
        char id[64];
        int scattered = i * 2731 % kRuns;
        snprintf(id, sizeof(id), "0193%04x-8f3e-7a01-8000-00000000000a", scattered);
        Stage(id, scattered + 2);
        if (i % 7 == 0) {
            pending_testing_committed(p_, i + 1);
        }
    }
    pending_testing_committed(p_, kRuns);
    for (int i = 0; i < kRuns; i++) {
        char id[64];
        snprintf(id, sizeof(id), "0193%04x-8f3e-7a01-8000-00000000000a", i);
        ASSERT_EQ(Find(id), i + 2);
    }
    pending_testing_freeze(p_);
    auto taken = Take();
    ASSERT_EQ(taken.size(), static_cast<size_t>(kRuns));
    for (int i = 0; i < kRuns; i++) {
        ASSERT_EQ(taken[i].second, i + 2);
        ASSERT_EQ(taken[i].first.size(), 16u);
    }
}

TEST_F(PendingRuns, ClearForgetsAllAndBeginsBehindTheMark) {
    Stage("a", 2);
    pending_testing_committed(p_, 1);
    pending_testing_freeze(p_);
    Stage("b", 2);
    pending_testing_committed(p_, 2);
    Stage("c", 2);
    pending_testing_clear(p_, 2);
    for (const char *id : {"a", "b", "c"}) {
        EXPECT_EQ(Find(id), 0);
        EXPECT_EQ(FindOwn(id), 0);
    }
    EXPECT_FALSE(pending_testing_has_any(p_));
    EXPECT_FALSE(pending_testing_is_frozen(p_));
    EXPECT_EQ(pending_testing_newest_event(p_), 2);
    pending_testing_committed(p_, 3);
    EXPECT_TRUE(pending_testing_has_any(p_));
}

class OrganizationsTest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(sqlite3_open(":memory:", &db_), SQLITE_OK);
        Run("CREATE TABLE organization(name TEXT PRIMARY KEY, revision INTEGER NOT NULL,"
            " newest_event INTEGER NOT NULL, floor_revision INTEGER NOT NULL DEFAULT 0,"
            " frozen_at INTEGER NOT NULL DEFAULT 0, running INTEGER NOT NULL DEFAULT 0,"
            " waiting INTEGER NOT NULL DEFAULT 0, success INTEGER NOT NULL DEFAULT 0,"
            " failure INTEGER NOT NULL DEFAULT 0, cancelled INTEGER NOT NULL DEFAULT 0,"
            " stored_bytes INTEGER NOT NULL DEFAULT 0,"
            " bytes_as_of_event INTEGER NOT NULL DEFAULT 0,"
            " bytes_of_runs INTEGER NOT NULL DEFAULT 0)"
            " WITHOUT ROWID;"
            "INSERT INTO organization(name, revision, newest_event, floor_revision, running)"
            " VALUES('acme', 7, 70, 3, 5);");
        ASSERT_EQ(organizations_init(&o_, db_), SQLITE_OK);
    }
    void TearDown() override {
        organizations_release(&o_);
        sqlite3_close(db_);
    }
    void Run(const std::string &sql) {
        ASSERT_EQ(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    }
    struct organization *Find(const std::string &name) {
        struct organization *found = nullptr;
        EXPECT_EQ(organizations_find(&o_, ToSlice(name), &found), SQLITE_OK);
        return found;
    }
    void Advance(const std::string &name, int64_t event) {
        organizations_advance(&o_, Find(name), event);
    }
    // Writes what is to be flushed, as "name revision event".
    std::vector<std::string> Flush() {
        std::vector<std::string> flushed;
        while (const struct organization *which = organizations_take(&o_)) {
            flushed.push_back(ToString(which->name) + " " + std::to_string(which->open.revision) +
                              " " + std::to_string(which->open.event));
            EXPECT_EQ(organizations_write(&o_, which), SQLITE_OK);
        }
        return flushed;
    }

    sqlite3 *db_ = nullptr;
    struct organizations o_ = {};
};

using Flushed = std::vector<std::string>;

// What others see of an organization: what is committed, as long as it is in memory, but for a
// floor that a transaction is about to raise: it may have deleted what is below.
TEST_F(OrganizationsTest, OthersSeeWhatIsCommitted) {
    auto peek = [this](const std::string &name) {
        struct organization_head head = {};
        return organizations_peek(&o_, ToSlice(name), &head)
                   ? std::to_string(head.revision) + " " + std::to_string(head.event) + " " +
                         std::to_string(head.floor)
                   : "none";
    };
    EXPECT_EQ(peek("acme"), "none");
    Advance("acme", 80);
    EXPECT_EQ(peek("acme"), "7 70 3");
    EXPECT_EQ(organizations_raise_floor(&o_, Find("acme"), 5), SQLITE_OK);
    EXPECT_EQ(peek("acme"), "7 70 5");
    EXPECT_EQ(organizations_raise_floor(&o_, Find("acme"), 8), SQLITE_OK);
    EXPECT_EQ(peek("acme"), "7 70 7"); // what is not committed has no revision yet
    organizations_rolled_back(&o_);
    EXPECT_EQ(peek("acme"), "7 70 3");
    Advance("acme", 81);
    Advance("acme", 82);
    EXPECT_EQ(organizations_raise_floor(&o_, Find("acme"), 9), SQLITE_OK);
    organizations_committed(&o_);
    EXPECT_EQ(peek("acme"), "9 82 9");
    // It stays until its row says so.
    organizations_retire(&o_, 0);
    EXPECT_EQ(peek("acme"), "9 82 9");
    organizations_freeze(&o_);
    Flush();
    organizations_committed(&o_);
    organizations_retire(&o_, 0);
    EXPECT_EQ(peek("acme"), "none");
    EXPECT_EQ(Find("acme")->open.revision, 9);
}

// What is collected is what the last commit did, of each organization with an event.
TEST_F(OrganizationsTest, WhatACommitDidIsCollected) {
    auto collected = [this] {
        std::vector<std::string> all;
        for (int i = 0; i < o_.commit_count; i++) {
            const struct store_commit &c = o_.commits[i];
            all.push_back(ToString(c.organization) + " " + std::to_string(c.revision) + " " +
                          std::to_string(c.kinds) + " " + std::to_string(c.opened));
        }
        std::sort(all.begin(), all.end());
        return all;
    };
    using Texts = std::vector<std::string>;
    auto make = [this](const std::string &name, int64_t event, int kind, bool opens) {
        Advance(name, event);
        organizations_note(Find(name), kind, opens);
    };
    make("acme", 80, 2, true);
    organizations_committed(&o_);
    EXPECT_EQ(collected(), Texts{}) << "nobody asked";
    organizations_collect(&o_);
    make("acme", 81, 2, true);
    organizations_rolled_back(&o_);
    EXPECT_EQ(collected(), Texts{});
    make("acme", 81, 1, true);
    make("acme", 82, 2, false);
    make("acme", 83, 4, true);
    make("new", 84, 1, false);
    EXPECT_EQ(organizations_raise_floor(&o_, Find("trimmed"), 0), SQLITE_OK);
    organizations_committed(&o_);
    EXPECT_EQ(collected(), (Texts{"acme 11 22 2", "new 1 2 0"}));
    organizations_committed(&o_);
    EXPECT_EQ(collected(), Texts{});
}

TEST_F(OrganizationsTest, GoOnFromTheirRowsAndBackWithARollback) {
    EXPECT_EQ(Find("acme")->open.revision, 7);
    EXPECT_EQ(Find("acme")->open.event, 70);
    EXPECT_EQ(Find("new")->open.revision, 0);
    EXPECT_EQ(Find("")->open.revision, 0);
    Advance("acme", 71);
    Advance("acme", 72);
    Advance("new", 73);
    EXPECT_EQ(Find("acme")->open.revision, 9);
    organizations_rolled_back(&o_);
    EXPECT_EQ(Find("acme")->open.revision, 7);
    EXPECT_EQ(Find("acme")->open.event, 70);
    EXPECT_EQ(Find("new")->open.revision, 0);
    Advance("acme", 71);
    organizations_committed(&o_);
    Advance("acme", 72);
    organizations_rolled_back(&o_);
    EXPECT_EQ(Find("acme")->open.revision, 8);
    EXPECT_EQ(Find("acme")->open.event, 71);
    organizations_freeze(&o_);
    EXPECT_EQ(Flush(), Flushed{"acme 8 71"});
}

TEST_F(OrganizationsTest, FlushOfARolledBackSliceIsMadeAgain) {
    Advance("acme", 71);
    Advance("b", 72);
    organizations_committed(&o_);
    organizations_freeze(&o_);
    EXPECT_EQ(Flush(), (Flushed{"acme 8 71", "b 1 72"}));
    organizations_rolled_back(&o_);
    // With what the transaction that flushes makes of it.
    Advance("acme", 73);
    EXPECT_EQ(Flush(), (Flushed{"acme 9 73", "b 1 72"}));
    organizations_committed(&o_);
    EXPECT_EQ(Flush(), Flushed{});
    organizations_retire(&o_, 16384);
    // Which is dirty anew: its row may be behind again.
    organizations_freeze(&o_);
    EXPECT_EQ(Flush(), Flushed{"acme 9 73"});
}

// Thousands of them, some forgotten meanwhile: none loses a revision.
TEST_F(OrganizationsTest, ManyAreForgottenAndReadAgain) {
    constexpr int kOrganizations = 40000;
    int64_t event = 100;
    for (int round = 1; round <= 2; round++) {
        Run("BEGIN");
        for (int i = 0; i < kOrganizations; i++) {
            Advance("o" + std::to_string(i), ++event);
            if (i % 100 == 0) {
                organizations_committed(&o_);
            }
        }
        organizations_committed(&o_);
        Advance("o5", ++event); // touched over the end of a generation
        organizations_freeze(&o_);
        EXPECT_EQ(Flush().size(), static_cast<size_t>(kOrganizations));
        organizations_committed(&o_);
        organizations_retire(&o_, 16384);
        EXPECT_LE(o_.count, 16384);
        Run("COMMIT");
        for (int i = 0; i < kOrganizations; i += 997) {
            ASSERT_EQ(Find("o" + std::to_string(i))->open.revision, round) << i;
        }
        EXPECT_EQ(Find("o5")->open.revision, 2 * round);
    }
}

TEST(RunIds, UuidsInLowerCaseAreBytesAndAllElseIsText) {
    struct arena a;
    arena_init(&a);
    sqlite3 *db = nullptr;
    ASSERT_EQ(sqlite3_open(":memory:", &db), SQLITE_OK);
    sqlite3_stmt *s = nullptr;
    ASSERT_EQ(
        sqlite3_prepare_v2(db, "SELECT ?1, typeof(?1), " RUN_ID_TEXT_SQL("?1"), -1, &s, nullptr),
        SQLITE_OK);
    const struct {
        std::string id;
        bool is_uuid;
    } rows[] = {
        {kUuid, true},
        {"00000000-0000-0000-0000-000000000000", true},
        {"ffffffff-ffff-ffff-ffff-ffffffffffff", true},
        {"0193755F-8f3e-7a01-8000-00000000000a", false},
        {"0193755f-8f3e-7a01-8000-00000000000A", false},
        {"0193755f-8f3e-7a01-8000-00000000000", false},
        {"0193755f-8f3e-7a01-8000-00000000000ab", false},
        {"0193755f08f3e-7a01-8000-00000000000a", false},
        {"0193755f-8f3e-7a01-8000000000000000a", false},
        {"-193755f-8f3e-7a01-8000-00000000000a", false},
        {"0193755g-8f3e-7a01-8000-00000000000a", false},
        {"0193755f-8f3e-7a01-8000-00000000000 ", false},
        {std::string("0193755f\0008f3e-7a01-8000-00000000000a", 36), false},
        {"0193755f8f3e7a01800000000000000a", false},
        {std::string("\x01\x93\x75\x5f\x8f\x3e\x7a\x01\x80\x01\x01\x01\x01\x01\x01\x0a"), false},
        {"a", false},
        {"", false},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.id);
        struct run_id id = run_id_of(ToSlice(row.id));
        EXPECT_EQ(id.is_uuid, row.is_uuid);
        ASSERT_EQ(run_id_bind(s, 1, &id), SQLITE_OK);
        ASSERT_EQ(sqlite3_step(s), SQLITE_ROW);
        EXPECT_EQ(ToString(run_id_column(&a, s, 0)), row.id);
        EXPECT_EQ(std::string(reinterpret_cast<const char *>(sqlite3_column_text(s, 1))),
                  row.is_uuid ? "blob" : "text");
        if (row.id.find('\0') == std::string::npos) { // SQL ends a text there when it prints it
            EXPECT_EQ(std::string(reinterpret_cast<const char *>(sqlite3_column_text(s, 2))),
                      row.id);
        }
        struct run_id peeked = run_id_peek(s, 0);
        EXPECT_EQ(peeked.is_uuid, row.is_uuid);
        EXPECT_EQ(ToString(run_id_stored(&peeked)), ToString(run_id_stored(&id)));
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    arena_release(&a);
}

} // namespace
