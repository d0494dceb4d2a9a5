#ifndef RUNSD_TESTS_STORAGE_POSTGRES_CLUSTER_H
#define RUNSD_TESTS_STORAGE_POSTGRES_CLUSTER_H

#include <string>
#include <sys/types.h>
#include <vector>

namespace store_testing {

// A PostgreSQL server of the test's own, which ends with the test's process, also where that is
// killed, and leaves nothing behind. It listens on a unix socket alone and asks for no password;
// whoever makes it owns it, also root, whom PostgreSQL refuses. One thread uses it at a time.
class PostgresCluster {
  public:
    struct Options {
        bool fsync = false;
        std::vector<std::string> settings; // "max_connections=10", added to the usual ones
    };

    // Makes one and starts it. Ends the process, saying why, if that fails, as all of it does.
    explicit PostgresCluster(const Options &options);
    ~PostgresCluster();
    PostgresCluster(const PostgresCluster &) = delete;
    PostgresCluster &operator=(const PostgresCluster &) = delete;

    // The one of the process, made when it is asked for first: for tests that do the server no
    // harm.
    static PostgresCluster &Shared();

    // The name of a new database, with the tables of a store or with nothing. Those of before are
    // dropped, in time, where nobody is connected any more; not the newest eight.
    std::string NewDatabase();
    std::string NewEmptyDatabase();

    // The store's URL: postgres://USER@/DATABASE?host=FOLDER, with more behind it ("&sslmode=..").
    std::string Url(const std::string &database, const std::string &user = "postgres",
                    const std::string &more = "") const;

    // Runs statements, apart by semicolons, in one transaction if they begin none, as the
    // superuser. The last one's rows; text, "NULL" for SQL's.
    using Rows = std::vector<std::vector<std::string>>;
    Rows Query(const std::string &database, const std::string &sql) const;
    // The only value of the only row.
    std::string Value(const std::string &database, const std::string &sql) const;

    // Ends the server by the signal (SIGQUIT: as a crash; SIGINT: in order) and waits for its end.
    void Stop(int signal);
    // Starts it again and waits until it answers.
    void Start();
    // Sends the signal to the postmaster alone.
    void Signal(int signal) const;
    pid_t pid() const {
        return pid_;
    }

    // Where its files are, and what it logged.
    std::string data() const {
        return folder_ + "/data";
    }
    // For libpq: its socket, which is no file.
    const std::string &host() const {
        return host_;
    }
    std::string Log() const;

  private:
    void Launch();
    std::string Answer();
    void Tell(const std::string &word) const;
    void DropOld();
    std::string NewCopy(const std::string &of);

    std::string folder_; // of data, and the log
    std::string host_;
    pid_t watcher_ = -1;
    pid_t pid_ = -1;
    int to_watcher_ = -1;
    int from_watcher_ = -1;
    int made_ = 0;
    bool has_template_ = false;
    std::vector<std::string> databases_; // that are there, the oldest first
};

} // namespace store_testing

#endif
