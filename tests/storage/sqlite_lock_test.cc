#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/storage/sqlite_fixture.h"

using namespace store_testing;

namespace {

// A process that opens a store, publishes what it is told to, and holds on
// until it is killed.
class Holder {
  public:
    Holder(const std::string &url, const char *grpc_address) {
        int ready[2];
        EXPECT_EQ(pipe2(ready, O_CLOEXEC), 0);
        pid_ = fork();
        if (pid_ == 0) {
            Opened o = Open(url);
            struct arena a;
            arena_init(&a);
            struct store_holder holder = {grpc_address, "secret token"};
            bool ok =
                o.store != nullptr && (grpc_address == nullptr ||
                                       store_holder_publish(&a, url.c_str(), &holder) == nullptr);
            if (write(ready[1], ok ? "y" : "n", 1) != 1) {
                _exit(1);
            }
            while (true) {
                pause();
            }
        }
        close(ready[1]);
        char c = '\0';
        EXPECT_EQ(read(ready[0], &c, 1), 1);
        EXPECT_EQ(c, 'y');
        close(ready[0]);
    }
    ~Holder() {
        Kill();
    }
    void Kill() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
            pid_ = 0;
        }
    }
    pid_t pid() const {
        return pid_;
    }

  private:
    pid_t pid_;
};

struct HolderAnswer {
    int code = STATUS_OK;
    std::string message;
    std::string grpc_address;
    std::string admin_token;
};

HolderAnswer ReadHolder(const std::string &url) {
    struct arena a;
    arena_init(&a);
    struct store_holder h;
    HolderAnswer out;
    const struct error *e = store_holder_read(&a, url.c_str(), &h);
    if (e != nullptr) {
        out.code = e->code;
        out.message = e->message;
    } else {
        out.grpc_address = h.grpc_address;
        out.admin_token = h.admin_token;
    }
    arena_release(&a);
    return out;
}

int Publish(const std::string &url, const char *grpc_address) {
    struct arena a;
    arena_init(&a);
    struct store_holder h = {grpc_address, "own token"};
    const struct error *e = store_holder_publish(&a, url.c_str(), &h);
    int code = e != nullptr ? e->code : STATUS_OK;
    arena_release(&a);
    return code;
}

class SqliteLock : public SqliteTest {
  protected:
    // What the first line of PATH.server says: "pid=N".
    std::string PidInFile() const {
        std::string text = ReadFile(path_ + ".server");
        std::string line = text.substr(0, text.find('\n'));
        return line.substr(0, 4) == "pid=" ? line.substr(4) : "no pid in: " + line;
    }
};

TEST_F(SqliteLock, SecondProcessIsRefusedAndToldWhoIsFirst) {
    Holder holder(url_, nullptr);
    Opened o = Open(url_);
    EXPECT_EQ(o.code, STATUS_FAILED_PRECONDITION);
    EXPECT_NE(o.message.find(path_), std::string::npos) << o.message;
    EXPECT_NE(o.message.find(" " + std::to_string(holder.pid()) + ";"), std::string::npos)
        << o.message;
    // By another name too.
    std::string alias = directory_.File("alias.db");
    ASSERT_EQ(symlink(path_.c_str(), alias.c_str()), 0);
    o = Open("sqlite:" + alias);
    EXPECT_EQ(o.code, STATUS_FAILED_PRECONDITION);
    EXPECT_NE(o.message.find(std::to_string(holder.pid())), std::string::npos) << o.message;
}

TEST_F(SqliteLock, DeathOfTheHolderFreesTheStore) {
    Holder holder(url_, "127.0.0.1:1");
    holder.Kill();
    EXPECT_EQ(ReadHolder(url_).code, STATUS_NOT_FOUND); // its file is still there
    EXPECT_EQ(access((path_ + ".server").c_str(), F_OK), 0);
    Opened o = Open(url_);
    EXPECT_EQ(o.code, STATUS_OK) << o.message;
    run_store_close(o.store);
    EXPECT_NE(access((path_ + ".server").c_str(), F_OK), 0);
}

// After kill -9 in a container the next process has the same pid, and the file that the dead
// one left names it.
TEST_F(SqliteLock, FileThatNamesThisProcessIsNoHolder) {
    std::string file = path_ + ".server";
    std::string kept = directory_.File("kept");
    Opened first = Open(url_);
    ASSERT_EQ(first.code, STATUS_OK);
    ASSERT_EQ(system(("cp '" + file + "' '" + kept + "'").c_str()), 0);
    run_store_close(first.store);
    ASSERT_EQ(rename(kept.c_str(), file.c_str()), 0);
    Opened second = Open(url_);
    EXPECT_EQ(second.code, STATUS_OK) << second.message;
    run_store_close(second.store);
}

// Whether another process sees SQLite's own lock on the file. Closing any
// descriptor of the file would have dropped it.
bool SqliteLocksHold(const std::string &path) {
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
        struct flock lock = {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status == 0;
}

TEST_F(SqliteLock, SecondOpenInOneProcessIsRefusedAndHarmless) {
    Opened first = Open(url_);
    ASSERT_EQ(first.code, STATUS_OK);
    Opened second = Open(url_);
    EXPECT_EQ(second.code, STATUS_FAILED_PRECONDITION);
    EXPECT_NE(second.message.find(std::to_string(getpid())), std::string::npos) << second.message;
    EXPECT_TRUE(SqliteLocksHold(path_));
    EXPECT_EQ(CreateRun(first.store, {.id = "r"}).result, STORE_OK);
    run_store_close(first.store);
    Opened third = Open(url_);
    EXPECT_EQ(third.code, STATUS_OK) << third.message;
    run_store_close(third.store);
}

TEST_F(SqliteLock, PublishedHolderIsReadByOthers) {
    Holder holder(url_, "unix:/tmp/a b=c.sock");
    HolderAnswer h = ReadHolder(url_);
    EXPECT_EQ(h.code, STATUS_OK) << h.message;
    EXPECT_EQ(PidInFile(), std::to_string(holder.pid()));
    EXPECT_EQ(h.grpc_address, "unix:/tmp/a b=c.sock");
    EXPECT_EQ(h.admin_token, "secret token");
    struct stat st;
    ASSERT_EQ(stat((path_ + ".server").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    // To have looked did not take the lock away from the holder.
    EXPECT_EQ(Open(url_).code, STATUS_FAILED_PRECONDITION);
}

TEST_F(SqliteLock, HolderThatPublishedNothingIsNotFoundButNamed) {
    Holder holder(url_, nullptr);
    HolderAnswer h = ReadHolder(url_);
    EXPECT_EQ(h.code, STATUS_NOT_FOUND);
    EXPECT_NE(h.message.find(std::to_string(holder.pid())), std::string::npos) << h.message;
}

TEST_F(SqliteLock, OwnPublicationIsReadAndWithdrawn) {
    EXPECT_EQ(ReadHolder(url_).code, STATUS_NOT_FOUND);
    Opened o = Open(url_);
    ASSERT_EQ(o.code, STATUS_OK);
    EXPECT_EQ(Publish(url_, "127.0.0.1:7"), STATUS_OK);
    HolderAnswer h = ReadHolder(url_);
    EXPECT_EQ(h.code, STATUS_OK);
    EXPECT_EQ(PidInFile(), std::to_string(getpid()));
    EXPECT_EQ(h.grpc_address, "127.0.0.1:7");
    EXPECT_TRUE(SqliteLocksHold(path_));
    store_holder_withdraw(url_.c_str());
    EXPECT_EQ(ReadHolder(url_).code, STATUS_NOT_FOUND);
    // Withdrawn, but still held.
    EXPECT_EQ(Open(url_).code, STATUS_FAILED_PRECONDITION);
    EXPECT_TRUE(SqliteLocksHold(path_));
    EXPECT_EQ(CreateRun(o.store, {.id = "r"}).result, STORE_OK);
    run_store_close(o.store);
}

TEST_F(SqliteLock, WithdrawingLeavesAnotherProcessesFile) {
    Holder holder(url_, "127.0.0.1:1");
    store_holder_withdraw(url_.c_str());
    EXPECT_EQ(ReadHolder(url_).code, STATUS_OK);
}

TEST_F(SqliteLock, PublishingThatCannotBeWrittenIsUnavailable) {
    EXPECT_EQ(Publish("sqlite:" + directory_.File("none/runs.db"), "127.0.0.1:1"),
              STATUS_UNAVAILABLE);
    EXPECT_EQ(Publish(url_, "two\nlines"), STATUS_UNAVAILABLE);
}

TEST_F(SqliteLock, FirstOpenersAtOnceHaveOneWinner) {
    // All make the same file at the same time.
    const int kProcesses = 8;
    int go[2];
    int hold[2];
    ASSERT_EQ(pipe(go), 0);
    ASSERT_EQ(pipe(hold), 0);
    int results[2];
    ASSERT_EQ(pipe(results), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; i++) {
        pid_t child = fork();
        if (child == 0) {
            close(go[1]);
            close(hold[1]);
            char c;
            if (read(go[0], &c, 1) != 0) {
                _exit(1);
            }
            Opened o = Open(url_);
            c = static_cast<char>(o.code);
            if (write(results[1], &c, 1) != 1 || read(hold[0], &c, 1) != 0) {
                _exit(1);
            }
            run_store_close(o.store);
            _exit(0);
        }
        children.push_back(child);
    }
    close(go[1]);
    int winners = 0;
    for (int i = 0; i < kProcesses; i++) {
        char c = -1;
        ASSERT_EQ(read(results[0], &c, 1), 1);
        winners += c == STATUS_OK;
        EXPECT_TRUE(c == STATUS_OK || c == STATUS_FAILED_PRECONDITION) << static_cast<int>(c);
    }
    EXPECT_EQ(winners, 1);
    close(hold[1]);
    for (pid_t child : children) {
        int status;
        waitpid(child, &status, 0);
        EXPECT_EQ(status, 0);
    }
    for (int fd : {go[0], hold[0], results[0], results[1]}) {
        close(fd);
    }
    Opened o = Open(url_);
    EXPECT_EQ(o.code, STATUS_OK) << o.message;
    run_store_close(o.store);
}

} // namespace
