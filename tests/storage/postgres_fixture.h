#ifndef RUNSD_TESTS_STORAGE_POSTGRES_FIXTURE_H
#define RUNSD_TESTS_STORAGE_POSTGRES_FIXTURE_H

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "tests/storage/pg_connection_testing.h"
#include "tests/storage/store_testing.h"

extern "C" {
#include "storage/postgres/postgres_store.h"
}

namespace store_testing {

// A store in PostgreSQL as a server opens it, and what it tells.
class SharedStore {
  public:
    struct Commit {
        std::string organization;
        int64_t revision;
        uint32_t kinds;
        int opened;
    };

    SharedStore() {
        options_.context = this;
        options_.on_health = [](void *context, enum store_part part, bool works) {
            static_cast<SharedStore *>(context)->Tell([&](SharedStore *s) {
                s->works_[part] = works;
                s->turns_[part]++;
            });
        };
        options_.on_commit = [](void *context, const struct store_commit *commits, int count) {
            static_cast<SharedStore *>(context)->Tell([&](SharedStore *s) {
                for (int i = 0; i < count; i++) {
                    s->commits_.push_back({ToString(commits[i].organization), commits[i].revision,
                                           commits[i].kinds, commits[i].opened});
                }
            });
        };
        options_.on_duty = [](void *context, bool is_on_duty) {
            static_cast<SharedStore *>(context)->Tell(
                [&](SharedStore *s) { s->is_on_duty_ = is_on_duty; });
        };
        options_.on_tokens = [](void *context) {
            static_cast<SharedStore *>(context)->Tell([&](SharedStore *s) { s->tokens_++; });
        };
    }
    ~SharedStore() {
        Close();
    }
    SharedStore(const SharedStore &) = delete;
    SharedStore &operator=(const SharedStore &) = delete;

    struct run_store_options &options() {
        return options_;
    }
    // Returns the code, with message set.
    int Open(const std::string &url, const std::string &direct_url = "") {
        struct arena a;
        arena_init(&a);
        const struct error *e = postgres_store_open(
            &a, url.c_str(), url.c_str(), direct_url.empty() ? nullptr : direct_url.c_str(),
            &options_, &store_);
        message_ = e != nullptr ? e->message : "";
        int code = e != nullptr ? e->code : STATUS_OK;
        arena_release(&a);
        return code;
    }
    void Close() {
        run_store_close(store_);
        store_ = nullptr;
    }
    struct run_store *get() {
        return store_;
    }
    std::string message() const {
        return message_;
    }

    // Waits until what is asked is so; false: it is not within that time.
    template <typename Asked> bool Within(int64_t us, const Asked &asked) {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, std::chrono::microseconds(us), [&] { return asked(this); });
    }
    bool IsOnDutyWithin(int64_t us, bool is_on_duty = true) {
        return Within(us, [&](SharedStore *s) { return s->is_on_duty_ == is_on_duty; });
    }
    bool WorksWithin(int64_t us, enum store_part part, bool works) {
        return Within(us, [&](SharedStore *s) { return s->works_[part] == works; });
    }
    int tokens() {
        std::lock_guard<std::mutex> lock(mutex_);
        return tokens_;
    }
    int turns(enum store_part part) {
        std::lock_guard<std::mutex> lock(mutex_);
        return turns_[part];
    }
    // Waits for the next commit that it tells of.
    bool TakeCommit(int64_t within_us, Commit *ret) {
        std::unique_lock<std::mutex> lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::microseconds(within_us),
                               [&] { return !commits_.empty(); })) {
            return false;
        }
        *ret = commits_.front();
        commits_.pop_front();
        return true;
    }

  private:
    template <typename Change> void Tell(const Change &change) {
        std::lock_guard<std::mutex> lock(mutex_);
        change(this);
        changed_.notify_all();
    }

    struct run_store_options options_ = {};
    struct run_store *store_ = nullptr;
    std::string message_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<enum store_part, bool> works_ = {{STORE_READS, true}, {STORE_CHANGES, true}};
    std::map<enum store_part, int> turns_;
    std::deque<Commit> commits_;
    bool is_on_duty_ = false;
    int tokens_ = 0;
};

} // namespace store_testing

#endif
