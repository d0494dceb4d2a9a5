#include <atomic>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/storage/sqlite_fixture.h"

using namespace store_testing;

// A store whose files are removed, moved or replaced while it is served.

namespace {

void Shell(const std::string &command) {
    ASSERT_EQ(system(command.c_str()), 0) << command;
}

class SqliteFiles : public SqliteTest {
  protected:
    void SetUp() override {
        SetPath(served_ + "/runs.db");
        ASSERT_EQ(mkdir(served_.c_str(), 0700), 0);
    }
    void TearDown() override {
        run_store_close(store_);
    }
    void Serve(const std::string &path) {
        struct run_store_options options = {};
        options.on_failure = [](void *context, const char *) {
            static_cast<SqliteFiles *>(context)->failures_++;
        };
        options.context = this;
        Opened o = Open("sqlite:" + path, options);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
        ASSERT_EQ(CreateRun(store_, {.id = "before"}).result, STORE_OK);
    }
    void Close() {
        run_store_close(store_);
        store_ = nullptr;
    }

    std::string served_ = directory_.File("served");
    struct run_store *store_ = nullptr;
    std::atomic<int> failures_{0};
};

struct Harm {
    std::string name;
    std::string command;
    std::vector<std::string> words; // of the failure's detail
};

// D is the store's directory.
std::vector<Harm> Harms() {
    return {
        {"database removed", "rm D/runs.db", {"runs.db\"", "removed", "backup"}},
        {"log removed", "rm D/runs.db-wal", {"runs.db-wal\"", "removed"}},
        {"index removed", "rm D/runs.db-shm", {"runs.db-shm\"", "removed"}},
        {"all removed", "rm D/runs.db*", {"runs.db\"", "removed"}},
        {"directory removed", "rm -r D", {"runs.db\"", "removed"}},
        {"database moved", "mv D/runs.db D/old.db", {"D/runs.db\"", "D/old.db\"", "put it back"}},
        {"log moved", "mv D/runs.db-wal D/old", {"runs.db-wal\"", "D/old\"", "put it back"}},
        {"directory moved", "mv D D.old", {"D/runs.db\"", "D.old/runs.db\"", "put it back"}},
        {"database replaced by a copy",
         "cp D/runs.db D/copy && mv D/copy D/runs.db",
         {"another file", "D/runs.db\"", "removed"}},
        {"log replaced by a copy",
         "cp D/runs.db-wal D/copy && mv D/copy D/runs.db-wal",
         {"another file", "runs.db-wal\""}},
        {"index replaced by a copy",
         "cp D/runs.db-shm D/copy && mv D/copy D/runs.db-shm",
         {"another file", "runs.db-shm\""}},
        {"directory replaced by a copy",
         "cp -a D D.copy && mv D D.old && mv D.copy D",
         {"another file", "D/runs.db\"", "D.old/runs.db\""}},
    };
}

class SqliteFilesHarm : public SqliteFiles, public testing::WithParamInterface<size_t> {};

// What is committed after the harm is in no file that a restart finds: it must
// not be acknowledged.
TEST_P(SqliteFilesHarm, IsNotAcknowledgedOver) {
    const Harm harm = Harms()[GetParam()];
    SCOPED_TRACE(harm.name);
    // Behind what was put in, whose name is random and may have a D itself.
    auto with_directory = [&](std::string text) {
        for (size_t at = 0; (at = text.find('D', at)) != std::string::npos;) {
            char next = at + 1 < text.size() ? text[at + 1] : ' ';
            bool is_directory = next == '/' || next == '.' || next == ' ';
            text.replace(at, is_directory ? 1 : 0, is_directory ? served_ : "");
            at += is_directory ? served_.size() : 1;
        }
        return text;
    };
    Serve(path_);
    Shell(with_directory(harm.command));
    // Only the first commit after it is needed to notice, be it one that brings rows up to date.
    Answer a = Apply(store_, {.id = "before"});
    EXPECT_TRUE(a.result == STORE_UNAVAILABLE || a.result == STORE_STOPPED) << a.result;
    for (const std::string &word : harm.words) {
        EXPECT_NE(a.detail.find(with_directory(word)), std::string::npos)
            << with_directory(word) << " in: " << a.detail;
    }
    EXPECT_EQ(CreateRun(store_, {.id = "after"}).result, STORE_STOPPED);
    EXPECT_EQ(GetRun(store_, "before").result, STORE_STOPPED);
    EXPECT_EQ(failures_, 1);
}

INSTANTIATE_TEST_SUITE_P(All, SqliteFilesHarm, testing::Range<size_t>(0, Harms().size()));

TEST_F(SqliteFiles, LinkThatIsLaidAnewIsNoticed) {
    std::string name = directory_.File("link.db");
    ASSERT_EQ(symlink(path_.c_str(), name.c_str()), 0);
    WriteFile(directory_.File("other.db"), "");
    {
        Opened o = Open(url_); // a link to nothing makes no store
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        run_store_close(o.store);
    }
    Serve(name);
    ASSERT_EQ(unlink(name.c_str()), 0);
    ASSERT_EQ(symlink(directory_.File("other.db").c_str(), name.c_str()), 0);
    Answer a = Apply(store_, {.id = "before"});
    EXPECT_TRUE(a.result == STORE_UNAVAILABLE || a.result == STORE_STOPPED) << a.result;
    EXPECT_NE(a.detail.find(name), std::string::npos) << a.detail;
}

// Other names for the file, its times, its mode and its neighbours are its owner's.
TEST_F(SqliteFiles, HarmlessChangesAreNotTaken) {
    Serve(path_);
    Shell("cd '" + served_ + "' && ln runs.db other && touch runs.db runs.db-wal && " +
          "chmod 0640 runs.db && cp runs.db copy && rm copy && mkdir runs.db.d && rm -f "
          "runs.db.server");
    EXPECT_EQ(Apply(store_, {.id = "before"}).result, STORE_OK);
    EXPECT_EQ(failures_, 0);
}

// A change that nobody asked for after the harm: the stop must not touch what
// lies there now.
TEST_F(SqliteFiles, StopLeavesWhatWasLaidThere) {
    Serve(path_);
    Shell("mv '" + served_ + "' '" + served_ + ".old' && mkdir '" + served_ + "'");
    for (const char *suffix : {"", "-wal", "-shm", ".server"}) {
        WriteFile(path_ + suffix, std::string("another's ") + suffix);
    }
    const std::string log = ReadFile(served_ + ".old/runs.db-wal");
    Close();
    for (const char *suffix : {"", "-wal", "-shm", ".server"}) {
        EXPECT_EQ(ReadFile(path_ + suffix), std::string("another's ") + suffix);
    }
    EXPECT_EQ(ReadFile(served_ + ".old/runs.db-wal"), log);
    // Put back as it was told, all is there. This very process is named as the
    // holder in the file that was moved.
    Shell("rm -r '" + served_ + "' && mv '" + served_ + ".old' '" + served_ + "' && rm '" + path_ +
          ".server'");
    Opened o = Open(url_);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_EQ(GetRun(o.store, "before").result, STORE_OK);
    run_store_close(o.store);
}

} // namespace
