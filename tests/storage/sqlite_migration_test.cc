// Stores of earlier schemas are brought forward, whole: every run, event, order and list is what
// the program before said, whenever the migration was interrupted.

#include <fcntl.h>
#include <sqlite3.h>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/power_vfs.h"
#include "tests/storage/sqlite_limited.h"
#include "tests/storage/sqlite_old_store.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

// Runs of every status, of several organizations and workflows, with ids of both kinds, each with
// a history of up to seven events, in the tables of version 1. Events of runs are mixed.
std::string OldRuns(int count) {
    return "CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c"
           " WHERE i<" +
           std::to_string(count) + R"() SELECT i FROM c;
CREATE TEMP TABLE made AS SELECT i,
  CASE i%3 WHEN 0 THEN 'acme' WHEN 1 THEN 'globex' ELSE 'b'||char(233)||'ta' END AS organization,
  CASE i%4 WHEN 0 THEN printf('01937560-%04x-7a01-8000-%012x', i/7, i*31)
           WHEN 1 THEN printf('01937560-%04X-7A01-8000-%012X', i/7, i*31) -- in capitals: a text
           WHEN 2 THEN 'run '||i ELSE printf('01937560-%04x-7a01-8000-%011x', i/7, i) END AS id,
  i%5+1 AS status, 1000+i/2 AS started, i%7+CASE i%5+1 WHEN 1 THEN 0 ELSE 1 END AS extra,
  CASE i%6 WHEN 0 THEN '' ELSE 'w'||i%6 END AS workflow FROM n;
-- The kth event after its creation, of a run that goes to and fro until its last status.
CREATE TEMP TABLE step AS SELECT i, k+1 AS sequence,
  CASE WHEN k=0 THEN 1 WHEN k=extra THEN status WHEN k%2=1 THEN 2 ELSE 1 END AS to_status,
  started+k*10 AS at FROM made, (WITH RECURSIVE c(k) AS (SELECT 0 UNION ALL SELECT k+1 FROM c
  WHERE k<7) SELECT k FROM c) WHERE k<=extra;
CREATE INDEX temp.step_of ON step(i, sequence);
INSERT INTO event SELECT row_number() OVER (ORDER BY at, i, sequence), i, sequence,
  coalesce((SELECT p.to_status FROM step AS p WHERE p.i=s.i AND p.sequence=s.sequence-1), 0),
  to_status, at, 'actor '||i, CASE sequence WHEN 1 THEN '' ELSE 'because '||sequence END
  FROM step AS s;
INSERT INTO run SELECT i, organization, id, status,
  coalesce((SELECT p.to_status FROM step AS p WHERE p.i=m.i AND p.sequence=extra), 0),
  started, started+extra*10, CASE WHEN status IN (1, 2) THEN 0 ELSE started+extra*10 END, extra+1,
  CASE i%9 WHEN 0 THEN NULL ELSE i*0.5 END, workflow FROM made AS m;
INSERT INTO run_body SELECT i, 'spec '||i, 'state '||i FROM n;
INSERT INTO token VALUES(1, 'acme', 'reader', zeroblob(32), 5, 7, 0, 0);
DROP TABLE step; DROP TABLE made; DROP TABLE n;
)";
}

// Makes a store of the version, as a program of it left it.
void MakeOld(const std::string &path, int version, int count) {
    RunSql(path, std::string("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; BEGIN;") +
                     kVersion1Tables + OldRuns(count) + (version > 1 ? kToVersion2 : "") +
                     (version > 2 ? kToVersion3 : "") + "COMMIT;");
    ASSERT_EQ(QueryText(path, "PRAGMA user_version"), std::to_string(version) + "\n");
}

// What a store says, in the words of a test: by SQL of an old file, by operations of a new one.
struct Told {
    std::vector<std::string> runs;
    std::vector<std::string> events;
    std::map<std::string, std::vector<std::string>> lists;
};

std::vector<std::string> Lines(const std::string &text) {
    std::vector<std::string> lines;
    std::stringstream in(text);
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

const char *const kOrganizations[] = {"acme", "globex", "b\xc3\xa9ta"};

Told TellOld(const std::string &path) {
    Told told;
    told.runs = Lines(QueryText(
        path, "SELECT organization||'|'||id||'|'||status||'|'||started_at||'|'||updated_at||'|'||"
              "finished_at||'|'||sequence||'|'||iif(total_cu IS NULL, 'nan', printf('%.3f', "
              "total_cu))||'|'||"
              "spec||'|'||execution_state FROM run JOIN run_body USING(run_key)"
              " ORDER BY organization, id"));
    told.events = Lines(QueryText(
        path, "SELECT organization||'|'||id||'|'||e.sequence||'|'||from_status||'|'||to_status||"
              "'|'||at||'|'||actor||'|'||reason FROM event AS e JOIN run USING(run_key)"
              " ORDER BY organization, id, e.sequence"));
    for (const char *organization : kOrganizations) {
        for (int status = 1; status <= 5; status++) {
            told.lists[organization + std::string(" ") + std::to_string(status)] =
                Lines(QueryText(path, std::string("SELECT id FROM run WHERE organization='") +
                                          organization + "' AND status=" + std::to_string(status) +
                                          " ORDER BY started_at DESC, id DESC"));
        }
        told.lists[std::string("w2 ") + organization] = Lines(
            QueryText(path, std::string("SELECT id FROM run WHERE organization='") + organization +
                                "' AND workflow_id='w2'"
                                " ORDER BY started_at DESC, id DESC"));
    }
    return told;
}

// All pages of a list.
std::vector<StoredRun> ListAll(struct run_store *store, Listing l) {
    std::vector<StoredRun> runs;
    l.limit = 500;
    Page page;
    do {
        page = ListRuns(store, l);
        EXPECT_EQ(page.result, STORE_OK);
        runs.insert(runs.end(), page.runs.begin(), page.runs.end());
        l = Behind(l, page);
    } while (page.has_more);
    return runs;
}

Told TellNew(struct run_store *store) {
    Told told;
    for (const char *organization : kOrganizations) {
        for (const StoredRun &r : ListAll(store, {.organization = organization})) {
            Answer a = GetRun(store, r.id, organization);
            EXPECT_EQ(a.result, STORE_OK);
            char cu[64] = "nan";
            if (a.run.total_cu == a.run.total_cu) {
                snprintf(cu, sizeof(cu), "%.3f", a.run.total_cu);
            }
            std::stringstream line;
            line << a.run.organization << "|" << a.run.id << "|" << a.run.status << "|"
                 << a.run.started_at_us << "|" << a.run.updated_at_us << "|" << a.run.finished_at_us
                 << "|" << a.run.sequence << "|" << cu << "|" << a.run.spec << "|"
                 << a.run.execution_state;
            told.runs.push_back(line.str());
            for (const Event &e : ListEvents(store, r.id, organization)) {
                std::stringstream event;
                event << organization << "|" << r.id << "|" << e.sequence << "|" << e.from << "|"
                      << e.to << "|" << e.at_us << "|" << e.actor << "|" << e.reason;
                told.events.push_back(event.str());
            }
        }
        for (int status = 1; status <= 5; status++) {
            auto &list = told.lists[organization + std::string(" ") + std::to_string(status)];
            for (const StoredRun &r :
                 ListAll(store, {.organization = organization, .status = 1u << status})) {
                list.push_back(r.id);
            }
        }
        auto &of_workflow = told.lists[std::string("w2 ") + organization];
        for (const StoredRun &r :
             ListAll(store, {.organization = organization, .workflow_id = "w2"})) {
            of_workflow.push_back(r.id);
        }
    }
    return told;
}

// Runs of one instant are in the order of their ids, which is another where they are bytes: that
// lists are in the order of the starts is looked at apart.
void Sort(Told *told) {
    std::sort(told->runs.begin(), told->runs.end());
    std::sort(told->events.begin(), told->events.end());
    for (auto &list : told->lists) {
        std::sort(list.second.begin(), list.second.end());
    }
}

// Says no more than where they begin to differ.
void ExpectEqual(const std::vector<std::string> &is, const std::vector<std::string> &expected) {
    EXPECT_EQ(is.size(), expected.size());
    for (size_t i = 0; i < is.size() && i < expected.size(); i++) {
        ASSERT_EQ(is[i], expected[i]) << i;
    }
}

class SqliteMigration : public SqliteTest {
  protected:
    SqliteMigration() : SqliteTest("/dev/shm") {}
    void SetUp() override {
        FaultyVfs::Install().Reset();
    }
    // The store at path says what was told before, by the old tables.
    static void ExpectSame(const std::string &path, Told old) {
        Opened o = OpenLimited(path);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        Told now = TellNew(o.store);
        // Lists are in the order of the starts.
        for (const char *organization : kOrganizations) {
            int64_t before = INT64_MAX;
            for (const StoredRun &r : ListAll(o.store, {.organization = organization})) {
                EXPECT_LE(r.started_at_us, before);
                before = r.started_at_us;
            }
        }
        Sort(&now);
        Sort(&old);
        ExpectEqual(now.runs, old.runs);
        ExpectEqual(now.events, old.events);
        ASSERT_EQ(now.lists.size(), old.lists.size());
        for (const auto &list : old.lists) {
            SCOPED_TRACE(list.first);
            ExpectEqual(now.lists[list.first], list.second);
        }
        EXPECT_EQ(ListTokens(o.store, "").size(), 1u);
        run_store_close(o.store);
        EXPECT_EQ(QueryText(path, "PRAGMA user_version"), VersionLine(kSchemaVersion));
        ExpectSound(path);
    }
    // Events keep their keys, and get revisions in the order of those.
    static void ExpectRevisions(const std::string &path) {
        EXPECT_EQ(QueryText(path, "SELECT count(*) FROM (SELECT revision, row_number() OVER"
                                  " (PARTITION BY organization ORDER BY event_key) AS nth"
                                  " FROM event) WHERE revision<>nth"),
                  "0\n");
        EXPECT_EQ(QueryText(path, "SELECT count(*) FROM event WHERE kind<>1+(sequence>1)"), "0\n");
        EXPECT_EQ(QueryText(path, "SELECT max(event_key)=(SELECT value FROM meta"
                                  " WHERE name='applied') FROM event"),
                  "1\n");
    }
};

TEST_F(SqliteMigration, EveryVersionKeepsAllThatItHeld) {
    for (int version : {1, 2, 3}) {
        SCOPED_TRACE(version);
        SetPath(directory_.File(std::to_string(version) + ".db"));
        MakeOld(path_, version, 600);
        const Told old = TellOld(path_);
        ASSERT_EQ(old.runs.size(), 600u);
        ASSERT_GT(old.events.size(), 2000u);
        ExpectSame(path_, old);
        ExpectRevisions(path_);
        // Ids that are UUIDs are stored as bytes, others, such as those in capitals, as texts.
        EXPECT_EQ(QueryText(path_, "SELECT count(*)||typeof(id) FROM run GROUP BY typeof(id)"),
                  "150blob\n450text\n");
        // And it goes on: runs, and the order of events.
        struct run_store *store = MustOpen();
        for (const char *organization : kOrganizations) {
            ExpectCounted(store, organization);
        }
        EXPECT_EQ(Sum(CountByWorkflow(store)), CountRuns(store));
        EXPECT_EQ(StoreStats(store).organizations, 3);
        EXPECT_EQ(Apply(store, {.id = "run 6"}).result, STORE_OK);
        EXPECT_EQ(Apply(store, {.id = "run 18"}).result, STORE_CONFLICT);
        EXPECT_EQ(CreateRun(store, {.id = "new", .workflow_id = "w2"}).result, STORE_OK);
        EXPECT_EQ(ListRuns(store, {.workflow_id = "w2", .limit = 1000}).runs[0].id, "new");
        ExpectCounted(store);
        run_store_close(store);
        ExpectSound(path_);
    }
}

// Killed at any moment of it: what is left is the old store or the new one.
TEST_F(SqliteMigration, CutAtAnyMomentLosesNothing) {
    PowerVfs &power = PowerVfs::Install();
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    MakeOld(path_, 3, 80);
    const Told old = TellOld(path_);
    for (int version : {1, 3}) {
        SetPath(directory_.File("cut" + std::to_string(version) + ".db"));
        MakeOld(path_, version, 80);
        std::vector<std::map<std::string, std::string>> images;
        power.Watch(path_, [&] { images.push_back(power.Cut(random)); });
        run_store_close(MustOpen());
        power.Unwatch();
        ASSERT_GT(images.size(), 50u);
        int left_old = 0;
        int left_new = 0;
        int looked_at = 0;
        for (size_t i = 0; i < images.size(); i += 1 + i / 40) {
            SCOPED_TRACE(i);
            looked_at++;
            std::string cut = directory_.File("cut.db");
            for (const char *end : {"", "-wal", "-shm", ".state", ".server"}) {
                unlink((cut + end).c_str());
            }
            for (const auto &file : images[i]) {
                WriteFile(cut + file.first, file.second);
            }
            std::string was = QueryText(cut, "PRAGMA user_version");
            left_old += was == std::to_string(version) + "\n";
            left_new += was == VersionLine(kSchemaVersion);
            for (const auto &file : images[i]) { // as before it was looked at
                WriteFile(cut + file.first, file.second);
            }
            unlink((cut + "-shm").c_str());
            ExpectSame(cut, old);
            if (HasFailure()) {
                return;
            }
        }
        EXPECT_GT(left_old, 10);
        EXPECT_GT(left_new, 0);
        EXPECT_EQ(left_old + left_new, looked_at);
    }
}

// The tokens of version 4 keep what they mean, and its runs stay as they are.
TEST_F(SqliteMigration, TokensOfVersion4KeepTheirMeaning) {
    struct run_store *store = MustOpen();
    ASSERT_EQ(CreateRun(store, {.id = "r"}).result, STORE_OK);
    ASSERT_EQ(Apply(store, {.id = "r"}).result, STORE_OK);
    for (char c : {'a', 'b'}) {
        ASSERT_EQ(CreateToken(store, {.name = std::string(1, c),
                                      .hash = std::string(TOKEN_HASH_BYTES, c),
                                      .scopes = 16,
                                      .created_at_us = 7,
                                      .expires_at_us = 900}),
                  STORE_OK);
    }
    Token t;
    ASSERT_EQ(RevokeToken(store, "acme", "b", 8, &t), STORE_OK);
    run_store_close(store);
    RunSql(path_,
           std::string("BEGIN;") + kBackToVersion8 + kBackToVersion5 + kBackToVersion4 + "COMMIT;");
    ASSERT_EQ(
        QueryText(path_, "SELECT replace(sql, ' ', '') FROM sqlite_schema WHERE name='token'"),
        std::string(kVersion4TokenTable) + "\n");
    const std::string events =
        "SELECT event_key, organization, id, revision, kind, sequence, from_status, to_status, at,"
        " attempt, actor, reason, previous_of_run FROM event;"
        "SELECT organization, id, run_key, status, started_at, updated_at, sequence, newest_event,"
        " attempt, total_cu FROM run;";
    const std::string before = QueryText(path_, events.c_str());

    store = MustOpen();
    ASSERT_NE(store, nullptr);
    std::vector<Token> tokens = ListTokens(store, "");
    ASSERT_EQ(tokens.size(), 2u);
    EXPECT_EQ(tokens[0].hash, std::string(TOKEN_HASH_BYTES, 'a'));
    EXPECT_EQ(tokens[0].scopes, 16u) << "for every organization, as it was";
    EXPECT_EQ(tokens[0].expires_at_us, 900);
    EXPECT_EQ(tokens[0].rotations, 0);
    EXPECT_EQ(tokens[0].last_used_at_us, 0);
    EXPECT_EQ(tokens[1].revoked_at_us, 8);
    ASSERT_EQ(RotateToken(store, {.name = "a", .at_us = 20, .overlap_us = 30}), STORE_OK);
    run_store_close(store);
    EXPECT_EQ(QueryText(path_, "PRAGMA user_version"), VersionLine(kSchemaVersion));
    EXPECT_EQ(QueryText(path_, "SELECT value FROM meta WHERE name='oldest_program'"),
              VersionLine(kOldestProgram));
    EXPECT_EQ(QueryText(path_, events.c_str()), before);
    ExpectSound(path_);
}

// The columns of a token of version 8, as a program of it named them when it made one.
std::string CreateAsVersion8(const std::string &name, char hash) {
    return "INSERT INTO token(organization, name, hash, scopes, created_at, expires_at, revoked_at)"
           " VALUES('acme', '" +
           name + "', CAST('" + std::string(TOKEN_HASH_BYTES, hash) + "' AS BLOB), 1, 5, 0, 0)";
}

TEST_F(SqliteMigration, TokensOfVersion8HaveSecretsAndNoLimits) {
    struct run_store *store = MustOpen();
    ASSERT_EQ(CreateRun(store, {.id = "r"}).result, STORE_OK);
    ASSERT_EQ(CreateToken(store, {.name = "a", .hash = std::string(TOKEN_HASH_BYTES, 'a')}),
              STORE_OK);
    ASSERT_EQ(RotateToken(store, {.name = "a", .at_us = 20, .overlap_us = 30}), STORE_OK);
    run_store_close(store);
    RunSql(path_, std::string("BEGIN;") + kBackToVersion8 + "COMMIT;");
    RunSql(path_, CreateAsVersion8("b", 'b'));
    const std::string tokens = "SELECT organization||name||hex(hash)||scopes||created_at||rotations"
                               "||ifnull(hex(previous_hash), '') FROM token ORDER BY name";
    const std::string before = QueryText(path_, tokens);

    store = MustOpen();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(QueryText(path_, tokens), before);
    EXPECT_EQ(QueryText(path_, "PRAGMA user_version"), VersionLine(kSchemaVersion));
    for (const Token &t : ListTokens(store, "acme")) {
        EXPECT_EQ(t.client_san, "");
        EXPECT_EQ(t.limits, (std::vector<int64_t>{0, 0, 0, 0}));
    }
    EXPECT_EQ(CreateToken(store, {.name = "c",
                                  .hash = std::string(TOKEN_HASH_BYTES, 'c'),
                                  .client_san = "dns:c",
                                  .limits = {1, -1, 3, 4}}),
              STORE_OK);
    run_store_close(store);
    ExpectSound(path_);
}

// A program of version 8 may serve what this one writes: it says so, and what it does to a token
// with a client name and limits leaves a store that is sound, and opens no more than it did.
TEST_F(SqliteMigration, ProgramOfVersion8ServesTokensOfThisOne) {
    struct run_store *store = MustOpen();
    for (char c : {'a', 'b'}) {
        ASSERT_EQ(CreateToken(store, {.name = std::string(1, c),
                                      .hash = std::string(TOKEN_HASH_BYTES, c),
                                      .client_san = std::string("dns:") + c,
                                      .limits = {7, 0, -1, 0}}),
                  STORE_OK);
    }
    run_store_close(store);
    ASSERT_EQ(QueryText(path_, "SELECT value FROM meta WHERE name='oldest_program'"),
              VersionLine(8));
    // Its creation, its revocation and its rotation.
    RunSql(path_, CreateAsVersion8("old", 'o'));
    RunSql(path_, "UPDATE token SET revoked_at=8 WHERE name='a'");
    RunSql(path_, "UPDATE token SET hash=CAST('" + std::string(TOKEN_HASH_BYTES, 'n') +
                      "' AS BLOB), rotations=1, rotated_at=9, previous_hash=hash,"
                      " previous_created_at=5, previous_expires_at=10 WHERE name='b'");
    ExpectSound(path_);
    store = MustOpen();
    ASSERT_NE(store, nullptr);
    std::vector<Token> tokens = ListTokens(store, "acme");
    ASSERT_EQ(tokens.size(), 3u);
    EXPECT_EQ(tokens[0].revoked_at_us, 8);
    EXPECT_EQ(tokens[1].limits, (std::vector<int64_t>{7, 0, -1, 0}));
    EXPECT_EQ(tokens[2].client_san, "");
    // Both names are free again: one is revoked, the other one's token has a secret by now.
    for (char c : {'a', 'b'}) {
        EXPECT_EQ(CreateToken(store, {.name = std::string("new-") + c,
                                      .hash = std::string(TOKEN_HASH_BYTES, c),
                                      .created_at_us = 10,
                                      .client_san = std::string("dns:") + c}),
                  STORE_OK);
    }
    run_store_close(store);
    ExpectSound(path_);
}

// A disk that fails at any write of it: the store does not open, is what it was, and opens
// once the disk works.
TEST_F(SqliteMigration, FailedWriteLeavesTheOldStore) {
    FaultyVfs &vfs = FaultyVfs::Install();
    MakeOld(path_, 3, 80);
    const std::string made = ReadFile(path_);
    const Told old = TellOld(path_);
    vfs.Reset();
    ExpectSame(path_, old);
    const int writes = vfs.writes();
    int refused = 0;
    for (int after = 0; after < writes; after += 1 + after / 20) {
        SCOPED_TRACE(testing::Message() << after << " of " << writes);
        RemoveFiles();
        WriteFile(path_, made);
        vfs.Reset();
        vfs.FailWrites(after % 2 == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE, after);
        Opened o = Open(url_);
        vfs.Reset();
        if (o.code != STATUS_OK) {
            refused++;
            EXPECT_EQ(o.code, STATUS_UNAVAILABLE) << o.message;
            EXPECT_NE(o.message.find(path_), std::string::npos) << o.message;
        }
        run_store_close(o.store);
        ExpectSame(path_, old);
    }
    EXPECT_GT(refused, 10);
}

// The times of the ends go, for they follow from the rest: where they do not, the store is
// refused.
TEST_F(SqliteMigration, EndThatContradictsIsRefused) {
    MakeOld(path_, 3, 40);
    const std::string made = ReadFile(path_);
    for (const char *sql :
         {"UPDATE run SET finished_at=finished_at+1 WHERE run_key=4",
          "UPDATE run SET finished_at=0 WHERE run_key=4",
          "UPDATE run SET finished_at=updated_at WHERE run_key=5",
          "UPDATE run SET updated_at=updated_at+1 WHERE run_key=4",
          "DELETE FROM event WHERE run_key=4 AND sequence=2", "DELETE FROM run WHERE run_key=4",
          "DELETE FROM run_body WHERE run_key=4", "UPDATE run SET newest_event=1 WHERE run_key=4",
          "UPDATE run SET status=9 WHERE run_key=4"}) {
        SCOPED_TRACE(sql);
        RemoveFiles();
        WriteFile(path_, made);
        RunSql(path_, sql);
        ASSERT_NE(ReadFile(path_), made);
        ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_, "damaged"});
    }
}

class LogFile {
  public:
    explicit LogFile(const std::string &path) : path_(path) {
        logger.fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        logger.level = LOG_INFO;
        logger.program = "test";
    }
    ~LogFile() {
        close(logger.fd);
    }
    std::string text() const {
        return ReadFile(path_);
    }
    struct logger logger = {};

  private:
    std::string path_;
};

// Twenty thousand runs, with what was done told in the log.
TEST_F(SqliteMigration, LargeStoreTellsItsProgress) {
    MakeOld(path_, 3, 20000);
    std::string events = QueryText(path_, "SELECT count(*) FROM event");
    LogFile log(directory_.File("log"));
    int64_t start_us = clock_monotonic_us();
    struct run_store_options options = {};
    options.log = &log.logger;
    Opened o = Open(url_, options);
    int64_t took_us = clock_monotonic_us() - start_us;
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_EQ(ListAll(o.store, {}).size(), 6666u);
    run_store_close(o.store);
    std::string text = log.text();
    EXPECT_NE(text.find("store is being brought to a newer schema\",\"from\":3,\"to\":" +
                        std::to_string(kSchemaVersion)),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("store was brought to a newer schema"), std::string::npos) << text;
    // A line of progress in each second that it took.
    int lines = 0;
    for (size_t at = 0; (at = text.find("\"of_rows\":", at)) != std::string::npos; at++) {
        lines++;
    }
    EXPECT_LE(lines, took_us / 1000000 + 1);
    EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM run"), "20000\n");
    EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM event"), events);
    ExpectRevisions(path_);
    RecordProperty("milliseconds", static_cast<int>(took_us / 1000));
}

} // namespace
