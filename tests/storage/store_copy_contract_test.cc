#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <tuple>

#include "tests/storage/bulk_testing.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/store_contract.h"

extern "C" {
#include "storage/store_copy.h"
}

using namespace store_testing;

// What run_store_copy promises, asked of each pair of back-ends that keep their stores; and what no
// server can be brought to write in a short time, or only one of them does.

namespace {

constexpr char kUuid[] = "0192f0c1-2d3e-7a4b-8c5d-0123456789ab";

struct Copied {
    int code = STATUS_OK;
    std::string message = {};
    int64_t copied = -1;
    std::vector<std::string> differences = {};
};

Copied Copy(const std::string &from, const std::string &to, bool only_verify = false) {
    struct arena a;
    arena_init(&a);
    const struct store_copy_options options = {
        .from = from.c_str(),
        .to = to.c_str(),
        .only_verify = only_verify,
        .on_progress = [](void *, const char *, int64_t done, int64_t) { EXPECT_GE(done, 0); },
        .context = nullptr,
    };
    struct store_copy_report report = {};
    Copied c;
    const struct error *e = run_store_copy(&a, &options, &report);
    if (e != nullptr) {
        c.code = e->code;
        c.message = e->message;
    } else {
        c.copied = report.copied;
        for (int i = 0; i < report.difference_count; i++) {
            c.differences.emplace_back(report.differences[i]);
        }
    }
    arena_release(&a);
    return c;
}

void ExpectSound(const std::string &url) {
    struct arena a;
    arena_init(&a);
    struct store_check_report report = {};
    const struct error *e = run_store_check(&a, url.c_str(), false, &report);
    EXPECT_EQ(nullptr, e) << e->message;
    for (int i = 0; i < report.count; i++) {
        ADD_FAILURE() << url << ": " << report.problems[i];
    }
    arena_release(&a);
}

std::vector<struct registered_backend> Kept() {
    std::vector<struct registered_backend> kept;
    for (const struct registered_backend &b : RegisteredBackends()) {
        if (b.is_kept) {
            kept.push_back(b);
        }
    }
    return kept;
}

class StoreCopy : public testing::TestWithParam<
                      std::tuple<struct registered_backend, struct registered_backend>> {
  protected:
    void SetUp() override {
        from_ = UrlBelow(from_folder_, std::get<0>(GetParam()).backend);
        to_ = UrlBelow(to_folder_, std::get<1>(GetParam()).backend);
        MustOpen(from_);
    }
    void TearDown() override {
        run_store_close(store_);
    }
    void MustOpen(const std::string &url) {
        run_store_close(store_);
        store_ = nullptr;
        Opened o = Open(url);
        ASSERT_EQ(STATUS_OK, o.code) << o.message;
        store_ = o.store;
    }
    void MustCreate(StoredRun run) {
        run.workflow_id = run.workflow_id.empty() ? "wf" : run.workflow_id;
        ASSERT_EQ(STORE_OK, CreateRun(store_, run).result) << run.id;
    }
    // Closes the store, copies it, and opens the copy.
    void CopyAndOpen() {
        run_store_close(store_);
        store_ = nullptr;
        Copied c = Copy(from_, to_);
        ASSERT_EQ(STATUS_OK, c.code) << c.message;
        ASSERT_EQ(std::vector<std::string>{}, c.differences);
        ExpectSound(to_);
        MustOpen(to_);
    }

    TemporaryDirectory from_folder_;
    TemporaryDirectory to_folder_;
    std::string from_;
    std::string to_;
    struct run_store *store_ = nullptr;
};

TEST_P(StoreCopy, OfAStoreWithNothingIsOne) {
    uint64_t epoch = store_->epoch;
    std::string secret(reinterpret_cast<const char *>(store_->secret), STORE_SECRET_BYTES);
    CopyAndOpen();
    EXPECT_EQ(epoch, store_->epoch);
    EXPECT_EQ(secret,
              std::string(reinterpret_cast<const char *>(store_->secret), STORE_SECRET_BYTES));
    MustCreate({.id = "first"});
    EXPECT_EQ(STORE_OK, GetRun(store_, "first").result);
}

TEST_P(StoreCopy, OfFieldsOfEveryKind) {
    std::string bytes;
    for (int i = 0; i < 256; i++) {
        bytes += static_cast<char>(i);
    }
    MustCreate({.id = "nan", .total_cu = std::numeric_limits<double>::quiet_NaN()});
    MustCreate({.id = "minus", .total_cu = -0.0});
    MustCreate({.id = "least", .total_cu = std::numeric_limits<double>::denorm_min()});
    MustCreate({.id = "bytes", .spec = bytes, .execution_state = std::string(100000, 'x')});
    MustCreate({.id = kUuid, .workflow_id = "привет"});
    ASSERT_EQ(STORE_OK, CreateRun(store_, {.id = "of no workflow"}).result);
    CopyAndOpen();
    EXPECT_TRUE(std::isnan(GetRun(store_, "nan").run.total_cu));
    EXPECT_EQ(0, GetRun(store_, "minus").run.total_cu);
    EXPECT_EQ(std::numeric_limits<double>::denorm_min(), GetRun(store_, "least").run.total_cu);
    EXPECT_EQ(bytes, GetRun(store_, "bytes").run.spec);
    EXPECT_EQ(100000U, GetRun(store_, "bytes").run.execution_state.size());
    EXPECT_EQ(STORE_OK, GetRun(store_, kUuid).result);
    EXPECT_EQ(STORE_OK, Apply(store_, {.id = "of no workflow"}).result);
}

// Events leave with their runs: those that are left have gaps below the floor, and the newest one
// of an organization may be among those that left.
TEST_P(StoreCopy, WhereEventsAreGone) {
    for (int i = 0; i < 200; i++) {
        MustCreate({.id = "r" + std::to_string(i), .started_at_us = 1000 + i});
    }
    MustCreate({.organization = "globex", .id = "stays", .spec = "spec"});
    MustCreate({.organization = "globex", .id = "last"});
    for (int i : {3, 64, 65, 199}) {
        ASSERT_EQ(STORE_OK,
                  Apply(store_, {.id = "r" + std::to_string(i), .at_us = 3000 + i}).result);
    }
    ASSERT_EQ(STORE_OK, Apply(store_, {.organization = "globex", .id = "last"}).result);
    MustOpen(from_); // what is deleted has its rows
    ASSERT_EQ(STORE_OK, DeleteRun(store_, {.id = "r64"}).result);
    ASSERT_EQ(3, DeleteRuns(store_, {"r3", "r65", "r199"}));
    ASSERT_EQ(1, DeleteRuns(store_, {"last"}, INT64_MAX, "globex"));
    MustCreate({.id = "r65", .started_at_us = 5000});
    std::vector<WholeEvent> events = ListWholeEvents(store_, "r65");
    auto feed = ReadFeed(store_, "acme", 205);
    CopyAndOpen();
    EXPECT_EQ(events, ListWholeEvents(store_, "r65"));
    EXPECT_EQ(feed.size(), ReadFeed(store_, "acme", 205).size());
    EXPECT_EQ(STORE_NOT_FOUND, GetRun(store_, "r64").result);
    MustCreate({.id = "behind", .started_at_us = 6000});
    EXPECT_EQ(feed.size() + 1, ReadFeed(store_, "acme", 205).size());
    ASSERT_EQ(STORE_OK, Apply(store_, {.id = "r0", .at_us = 7000}).result);
    EXPECT_EQ(4, Apply(store_, {.organization = "globex", .id = "stays"}).revision);
    run_store_close(store_);
    store_ = nullptr;
    ExpectSound(to_);
    MustOpen(to_);
}

TEST_P(StoreCopy, RetentionGoesOnInTheOrderOfTheEnds) {
    for (int i = 0; i < 30; i++) {
        std::string organization = i % 2 == 0 ? "acme" : "globex";
        std::string id = "r" + std::to_string(i);
        MustCreate({.organization = organization, .id = id});
        ASSERT_EQ(STORE_OK,
                  Apply(store_, {.organization = organization, .id = id, .at_us = 10000 + i * 1000})
                      .result);
    }
    MustCreate({.organization = "globex", .id = "newest"});
    CopyAndOpen();
    std::vector<Ended> early = ListEnded(store_, 20000);
    ASSERT_EQ(10U, early.size());
    for (size_t i = 0; i < early.size(); i++) {
        EXPECT_EQ("r" + std::to_string(i), early[i].id);
    }
    EXPECT_EQ(1, DeleteRuns(store_, {"r0"}));
}

// Where a job's next step goes on is in the back-end's own order of ids: it begins anew, and finds
// each run once.
TEST_P(StoreCopy, AJobThatCollectsGoesOn) {
    Ids ids;
    for (int i = 0; i < 9; i++) {
        ids.push_back("r" + std::to_string(i));
        ids.push_back(std::string(kUuid).replace(0, 1, std::to_string(i)));
    }
    for (const std::string &id : ids) {
        MustCreate({.id = id});
        ASSERT_EQ(STORE_OK,
                  CreateChild(store_, {.id = id + "-child", .workflow_id = "other"}, id).result);
    }
    Bulk job = {.cascades = true, .has_filter = true};
    job.filter.workflow_id = "wf";
    ASSERT_EQ(STORE_OK, CreateBulk(store_, job).result);
    ASSERT_EQ(STORE_OK, CollectBulk(store_, "job", 7).result);
    CopyAndOpen();
    BulkAnswer done = FinishBulk(store_, "job", 5);
    EXPECT_EQ(STORE_OK, done.result) << done.detail;
    EXPECT_EQ(36, done.bulk.total);
    EXPECT_EQ(36, done.bulk.cancelled);
    EXPECT_EQ(36U, ListBulkItems(store_).size());
}

TEST_P(StoreCopy, AJobAmidACascadeGoesOn) {
    MustCreate({.id = "root"});
    for (int i = 0; i < 40; i++) {
        std::string id = i % 2 == 0 ? "c" + std::to_string(i)
                                    : "0192f0c1-2d3e-7a4b-8c5d-0000000000" + std::to_string(10 + i);
        ASSERT_EQ(STORE_OK, CreateChild(store_, {.id = id, .workflow_id = "wf"}, "root").result);
    }
    ASSERT_EQ(STORE_OK, CreateBulk(store_, {.cascades = true}, {"root"}).result);
    ASSERT_EQ(STORE_OK, RunBulk(store_, "job", 15).result);
    CopyAndOpen();
    BulkAnswer done = FinishBulk(store_, "job", 7);
    EXPECT_EQ(41, done.bulk.total);
    EXPECT_EQ(41, done.bulk.cancelled);
}

// A run that was created after the job under an id that it names is not the run that was meant.
TEST_P(StoreCopy, AJobStillMeansTheRunsOfItsTime) {
    MustCreate({.organization = "globex", .id = "other"});
    MustCreate({.id = "meant"});
    ASSERT_EQ(STORE_OK, Apply(store_, {.id = "meant"}).result);
    MustCreate({.id = "open"});
    ASSERT_EQ(STORE_OK, CreateBulk(store_, {}, {"meant", "open"}).result);
    MustOpen(from_);
    ASSERT_EQ(STORE_OK, DeleteRun(store_, {.id = "meant"}).result);
    MustCreate({.id = "meant", .started_at_us = 20000});
    CopyAndOpen();
    BulkAnswer done = FinishBulk(store_);
    EXPECT_EQ(STORE_OK, done.result) << done.detail;
    EXPECT_EQ(RUN_RUNNING, GetRun(store_, "meant").run.status);
    EXPECT_EQ(RUN_CANCELLED, GetRun(store_, "open").run.status);
}

TEST_P(StoreCopy, AttemptsThatWereGivenAreGivenToNobodyElse) {
    MustCreate({.id = "r", .attempt = 7});
    ASSERT_EQ(STORE_OK, Apply(store_, {.id = "r"}).result);
    MustOpen(from_);
    ASSERT_EQ(STORE_OK, DeleteRun(store_, {.id = "r"}).result);
    CopyAndOpen();
    StoredRun leased = {.id = "r"};
    leased.terms.dispatch = RUN_DISPATCH_LEASE;
    MustCreate(leased);
    STORE_OP(op, acquire_runs);
    const std::string organization = "acme";
    const std::string holder = "w";
    op->organization = ToSlice(organization);
    op->holder = ToSlice(holder);
    op->from = kActive;
    op->lease_us = 1000000;
    op->limit = 1;
    op->at_us = 30000;
    ASSERT_EQ(STORE_OK, op.RunOn(store_)) << op.detail();
    EXPECT_EQ(8, GetRun(store_, "r").run.attempt);
}

TEST_P(StoreCopy, IsRefusedWhereNothingIsToBeLost) {
    MustCreate({.id = "r"});
    EXPECT_EQ(STATUS_FAILED_PRECONDITION, Copy(from_, to_).code) << "it is served";
    CopyAndOpen();
    EXPECT_EQ(STATUS_FAILED_PRECONDITION, Copy(from_, to_, true).code) << "so is the copy";
    run_store_close(store_);
    store_ = nullptr;
    Copied again = Copy(from_, to_);
    EXPECT_EQ(STATUS_FAILED_PRECONDITION, again.code);
    EXPECT_NE(std::string::npos, again.message.find("has 1 runs and 0 tokens")) << again.message;
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, Copy(from_, from_).code);
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, Copy(from_, "memory:").code);
    Copied same = Copy(from_, to_, true);
    EXPECT_EQ(STATUS_OK, same.code) << same.message;
    EXPECT_EQ(std::vector<std::string>{}, same.differences);
    MustOpen(to_);
    ASSERT_EQ(STORE_OK, Apply(store_, {.id = "r"}).result);
    run_store_close(store_);
    store_ = nullptr;
    Copied other = Copy(from_, to_, true);
    EXPECT_EQ(4U, other.differences.size()); // organization, event, run, run_count
    MustOpen(to_);
}

INSTANTIATE_TEST_SUITE_P(
    Backends, StoreCopy, testing::Combine(testing::ValuesIn(Kept()), testing::ValuesIn(Kept())),
    [](const testing::TestParamInfo<
        std::tuple<struct registered_backend, struct registered_backend>> &info) {
        return std::string(std::get<0>(info.param).backend->scheme) + "_to_" +
               std::get<1>(info.param).backend->scheme;
    });

} // namespace
