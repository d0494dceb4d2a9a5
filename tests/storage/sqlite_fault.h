#ifndef RUNSD_TESTS_STORAGE_SQLITE_FAULT_H
#define RUNSD_TESTS_STORAGE_SQLITE_FAULT_H

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/store_testing.h"

// A SQLite store whose files fail as a test says, and operations that are under way.

namespace store_testing {

// An operation that is under way, and its end.
class Pending {
  public:
    explicit Pending(enum store_op_kind kind) : op(kind) {
        op->done = [](struct store_op *o) {
            // The Pending of an operation is found by its arena's address, which
            // nothing else shares.
            Pending *p = Find(o);
            std::lock_guard<std::mutex> guard(p->lock_);
            p->done_ = true;
            p->changed_.notify_all();
        };
        std::lock_guard<std::mutex> guard(table_lock_);
        table_.push_back(this);
    }
    ~Pending() {
        std::lock_guard<std::mutex> guard(table_lock_);
        for (Pending *&p : table_) {
            if (p == this) {
                p = table_.back();
                table_.pop_back();
                break;
            }
        }
    }
    enum store_result Wait() {
        std::unique_lock<std::mutex> guard(lock_);
        changed_.wait(guard, [this] { return done_; });
        return op->result;
    }
    bool done() {
        std::lock_guard<std::mutex> guard(lock_);
        return done_;
    }
    Op op;
    StoredRun run;
    Transition transition;

  private:
    static Pending *Find(struct store_op *o) {
        std::lock_guard<std::mutex> guard(table_lock_);
        for (Pending *p : table_) {
            if (p->op.get() == o) {
                return p;
            }
        }
        abort();
    }
    static inline std::mutex table_lock_;
    static inline std::vector<Pending *> table_;
    std::mutex lock_;
    std::condition_variable changed_;
    bool done_ = false;
};

using PendingPtr = std::unique_ptr<Pending>;

inline PendingPtr StartCancel(struct run_store *store, const std::string &id,
                              int64_t deadline_us = 0) {
    auto p = std::make_unique<Pending>(STORE_TRANSITION);
    p->transition.id = id;
    FillTransition(p->op, p->transition);
    p->op->deadline_us = deadline_us;
    run_store_submit(store, p->op.get());
    return p;
}

inline PendingPtr StartCreate(struct run_store *store, const std::string &id,
                              size_t claimed_bytes = 0) {
    auto p = std::make_unique<Pending>(STORE_CREATE);
    p->run.id = id;
    static const std::string empty;
    FillCreate(p->op, p->run, empty, empty);
    if (claimed_bytes > 0) {
        // Never read: refused by its size.
        p->op->create.in.spec = slice_of("", claimed_bytes);
    }
    run_store_submit(store, p->op.get());
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
