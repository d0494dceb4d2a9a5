#include <chrono>
#include <cstring>

#include "tests/gateway/http/fixture.h"

extern "C" {
#include "base/core/clock.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
}

// The upstream that the tests hold in hand.

namespace {

std::string Text(struct slice s) {
    return s.len == 0 ? "" : std::string(reinterpret_cast<const char *>(s.data), s.len);
}

void ReplyText(struct rpc_server_call *call, const std::string &text) {
    struct strbuf message = STRBUF_INIT;
    wire_put_bytes(&message, 1, slice_of(text.data(), text.size()));
    struct slice part = strbuf_slice(&message);
    rpc_server_call_reply(call, &part, 1);
    strbuf_release(&message);
}

std::string RequestText(struct rpc_server_call *call) {
    struct slice request = rpc_server_call_request(call);
    const uint8_t *p = request.data;
    std::string text;
    struct wire_field field;
    while (p != nullptr && p < request.data + request.len &&
           wire_read_field(&p, request.data + request.len, &field)) {
        if (field.number == 1) {
            text = Text(field.bytes);
        }
    }
    return text;
}

int64_t RequestNumber(struct rpc_server_call *call) {
    struct slice request = rpc_server_call_request(call);
    const uint8_t *p = request.data;
    int64_t number = 0;
    struct wire_field field;
    while (p != nullptr && p < request.data + request.len &&
           wire_read_field(&p, request.data + request.len, &field)) {
        if (field.number == 2) {
            number = static_cast<int64_t>(field.value);
        }
    }
    return number;
}

} // namespace

Upstream::Upstream(struct rpc_loop *loop, const std::string &address) {
    methods_ = {
        {"/http_test.v1.Upstream/Echo", Echo, this},
        {"/http_test.v1.Upstream/Seen", Seen, this},
        {"/http_test.v1.Upstream/Fail", Fail, this},
        {"/http_test.v1.Upstream/Held", Held, this},
        {"/http_test.v1.Upstream/Repeat", Repeat, this},
        {"/http_test.v1.Upstream/Garbage", Garbage, this},
        {"/http_test.v1.Upstream/Sized", Sized, this},
        {"/http_test.v1.Upstream/File", File, this},
        {"/http_test.v1.Upstream/Upload", Upload, this},
        {"/grpc.health.v1.Health/Check", Health, this},
        {"/runs.v1.TokensService/GetCaller", Caller, this},
    };
    for (const struct rpc_method &method : streams_.Methods()) {
        methods_.push_back(method);
    }
    struct rpc_server_options options = {};
    options.log = &log_;
    options.methods = methods_.data();
    options.method_count = methods_.size();
    options.error_domain = "http_test.v1";
    server_ = rpc_server_new(loop, &options);
    if (!address.empty()) {
        struct arena arena;
        arena_init(&arena);
        struct address parsed;
        int port;
        EXPECT_EQ(address_parse(&arena, "--listen", address.c_str(), &parsed), nullptr);
        const struct rpc_listen_options listen = {&parsed, rpc_credentials_insecure_server()};
        EXPECT_EQ(rpc_server_listen(server_, &arena, &listen, &port), nullptr);
        arena_release(&arena);
    }
    rpc_server_start(server_);
}

Upstream::~Upstream() {
    ReleaseAll();
    SetHealth(kNoHealth);
    streams_.EndAll();
    rpc_server_stop(server_, 10'000);
    rpc_server_free(server_);
}

bool Upstream::AwaitHeld(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(kPatienceSeconds),
                             [&] { return held_.size() >= count; });
}

void Upstream::Release() {
    std::lock_guard<std::mutex> lock(mutex_);
    ASSERT_FALSE(held_.empty());
    ReplyText(held_.front(), "released");
    held_.pop_front();
}

void Upstream::ReleaseAll() {
    std::lock_guard<std::mutex> lock(mutex_);
    releasing_ = true;
    for (struct rpc_server_call *call : held_) {
        ReplyText(call, "released");
    }
    held_.clear();
}

size_t Upstream::held() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return held_.size();
}

int64_t Upstream::calls() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return calls_;
}

void Upstream::Count() {
    std::lock_guard<std::mutex> lock(mutex_);
    calls_++;
}

void Upstream::SetHook(std::function<void()> hook) {
    std::lock_guard<std::mutex> lock(mutex_);
    hook_ = std::move(hook);
}

void Upstream::Echo(void *self, struct rpc_server_call *call) {
    auto *upstream = static_cast<Upstream *>(self);
    upstream->Count();
    std::function<void()> hook;
    {
        std::lock_guard<std::mutex> lock(upstream->mutex_);
        hook = upstream->hook_;
    }
    if (hook) {
        hook();
    }
    struct slice request = rpc_server_call_request(call);
    rpc_server_call_reply(call, &request, 1);
}

void Upstream::Seen(void *self, struct rpc_server_call *call) {
    static_cast<Upstream *>(self)->Count();
    std::string text;
    for (const char *key :
         {"authorization", "x-request-id", "cookie", "host", "accept", "connection", "x-internal",
          "grpc-status", "x-request-timeout", "content-length", "x-forwarded-for", "traceparent",
          "tracestate", "blob-bin", "x-runsd-client-name"}) {
        struct slice value;
        if (rpc_server_call_metadata(call, key, &value)) {
            text += std::string(key) + "=" + Text(value) + "*" +
                    std::to_string(rpc_server_call_metadata_count(call, key)) + ";";
        }
    }
    int64_t deadline_us = rpc_server_call_deadline_us(call);
    int64_t left_ms = deadline_us == 0 ? -1 : (deadline_us - clock_monotonic_us() + 999) / 1000;
    ReplyText(call, text + "left=" + std::to_string(left_ms));
}

void Upstream::Fail(void *self, struct rpc_server_call *call) {
    static_cast<Upstream *>(self)->Count();
    struct arena *a = rpc_server_call_arena(call);
    auto code = static_cast<enum status_code>(RequestNumber(call));
    struct error *error = error_new(a, code, REASON_NONE, "failed with %d", code);
    const std::string text = RequestText(call);
    size_t slash = text.find('/');
    error->reason =
        text.empty() ? "TEST_REASON" : arena_cstr(a, slice_of_cstr(text.substr(0, slash).c_str()));
    if (slash != std::string::npos) {
        error->domain = arena_cstr(a, slice_of_cstr(text.substr(slash + 1).c_str()));
    }
    error_add_metadata(error, a, "key", "value \"quoted\"");
    if (code == STATUS_INVALID_ARGUMENT) {
        error_add_violation(error, a, "field.path", "is %s", "wrong");
    }
    if (code == STATUS_RESOURCE_EXHAUSTED) {
        error->retry_after_ms = 2500;
    }
    rpc_server_call_fail(call, error);
}

void Upstream::Held(void *self, struct rpc_server_call *call) {
    auto *upstream = static_cast<Upstream *>(self);
    std::lock_guard<std::mutex> lock(upstream->mutex_);
    upstream->calls_++;
    if (upstream->releasing_) {
        ReplyText(call, "released");
        return;
    }
    upstream->held_.push_back(call);
    upstream->changed_.notify_all();
}

void Upstream::Repeat(void *self, struct rpc_server_call *call) {
    static_cast<Upstream *>(self)->Count();
    static const struct rpc_metadata replayed = {"idempotency-replayed", {(uint8_t *)"true", 4}};
    struct slice request = rpc_server_call_request(call);
    struct wire_field field = {};
    if (wire_find_last(request, 1, WIRE_BYTES, &field) &&
        wire_find_last(field.bytes, 2, WIRE_VARINT, &field) && field.value == 1) {
        rpc_server_call_set_reply_metadata(call, &replayed, 1);
    }
    bool has_key = wire_find_last(request, 2, WIRE_BYTES, &field);
    if (has_key && (Text(field.bytes) == "limited" || Text(field.bytes) == "refused")) {
        static const struct rpc_metadata limits[] = {
            {"ratelimit-policy", slice_of_cstr("\"reads\";q=200;w=2")},
            {"ratelimit", slice_of_cstr("\"reads\";r=0;t=1")}};
        rpc_server_call_set_head_metadata(call, limits, 2);
    }
    if (has_key && Text(field.bytes) == "refused") {
        struct error *e = error_new(rpc_server_call_arena(call), STATUS_RESOURCE_EXHAUSTED,
                                    REASON_RATE_LIMITED, "used up");
        e->retry_after_ms = 1500;
        rpc_server_call_fail(call, e);
        return;
    }
    ReplyText(call, has_key ? "key " + Text(field.bytes) : "none");
}

void Upstream::Garbage(void *self, struct rpc_server_call *call) {
    static_cast<Upstream *>(self)->Count();
    struct slice part = slice_of_cstr("\x0a\x7f is cut");
    rpc_server_call_reply(call, &part, 1);
}

void Upstream::Sized(void *self, struct rpc_server_call *call) {
    static_cast<Upstream *>(self)->Count();
    ReplyText(call, std::string(static_cast<size_t>(RequestNumber(call)), 'x'));
}

void Upstream::File(void *self, struct rpc_server_call *call) {
    static_cast<Upstream *>(self)->Count();
    struct slice request = rpc_server_call_request(call);
    const uint8_t *p = request.data;
    struct wire_field field = {};
    wire_read_field(&p, p + request.len, &field);
    struct strbuf message = STRBUF_INIT;
    wire_put_bytes(&message, 1, slice_of_cstr("text/plain; charset=utf-8"));
    wire_put_bytes(&message, 2, field.bytes);
    struct slice part = strbuf_slice(&message);
    rpc_server_call_reply(call, &part, 1);
    strbuf_release(&message);
}

void Upstream::Upload(void *self, struct rpc_server_call *call) {
    static_cast<Upstream *>(self)->Count();
    struct slice request = rpc_server_call_request(call);
    const uint8_t *p = request.data;
    std::string parts[3];
    struct wire_field field;
    while (p != nullptr && p < request.data + request.len &&
           wire_read_field(&p, request.data + request.len, &field)) {
        parts[field.number % 3] = Text(field.bytes);
    }
    ReplyText(call, parts[1] + ":" + parts[2]);
}

void Upstream::ReplyHealth(struct rpc_server_call *call, int status) {
    if (status == kNoHealth) {
        struct arena *a = rpc_server_call_arena(call);
        rpc_server_call_fail(call, error_new(a, STATUS_UNIMPLEMENTED, REASON_NONE, "no method"));
        return;
    }
    struct strbuf message = STRBUF_INIT;
    wire_put_uint(&message, 1, static_cast<uint64_t>(status));
    struct slice part = strbuf_slice(&message);
    rpc_server_call_reply(call, &part, 1);
    strbuf_release(&message);
}

void Upstream::Health(void *self, struct rpc_server_call *call) {
    auto *upstream = static_cast<Upstream *>(self);
    std::lock_guard<std::mutex> lock(upstream->mutex_);
    EXPECT_EQ(rpc_server_call_request(call).len, 0u); // of the service ""
    upstream->health_calls_++;
    if (upstream->health_ == kHoldHealth) {
        upstream->held_health_.push_back(call);
    } else {
        ReplyHealth(call, upstream->health_);
    }
}

void Upstream::SetHealth(int status) {
    std::lock_guard<std::mutex> lock(mutex_);
    health_ = status;
    if (status != kHoldHealth) {
        for (struct rpc_server_call *call : held_health_) {
            ReplyHealth(call, status);
        }
        held_health_.clear();
    }
}

void Upstream::Caller(void *self, struct rpc_server_call *call) {
    auto *upstream = static_cast<Upstream *>(self);
    std::lock_guard<std::mutex> lock(upstream->mutex_);
    struct slice value;
    if (rpc_server_call_metadata(call, "authorization", &value) && Text(value) == "Bearer known") {
        struct slice none = SLICE_EMPTY;
        rpc_server_call_reply(call, &none, 1);
        return;
    }
    struct arena *a = rpc_server_call_arena(call);
    struct error *error = error_new(a, upstream->caller_refusal_, REASON_NONE, "not known");
    error->reason = "TEST_REASON";
    rpc_server_call_fail(call, error);
}

void Upstream::SetCallerRefusal(enum status_code code) {
    std::lock_guard<std::mutex> lock(mutex_);
    caller_refusal_ = code;
}

int64_t Upstream::health_calls() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return health_calls_;
}
