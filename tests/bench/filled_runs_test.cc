extern "C" {
#include "bench/load/filled_runs.h"
#include "runs/v1/runs_service.pb-c.h"
#include "storage/op/list_events.h"
#include "storage/store_opener.h"
}

#include <gtest/gtest.h>
#include <memory>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

class FilledRuns : public testing::Test {
  protected:
    FilledRuns() {
        arena_init(&arena_);
        log_ = {};
        log_.fd = STDERR_FILENO;
        log_.level = LOG_WARN;
        run_store_options options = {};
        options.log = &log_;
        EXPECT_EQ(run_store_open(&arena_, "memory:", &options, &store_), nullptr);
        op_pool_init(&pool_, store_, 2);
    }
    ~FilledRuns() override {
        run_store_close(store_);
        op_pool_release(&pool_);
        arena_release(&arena_);
    }

    // Fills the store; ids_ and running_ are then what the lists got.
    void Fill(uint64_t count, uint64_t every, int organizations = 1) {
        char *ids, *running;
        size_t ids_len, running_len;
        auto filled = std::make_unique<filled_runs>();
        filled_runs_init(filled.get(), slice_of_cstr("bench"), count, every);
        filled->organizations = organizations;
        filled->ids = open_memstream(&ids, &ids_len);
        filled->running_ids = open_memstream(&running, &running_len);
        op_pool_run(&pool_, 0, filled_runs_operations(filled.get()), filled_runs_fill,
                    filled.get());
        EXPECT_EQ(pool_.failures, 0u);
        (void)fclose(filled->ids);
        (void)fclose(filled->running_ids);
        ids_ = Lines(ids);
        running_ = Lines(running);
        free(ids);
        free(running);
        filled_runs_release(filled.get());
    }

    static std::vector<std::string> Lines(const std::string &text) {
        std::vector<std::string> lines;
        std::istringstream stream(text);
        for (std::string line; std::getline(stream, line);) {
            lines.push_back(line);
        }
        return lines;
    }

    store_get_run Get(const std::string &id, const char *organization = "bench") {
        store_get_run get = {};
        get.op.kind = &store_get_run_kind;
        get.op.arena = &arena_;
        get.organization = slice_of_cstr(organization);
        get.id = slice_of_cstr(id.c_str());
        store_op_submit_and_wait(store_, &get.op);
        return get;
    }

    std::vector<run_status> Statuses() {
        std::vector<run_status> statuses;
        for (const std::string &id : ids_) {
            const store_get_run get = Get(id);
            EXPECT_EQ(get.op.result, STORE_OK) << id;
            EXPECT_EQ(get.ret.finished_at_us != 0, get.ret.status != RUN_RUNNING) << id;
            statuses.push_back(get.ret.status);
        }
        return statuses;
    }

    arena arena_;
    logger log_;
    run_store *store_ = nullptr;
    op_pool pool_;
    std::vector<std::string> ids_, running_;
};

TEST_F(FilledRuns, EveryOtherOfExactlySoManyStaysRunning) {
    Fill(5, 2);
    const std::vector<run_status> want = {RUN_CANCELLED, RUN_RUNNING, RUN_SUCCESS, RUN_RUNNING,
                                          RUN_CANCELLED};
    EXPECT_EQ(Statuses(), want);
    EXPECT_EQ(running_, (std::vector<std::string>{ids_[1], ids_[3]}));
}

TEST_F(FilledRuns, EveryNthStaysRunningAndTheOthersAreFinishedInEitherWay) {
    Fill(9, 4);
    const std::vector<run_status> want = {RUN_CANCELLED, RUN_SUCCESS, RUN_CANCELLED,
                                          RUN_RUNNING,   RUN_SUCCESS, RUN_CANCELLED,
                                          RUN_SUCCESS,   RUN_RUNNING, RUN_CANCELLED};
    EXPECT_EQ(Statuses(), want);
    EXPECT_EQ(running_, (std::vector<std::string>{ids_[3], ids_[7]}));
}

TEST_F(FilledRuns, AllMayStayRunning) {
    Fill(3, 1);
    EXPECT_EQ(Statuses(), std::vector<run_status>(3, RUN_RUNNING));
    EXPECT_EQ(running_, ids_);
}

TEST_F(FilledRuns, GoToOrganizationsInTurns) {
    Fill(5, 2, 2);
    const char *const organizations[] = {"bench-0", "bench-1", "bench-0", "bench-1", "bench-0"};
    for (size_t i = 0; i < ids_.size(); i++) {
        const store_get_run get = Get(ids_[i], organizations[i]);
        EXPECT_EQ(get.op.result, STORE_OK) << i;
        EXPECT_EQ(get.ret.status == RUN_RUNNING, i % 2 == 1) << i;
        EXPECT_EQ(Get(ids_[i], organizations[(i + 1) % 2]).op.result, STORE_NOT_FOUND);
    }
}

TEST_F(FilledRuns, AreStoredAsCreateRunStoresThem) {
    Fill(2, 2);
    const store_get_run get = Get(ids_[1]);
    ASSERT_EQ(get.op.result, STORE_OK);
    const run_record &record = get.ret;
    EXPECT_GT(record.fields.execution_state.len, 0u);
    Runs__V1__Run *run = runs__v1__run__unpack(nullptr, record.spec.len, record.spec.data);
    ASSERT_NE(run, nullptr);
    EXPECT_EQ(run->id, ids_[1]);
    EXPECT_STREQ(run->organization_id, "bench");
    EXPECT_EQ(run->started_at->seconds, record.started_at_us / 1000000);
    EXPECT_EQ(run->execution_state, nullptr);
    EXPECT_NE(run->workflow_definition, nullptr);
    EXPECT_STREQ(run->workflow_id, "workflow-rebalance");
    runs__v1__run__free_unpacked(run, nullptr);
}

TEST_F(FilledRuns, EventsNameTheRequestAsThoseOfTheServerDo) {
    Fill(1, 2);
    store_list_events list = {};
    list.op.kind = &store_list_events_kind;
    list.op.arena = &arena_;
    list.organization = slice_of_cstr("bench");
    list.id = slice_of_cstr(ids_[0].c_str());
    list.limit = 10;
    store_op_submit_and_wait(store_, &list.op);
    ASSERT_EQ(list.op.result, STORE_OK);
    ASSERT_EQ(list.ret_count, 2);
    for (int i = 0; i < 2; i++) {
        const event_cause &cause = list.ret_events[i].cause;
        EXPECT_EQ(cause.request_id.len, 36u);
        EXPECT_EQ(cause.remote_address.len, sizeof("127.0.0.1") - 1);
    }
}

// RFC 9562: the first 48 bits are milliseconds, the next four the version.
TEST_F(FilledRuns, HaveIdsOfTheMomentOfTheirCreation) {
    Fill(3, 2);
    for (const std::string &id : ids_) {
        ASSERT_EQ(id.size(), 36u);
        EXPECT_EQ(id[14], '7');
        const int64_t ms = std::stoll(id.substr(0, 8) + id.substr(9, 4), nullptr, 16);
        const int64_t started_ms = Get(id).ret.started_at_us / 1000;
        EXPECT_GE(started_ms, ms);
        EXPECT_LT(started_ms - ms, 60000);
    }
}

} // namespace
