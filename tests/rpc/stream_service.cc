#include "tests/rpc/stream_service.h"

#include <chrono>

namespace {

StreamService::Open *Self(struct rpc_server_stream *stream) {
    return reinterpret_cast<StreamService::Open *>(stream);
}

} // namespace

StreamService::StreamService() {
    thread_ = std::thread([this] { WriteInThread(); });
}

StreamService::~StreamService() {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

std::vector<struct rpc_method> StreamService::Methods() {
    return {
        {"/test.Stream/Count", Count, this, RPC_SERVER_STREAM},
        {"/test.Stream/Break", Break, this, RPC_SERVER_STREAM},
        {"/test.Stream/Thread", Thread, this, RPC_SERVER_STREAM},
        {"/test.Stream/Open", OpenMethod, this, RPC_SERVER_STREAM},
        {"/test.Stream/Taken", Taken, this, RPC_SERVER_STREAM},
        {"/test.Stream/Refuse", Refuse, this, RPC_SERVER_STREAM},
        {"/test.Stream/Chat", Chat, this, RPC_BIDI_STREAM},
        {"/test.Stream/Talk", Talk, this, RPC_BIDI_STREAM},
    };
}

void StreamService::Notify() {
    std::lock_guard<std::mutex> lock(mutex_);
    changed_.notify_all();
}

bool StreamService::AwaitCount(const std::atomic<int> &value, int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::microseconds(kPatienceUs),
                             [&] { return value >= count; });
}

bool StreamService::AwaitCancelled(int count) {
    return AwaitCount(cancelled, count);
}

bool StreamService::AwaitStopping(int count) {
    return AwaitCount(stopping, count);
}

bool StreamService::AwaitWritten(int count) {
    return AwaitCount(written, count);
}

bool StreamService::AwaitClosed(int count) {
    return AwaitCount(closed, count);
}

int StreamService::AwaitStandstill() {
    int before = -1;
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (before != written && clock_monotonic_us() < until_us) {
        before = written;
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return before;
}

struct rpc_server_stream *StreamService::AwaitOpen(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    bool there = changed_.wait_for(lock, std::chrono::microseconds(kPatienceUs),
                                   [&] { return open_.size() >= count; });
    return there ? open_.back() : nullptr;
}

StreamService::Open *StreamService::Begin(struct rpc_server_call *call) {
    Open *open = static_cast<Open *>(arena_zalloc(rpc_server_call_arena(call), sizeof(Open)));
    open->service = this;
    open->stream.call = call;
    open->stream.written = [](struct rpc_server_stream *stream, bool ok) {
        Open *self = Self(stream);
        self->service->written++;
        self->service->written_not_ok += !ok;
        self->service->Notify();
        if (self->left > 0 || self->size > 0) {
            self->service->WriteNext(self);
        }
    };
    open->stream.cancelled = [](struct rpc_server_stream *stream) {
        Open *self = Self(stream);
        self->service->cancelled++;
        self->service->Notify();
        if (!self->is_threaded) {
            rpc_server_stream_finish(stream, nullptr);
        }
    };
    open->stream.stopping = [](struct rpc_server_stream *stream) {
        Open *self = Self(stream);
        self->service->stopping++;
        self->service->Notify();
        if (!self->service->is_deaf_ && !self->is_threaded) {
            rpc_server_stream_finish(stream, rpc_server_stream_stopping_error(stream));
        }
    };
    open->stream.closed = [](struct rpc_server_stream *stream) {
        Self(stream)->service->closed++;
        Self(stream)->service->Notify();
    };
    rpc_server_stream_begin(&open->stream);
    begun++;
    return open;
}

// Writes one message, or finishes.
void StreamService::WriteNext(Open *open) {
    struct rpc_server_stream *stream = &open->stream;
    if (open->sent == open->left) {
        static const struct error broken = {STATUS_FAILED_PRECONDITION,
                                            "broken on purpose",
                                            nullptr,
                                            REASON_NONE,
                                            "BROKEN",
                                            nullptr,
                                            nullptr,
                                            nullptr,
                                            nullptr,
                                            nullptr,
                                            0};
        rpc_server_stream_finish(stream, open->breaks ? &broken : nullptr);
        return;
    }
    std::string number = std::to_string(open->sent++) + " ";
    std::string rest(open->size > number.size() ? open->size - number.size() : 0, 'x');
    struct slice parts[] = {SliceOf(number), SliceOf(rest)};
    rpc_server_stream_write(stream, parts, 2);
}

void StreamService::Count(void *self, struct rpc_server_call *call) {
    Open *open = static_cast<StreamService *>(self)->Begin(call);
    std::string request = Text(rpc_server_call_request(call));
    open->left = std::stoul(request);
    open->size = std::stoul(request.substr(request.find(' ') + 1));
    open->service->WriteNext(open);
}

void StreamService::Break(void *self, struct rpc_server_call *call) {
    Open *open = static_cast<StreamService *>(self)->Begin(call);
    open->left = std::stoul(Text(rpc_server_call_request(call)));
    open->size = 2;
    open->breaks = true;
    open->service->WriteNext(open);
}

void StreamService::Thread(void *self, struct rpc_server_call *call) {
    auto *service = static_cast<StreamService *>(self);
    Open *open = service->Begin(call);
    open->is_threaded = true;
    std::string request = Text(rpc_server_call_request(call));
    open->left = std::stoul(request);
    open->size = std::stoul(request.substr(request.find(' ') + 1));
    open->stream.written = [](struct rpc_server_stream *stream, bool) {
        Open *threaded = Self(stream);
        std::lock_guard<std::mutex> lock(threaded->service->mutex_);
        threaded->service->to_write_.push_back(threaded);
        threaded->service->changed_.notify_all();
    };
    std::lock_guard<std::mutex> lock(service->mutex_);
    service->to_write_.push_back(open);
    service->changed_.notify_all();
}

void StreamService::WriteInThread() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return ending_ || !to_write_.empty(); });
        if (to_write_.empty()) {
            return;
        }
        Open *open = to_write_.front();
        to_write_.pop_front();
        lock.unlock();
        WriteNext(open);
        lock.lock();
    }
}

void StreamService::OpenMethod(void *self, struct rpc_server_call *call) {
    auto *service = static_cast<StreamService *>(self);
    Open *open = service->Begin(call);
    std::lock_guard<std::mutex> lock(service->mutex_);
    service->open_.push_back(&open->stream);
    service->changed_.notify_all();
}

void StreamService::Taken(void *self, struct rpc_server_call *call) {
    auto *service = static_cast<StreamService *>(self);
    Open *open = service->Begin(call);
    rpc_server_stream_send_head(&open->stream);
    rpc_server_stream_send_head(&open->stream); // which does nothing
    std::lock_guard<std::mutex> lock(service->mutex_);
    service->open_.push_back(&open->stream);
    service->changed_.notify_all();
}

void StreamService::Refuse(void *, struct rpc_server_call *call) {
    rpc_server_call_fail(call, error_new(rpc_server_call_arena(call), STATUS_PERMISSION_DENIED,
                                         REASON_SCOPE_MISSING, "not you"));
}

void StreamService::Chat(void *self, struct rpc_server_call *call) {
    Open *open = static_cast<StreamService *>(self)->Begin(call);
    open->stream.written = [](struct rpc_server_stream *stream, bool) {
        rpc_server_stream_read(stream);
    };
    open->stream.message = [](struct rpc_server_stream *stream, const struct slice *message,
                              const struct error *error) {
        if (message != nullptr) {
            rpc_server_stream_write(stream, message, 1);
        } else {
            rpc_server_stream_finish(stream, error);
        }
    };
    rpc_server_stream_read(&open->stream);
}

void StreamService::Talk(void *self, struct rpc_server_call *call) {
    Open *open = static_cast<StreamService *>(self)->Begin(call);
    open->stream.written = [](struct rpc_server_stream *, bool) { FAIL() << "after the finish"; };
    open->stream.message = [](struct rpc_server_stream *, const struct slice *,
                              const struct error *) { FAIL() << "after the finish"; };
    struct slice word = slice_of_cstr("enough");
    rpc_server_stream_read(&open->stream);
    rpc_server_stream_write(&open->stream, &word, 1);
    rpc_server_stream_finish(&open->stream, nullptr);
}
