#include "tests/storage/postgres_cluster.h"
#include "tests/storage/store_testing.h"

// A role that may change rows, and nothing else, is enough to serve (deploy/local-ha/roles.sql).

using namespace store_testing;

namespace {

class PostgresRole : public testing::Test {
  protected:
    PostgresRole() : cluster_(PostgresCluster::Shared()), database_(cluster_.NewEmptyDatabase()) {
        cluster_.Query(database_, "CREATE ROLE owner LOGIN; CREATE ROLE server LOGIN;"
                                  "GRANT USAGE, CREATE ON SCHEMA public TO owner;"
                                  "GRANT USAGE ON SCHEMA public TO server;"
                                  "ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public"
                                  " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO server;"
                                  "ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public"
                                  " GRANT USAGE ON SEQUENCES TO server;");
        arena_init(&arena_);
    }
    ~PostgresRole() override {
        arena_release(&arena_);
        for (const char *role : {"server", "owner"}) {
            cluster_.Query(database_, std::string("DROP OWNED BY ") + role);
            cluster_.Query(database_, std::string("DROP ROLE ") + role);
        }
    }
    // The code of the error, after what the role's migration did.
    int Migrate(const std::string &role, struct store_migration *ret) {
        const struct error *e =
            run_store_migrate(&arena_, cluster_.Url(database_, role).c_str(), ret);
        return e != nullptr ? int(e->code) : int(STATUS_OK);
    }

    PostgresCluster &cluster_;
    std::string database_;
    struct arena arena_;
};

TEST_F(PostgresRole, OfFewRightsServesWhatItsOwnerMigrated) {
    const std::string url = cluster_.Url(database_, "server");
    EXPECT_EQ(Open(url).code, STATUS_NOT_FOUND);
    struct store_migration done;
    EXPECT_EQ(Migrate("server", &done), STATUS_PERMISSION_DENIED);
    ASSERT_EQ(Migrate("owner", &done), STATUS_OK);
    EXPECT_EQ(done.before, 0);
    Opened o = Open(url);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_TRUE(o.store->is_shared);
    EXPECT_EQ(CreateRun(o.store, {.id = "r", .spec = "s"}).result, STORE_OK);
    EXPECT_EQ(Apply(o.store, {.id = "r"}).result, STORE_OK);
    EXPECT_EQ(GetRun(o.store, "r").run.status, RUN_CANCELLED);
    EXPECT_EQ(ListEvents(o.store, "r").size(), 2u);
    run_store_close(o.store);
}

TEST_F(PostgresRole, APasswordInTheUrlIsRefused) {
    Opened o = Open("postgres://server:s3cret@/" + database_ + "?host=" + cluster_.host());
    EXPECT_EQ(o.code, STATUS_INVALID_ARGUMENT);
    EXPECT_NE(o.message.find("passfile"), std::string::npos) << o.message;
    EXPECT_EQ(o.message.find("s3cret"), std::string::npos) << o.message;
    struct run_store_options options = {};
    options.direct_url = "postgres://server:s3cret@h/d";
    o = Open(cluster_.Url(database_), options);
    EXPECT_EQ(o.code, STATUS_INVALID_ARGUMENT);
    EXPECT_NE(o.message.find("direct URL has a password"), std::string::npos) << o.message;
}

} // namespace
