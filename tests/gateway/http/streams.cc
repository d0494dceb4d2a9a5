#include "tests/gateway/http/streams.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/gateway/http/fixture.h"

extern "C" {
#include "base/core/strbuf.h"
#include "base/core/wire.h"
}

// One stream. Its events come on the loop's thread; the test's thread only finishes it.
struct Streams::One {
    struct rpc_server_stream stream; // first: events find the rest by it
    Streams *owner;
    std::string text;
    int64_t number;
    bool is_body; // of HttpBody instead of Message
    int64_t next;
    bool is_writing;
    bool is_finished;
};

std::vector<struct rpc_method> Streams::Methods() {
    return {
        {"/http_test.v1.Upstream/Watch", Watch, this, RPC_SERVER_STREAM},
        {"/http_test.v1.Upstream/Download", Download, this, RPC_SERVER_STREAM},
    };
}

bool Streams::Await(const int &value, int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(kPatienceSeconds),
                             [&] { return value >= count; });
}

bool Streams::AwaitBegun(int count) {
    return Await(begun_, count);
}

bool Streams::AwaitCancelled(int count) {
    return Await(cancelled_, count);
}

int Streams::AwaitStandstill() {
    int before = -1;
    for (;;) {
        std::unique_lock<std::mutex> lock(mutex_);
        if (written_ == before) {
            return before;
        }
        before = written_;
        lock.unlock();
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
}

void Streams::EndAll() {
    std::lock_guard<std::mutex> lock(mutex_);
    is_ending_ = true;
    for (One *one : held_) {
        FinishHeld(one);
    }
    held_.clear();
}

void Streams::Watch(void *self, struct rpc_server_call *call) {
    Begin(static_cast<Streams *>(self), call, false);
}

void Streams::Download(void *self, struct rpc_server_call *call) {
    Begin(static_cast<Streams *>(self), call, true);
}

void Streams::Begin(Streams *self, struct rpc_server_call *call, bool is_body) {
    auto *one = new One{};
    one->owner = self;
    one->is_body = is_body;
    struct slice request = rpc_server_call_request(call);
    const uint8_t *p = request.data;
    const uint8_t *end = p + request.len;
    struct wire_field field;
    while (p < end && wire_read_field(&p, end, &field)) {
        if (field.number == 1) {
            one->text.assign(reinterpret_cast<const char *>(field.bytes.data), field.bytes.len);
        } else {
            one->number = static_cast<int64_t>(field.value);
        }
    }
    if (one->text == "refuse" || one->text == "refuse_gone") {
        struct error *e = error_new(rpc_server_call_arena(call), STATUS_NOT_FOUND, REASON_NONE,
                                    "there is no such stream");
        e->reason = one->text == "refuse" ? "TEST_REASON" : "GONE";
        rpc_server_call_fail(call, e);
        delete one;
        return;
    }
    one->stream.call = call;
    one->stream.written = OnWritten;
    one->stream.cancelled = OnCancelled;
    one->stream.stopping = OnCancelled;
    one->stream.closed = OnClosed;
    rpc_server_stream_begin(&one->stream);
    std::lock_guard<std::mutex> lock(self->mutex_);
    self->begun_++;
    self->changed_.notify_all();
    Write(one);
    if (one->text == "hold") {
        rpc_server_stream_send_head(&one->stream);
    }
}

void Streams::FinishHeld(One *one) {
    struct arena arena;
    arena_init(&arena);
    struct error *e = nullptr;
    if (one->text == "mute-fail") {
        e = error_new(&arena, STATUS_ABORTED, REASON_NONE, "failed midway");
        e->reason = "TEST_REASON";
    }
    Finish(one, e);
    arena_release(&arena);
}

void Streams::Finish(One *one, const struct error *error) {
    one->is_finished = true;
    rpc_server_stream_finish(&one->stream, error);
}

// The next message, or what comes behind the last. Under the lock.
void Streams::Write(One *one) {
    Streams *self = one->owner;
    bool floods = one->text == "flood";
    bool is_last = one->next >= one->number;
    if (is_last && (one->text == "fail" || one->text == "fail_gone")) {
        struct error *e = error_new(rpc_server_call_arena(one->stream.call), STATUS_ABORTED,
                                    REASON_NONE, "failed midway");
        e->reason = one->text == "fail" ? "TEST_REASON" : "GONE";
        Finish(one, e);
        return;
    }
    bool is_garbage = is_last && one->text == "garbage" && one->next == one->number;
    if (is_last && !floods && !is_garbage) {
        if (one->text == "count" || self->is_ending_) {
            Finish(one, nullptr);
        } else {
            self->held_.push_back(one);
        }
        return;
    }
    struct strbuf message = STRBUF_INIT;
    std::string text = floods ? std::string(65536, 'x') : "m" + std::to_string(one->next);
    struct slice bytes = slice_of(text.data(), text.size());
    if (is_garbage) {
        strbuf_append_cstr(&message, "\x0a\x7f is cut");
    } else if (one->is_body) {
        wire_put_bytes(&message, 1, slice_of_cstr("text/plain"));
        wire_put_bytes(&message, 2, bytes);
    } else {
        wire_put_bytes(&message, 1, bytes);
        wire_put_uint(&message, 2, static_cast<uint64_t>(one->next));
    }
    one->next++;
    one->is_writing = true;
    struct slice part = strbuf_slice(&message);
    rpc_server_stream_write(&one->stream, &part, 1);
    strbuf_release(&message);
}

void Streams::OnWritten(struct rpc_server_stream *stream, bool ok) {
    auto *one = reinterpret_cast<One *>(stream);
    Streams *self = one->owner;
    std::lock_guard<std::mutex> lock(self->mutex_);
    self->written_ += one->text == "flood";
    one->is_writing = false;
    if (ok && !one->is_finished) {
        Write(one);
    }
}

void Streams::OnCancelled(struct rpc_server_stream *stream) {
    auto *one = reinterpret_cast<One *>(stream);
    Streams *self = one->owner;
    std::lock_guard<std::mutex> lock(self->mutex_);
    self->cancelled_++;
    self->changed_.notify_all();
    if (!one->is_finished) {
        self->held_.erase(std::remove(self->held_.begin(), self->held_.end(), one),
                          self->held_.end());
        Finish(one, nullptr);
    }
}

void Streams::OnClosed(struct rpc_server_stream *stream) {
    delete reinterpret_cast<One *>(stream);
}
