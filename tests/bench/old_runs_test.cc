extern "C" {
#include "bench/load/old_runs.h"
#include "runs/v1/runs_service.pb-c.h"
#include "storage/store_opener.h"
}

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace {

class OldRuns : public testing::Test {
  protected:
    OldRuns() {
        arena_init(&arena_);
        log_ = {};
        log_.fd = STDERR_FILENO;
        log_.level = LOG_WARN;
        run_store_options options = {};
        options.log = &log_;
        EXPECT_EQ(run_store_open(&arena_, "memory:", &options, &store_), nullptr);
        op_pool_init(&pool_, store_, 2);
        old_runs_init(&old_, slice_of_cstr("bench"));
    }
    ~OldRuns() override {
        run_store_close(store_);
        op_pool_release(&pool_);
        old_runs_release(&old_);
        arena_release(&arena_);
    }

    store_get_run Get(const char *id) {
        store_get_run get = {};
        get.op.kind = &store_get_run_kind;
        get.op.arena = &arena_;
        get.organization = slice_of_cstr("bench");
        get.id = slice_of_cstr(id);
        store_op_submit_and_wait(store_, &get.op);
        return get;
    }

    arena arena_;
    logger log_;
    run_store *store_ = nullptr;
    op_pool pool_;
    old_runs old_;
};

TEST_F(OldRuns, EveryOtherOfExactlySoManyIsCancelled) {
    op_pool_run(&pool_, 0, old_runs_operations(5), old_runs_fill, &old_);
    EXPECT_EQ(pool_.failures, 0u);
    const run_status want[] = {RUN_CANCELLED, RUN_RUNNING, RUN_CANCELLED, RUN_RUNNING, RUN_RUNNING};
    for (int i = 1; i <= 5; i++) {
        const store_get_run get = Get(("old-000000000000000" + std::to_string(i)).c_str());
        ASSERT_EQ(get.op.result, STORE_OK) << i;
        EXPECT_EQ(get.ret.status, want[i - 1]) << i;
        EXPECT_EQ(get.ret.finished_at_us != 0, want[i - 1] == RUN_CANCELLED) << i;
    }
    EXPECT_EQ(Get("old-0000000000000006").op.result, STORE_NOT_FOUND);
}

TEST_F(OldRuns, AreStoredAsCreateRunStoresThem) {
    op_pool_run(&pool_, 0, old_runs_operations(2), old_runs_fill, &old_);
    const store_get_run get = Get("old-0000000000000002");
    ASSERT_EQ(get.op.result, STORE_OK);
    const run_record &record = get.ret;
    EXPECT_GT(record.fields.execution_state.len, 0u);
    Runs__V1__Run *run = runs__v1__run__unpack(nullptr, record.spec.len, record.spec.data);
    ASSERT_NE(run, nullptr);
    EXPECT_STREQ(run->id, "old-0000000000000002");
    EXPECT_STREQ(run->organization_id, "bench");
    EXPECT_EQ(run->started_at->seconds, record.started_at_us / 1000000);
    EXPECT_EQ(run->execution_state, nullptr);
    EXPECT_NE(run->workflow_definition, nullptr);
    EXPECT_EQ(std::string(run->workflow_id),
              std::string(reinterpret_cast<const char *>(record.workflow_id.data),
                          record.workflow_id.len));
    runs__v1__run__free_unpacked(run, nullptr);
}

TEST_F(OldRuns, ThatAreThereAlreadyAreCountedAsFailures) {
    op_pool_run(&pool_, 0, 1, old_runs_fill, &old_);
    op_pool_run(&pool_, 0, 2, old_runs_fill, &old_);
    EXPECT_EQ(pool_.failures, 1u);
}

} // namespace
