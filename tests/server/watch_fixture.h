#ifndef RUNSD_TESTS_SERVER_WATCH_FIXTURE_H
#define RUNSD_TESTS_SERVER_WATCH_FIXTURE_H

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runs/v1/feed.pb-c.h"
#include "runs/v1/runs_service.pb-c.h"
#include "tests/rpc/client_stream_fixture.h"
#include "tests/rpc/fixture.h"
#include "tests/server/wire_builder.h"
#include "tests/storage/store_url.h"

extern "C" {
#include "server/auth/token_table.h"
#include "server/feed/feed_hub.h"
#include "server/service/service_method.h"
#include "storage/op/acquire_runs.h"
#include "storage/op/create_run.h"
#include "storage/op/end_lease.h"
#include "storage/op/list_changes.h"
#include "storage/op/stop_run.h"
#include "storage/op/transition_run.h"
#include "storage/op/trim_changes.h"
#include "storage/store_opener.h"
}

// All methods on a real server over a real store, with the test's hands on the store: changes are
// made in it, and everything that it is asked can be answered by the test instead.

// A message of a watch, unpacked.
struct WatchMessage {
    enum Kind { kChange, kSnapshotRun, kSnapshotEnd, kBookmark, kNothing };
    Kind kind = kNothing;
    std::string cursor;
    std::string bytes;
    // Of a change, of a run of the snapshot or of a bookmark.
    std::string run_id;
    int64_t revision = 0;
    int64_t newest = 0;
    int64_t sequence = 0;
    int event_kind = 0;
    int from = 0;
    int to = 0;
    std::string actor;
    std::string reason;
    int64_t attempt = 0;
    std::string holder;
    bool has_run = false;
    int run_status = 0;
};

inline WatchMessage Unpack(const std::string &bytes) {
    auto *m = runs__v1__watch_runs_response__unpack(
        nullptr, bytes.size(), reinterpret_cast<const uint8_t *>(bytes.data()));
    WatchMessage got;
    if (m == nullptr) {
        ADD_FAILURE() << "no message of " << bytes.size() << " bytes";
        return got;
    }
    got.cursor = m->cursor;
    got.bytes = bytes;
    const Runs__V1__Run *run = m->run;
    switch (m->item_case) {
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_CHANGE:
        got.kind = WatchMessage::kChange;
        got.run_id = m->change->run_id;
        got.revision = m->change->revision;
        got.sequence = m->change->sequence;
        got.event_kind = m->change->kind;
        got.from = m->change->from_status;
        got.to = m->change->to_status;
        got.actor = m->change->actor;
        got.reason = m->change->reason;
        got.attempt = m->change->attempt;
        got.holder = m->change->holder;
        break;
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_SNAPSHOT_RUN:
        got.kind = WatchMessage::kSnapshotRun;
        run = m->snapshot_run->run;
        got.run_id = run->id;
        got.sequence = m->snapshot_run->sequence;
        break;
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_SNAPSHOT_END:
        got.kind = WatchMessage::kSnapshotEnd;
        break;
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_BOOKMARK:
        got.kind = WatchMessage::kBookmark;
        got.revision = m->bookmark->revision;
        got.newest = m->bookmark->newest_revision;
        break;
    default:
        ADD_FAILURE() << "a message that is nothing";
    }
    got.has_run = run != nullptr;
    got.run_status = run != nullptr ? run->status : 0;
    runs__v1__watch_runs_response__free_unpacked(m, nullptr);
    return got;
}

// A request, field by field.
inline std::string Cursor(const std::string &cursor) {
    return wire::Bytes(6, cursor);
}

struct WatchClock {
    struct clock base;
    std::atomic<int64_t> now;
};

// A store that passes on what it is asked, unless answer returns true: then op is answered.
struct PassingStore {
    struct run_store base;
    struct run_store *store;
    std::mutex mutex;
    std::function<bool(struct store_op *op)> answer;
};

inline void PassingSubmit(struct run_store *store, struct store_op *op) {
    auto *self = reinterpret_cast<PassingStore *>(store);
    std::function<bool(struct store_op *)> answer;
    {
        std::lock_guard<std::mutex> lock(self->mutex);
        answer = self->answer;
    }
    if (answer != nullptr && answer(op)) {
        op->done(op);
        return;
    }
    run_store_submit(self->store, op);
}

struct WatchPlace {
    const char *name;
    const char *store; // the scheme
    LoopKind loop;
};

class WatchFixture : public testing::TestWithParam<WatchPlace> {
  protected:
    WatchFixture() : loop_(GetParam().loop) {}

    void SetUp() override {
        clock_.base.now_us = [](const struct clock *self) {
            return reinterpret_cast<const WatchClock *>(self)->now.load();
        };
        clock_.now = 1'700'000'000'000'000;
        Open({});
    }

    void TearDown() override {
        Close();
    }

    void Open(const struct feed_options &options) {
        service_.log = &log_;
        service_.clock = &clock_.base;
        service_.tokens = token_table_new();
        service_.feed = feed_hub_new(&service_, &options);
        url_ = store_testing::StoreUrl(GetParam().store, dir_.Path("runs.db"));
        Arena a;
        struct run_store_options store_options = {};
        store_options.log = &log_;
        store_options.on_commit = [](void *context, const struct store_commit *commits, int count) {
            auto *self = static_cast<WatchFixture *>(context);
            if (!self->loses_hints_) {
                feed_hub_committed(self->service_.feed, commits, count);
            }
        };
        store_options.context = this;
        const struct error *error =
            run_store_open(a.get(), url_.c_str(), &store_options, &store_.store);
        ASSERT_EQ(nullptr, error) << error->message;
        static const struct run_store_ops ops = {"passing", PassingSubmit, nullptr};
        store_.base = *store_.store;
        store_.base.ops = &ops;
        service_.store = &store_.base;
        bindings_.resize(service_methods_count);
        methods_.clear();
        for (size_t i = 0; i < service_methods_count; i++) {
            methods_.push_back(service_method_bind(service_methods[i], &service_, &bindings_[i]));
        }
        server_ = std::make_unique<Server>(loop_.get(), 0, 0, methods_, 1);
        if (GetParam().loop == LoopKind::kPolling) {
            ASSERT_EQ(server_->Listen("unix:" + dir_.Path("socket")), "");
        }
        server_->Start();
        channel_ =
            GetParam().loop == LoopKind::kPolling
                ? std::make_unique<Channel>(client_loop_.get(), "unix:" + dir_.Path("socket"))
                : std::make_unique<Channel>(loop_.get(), *server_);
        acme_ = Token("acme", "reader");
        rival_ = Token("rival", "reader");
    }

    void Close() {
        channel_.reset();
        server_->Stop();
        run_store_close(store_.store);
        feed_hub_free(service_.feed);
        server_.reset();
        token_table_free(service_.tokens);
    }

    // --- tokens ---

    struct token_record RecordOf(const std::string &text, const std::string &organization,
                                 const std::string &name) {
        struct token_record record = {};
        record.organization = slice_of_cstr(strings_.emplace(organization).first->c_str());
        record.name = slice_of_cstr(strings_.emplace(name).first->c_str());
        record.scopes = SCOPE_RUNS_READ;
        token_hash(SliceOf(text), record.hash);
        return record;
    }

    std::string Token(const std::string &organization, const std::string &name,
                      int64_t expires_at_us = 0) {
        char text[TOKEN_TEXT_SIZE];
        token_make(text);
        struct token_record record = RecordOf(text, organization, name);
        record.expires_at_us = expires_at_us;
        token_table_put(service_.tokens, &record);
        return text;
    }

    // --- changes ---

    // The answer of an operation that the store must do.
    void Do(struct store_op *op, enum store_result want = STORE_OK) {
        store_op_submit_and_wait(store_.store, op);
        ASSERT_EQ(want, op->result) << (op->detail != nullptr ? op->detail : "");
    }

    // Returns the revision.
    int64_t Create(const std::string &id, const std::string &organization = "acme",
                   const std::string &workflow = "wf", size_t spec_bytes = 0) {
        Arena a;
        std::string spec = wire::Bytes(3, id);
        if (spec_bytes > 0) {
            spec += wire::Bytes(14, std::string(spec_bytes, 's'));
        }
        struct store_create_run create = {};
        create.op.kind = &store_create_run_kind;
        create.op.arena = a.get();
        create.in.organization = SliceOf(organization);
        create.in.id = SliceOf(id);
        create.in.status = RUN_RUNNING;
        create.in.started_at_us = ++clock_.now;
        create.in.workflow_id = SliceOf(workflow);
        create.in.spec = SliceOf(spec);
        create.cause.actor = slice_of_cstr("maker");
        create.cause.reason = SliceOf(reason_);
        Do(&create.op);
        return create.ret_revision;
    }

    int64_t Change(const std::string &id, enum run_status to,
                   const std::string &organization = "acme") {
        Arena a;
        struct store_transition_run t = {};
        t.op.kind = &store_transition_run_kind;
        t.op.arena = a.get();
        t.organization = SliceOf(organization);
        t.id = SliceOf(id);
        t.from = RUN_STATUS_ACTIVE;
        t.to = to;
        t.at_us = ++clock_.now;
        t.cause.actor = slice_of_cstr("changer");
        t.cause.reason = reason_.empty() ? slice_of_cstr("because") : SliceOf(reason_);
        Do(&t.op);
        return t.ret_revision;
    }

    void CreateLeased(const std::string &id, bool fails_on_lease_loss = false) {
        Arena a;
        struct store_create_run create = {};
        create.op.kind = &store_create_run_kind;
        create.op.arena = a.get();
        create.in.organization = slice_of_cstr("acme");
        create.in.id = SliceOf(id);
        create.in.status = RUN_RUNNING;
        create.in.started_at_us = ++clock_.now;
        create.in.terms.dispatch = RUN_DISPATCH_LEASE;
        create.in.terms.fails_on_lease_loss = fails_on_lease_loss;
        std::string spec = wire::Bytes(3, id);
        create.in.spec = SliceOf(spec);
        Do(&create.op);
    }

    void Acquire(const std::string &holder, const std::string &id) {
        Arena a;
        struct slice wanted = SliceOf(id);
        struct store_acquire_runs acquire = {};
        acquire.op.kind = &store_acquire_runs_kind;
        acquire.op.arena = a.get();
        acquire.organization = slice_of_cstr("acme");
        acquire.ids = &wanted;
        acquire.id_count = 1;
        acquire.from = RUN_STATUS_ACTIVE;
        acquire.limit = 1;
        acquire.holder = SliceOf(holder);
        acquire.lease_us = 30'000'000;
        acquire.at_us = ++clock_.now;
        Do(&acquire.op);
        ASSERT_EQ(1, acquire.ret_count);
    }

    void EndLease(const std::string &id, int64_t attempt, enum store_event_kind kind) {
        Arena a;
        struct store_end_lease end = {};
        end.op.kind = &store_end_lease_kind;
        end.op.arena = a.get();
        end.organization = slice_of_cstr("acme");
        end.id = SliceOf(id);
        end.attempt = attempt;
        end.kind = kind;
        end.at_us = ++clock_.now;
        Do(&end.op);
    }

    void Stop(const std::string &id, int64_t attempt) {
        Arena a;
        struct store_stop_run stop = {};
        stop.op.kind = &store_stop_run_kind;
        stop.op.arena = a.get();
        stop.organization = slice_of_cstr("acme");
        stop.id = SliceOf(id);
        stop.attempt = attempt;
        stop.at_us = ++clock_.now;
        Do(&stop.op);
    }

    void Trim(int64_t floor, const std::string &organization = "acme") {
        Arena a;
        struct store_trim_changes trim = {};
        trim.op.kind = &store_trim_changes_kind;
        trim.op.arena = a.get();
        trim.organization = SliceOf(organization);
        trim.floor_revision = floor;
        Do(&trim.op);
        ASSERT_EQ(floor, trim.ret_floor);
    }

    // Answers what the store is asked, until AnswerByStore.
    void Answer(std::function<bool(struct store_op *op)> answer) {
        std::lock_guard<std::mutex> lock(store_.mutex);
        store_.answer = std::move(answer);
    }

    // --- watches ---

    std::unique_ptr<Stream> Watch(const std::string &request, const std::string &token) {
        auto stream =
            std::make_unique<Stream>(*channel_, "/runs.v1.RunsService/WatchRuns", request);
        stream->Metadata("authorization", "Bearer " + token);
        return stream;
    }

    std::unique_ptr<Stream> Reading(const std::string &request) {
        auto stream = Watch(request, acme_);
        stream->ReadAll().Start();
        return stream;
    }

    static std::vector<WatchMessage> All(Stream &stream) {
        std::vector<WatchMessage> all;
        for (const std::string &bytes : stream.messages()) {
            all.push_back(Unpack(bytes));
        }
        return all;
    }

    static std::vector<WatchMessage> Changes(Stream &stream) {
        std::vector<WatchMessage> changes;
        for (const WatchMessage &m : All(stream)) {
            if (m.kind == WatchMessage::kChange) {
                changes.push_back(m);
            }
        }
        return changes;
    }

    // Waits until that many changes have come.
    static bool AwaitChanges(Stream &stream, size_t count) {
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        size_t messages = count;
        while (clock_monotonic_us() < until_us && !stream.is_done()) {
            if (!stream.AwaitMessages(messages)) {
                return false;
            }
            if (Changes(stream).size() >= count) {
                return true;
            }
            messages = stream.messages().size() + 1;
        }
        return false;
    }

    // The stream's first bookmark.
    static WatchMessage Begun(Stream &stream) {
        EXPECT_TRUE(stream.AwaitMessages(1)) << stream.code() << " " << stream.message();
        WatchMessage first = Unpack(stream.messages().at(0));
        EXPECT_EQ(WatchMessage::kBookmark, first.kind);
        return first;
    }

    TempDir dir_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    WatchClock clock_;
    PassingStore store_ = {};
    std::string reason_; // of creations
    std::atomic<bool> loses_hints_{false};
    struct service service_ = {};
    std::string url_;
    std::string acme_;
    std::string rival_;
    std::set<std::string> strings_;
    Loop loop_;
    Loop client_loop_;
    std::vector<struct service_binding> bindings_;
    std::vector<struct rpc_method> methods_;
    std::unique_ptr<Server> server_;
    std::unique_ptr<Channel> channel_;
};

inline std::string WatchPlaceName(const testing::TestParamInfo<WatchPlace> &info) {
    return info.param.name;
}

#define WATCH_PLACES                                                                               \
    testing::Values(WatchPlace{"MemoryOverASocket", "memory", LoopKind::kPolling},                 \
                    WatchPlace{"MemoryInProcess", "memory", LoopKind::kLocal},                     \
                    WatchPlace{"SqliteOverASocket", "sqlite", LoopKind::kPolling},                 \
                    WatchPlace{"SqliteInProcess", "sqlite", LoopKind::kLocal},                     \
                    WatchPlace{"PostgresOverASocket", "postgres", LoopKind::kPolling})

#endif
