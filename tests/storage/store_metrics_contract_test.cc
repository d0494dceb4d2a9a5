#include "tests/base/metrics_testing.h"
#include "tests/storage/store_contract.h"

// What every back-end tells of itself.

namespace {

using namespace store_testing;
using metrics_testing::Look;
using metrics_testing::Value;

class Metrics : public StoreContract {
  protected:
    void SetUp() override {
        url_ = UrlBelow(directory_, GetParam().backend);
        OpenWithMetrics();
    }
    void TearDown() override {
        run_store_close(store_);
        metrics_free(metrics_);
    }
    void OpenWithMetrics() {
        metrics_ = metrics_new();
        struct run_store_options options = {};
        options.metrics = metrics_;
        Opened o = Open(url_, options);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    double Operations(const std::string &operation, const std::string &result) {
        return Value(metrics_, "runsd_store_operations", {operation, result});
    }

    struct metrics *metrics_ = nullptr;
};

TEST_P(Metrics, CountsOperationsByWhatTheyAreAndWhatBecameOfThem) {
    EXPECT_EQ(Operations("create_run", "ok"), -1); // none yet
    MustCreate({.id = "a"});
    MustCreate({.id = "b"});
    EXPECT_EQ(CreateRun(store_, {.id = "a"}).result, STORE_EXISTS);
    EXPECT_EQ(Apply(store_, {.id = "a"}).result, STORE_OK);
    EXPECT_EQ(Apply(store_, {.id = "a"}).result, STORE_CONFLICT);
    EXPECT_EQ(Apply(store_, {.id = "x"}).result, STORE_NOT_FOUND);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(GetRun(store_, "b").result, STORE_OK);
    }
    EXPECT_EQ(GetRun(store_, "x").result, STORE_NOT_FOUND);
    EXPECT_EQ(Operations("create_run", "ok"), 2);
    EXPECT_EQ(Operations("create_run", "exists"), 1);
    EXPECT_EQ(Operations("transition_run", "ok"), 1);
    EXPECT_EQ(Operations("transition_run", "conflict"), 1);
    EXPECT_EQ(Operations("transition_run", "not_found"), 1);
    EXPECT_EQ(Operations("get_run", "ok"), 3);
    EXPECT_EQ(Operations("get_run", "not_found"), 1);
}

TEST_P(Metrics, TellsWhichRunsThereAre) {
    auto runs = [&](const std::string &status) {
        return Value(metrics_, "runsd_store_runs", {status});
    };
    // A store that other processes change, too, is looked at once a second.
    auto await_cancelled = [&] {
        while (store_->is_shared && runs("cancelled") != 1) {
            usleep(10000);
        }
    };
    EXPECT_EQ(runs("running"), 0);
    EXPECT_EQ(Value(metrics_, "runsd_store_organizations"), 0);
    MustCreate({.id = "a"});
    MustCreate({.id = "b"});
    MustCreate({.organization = "rival", .id = "c"});
    ASSERT_EQ(Apply(store_, {.id = "a"}).result, STORE_OK);
    await_cancelled();
    EXPECT_EQ(runs("running"), 2);
    EXPECT_EQ(runs("cancelled"), 1);
    EXPECT_EQ(runs("waiting"), 0);
    EXPECT_EQ(runs("success"), 0);
    EXPECT_EQ(runs("failure"), 0);
    EXPECT_EQ(Value(metrics_, "runsd_store_organizations"), 2);
    if (!GetParam().is_kept) {
        return;
    }
    run_store_close(store_);
    metrics_free(metrics_);
    OpenWithMetrics();
    await_cancelled();
    EXPECT_EQ(runs("running"), 2);
    EXPECT_EQ(runs("cancelled"), 1);
    EXPECT_EQ(Operations("create_run", "ok"), -1);
}

TEST_P(Metrics, TellsNothingOnceItIsClosed) {
    MustCreate({.id = "a"});
    run_store_close(store_);
    store_ = nullptr;
    EXPECT_EQ(Operations("create_run", "ok"), 1);
    EXPECT_EQ(Value(metrics_, "runsd_store_queue_length", {"reads"}), -1);
}

INSTANTIATE_TEST_SUITE_P(Backends, Metrics, testing::ValuesIn(RegisteredBackends()),
                         [](const testing::TestParamInfo<struct registered_backend> &info) {
                             return std::string(info.param.backend->scheme);
                         });

} // namespace
