#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/storage/postgres_cluster.h"

// The server that the tests of the back-end for PostgreSQL stand on.

namespace store_testing {
namespace {

bool IsThere(const std::string &path) {
    struct stat st;
    return stat(path.c_str(), &st) == 0;
}

TEST(PostgresClusterTest, GivesEachStoreADatabaseWithTheTables) {
    PostgresCluster &cluster = PostgresCluster::Shared();
    std::string a = cluster.NewDatabase();
    std::string b = cluster.NewDatabase();
    EXPECT_NE(a, b);
    EXPECT_EQ(cluster.Value(a, "SELECT count(*) FROM run"), "0");
    cluster.Query(a, "UPDATE store SET token_changes=7");
    EXPECT_EQ(cluster.Value(b, "SELECT token_changes FROM store"), "0");
    EXPECT_EQ(cluster.Value(cluster.NewEmptyDatabase(), "SELECT to_regclass('run') IS NULL"), "t");
}

TEST(PostgresClusterTest, ForgetsDatabasesThatNobodyUses) {
    PostgresCluster &cluster = PostgresCluster::Shared();
    for (int i = 0; i < 40; i++) {
        cluster.NewEmptyDatabase();
    }
    EXPECT_LT(atoi(cluster.Value("postgres", "SELECT count(*) FROM pg_database").c_str()), 40);
}

TEST(PostgresClusterTest, KeepsWhatWasCommittedOverACrash) {
    PostgresCluster::Options options;
    options.fsync = true;
    PostgresCluster cluster(options);
    EXPECT_EQ(cluster.Value("postgres", "SHOW fsync"), "on");
    cluster.Query("postgres", "CREATE TABLE t(n int); INSERT INTO t VALUES(3)");
    cluster.Stop(SIGQUIT);
    cluster.Start();
    EXPECT_EQ(cluster.Value("postgres", "SELECT n FROM t"), "3");
}

// The process of the test is killed: its server ends, and its files are removed.
TEST(PostgresClusterTest, EndsWithItsProcess) {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        PostgresCluster cluster{PostgresCluster::Options()};
        std::string said = cluster.data() + "\n";
        ssize_t written = write(fds[1], said.data(), said.size());
        kill(getpid(), written > 0 ? SIGKILL : SIGABRT);
    }
    close(fds[1]); // what is left of it is the child's and, until it has ended, its server's
    std::string said;
    char c;
    while (read(fds[0], &c, 1) == 1) {
        said += c;
    }
    close(fds[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ASSERT_FALSE(said.empty());
    said.pop_back();
    EXPECT_FALSE(IsThere(said));
}

// Whoever is killed with all its processes, as in a sandbox, leaves nothing where nobody tidies up.
TEST(PostgresClusterTest, HasItsFilesInTheFolderOfTheTest) {
    const char *folder = getenv("TEST_TMPDIR");
    ASSERT_NE(folder, nullptr);
    PostgresCluster &cluster = PostgresCluster::Shared();
    EXPECT_EQ(cluster.data().rfind(folder, 0), 0u) << cluster.data();
    EXPECT_EQ(cluster.Value("postgres", "SHOW unix_socket_directories"), cluster.host());
    EXPECT_EQ(cluster.host()[0], '@');
}

} // namespace
} // namespace store_testing
