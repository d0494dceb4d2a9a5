#ifndef RUNSD_TESTS_STORAGE_STORE_CONTRACT_H
#define RUNSD_TESTS_STORAGE_STORE_CONTRACT_H

#include "tests/storage/postgres_cluster.h"
#include "tests/storage/store_testing.h"

extern "C" {
#include "storage/backends.h"
}

// For the names of failed tests.
inline void PrintTo(const struct registered_backend &b, std::ostream *out) {
    *out << b.url;
}

namespace store_testing {

inline std::vector<struct registered_backend> RegisteredBackends() {
    size_t count;
    const struct registered_backend *all = backends_all(&count);
    return {all, all + count};
}

// The URL of a store of the back-end's: below directory, or on the tests' database server.
inline std::string UrlBelow(const TemporaryDirectory &directory,
                            const struct store_backend *backend) {
    if (backend->is_on_server) {
        PostgresCluster &cluster = PostgresCluster::Shared();
        return cluster.Url(cluster.NewDatabase());
    }
    struct arena a;
    arena_init(&a);
    std::string url =
        std::string(backend->scheme) + ":" + backend->location_below(&a, directory.path().c_str());
    arena_release(&a);
    return url;
}

// What run_store.h promises, asked of every back-end that is registered.
class StoreContract : public testing::TestWithParam<struct registered_backend> {
  protected:
    void SetUp() override {
        url_ = UrlBelow(directory_, GetParam().backend);
        Opened o = Open(url_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void TearDown() override {
        run_store_close(store_);
    }
    // Of a back-end that keeps its stores.
    void Reopen() {
        run_store_close(store_);
        store_ = nullptr;
        Opened o = Open(url_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void MustCreate(const StoredRun &run) {
        ASSERT_EQ(CreateRun(store_, run).result, STORE_OK) << run.id;
    }

    TemporaryDirectory directory_;
    std::string url_;
    struct run_store *store_ = nullptr;
};

inline void ExpectSame(const StoredRun &a, const StoredRun &b) {
    EXPECT_EQ(a.organization, b.organization);
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.status, b.status);
    EXPECT_EQ(a.started_at_us, b.started_at_us);
    EXPECT_EQ(a.updated_at_us, b.updated_at_us);
    EXPECT_EQ(a.finished_at_us, b.finished_at_us);
    EXPECT_EQ(a.sequence, b.sequence);
    EXPECT_EQ(a.total_cu, b.total_cu);
    EXPECT_EQ(a.spec, b.spec);
    EXPECT_EQ(a.execution_state, b.execution_state);
    EXPECT_EQ(a.attempt, b.attempt);
    EXPECT_EQ(a.terms, b.terms);
    EXPECT_EQ(a.holder, b.holder);
    EXPECT_EQ(a.lease_us, b.lease_us);
    EXPECT_EQ(a.waiting_until_us, b.waiting_until_us);
    EXPECT_EQ(a.stopped_at_us, b.stopped_at_us);
}

// Runs the suite that follows on every back-end that is registered.
#define INSTANTIATE_STORE_CONTRACT()                                                               \
    INSTANTIATE_TEST_SUITE_P(Backends, StoreContract, testing::ValuesIn(RegisteredBackends()),     \
                             [](const testing::TestParamInfo<struct registered_backend> &info) {   \
                                 return std::string(info.param.backend->scheme);                   \
                             })

} // namespace store_testing

#endif
