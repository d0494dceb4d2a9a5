#include "tests/rpc/client_stream_fixture.h"

#include <chrono>
#include <cstdlib>

Stream::Stream(Channel &channel, const std::string &method, std::string request)
    : request_(std::move(request)) {
    bound_.self = this;
    stream_.method = channel.Method(method);
    stream_.arena = arena_.get();
    stream_.message = Message;
    stream_.done = Done;
}

Stream::~Stream() {
    if (started_) {
        if (!release_in_done_) {
            Cancel();
        }
        Await();
        if (!release_in_done_) {
            rpc_client_stream_release(&stream_);
        }
    }
}

Stream &Stream::Metadata(const std::string &key, const std::string &value) {
    metadata_.emplace_back(key, value);
    return *this;
}

Stream &Stream::DeadlineIn(int64_t us) {
    stream_.deadline_us = clock_monotonic_us() + us;
    return *this;
}

Stream &Stream::ReadAll() {
    read_all_ = true;
    return *this;
}

Stream &Stream::ReleaseInDone() {
    release_in_done_ = true;
    return *this;
}

Stream &Stream::OnMessage(std::function<void(Stream &)> f) {
    on_message_ = std::move(f);
    return *this;
}

Stream &Stream::OnBytes(std::function<void(struct slice)> f) {
    on_bytes_ = std::move(f);
    return *this;
}

Stream &Stream::WantHead() {
    stream_.head = Head;
    return *this;
}

void Stream::Head(struct rpc_client_stream *stream) {
    Stream *self = reinterpret_cast<Bound *>(stream)->self;
    std::lock_guard<std::mutex> lock(self->mutex_);
    EXPECT_TRUE(self->messages_.empty());
    self->head_count_++;
    self->changed_.notify_all();
}

bool Stream::AwaitHead() {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::microseconds(kPatienceUs),
                             [&] { return head_count_ > 0; });
}

int Stream::head_count() {
    std::lock_guard<std::mutex> lock(mutex_);
    return head_count_;
}

Stream &Stream::Start() {
    stream_.request = SliceOf(request_);
    for (const auto &pair : metadata_) {
        metadata_views_.push_back({pair.first.c_str(), SliceOf(pair.second)});
    }
    stream_.metadata = metadata_views_.data();
    stream_.metadata_count = static_cast<int>(metadata_views_.size());
    started_ = true;
    rpc_client_stream_start(&stream_);
    if (read_all_) {
        Next();
    }
    return *this;
}

Stream &Stream::Next() {
    rpc_client_stream_next(&stream_);
    return *this;
}

Stream &Stream::Cancel() {
    rpc_client_stream_cancel(&stream_);
    return *this;
}

void Stream::Message(struct rpc_client_stream *stream, struct slice message) {
    Stream *self = reinterpret_cast<Bound *>(stream)->self;
    {
        std::lock_guard<std::mutex> lock(self->mutex_);
        EXPECT_EQ(self->done_count_, 0);
        if (self->on_bytes_) {
            self->on_bytes_(message);
        }
        self->messages_.push_back(Text(message));
        self->changed_.notify_all();
    }
    if (self->on_message_) {
        self->on_message_(*self);
    }
    if (self->read_all_) {
        rpc_client_stream_next(stream);
    }
}

void Stream::Done(struct rpc_client_stream *stream) {
    Stream *self = reinterpret_cast<Bound *>(stream)->self;
    std::lock_guard<std::mutex> lock(self->mutex_);
    const struct error *error = stream->error;
    self->code_ = error == nullptr ? STATUS_OK : error->code;
    if (error != nullptr) {
        self->message_ = error->message;
        self->reason_ = error->reason == nullptr ? "" : error->reason;
        self->detail_ = error->detail == nullptr ? "" : error->detail;
    }
    if (self->release_in_done_) {
        rpc_client_stream_release(stream);
        memset(stream, 0xA5, sizeof(*stream));
    }
    self->done_count_++;
    self->changed_.notify_all();
}

Stream &Stream::Await() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::microseconds(kPatienceUs),
                           [&] { return done_count_ > 0; })) {
        ADD_FAILURE() << "the stream does not end";
        abort(); // its memory is in use
    }
    return *this;
}

bool Stream::AwaitMessages(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::microseconds(kPatienceUs),
                             [&] { return messages_.size() >= count; });
}

std::vector<std::string> Stream::messages() {
    std::lock_guard<std::mutex> lock(mutex_);
    return messages_;
}

bool Stream::is_done() {
    return done_count() > 0;
}

int Stream::done_count() {
    std::lock_guard<std::mutex> lock(mutex_);
    return done_count_;
}

int Stream::code() {
    std::lock_guard<std::mutex> lock(mutex_);
    return code_;
}

std::string Stream::message() {
    std::lock_guard<std::mutex> lock(mutex_);
    return message_;
}

std::string Stream::reason() {
    std::lock_guard<std::mutex> lock(mutex_);
    return reason_;
}

std::string Stream::detail() {
    std::lock_guard<std::mutex> lock(mutex_);
    return detail_;
}

std::string Stream::status_details() {
    return Text(stream_.status_details);
}

std::string Stream::metadata(const std::string &key) {
    struct slice value;
    return rpc_client_stream_metadata(&stream_, key.c_str(), &value) ? Text(value) : "(none)";
}

std::vector<std::pair<std::string, std::string>> Stream::all_metadata() {
    std::vector<std::pair<std::string, std::string>> pairs;
    rpc_client_stream_each_metadata(
        &stream_,
        [](void *context, struct slice key, struct slice value) {
            static_cast<decltype(pairs) *>(context)->emplace_back(Text(key), Text(value));
        },
        &pairs);
    return pairs;
}
