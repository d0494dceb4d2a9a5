#ifndef RUNSD_TESTS_STORAGE_STORE_CONTRACT_H
#define RUNSD_TESTS_STORAGE_STORE_CONTRACT_H

#include "tests/storage/store_testing.h"

namespace store_testing {

// What run_store.h promises, asked of every back-end.
class StoreContract : public testing::TestWithParam<const char *> {
  protected:
    void SetUp() override {
        std::string url = GetParam();
        if (url == "sqlite:") {
            url += directory_.File("runs.db");
        }
        Opened o = Open(url);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void TearDown() override {
        run_store_close(store_);
    }
    void MustCreate(const StoredRun &run) {
        ASSERT_EQ(CreateRun(store_, run).result, STORE_OK) << run.id;
    }

    TemporaryDirectory directory_;
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
    EXPECT_EQ(a.workflow_id, b.workflow_id);
    EXPECT_EQ(a.spec, b.spec);
    EXPECT_EQ(a.execution_state, b.execution_state);
}

// Runs the suite that follows on every back-end.
#define INSTANTIATE_STORE_CONTRACT()                                                               \
    INSTANTIATE_TEST_SUITE_P(Backends, StoreContract, testing::Values("memory:", "sqlite:"),       \
                             [](const testing::TestParamInfo<const char *> &info) {                \
                                 std::string name = info.param;                                    \
                                 return name.substr(0, name.size() - 1);                           \
                             })

} // namespace store_testing

#endif
