#ifndef RUNSD_TESTS_SERVER_SHARED_STORE_H
#define RUNSD_TESTS_SERVER_SHARED_STORE_H

#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/wire_builder.h"

extern "C" {
#include "storage/op/create_token.h"
#include "storage/op/delete_organization.h"
#include "storage/op/end_lease.h"
#include "storage/op/get_run.h"
#include "storage/op/note_renewals.h"
#include "storage/op/revoke_token.h"
#include "storage/op/rotate_token.h"
#include "storage/op/set_token_limits.h"
#include "storage/store_opener.h"
}

// One store in memory that several servers of this process open, each as if it were alone with it:
// what storage/run_store.h says of a shared store. Who is on duty, and who reaches the store, is
// the test's to say.
class SharedStore {
  public:
    // A server's own view of it.
    struct Handle {
        struct run_store base; // first
        SharedStore *shared;
        struct run_store_options options;
        std::atomic<bool> is_away{false};
        std::atomic<int> refused{0}; // operations, while it was away
    };

    SharedStore() {
        struct run_store_options options = {};
        options.on_commit = [](void *context, const struct store_commit *commits, int count) {
            static_cast<SharedStore *>(context)->Tell(commits, count);
        };
        options.context = this;
        TestArena a;
        EXPECT_EQ(nullptr, run_store_open(a.get(), "memory:", &options, &memory_));
    }
    ~SharedStore() {
        EXPECT_TRUE(handles_.empty());
        run_store_close(memory_);
    }

    // As open_store of struct runsd_options; location is the store's address.
    static const struct error *Open(struct arena *, const char *url,
                                    const struct run_store_options *options,
                                    struct run_store **ret_store) {
        auto *self = reinterpret_cast<SharedStore *>(std::stoull(url + strlen("shared:")));
        static const struct run_store_ops ops = {"shared", Submit, Close};
        auto *handle = new Handle;
        handle->base = *self->memory_;
        handle->base.ops = &ops;
        handle->base.is_shared = true;
        handle->shared = self;
        handle->options = *options;
        *ret_store = &handle->base;
        std::lock_guard<std::recursive_mutex> lock(self->mutex_);
        self->handles_.push_back(handle);
        return nullptr;
    }
    std::string Url() const {
        return "shared:" + std::to_string(reinterpret_cast<uintptr_t>(this));
    }

    Handle *handle(size_t index) {
        std::lock_guard<std::recursive_mutex> lock(mutex_);
        return handles_[index];
    }
    struct run_store *memory() {
        return memory_;
    }

    void SetDuty(size_t index, bool is_on) {
        Handle *h = handle(index);
        h->options.on_duty(h->options.context, is_on);
    }

    // Whether the server cannot reach the store: it is told nothing then.
    void SetAway(size_t index, bool is_away) {
        Handle *h = handle(index);
        h->is_away = is_away;
        h->options.on_health(h->options.context, STORE_READS, !is_away);
        h->options.on_health(h->options.context, STORE_CHANGES, !is_away);
        if (!is_away) {
            h->options.on_tokens(h->options.context);
        }
    }

    // Another server has changed tokens.
    void TellTokens() {
        std::lock_guard<std::recursive_mutex> lock(mutex_);
        for (Handle *h : handles_) {
            if (!h->is_away) {
                h->options.on_tokens(h->options.context);
            }
        }
    }

  private:
    using Name = std::pair<std::string, std::string>;
    struct Renewal {
        int64_t attempt;
        int64_t until_us;
    };

    static std::string Text(struct slice s) {
        return std::string(reinterpret_cast<const char *>(s.data), s.len);
    }

    // Who submits what is committed by this thread.
    static Handle *&Submitter() {
        static thread_local Handle *submitter = nullptr;
        return submitter;
    }

    void Tell(const struct store_commit *commits, int count) {
        std::lock_guard<std::recursive_mutex> lock(mutex_);
        Handle *own = Submitter();
        for (Handle *h : handles_) {
            std::vector<struct store_commit> told(commits, commits + count);
            for (struct store_commit &c : told) {
                if (h != own) {
                    c.kinds = STORE_COMMIT_ELSEWHERE;
                    c.opened = 1;
                }
            }
            if (!h->is_away) {
                h->options.on_commit(h->options.context, told.data(), count);
            }
        }
    }

    void NoteRenewals(const struct store_note_renewals *note) {
        std::lock_guard<std::mutex> lock(renewals_mutex_);
        for (int i = 0; i < note->count; i++) {
            const struct store_renewal &r = note->renewals[i];
            Renewal &known = renewals_[Name(Text(r.organization), Text(r.id))];
            if (known.attempt <= r.attempt) {
                known = {r.attempt, clock_monotonic_us() + r.left_us};
            }
        }
    }

    int64_t LeftUs(const struct store_end_lease *end) {
        std::lock_guard<std::mutex> lock(renewals_mutex_);
        auto found = renewals_.find(Name(Text(end->organization), Text(end->id)));
        if (end->kind != STORE_EVENT_LEASE_LOSS || found == renewals_.end() ||
            found->second.attempt != end->attempt) {
            return 0;
        }
        int64_t left_us = found->second.until_us - clock_monotonic_us();
        return left_us > 0 ? left_us : 0;
    }

    static bool IsOfTokens(const struct store_op *op) {
        static const std::set<const struct store_kind *> kinds = {
            &store_create_token_kind, &store_revoke_token_kind, &store_rotate_token_kind,
            &store_set_token_limits_kind, &store_delete_organization_kind};
        return kinds.count(op->kind) != 0;
    }

    static void Submit(struct run_store *store, struct store_op *op) {
        auto *h = reinterpret_cast<Handle *>(store);
        SharedStore *self = h->shared;
        if (h->is_away) {
            h->refused++;
            op->result = STORE_UNREACHABLE;
            op->detail = "the test keeps it away";
            op->done(op);
            return;
        }
        if (op->kind == &store_note_renewals_kind) {
            self->NoteRenewals(CONTAINER_OF(op, struct store_note_renewals, op));
            op->result = STORE_OK;
            op->done(op);
            return;
        }
        if (op->kind == &store_end_lease_kind) {
            auto *end = CONTAINER_OF(op, struct store_end_lease, op);
            int64_t left_us = self->LeftUs(end);
            if (left_us > 0) { // the run stays as it is
                end->ret_revision = 0;
                end->ret_is_stale = false;
                end->ret_left_us = left_us;
                op->result = STORE_CONFLICT;
                op->done(op);
                return;
            }
        }
        bool is_of_tokens = IsOfTokens(op);
        Handle *before = Submitter();
        Submitter() = h;
        run_store_submit(self->memory_, op); // the caller may have freed op by its end
        Submitter() = before;
        if (is_of_tokens) {
            self->TellTokens();
        }
    }

    static void Close(struct run_store *store) {
        auto *h = reinterpret_cast<Handle *>(store);
        SharedStore *self = h->shared;
        {
            std::lock_guard<std::recursive_mutex> lock(self->mutex_);
            for (size_t i = 0; i < self->handles_.size(); i++) {
                if (self->handles_[i] == h) {
                    self->handles_.erase(self->handles_.begin() + static_cast<ptrdiff_t>(i));
                    break;
                }
            }
        }
        delete h; // all was answered within Submit
    }

    struct run_store *memory_ = nullptr;
    std::recursive_mutex mutex_; // while somebody is told: guards handles_
    std::vector<Handle *> handles_;
    std::mutex renewals_mutex_;
    std::map<Name, Renewal> renewals_;
};

#endif
