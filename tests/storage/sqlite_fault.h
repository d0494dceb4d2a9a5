#ifndef RUNSD_TESTS_STORAGE_SQLITE_FAULT_H
#define RUNSD_TESTS_STORAGE_SQLITE_FAULT_H

#include <condition_variable>
#include <memory>
#include <mutex>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/store_testing.h"

// A SQLite store whose files fail as a test says, and operations that are under way.

namespace store_testing {

// An operation that is under way, and its end.
class Pending {
  public:
    Pending() {
        for (struct store_op *op : {create.get(), cancel.get()}) {
            op->context = this;
            op->done = [](struct store_op *o) {
                auto *p = static_cast<Pending *>(o->context);
                std::lock_guard<std::mutex> guard(p->lock_);
                p->done_ = true;
                p->result_ = o->result;
                p->changed_.notify_all();
            };
        }
    }
    enum store_result Wait() {
        std::unique_lock<std::mutex> guard(lock_);
        changed_.wait(guard, [this] { return done_; });
        return result_;
    }
    bool done() {
        std::lock_guard<std::mutex> guard(lock_);
        return done_;
    }
    std::string detail() const {
        return create.detail() + cancel.detail();
    }
    // One of them is submitted.
    Op<struct store_create_run> create{&store_create_run_kind};
    Op<struct store_transition_run> cancel{&store_transition_run_kind};
    StoredRun run;
    Transition transition;

  private:
    std::mutex lock_;
    std::condition_variable changed_;
    bool done_ = false;
    enum store_result result_ = STORE_UNAVAILABLE;
};

using PendingPtr = std::unique_ptr<Pending>;

inline PendingPtr StartCancel(struct run_store *store, const std::string &id,
                              int64_t deadline_us = 0) {
    auto p = std::make_unique<Pending>();
    p->transition.id = id;
    FillTransition(p->cancel, p->transition);
    p->cancel->op.deadline_us = deadline_us;
    run_store_submit(store, p->cancel.get());
    return p;
}

inline PendingPtr StartCreate(struct run_store *store, const std::string &id,
                              size_t claimed_bytes = 0) {
    auto p = std::make_unique<Pending>();
    p->run.id = id;
    FillCreate(p->create, p->run);
    if (claimed_bytes > 0) {
        // Never read: refused by its size.
        p->create->in.spec = slice_of("", claimed_bytes);
    }
    run_store_submit(store, p->create.get());
    return p;
}

class SqliteFault : public testing::Test {
  protected:
    void SetUp() override {
        vfs_.Reset();
        OpenStore(0);
    }
    void TearDown() override {
        vfs_.Reset();
        run_store_close(store_);
    }
    void OpenStore(int queue_limit, const struct logger *log = nullptr) {
        run_store_close(store_);
        store_ = nullptr;
        failures_ = 0;
        struct run_store_options options = {};
        options.queue_limit = queue_limit;
        options.log = log;
        options.on_failure = [](void *context, const char *detail) {
            auto *self = static_cast<SqliteFault *>(context);
            std::lock_guard<std::mutex> guard(self->failure_lock_);
            self->failure_ = detail;
            self->failures_++;
            self->failure_changed_.notify_all();
        };
        options.context = this;
        Opened o = Open("sqlite:" + path_, options);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void MustCreate(const std::string &id) {
        ASSERT_EQ(CreateRun(store_, {.id = id}).result, STORE_OK);
    }
    // The status in the run's row is that of its newest event.
    void ExpectConsistent(const std::string &id) {
        StoredRun run = GetRun(store_, id).run;
        std::vector<Event> events = ListEvents(store_, id);
        ASSERT_EQ(static_cast<int64_t>(events.size()), run.sequence);
        EXPECT_EQ(events.back().to, run.status);
        EXPECT_EQ(events.back().at_us, run.updated_at_us);
    }

    FaultyVfs &vfs_ = FaultyVfs::Install();
    TemporaryDirectory directory_;
    std::string path_ = directory_.File("runs.db");
    struct run_store *store_ = nullptr;
    std::mutex failure_lock_;
    std::condition_variable failure_changed_;
    int failures_ = 0;
    std::string failure_;
};

} // namespace store_testing

#endif
