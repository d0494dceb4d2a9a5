#include "tests/storage/postgres_cluster.h"

#include <cctype>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <postgresql/libpq-fe.h>
#include <spawn.h>
#include <sstream>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include "base/core/clock.h"
#include "storage/postgres/migrate.h"
}

extern char **environ;

namespace store_testing {
namespace {

constexpr int64_t kStartUs = 120 * 1000 * 1000;
constexpr size_t kKept = 8;
constexpr size_t kDropFrom = 32;

// What stands between the test and its server, in a session of its own: it makes the cluster, and
// starts the server and waits for it as it is told, until the pipe of the test's process ends.
//   $1 the cluster's folder; $2 where its socket is; then the server's settings.
// root, whom PostgreSQL refuses, is another user in a user namespace of its own, to whom all its
// files belong; where there are none (a container that forbids them) it becomes "postgres".
constexpr char kWatcher[] = R"sh(
trap '' INT TERM HUP
folder=$1 socket=$2 pid=
shift 2
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
as=
if [ "$(id -u)" = 0 ]; then
    as='unshare --user --map-user=1000 --map-group=1000 --'
    if ! $as true; then
        as='setpriv --reuid=postgres --regid=postgres --clear-groups --'
        chown postgres "$folder"
    fi
fi
leave() {
    if [ -n "$pid" ]; then kill -QUIT "$pid"; kill -CONT "$pid"; wait "$pid"; fi 2>/dev/null
    rm -rf "$folder"
    exit
}
if ! $as "$bin/initdb" --no-sync --auth=trust --username=postgres --encoding=UTF8 --locale=C \
        --no-instructions --pgdata="$folder/data" </dev/null >>"$folder/log" 2>&1; then
    echo "initdb failed:" $(tail -n 20 "$folder/log")
    leave
fi
while read -r word; do
    case $word in
    start)
        $as "$bin/postgres" -D "$folder/data" -k "$socket" "$@" </dev/null >>"$folder/log" 2>&1 &
        pid=$!
        echo "$pid"
        ;;
    wait)
        wait "$pid" 2>/dev/null
        pid=
        echo ended
        ;;
    esac
done
leave
)sh";

[[noreturn]] void Fail(const std::string &why) {
    fprintf(stderr, "PostgresCluster: %s\n", why.c_str());
    abort();
}

// A socket without a file, which nobody can leave behind. A path's would have at most 107 bytes.
std::string NewHost() {
    char name[64];
    uint64_t number;
    if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
        Fail("no random number");
    }
    snprintf(name, sizeof(name), "@runsd-pg-%016" PRIx64, number);
    return name;
}

std::string NewFolder(const std::string &below) {
    std::string path = below + "/pg-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
        Fail("cannot make " + path);
    }
    return path;
}

// Whether whoever the server runs as can reach the folder: another user may not enter root's.
bool IsOpenToAll(std::string path) {
    for (;;) {
        struct stat st;
        if (stat(path.c_str(), &st) != 0 || (st.st_mode & S_IXOTH) == 0) {
            return false;
        }
        size_t slash = path.find_last_of('/');
        if (slash == std::string::npos || slash == 0) {
            return true;
        }
        path.resize(slash);
    }
}

std::string Below() {
    const char *given = getenv("TEST_TMPDIR");
    // As in the watcher: in a namespace of its own the server enters what root may enter.
    bool enters = geteuid() != 0 || system("unshare --user --map-user=1000 true 2>/dev/null") == 0;
    return given != nullptr && (enters || IsOpenToAll(given)) ? given : "/tmp";
}

// The user's own settings of libpq would lead elsewhere.
void ForgetLibpqVariables() {
    for (const char *name : {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGSERVICE",
                             "PGPASSFILE", "PGPASSWORD", "PGSERVICEFILE", "PGTARGETSESSIONATTRS"}) {
        unsetenv(name);
    }
}

std::string InUrl(const std::string &text) {
    std::string out;
    for (unsigned char c : text) {
        char code[4];
        snprintf(code, sizeof(code), "%%%02X", c);
        out += isalnum(c) != 0 || strchr("-._~", c) != nullptr ? std::string(1, char(c)) : code;
    }
    return out;
}

void Migrate(const std::string &url) {
    struct arena a;
    arena_init(&a);
    struct store_migration done;
    const struct error *error =
        migrate_run(&a, url.c_str(), url.c_str(), &migrate_all_steps, &done);
    if (error != nullptr) {
        Fail(error->message);
    }
    arena_release(&a);
}

} // namespace

PostgresCluster::PostgresCluster(const Options &options) {
    ForgetLibpqVariables();
    folder_ = NewFolder(Below());
    host_ = NewHost();
    std::vector<std::string> words = {"/bin/sh",          "-c",    kWatcher,
                                      "postgres_cluster", folder_, host_};
    std::vector<std::string> settings = {"listen_addresses=",
                                         "max_connections=200",
                                         "shared_buffers=32MB",
                                         "max_wal_size=256MB",
                                         "logging_collector=off",
                                         "log_line_prefix=%m [%p] %a ",
                                         std::string("fsync=") + (options.fsync ? "on" : "off"),
                                         std::string("full_page_writes=") +
                                             (options.fsync ? "on" : "off")};
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    for (const std::string &s : settings) {
        words.insert(words.end(), {"-c", s});
    }
    std::vector<char *> argv;
    for (std::string &w : words) {
        argv.push_back(w.data());
    }
    argv.push_back(nullptr);

    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
        Fail("no pipe");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    if (posix_spawn(&watcher_, "/bin/sh", &actions, &attributes, argv.data(), environ) != 0) {
        Fail("cannot start a shell");
    }
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(to[0]);
    close(from[1]);
    to_watcher_ = to[1];
    from_watcher_ = from[0];
    Start();
}

PostgresCluster::~PostgresCluster() {
    close(to_watcher_);
    close(from_watcher_);
    waitpid(watcher_, nullptr, 0);
}

PostgresCluster &PostgresCluster::Shared() {
    static PostgresCluster cluster{Options()};
    return cluster;
}

void PostgresCluster::Tell(const std::string &word) const {
    std::string line = word + "\n";
    if (write(to_watcher_, line.data(), line.size()) != ssize_t(line.size())) {
        Fail("its watcher is gone: " + Log());
    }
}

// The watcher's next line.
std::string PostgresCluster::Answer() {
    std::string line;
    for (char c = 0; c != '\n';) {
        if (read(from_watcher_, &c, 1) != 1) {
            Fail("its watcher is gone: " + Log());
        }
        line += c;
    }
    line.pop_back();
    return line;
}

void PostgresCluster::Start() {
    Tell("start");
    std::string pid = Answer();
    pid_ = pid_t(strtol(pid.c_str(), nullptr, 10));
    if (pid_ <= 0) {
        Fail(pid);
    }
    std::string url = Url("postgres");
    int64_t until_us = clock_monotonic_us() + kStartUs;
    while (PQping(url.c_str()) != PQPING_OK) {
        if (kill(pid_, 0) != 0 || clock_monotonic_us() > until_us) {
            Fail("it does not start: " + Log());
        }
        usleep(5000);
    }
}

void PostgresCluster::Stop(int signal) {
    Signal(signal);
    Tell("wait");
    Answer();
    pid_ = -1;
}

void PostgresCluster::Signal(int signal) const {
    if (kill(pid_, signal) != 0) {
        Fail("its server is gone: " + Log());
    }
}

std::string PostgresCluster::Log() const {
    std::ifstream in(folder_ + "/log");
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
}

std::string PostgresCluster::Url(const std::string &database, const std::string &user,
                                 const std::string &more) const {
    return "postgres://" + InUrl(user) + "@/" + InUrl(database) + "?host=" + InUrl(host_) + more;
}

PostgresCluster::Rows PostgresCluster::Query(const std::string &database,
                                             const std::string &sql) const {
    PGconn *c = PQconnectdb(Url(database).c_str());
    PGresult *result = PQexec(c, sql.c_str());
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
        Fail(sql + ": " + PQerrorMessage(c));
    }
    Rows rows(size_t(PQntuples(result)));
    for (int i = 0; i < PQntuples(result); i++) {
        for (int j = 0; j < PQnfields(result); j++) {
            rows[size_t(i)].push_back(PQgetisnull(result, i, j) != 0 ? "NULL"
                                                                     : PQgetvalue(result, i, j));
        }
    }
    PQclear(result);
    PQfinish(c);
    return rows;
}

std::string PostgresCluster::Value(const std::string &database, const std::string &sql) const {
    Rows rows = Query(database, sql);
    if (rows.size() != 1 || rows[0].size() != 1) {
        Fail(sql + ": not one value");
    }
    return rows[0][0];
}

void PostgresCluster::DropOld() {
    if (databases_.size() < kDropFrom) {
        return;
    }
    std::vector<std::string> left;
    for (size_t i = 0; i < databases_.size(); i++) {
        const std::string &name = databases_[i];
        if (i + kKept >= databases_.size() ||
            Value("postgres",
                  "SELECT count(*) FROM pg_stat_activity WHERE datname='" + name + "'") != "0") {
            left.push_back(name);
        } else {
            Query("postgres", "DROP DATABASE " + name);
        }
    }
    databases_ = left;
}

std::string PostgresCluster::NewCopy(const std::string &of) {
    DropOld();
    std::string name = "store" + std::to_string(++made_);
    Query("postgres", "CREATE DATABASE " + name + " TEMPLATE " + of);
    databases_.push_back(name);
    return name;
}

std::string PostgresCluster::NewEmptyDatabase() {
    return NewCopy("template0");
}

std::string PostgresCluster::NewDatabase() {
    if (!has_template_) {
        Query("postgres", "CREATE DATABASE migrated TEMPLATE template0");
        Migrate(Url("migrated"));
        has_template_ = true;
    }
    std::string name = NewCopy("migrated");
    // Each store has ones of its own.
    Query(name, "UPDATE store SET epoch=epoch+" + std::to_string(made_) +
                    ", secret=sha256(secret||int4send(" + std::to_string(made_) + "))");
    return name;
}

} // namespace store_testing
