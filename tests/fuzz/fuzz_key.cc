#include "tests/fuzz/fuzz_runs.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "gateway/edge/idempotency_key.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/idempotency.h"
}

// Idempotency keys: the first line is the value of the header, the rest the JSON of the
// CancelRunRequest that is asked for under it.

namespace {

constexpr uint32_t kLeftOut[] = {3, 4, 0}; // wait and request_id

// The key of a header, "" if there is none.
std::string Read(const std::string &value) {
    fuzz::Arena a;
    const struct http_header header = {slice_of_cstr("Idempotency-Key"), fuzz::S(value)};
    bool is_given = false;
    struct slice key = SLICE_EMPTY;
    const struct error *e = idempotency_key_read(a, {&header, 1}, &is_given, &key);
    if (e != nullptr) {
        fuzz::CheckError(e);
        return "";
    }
    FUZZ_CHECK(is_given && key.len > 0, "a key without a character");
    for (size_t i = 0; i < key.len; i++) {
        FUZZ_CHECK(key.data[i] >= ' ' && key.data[i] <= '~', "byte %d", key.data[i]);
    }
    return fuzz::Str(key);
}

std::string Quoted(const std::string &key) {
    std::string out = "\"";
    for (char c : key) {
        out += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
    }
    return out + "\"";
}

struct idempotency Of(struct arena *a, const char *key, const ProtobufCMessage *message) {
    const struct keyed_request request = {
        .organization = slice_of_cstr("acme"),
        .token = slice_of_cstr("tester"),
        .key = key,
        .method_path = "/runs.v1.RunsService/CancelRun",
        .message = message,
        .left_out = kLeftOut,
    };
    return idempotency_of(a, &request);
}

bool SameName(const struct idempotency &x, const struct idempotency &y) {
    return memcmp(x.name, y.name, sizeof(x.name)) == 0;
}

bool SameRequest(const struct idempotency &x, const struct idempotency &y) {
    return memcmp(x.fingerprint, y.fingerprint, sizeof(x.fingerprint)) == 0;
}

// The same request has the same fingerprint, however it is sent; what counts changes it.
void CheckRequest(const std::string &key, struct slice json) {
    fuzz::Arena a;
    fuzz::Buffer wire;
    if (!fuzz::Runs::Get().FromJson("CancelRunRequest", json, &wire)) {
        return;
    }
    const auto *type = &runs__v1__cancel_run_request__descriptor;
    const auto *m = fuzz::Unpack(a, "CancelRunRequest", type, wire.slice());
    if (m == nullptr) {
        return;
    }
    const struct idempotency first = Of(a, key.c_str(), m);
    FUZZ_CHECK(first.is_given && first.oldest_us == 0, "not given");
    ProtobufCMessage *again = nullptr;
    FUZZ_CHECK(message_unpack(a, type, message_pack(a, m), &again) == nullptr, "not packed");
    auto *request = reinterpret_cast<Runs__V1__CancelRunRequest *>(again);
    const std::string id = std::string(request->id) + "x", other = key + "x";
    request->wait = nullptr;
    request->request_id = const_cast<char *>(other.c_str());
    const struct idempotency same = Of(a, key.c_str(), again);
    FUZZ_CHECK(SameName(first, same) && SameRequest(first, same), "another of the same request");
    FUZZ_CHECK(!SameName(first, Of(a, other.c_str(), again)), "two keys of one name");
    request->id = const_cast<char *>(id.c_str());
    FUZZ_CHECK(!SameRequest(first, Of(a, key.c_str(), again)), "two runs of one fingerprint");
}

} // namespace

void FuzzKey(const uint8_t *data, size_t size) {
    const std::string text(reinterpret_cast<const char *>(data), size);
    const size_t line = std::min(text.find('\n'), size);
    const std::string key = Read(text.substr(0, line));
    if (!key.empty()) {
        FUZZ_CHECK(Read(Quoted(key)) == key, "another key in quotes: %s", key.c_str());
    }
    // Over gRPC it comes as it is.
    fuzz::Arena a;
    const std::string sent = key.empty() ? text.substr(0, line) : key;
    const struct error *e = idempotency_check_key(a, sent.c_str());
    if (e != nullptr) {
        fuzz::CheckError(e);
    } else if (line < size) {
        CheckRequest(sent.c_str(), slice_of(data + line + 1, size - line - 1));
    }
}
