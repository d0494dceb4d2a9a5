// What `runsctl check` finds in all of a store: each of its questions has a row that is wrong.

#include "tests/storage/sqlite_limited.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

class SqliteCheck : public SqliteTest {
  protected:
    // Two organizations, ids of both kinds, 130 events of the first: two marks of revisions.
    void MakeStore() {
        Opened o = OpenLimited(path_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        for (int n = 0; n < 80; n++) {
            model_.Create(o.store, n);
            model_.Change(o.store, {.to = n % 2 == 0 ? RUN_CANCELLED : RUN_WAITING}, n);
        }
        for (char c : {'a', 'b'}) {
            ASSERT_EQ(CreateToken(o.store, {.name = std::string(1, c),
                                            .hash = std::string(TOKEN_HASH_BYTES, c)}),
                      STORE_OK);
        }
        ASSERT_EQ(RotateToken(o.store, {.name = "b", .at_us = 5, .overlap_us = 5}), STORE_OK);
        // The second has the client name once the first has expired.
        for (int i = 0; i < 2; i++) {
            ASSERT_EQ(CreateToken(o.store, {.name = i == 0 ? "c" : "d",
                                            .hash = std::string(TOKEN_HASH_BYTES, 'w'),
                                            .created_at_us = 50 * i,
                                            .expires_at_us = 50 - 50 * i,
                                            .client_san = "dns:w"}),
                      STORE_OK);
        }
        run_store_close(o.store);
        unlink((path_ + ".state").c_str());
    }
    // What is found, a line each.
    std::string Check() {
        struct arena a;
        arena_init(&a);
        struct store_check_report report = {};
        const struct error *e = run_store_check(&a, url_.c_str(), false, &report);
        EXPECT_EQ(e, nullptr) << e->message;
        std::string found;
        for (int i = 0; e == nullptr && i < report.count; i++) {
            found += report.problems[i] + std::string("\n");
        }
        arena_release(&a);
        return found;
    }

    Model model_;
};

TEST_F(SqliteCheck, EachProblemIsFound) {
    MakeStore();
    ASSERT_EQ(Check(), "");
    ASSERT_EQ(QueryText(path_, "SELECT count(*) FROM event_mark"), "2\n");
    const std::string sound = ReadFile(path_);
    const struct {
        const char *sql;
        const char *words;
    } rows[] = {
        {"UPDATE run SET status=9 WHERE run_key=1", "the run \"run-0\" of \"globex\" has an imp"},
        {"UPDATE run SET status=9 WHERE run_key=3",
         "the run \"01937560-0000-7a01-8000-000000000001\""
         " of \"acme\" has an impossible status"},
        {"DELETE FROM run_body WHERE run_key=3", "has no body"},
        {"DELETE FROM run_body WHERE run_key=3", "there are 80 runs and 79 bodies"},
        {"INSERT INTO run_body VALUES(4, '', '')", "there are 80 runs and 81 bodies"},
        {"UPDATE run SET run_key=1 WHERE run_key=3", "the body 1 is that of 2 runs"},
        {"DELETE FROM workflow WHERE organization='acme'", "has no workflow"},
        {"UPDATE run SET newest_event=999 WHERE run_key=3", "has lost its newest event"},
        {"UPDATE run SET updated_at=1 WHERE run_key=3", "newest event contradicts"},
        {"DELETE FROM run WHERE run_key=3", "the event 3 has no run"},
        {"UPDATE run SET sequence=1, newest_event=3 WHERE run_key=3", "the event 4 is unknown to"},
        {"UPDATE event SET kind=1 WHERE event_key=4", "the event 4 has a sequence that"},
        {"UPDATE event SET to_status=3 WHERE event_key=3", "the event 4 does not follow the event"},
        {"UPDATE event SET revision=99 WHERE event_key=4", "the event 4 has a revision"},
        {"DELETE FROM event WHERE event_key=4", "there are 159 events, but the runs have 160"},
        {"INSERT INTO event SELECT 161, organization, id, 33, 2, 3, 5, 5, 0, 0, '', '', '', '', '',"
         " event_key, event_key, '', NULL, 0 FROM event WHERE event_key=132",
         "the event 161 does not follow the event before it"},
        {"DELETE FROM organization WHERE name='acme'",
         "the organization \"acme\" has lost its events up to revision 128"},
        {"UPDATE organization SET revision=1, newest_event=1 WHERE name='globex'",
         "the organization \"globex\" has lost its events up to revision 32"},
        {"UPDATE organization SET revision=31 WHERE name='globex'",
         "the organization \"globex\" has not the revision of its event"},
        {"UPDATE organization SET floor_revision=33 WHERE name='globex'",
         "the organization \"globex\" has a floor of its feed that none of its events reached"},
        {"UPDATE organization SET floor_revision=-1 WHERE name='acme'",
         "the organization \"acme\" has a floor of its feed that none"},
        {"UPDATE organization SET stored_bytes=stored_bytes+1 WHERE name='acme'",
         "the organization \"acme\" has 1 stored bytes, and its runs 0"},
        {"UPDATE event_mark SET event_key=1 WHERE revision=64",
         "the mark of revision 64 of \"acme\" has another event"},
        {"DELETE FROM event_mark WHERE revision=128", "the revision 128 of \"acme\" has no mark"},
        {"UPDATE event SET revision=40 WHERE event_key=152",
         "the organization \"globex\" has 32 events from revision 1 to 40"},
        {"UPDATE run_count SET running=running+1 WHERE workflow_key=1",
         "the workflow 1 has counts that its runs contradict"},
        {"UPDATE run_count SET success=success-1, failure=failure+1 WHERE workflow_key=2",
         "the workflow 2 has counts that its runs contradict"},
        {"DELETE FROM run_count WHERE workflow_key=1",
         "the workflow 1 has counts that its runs contradict"},
        {"INSERT INTO run_count VALUES(999, 1, 0, 0, 0, 0, 1)",
         "the workflow 999 has counts that its runs contradict"},
        {"UPDATE organization SET cancelled=cancelled-1 WHERE name='globex'",
         "the organization \"globex\" has counts that its runs contradict"},
        {"INSERT INTO meta VALUES('events_gone', 1)", "there are 160 events, and 159 are counted"},
        {"UPDATE token SET hash=x'00' WHERE name='a'",
         "the token \"a\" of \"acme\" has no hash of a"},
        {"UPDATE token SET denials=-1 WHERE name='a'", "\"a\" of \"acme\" has a negative number"},
        {"UPDATE token SET rotations=1 WHERE name='a'",
         "has rotations that its secrets contradict"},
        {"UPDATE token SET rotated_at=1 WHERE name='a'",
         "has rotations that its secrets contradict"},
        {"UPDATE token SET previous_hash=NULL WHERE name='b'",
         "\"b\" of \"acme\" has rotations that its secrets contradict"},
        {"UPDATE token SET previous_expires_at=0 WHERE name='b'",
         "\"b\" of \"acme\" has rotations that its secrets contradict"},
        {"UPDATE token SET previous_hash=x'00' WHERE name='b'", "has no hash of the secret before"},
        {"UPDATE token SET previous_hash=(SELECT hash FROM token WHERE name='a') WHERE name='b'",
         "the token \"a\" of \"acme\" has a secret that another rotation replaced"},
        {"UPDATE token SET client_san='worker' WHERE name='a'",
         "the token \"a\" of \"acme\" has a client name that is none"},
        {"UPDATE token SET client_san=x'6473' WHERE name='a'", "has a client name that is none"},
        {"UPDATE token SET expires_at=0 WHERE name='c'",
         "the token \"c\" of \"acme\" has a client name that a later token has, too"},
        {"UPDATE token SET limit_streams=-2 WHERE name='b'", "\"b\" of \"acme\" has a limit that"},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.sql);
        RemoveFiles();
        WriteFile(path_, sound);
        RunSql(path_, row.sql);
        std::string found = Check();
        EXPECT_NE(found.find(row.words), std::string::npos) << row.words << " in: " << found;
    }
    RemoveFiles();
    WriteFile(path_, sound);
    EXPECT_EQ(Check(), "");
}

// A store that is served, or was killed, has rows that are behind their events: that is no
// problem.
TEST_F(SqliteCheck, RowsBehindTheirEventsAreNone) {
    Opened o = OpenLimited(path_);
    for (int n = 0; n < 100; n++) {
        model_.Create(o.store, n);
        model_.Change(o.store, {}, n / 2);
        if (n % 5 == 0) {
            EXPECT_EQ(Check(), "");
            std::string copy = directory_.File("copy.db");
            CopyFiles(path_, copy);
            ExpectSound(copy);
        }
    }
    run_store_close(o.store);
    EXPECT_EQ(Check(), "");
}

} // namespace
