#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

extern "C" {
#include "base/core/wire.h"
#include "bench/watch/watch_engine.h"
#include "bench/watch/watch_report.h"
#include "rpc/loop.h"
#include "rpc/server.h"
#include "rpc/server_stream.h"
}

// The engine against a service that tells its watchers of changes as the test says: what it
// leaves out or tells twice must be seen.

namespace {

// How the service tells one watcher of the changes.
enum class Manner { kAsTheyCome, kLeavesOneOut, kTellsOneTwice, kSwapsTwo, kEndsEarly };

struct Watcher {
    struct rpc_server_stream stream; // first
    struct Service *service;
    size_t number;
    size_t next;
    bool is_writing;
    bool is_over;
};

// All of the loop's thread. Messages are for the watcher with the manner; others see each once.
struct Service {
    Manner manner = Manner::kAsTheyCome;
    std::vector<std::string> messages;
    std::vector<std::string> odd; // what the first watcher gets
    std::vector<Watcher *> watchers;
    int tokens = 0;
    bool refuses_watches = false;
    bool refuses_changes = false;
};

void WriteNext(Watcher *w) {
    const auto &messages = w->number == 0 ? w->service->odd : w->service->messages;
    if (w->is_writing || w->is_over) {
        return;
    }
    if (w->next < messages.size()) {
        w->is_writing = true;
        struct slice part = slice_of(messages[w->next].data(), messages[w->next].size());
        w->next++;
        rpc_server_stream_write(&w->stream, &part, 1);
    } else if (w->number == 0 && w->service->manner == Manner::kEndsEarly && w->next == 3) {
        w->is_over = true;
        rpc_server_stream_finish(&w->stream, nullptr);
    }
}

void HandleWatch(void *context, struct rpc_server_call *call) {
    auto *s = static_cast<Service *>(context);
    if (s->refuses_watches) {
        rpc_server_call_fail(call, error_new(rpc_server_call_arena(call), STATUS_PERMISSION_DENIED,
                                             REASON_NONE, "no"));
        return;
    }
    auto *w = static_cast<Watcher *>(arena_zalloc(rpc_server_call_arena(call), sizeof(Watcher)));
    w->service = s;
    w->number = s->watchers.size();
    w->stream.call = call;
    w->stream.written = [](struct rpc_server_stream *stream, bool ok) {
        auto *self = reinterpret_cast<Watcher *>(stream);
        self->is_writing = false;
        if (ok) {
            WriteNext(self);
        }
    };
    w->stream.cancelled = w->stream.stopping = [](struct rpc_server_stream *stream) {
        reinterpret_cast<Watcher *>(stream)->is_over = true;
        rpc_server_stream_finish(stream, nullptr);
    };
    w->stream.closed = [](struct rpc_server_stream *stream) {
        auto *self = reinterpret_cast<Watcher *>(stream);
        self->service->watchers[self->number] = nullptr;
    };
    s->watchers.push_back(w);
    rpc_server_stream_begin(&w->stream);
    rpc_server_stream_send_head(&w->stream);
}

std::string Message(struct slice id, size_t revision) {
    struct strbuf change = STRBUF_INIT;
    struct strbuf message = STRBUF_INIT;
    wire_put_bytes(&change, 1, id);
    wire_put_uint(&change, 8, revision);
    wire_put_bytes(&message, 1, strbuf_slice(&change));
    std::string text(reinterpret_cast<const char *>(message.data), message.len);
    strbuf_release(&change);
    strbuf_release(&message);
    return text;
}

void AddOdd(Service *s, const std::string &message) {
    size_t number = s->messages.size(); // from 1
    if (s->manner == Manner::kLeavesOneOut && number == 2) {
        return;
    }
    if (s->manner == Manner::kSwapsTwo && number == 3) {
        s->odd.insert(s->odd.end() - 1, message);
        return;
    }
    if (s->manner == Manner::kSwapsTwo && number == 2) {
        s->odd.push_back(message);
        return; // written with the third, before it
    }
    s->odd.push_back(message);
    if (s->manner == Manner::kTellsOneTwice && number == 2) {
        s->odd.push_back(message);
    }
}

void HandleCancel(void *context, struct rpc_server_call *call) {
    auto *s = static_cast<Service *>(context);
    struct wire_field id;
    if (s->refuses_changes || !wire_find_last(rpc_server_call_request(call), 1, WIRE_BYTES, &id)) {
        rpc_server_call_fail(
            call, error_new(rpc_server_call_arena(call), STATUS_NOT_FOUND, REASON_NONE, "no"));
        return;
    }
    s->messages.push_back(Message(id.bytes, s->messages.size() + 1));
    AddOdd(s, s->messages.back());
    rpc_server_call_reply(call, nullptr, 0);
    bool waits = s->manner == Manner::kSwapsTwo && s->messages.size() == 2;
    for (Watcher *w : s->watchers) {
        if (w != nullptr && !(waits && w->number == 0)) {
            WriteNext(w);
        }
    }
}

void HandleCreate(void *, struct rpc_server_call *call) {
    rpc_server_call_reply(call, nullptr, 0);
}

void HandleToken(void *context, struct rpc_server_call *call) {
    static_cast<Service *>(context)->tokens++;
    struct slice part = slice_of_cstr("\x0a\x05token");
    rpc_server_call_reply(call, &part, 1);
}

class Engine : public testing::Test {
  protected:
    Engine() {
        arena_init(&arena_);
        methods_.resize(4);
        methods_[0] = {};
        methods_[0].path = "/runs.v1.RunsService/WatchRuns";
        methods_[0].kind = RPC_SERVER_STREAM;
        methods_[0].handle = HandleWatch;
        methods_[1].path = "/runs.v1.RunsService/CreateRun";
        methods_[1].handle = HandleCreate;
        methods_[2].path = "/runs.v1.RunsService/CancelRun";
        methods_[2].handle = HandleCancel;
        methods_[3].path = "/runs.v1.TokensService/CreateToken";
        methods_[3].handle = HandleToken;
        for (auto &method : methods_) {
            method.service = &service_;
        }
        struct rpc_server_options options = {};
        options.log = &log_;
        options.methods = methods_.data();
        options.method_count = methods_.size();
        options.error_domain = "test";
        loop_ = rpc_loop_new("watched");
        server_ = rpc_server_new(loop_, &options);
        struct address address;
        EXPECT_EQ(address_parse(&arena_, "", "127.0.0.1:0", &address), nullptr);
        int port = 0;
        const struct rpc_listen_options listen = {&address, rpc_credentials_insecure_server()};
        EXPECT_EQ(rpc_server_listen(server_, &arena_, &listen, &port), nullptr);
        rpc_server_start(server_);
        std::string where = "127.0.0.1:" + std::to_string(port);
        EXPECT_EQ(
            address_parse(&arena_, "", arena_printf(&arena_, "%s", where.c_str()), &load_.server),
            nullptr);
        load_.api = &watch_api_runs;
        load_.token = "admin";
        load_.server_pid = getpid();
        load_.groups = 1;
        load_.watchers = 5;
        load_.connections = 2;
        load_.changes_per_s = 200;
        load_.changes = 10;
        load_.patience_us = 300 * 1000;
    }
    ~Engine() override {
        delivery_book_release(&report_.book);
        rpc_server_stop(server_, 1000);
        rpc_server_free(server_);
        rpc_loop_free(loop_);
        arena_release(&arena_);
    }

    const struct error *Run() {
        return watch_engine_run(&arena_, &load_, &report_);
    }
    // What the report says, name and value.
    bool Says(const std::string &text) {
        struct strbuf out = STRBUF_INIT;
        watch_report_write(&load_, &report_, &out);
        std::string json(reinterpret_cast<const char *>(out.data), out.len);
        strbuf_release(&out);
        bool is = json.find(text) != std::string::npos;
        if (!is) {
            ADD_FAILURE() << text << " is not in " << json;
        }
        return is;
    }

    Service service_;
    struct watch_options load_ = {};
    struct watch_report report_ = {};
    struct arena arena_;

  private:
    struct logger log_ = {2, LOG_WARN, "test", nullptr};
    std::vector<struct rpc_method> methods_;
    struct rpc_loop *loop_;
    struct rpc_server *server_;
};

TEST_F(Engine, SeesEachChangeAtEachWatcher) {
    load_.patience_us = 30 * 1000 * 1000;
    ASSERT_EQ(Run(), nullptr);
    EXPECT_TRUE(Says("\"changes\":10,\"failedChanges\":0,\"deliveries\":50,\"lost\":0,"
                     "\"duplicated\":0,\"disordered\":0,\"foreign\":0,\"unreadable\":0,"
                     "\"ended\":0"));
    EXPECT_EQ(service_.tokens, 1);
    EXPECT_GT(report_.server_cpu_ns, 0);
    EXPECT_GT(report_.rss_before_bytes, 0);
    EXPECT_GT(report_.elapsed_ns, 9 * INT64_C(5000000)); // each at its time
}

TEST_F(Engine, SeesWhatIsLost) {
    service_.manner = Manner::kLeavesOneOut;
    ASSERT_EQ(Run(), nullptr);
    EXPECT_TRUE(Says("\"deliveries\":49,\"lost\":1,\"duplicated\":0,\"disordered\":0"));
}

TEST_F(Engine, SeesWhatIsToldTwice) {
    service_.manner = Manner::kTellsOneTwice;
    ASSERT_EQ(Run(), nullptr);
    EXPECT_TRUE(Says("\"deliveries\":50,\"lost\":0,\"duplicated\":1"));
}

TEST_F(Engine, SeesWhatIsOutOfOrder) {
    service_.manner = Manner::kSwapsTwo;
    ASSERT_EQ(Run(), nullptr);
    EXPECT_TRUE(Says("\"deliveries\":50,\"lost\":0,\"duplicated\":0,\"disordered\":1"));
}

TEST_F(Engine, SeesWatchesThatEnd) {
    service_.manner = Manner::kEndsEarly;
    ASSERT_EQ(Run(), nullptr);
    EXPECT_TRUE(Says("\"ended\":1"));
    EXPECT_GT(delivery_book_expected(&report_.book), report_.book.deliveries);
}

TEST_F(Engine, CountsChangesThatFail) {
    service_.refuses_changes = true;
    ASSERT_EQ(Run(), nullptr);
    EXPECT_TRUE(Says("\"changes\":0,\"failedChanges\":10,\"deliveries\":0,\"lost\":0"));
}

TEST_F(Engine, SaysThatAWatchWasRefused) {
    service_.refuses_watches = true;
    const struct error *error = Run();
    ASSERT_NE(error, nullptr);
    EXPECT_STREQ(error->message, "a watch ended with gRPC status 7 (-1: none)");
}

TEST_F(Engine, NeedsNoWatcher) {
    load_.watchers = 0;
    ASSERT_EQ(Run(), nullptr);
    EXPECT_TRUE(Says("\"changes\":10,\"failedChanges\":0,\"deliveries\":0,\"lost\":0"));
}

} // namespace
