#include "tests/rpc/fixture.h"

extern "C" {
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "rpc/status_details.h"
}

// What errors become on the wire, and again.

namespace {

std::string FromHex(const std::string &hex) {
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

// Every field of an error that is sent, as text.
std::string Describe(const struct error *e) {
    auto text = [](const char *s) {
        return s == nullptr ? std::string("-") : "'" + std::string(s) + "'";
    };
    std::string s = std::to_string(e->code) + " " + text(e->message) + " " + text(e->reason) + " " +
                    text(e->domain) + " {";
    for (auto *m = e->metadata; m != nullptr; m = m->next) {
        s += text(m->key) + "=" + text(m->value) + ",";
    }
    s += "} [";
    for (auto *v = e->violations; v != nullptr; v = v->next) {
        s += text(v->field) + ":" + text(v->description) + ",";
    }
    return s + "] " + text(e->resource_type) + " " + text(e->resource_name) + " " +
           std::to_string(e->retry_after_ms);
}

struct error *Full(struct arena *a) {
    struct error *e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_RUN_ALREADY_FINISHED,
                                "run \"%s\" is finished", "\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80");
    e->domain = "runs.v1";
    e->detail = "never sent";
    error_add_metadata(e, a, "status", "cancelled");
    error_add_metadata(e, a, "finishedAt", "");
    error_add_violation(e, a, "run.id", "must have %d bytes", 36);
    error_add_violation(e, a, "page_size", "is negative");
    e->resource_type = "runs.v1.Run";
    e->resource_name = "run-1";
    e->retry_after_ms = 1500;
    return e;
}

TEST(StatusDetails, KeepsEveryFieldOfAnError) {
    Arena arena;
    struct error *e = Full(arena.get());
    struct slice bytes = status_details_encode(arena.get(), e);
    struct error *back =
        status_details_decode(arena.get(), e->code, slice_of_cstr(e->message), bytes);
    EXPECT_EQ(back->detail, nullptr);
    EXPECT_EQ(Describe(back), Describe(e));
    EXPECT_EQ(Describe(back),
              "9 'run \"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80\" is finished' "
              "'RUN_ALREADY_FINISHED' 'runs.v1' {'status'='cancelled','finishedAt'='',} "
              "['run.id':'must have 36 bytes','page_size':'is negative',] 'runs.v1.Run' 'run-1' "
              "1500");
}

TEST(StatusDetails, KeepsEveryCode) {
    for (int code = 1; code < STATUS_CODE_COUNT; code++) {
        Arena arena;
        struct error *e =
            error_new(arena.get(), static_cast<enum status_code>(code), REASON_NONE, "m");
        struct error *back = status_details_decode(arena.get(), code, slice_of_cstr("m"),
                                                   status_details_encode(arena.get(), e));
        EXPECT_EQ(Describe(back), std::to_string(code) + " 'm' - - {} [] - - 0");
    }
}

TEST(StatusDetails, MakesUnknownOfANumberThatIsNoCode) {
    for (int code : {-1, 0, 17, 1000}) {
        Arena arena;
        EXPECT_EQ(status_details_decode(arena.get(), code, SLICE_EMPTY, SLICE_EMPTY)->code,
                  STATUS_UNKNOWN);
    }
}

TEST(StatusDetails, RoundsARetryDelayUpToMilliseconds) {
    struct {
        int64_t ms;
    } rows[] = {{1}, {999}, {1000}, {1001}, {3'600'000}};
    for (const auto &row : rows) {
        Arena arena;
        struct error *e = error_new(arena.get(), STATUS_UNAVAILABLE, REASON_NONE, "m");
        e->retry_after_ms = row.ms;
        EXPECT_EQ(status_details_decode(arena.get(), 14, SLICE_EMPTY,
                                        status_details_encode(arena.get(), e))
                      ->retry_after_ms,
                  row.ms);
    }
}

// The reference: protobuf-c's reading of Google's own definitions.
TEST(StatusDetails, WritesWhatProtobufReads) {
    Arena arena;
    struct error *e = Full(arena.get());
    struct slice bytes = status_details_encode(arena.get(), e);
    Google__Rpc__Status *status = google__rpc__status__unpack(nullptr, bytes.len, bytes.data);
    ASSERT_NE(status, nullptr);
    EXPECT_EQ(status->code, 9);
    EXPECT_STREQ(status->message, e->message);
    ASSERT_EQ(status->n_details, 4u);
    EXPECT_STREQ(status->details[0]->type_url, "type.googleapis.com/google.rpc.ErrorInfo");
    // ErrorInfo is newer than Debian's copy: reason 1, domain 2, metadata 3.
    EXPECT_EQ(std::string(reinterpret_cast<char *>(status->details[0]->value.data),
                          status->details[0]->value.len),
              "\x0A\x14RUN_ALREADY_FINISHED\x12\x07runs.v1"
              "\x1A\x13\x0A\x06status\x12\x09"
              "cancelled\x1A\x0C\x0A\x0A"
              "finishedAt");
    EXPECT_STREQ(status->details[1]->type_url, "type.googleapis.com/google.rpc.RetryInfo");
    auto *retry = google__rpc__retry_info__unpack(nullptr, status->details[1]->value.len,
                                                  status->details[1]->value.data);
    ASSERT_NE(retry, nullptr);
    EXPECT_EQ(retry->retry_delay->seconds, 1);
    EXPECT_EQ(retry->retry_delay->nanos, 500'000'000);
    google__rpc__retry_info__free_unpacked(retry, nullptr);
    EXPECT_STREQ(status->details[2]->type_url, "type.googleapis.com/google.rpc.ResourceInfo");
    auto *resource = google__rpc__resource_info__unpack(nullptr, status->details[2]->value.len,
                                                        status->details[2]->value.data);
    ASSERT_NE(resource, nullptr);
    EXPECT_STREQ(resource->resource_type, "runs.v1.Run");
    EXPECT_STREQ(resource->resource_name, "run-1");
    google__rpc__resource_info__free_unpacked(resource, nullptr);
    EXPECT_STREQ(status->details[3]->type_url, "type.googleapis.com/google.rpc.BadRequest");
    auto *bad = google__rpc__bad_request__unpack(nullptr, status->details[3]->value.len,
                                                 status->details[3]->value.data);
    ASSERT_NE(bad, nullptr);
    ASSERT_EQ(bad->n_field_violations, 2u);
    EXPECT_STREQ(bad->field_violations[0]->field, "run.id");
    EXPECT_STREQ(bad->field_violations[1]->description, "is negative");
    google__rpc__bad_request__free_unpacked(bad, nullptr);
    google__rpc__status__free_unpacked(status, nullptr);
}

TEST(StatusDetails, TellsTheCodeAlone) {
    Arena a;
    for (int code = 1; code < STATUS_CODE_COUNT; code++) {
        struct error e = {};
        e.code = static_cast<enum status_code>(code);
        e.message = "m";
        EXPECT_EQ(status_details_code(status_details_encode(a.get(), &e)), code);
    }
    // None, one that is no code, one that is cut off, no number.
    for (const char *hex :
         {"", "12016d", "0811", "08", "0880", "0a0107", "08ffffffffffffffffff01"}) {
        std::string bytes = FromHex(hex);
        EXPECT_EQ(status_details_code(SliceOf(bytes)), STATUS_UNKNOWN) << hex;
    }
}

TEST(StatusDetails, LeavesOutMalformedDetails) {
    const std::string rows[] = {
        "0A",                   // cut
        "FF",                   // a tag without end
        "1A05",                 // a detail that is not there
        "12FFFFFFFFFF7F",       // a length beyond the bytes
        "00",                   // field number 0
        "1A020AFF",             // a detail's type cut off
        "0801120261621A020A7F", // good fields first
    };
    for (const auto &hex : rows) {
        Arena arena;
        std::string bytes = FromHex(hex);
        struct error *e =
            status_details_decode(arena.get(), 5, slice_of_cstr("gone"), SliceOf(bytes));
        EXPECT_EQ(Describe(e), "5 'gone' - - {} [] - - 0") << hex;
    }
}

TEST(StatusDetails, LeavesOutEveryCutOfGoodDetailsWithoutACrash) {
    Arena arena;
    struct error *e = Full(arena.get());
    std::string bytes = Text(status_details_encode(arena.get(), e));
    for (size_t n = 0; n < bytes.size(); n++) {
        std::unique_ptr<char[]> exact(new char[n + 1]); // so that ASan sees the end
        char *start = exact.get() + 1;
        memcpy(start, bytes.data(), n);
        struct error *back =
            status_details_decode(arena.get(), 9, slice_of_cstr("m"), slice_of(start, n));
        ASSERT_NE(back, nullptr);
        EXPECT_STREQ(back->message, "m");
    }
    for (size_t i = 0; i < bytes.size() * 8; i++) {
        std::string flipped = bytes;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        ASSERT_NE(status_details_decode(arena.get(), 9, slice_of_cstr("m"), SliceOf(flipped)),
                  nullptr);
    }
}

TEST(StatusDetails, RefusesARetryDelayThatIsNegativeOrBeyondTheRange) {
    // RetryInfo { retry_delay { seconds: -1 } }, then { nanos: 1000000000 }.
    const std::string rows[] = {"0A0B08FFFFFFFFFFFFFFFFFF01", "0A06108094EBDC03"};
    for (const auto &hex : rows) {
        std::string value = FromHex(hex);
        std::string type = "type.googleapis.com/google.rpc.RetryInfo";
        std::string any = "\x0A" + std::string(1, static_cast<char>(type.size())) + type + "\x12" +
                          std::string(1, static_cast<char>(value.size())) + value;
        std::string status = "\x1A" + std::string(1, static_cast<char>(any.size())) + any;
        Arena arena;
        EXPECT_EQ(status_details_decode(arena.get(), 14, slice_of_cstr("m"), SliceOf(status))
                      ->retry_after_ms,
                  0);
    }
}

TEST(StatusDetails, SkipsDetailsOfOtherTypes) {
    std::string status = FromHex("1A060A017412016E"); // Any { type_url: "t" value: "n" }
    Arena arena;
    EXPECT_EQ(Describe(status_details_decode(arena.get(), 5, slice_of_cstr("m"), SliceOf(status))),
              "5 'm' - - {} [] - - 0");
}

TEST(StatusDetails, PrefersTheCallsOwnMessage) {
    Arena arena;
    struct error *e = error_new(arena.get(), STATUS_NOT_FOUND, REASON_NONE, "inner");
    struct slice bytes = status_details_encode(arena.get(), e);
    EXPECT_STREQ(status_details_decode(arena.get(), 5, slice_of_cstr("outer"), bytes)->message,
                 "outer");
    EXPECT_STREQ(status_details_decode(arena.get(), 5, SLICE_EMPTY, bytes)->message, "inner");
}

TEST(StatusDetails, CutsALongMessageBetweenCharacters) {
    for (size_t shift = 0; shift < 4; shift++) {
        Arena arena;
        std::string message(shift, 'x');
        while (message.size() < 5000) {
            message += "\xF0\x9F\x98\x80";
        }
        struct error *e =
            error_new(arena.get(), STATUS_INTERNAL, REASON_NONE, "%s", message.c_str());
        std::string sent = Text(status_message(arena.get(), e));
        EXPECT_LE(sent.size(), size_t{STATUS_MESSAGE_MAX_BYTES});
        EXPECT_GT(sent.size(), size_t{STATUS_MESSAGE_MAX_BYTES} - 4);
        EXPECT_EQ(sent.substr(sent.size() - 3), "...");
        EXPECT_EQ((sent.size() - 3 - shift) % 4, 0u);
        EXPECT_EQ(sent.compare(0, sent.size() - 3, message, 0, sent.size() - 3), 0);
    }
    Arena arena;
    std::string exact(STATUS_MESSAGE_MAX_BYTES, 'x');
    struct error *e = error_new(arena.get(), STATUS_INTERNAL, REASON_NONE, "%s", exact.c_str());
    EXPECT_EQ(Text(status_message(arena.get(), e)), exact);
}

TEST(StatusDetails, ReplacesWhatIsNoUtf8) {
    Arena arena;
    struct error *e = error_new(arena.get(), STATUS_INTERNAL, REASON_INTERNAL_ERROR,
                                "a\xFF"
                                "b\xC3");
    error_add_metadata(e, arena.get(), "k", "\x80");
    struct error *back =
        status_details_decode(arena.get(), 13, SLICE_EMPTY, status_details_encode(arena.get(), e));
    EXPECT_EQ(Describe(back), "13 'a\xEF\xBF\xBD"
                              "b\xEF\xBF\xBD' 'INTERNAL_ERROR' - {'k'='\xEF\xBF\xBD',} [] - - 0");
}

TEST(StatusDetails, DropsTheLastViolationsBeforeWhatProgramsBranchOn) {
    Arena arena;
    struct error *e = error_new(arena.get(), STATUS_INVALID_ARGUMENT, REASON_FIELD_INVALID, "m");
    for (int i = 0; i < 200; i++) {
        error_add_violation(e, arena.get(), arena_printf(arena.get(), "field[%d]", i),
                            "is far too long for this");
    }
    struct slice bytes = status_details_encode(arena.get(), e);
    EXPECT_LE(bytes.len, size_t{STATUS_DETAILS_MAX_BYTES});
    EXPECT_GT(bytes.len, size_t{STATUS_DETAILS_MAX_BYTES} - 50);
    struct error *back = status_details_decode(arena.get(), 3, SLICE_EMPTY, bytes);
    EXPECT_STREQ(back->reason, "FIELD_INVALID");
    int count = 0;
    for (auto *v = back->violations; v != nullptr; v = v->next, count++) {
        EXPECT_STREQ(v->field, arena_printf(arena.get(), "field[%d]", count));
    }
    EXPECT_GT(count, 60);
}

TEST(StatusDetails, FitsAnyErrorIntoItsLimit) {
    for (size_t size : {100, 1000, 2900, 3000, 3072, 10'000, 1'000'000}) {
        Arena arena;
        std::string long_text(size, 'x');
        struct error *e =
            error_new(arena.get(), STATUS_INTERNAL, REASON_INTERNAL_ERROR, "%s", long_text.c_str());
        error_add_metadata(e, arena.get(), "k", long_text.c_str());
        error_add_violation(e, arena.get(), long_text.c_str(), "d");
        e->resource_type = "t";
        e->resource_name = long_text.c_str();
        struct slice bytes = status_details_encode(arena.get(), e);
        EXPECT_LE(bytes.len, size_t{STATUS_DETAILS_MAX_BYTES}) << size;
        EXPECT_STREQ(status_details_decode(arena.get(), 13, SLICE_EMPTY, bytes)->reason,
                     "INTERNAL_ERROR");
    }
}

// --- through a call ---

class ErrorOverTransport : public testing::TestWithParam<Transport> {};

TEST_P(ErrorOverTransport, ArrivesAsItWasMade) {
    Link link(GetParam());
    std::string want;
    link.server.SetFailure([&](struct arena *a, const std::string &) {
        struct error *e = Full(a);
        want = Describe(e);
        return e;
    });
    Call call(*link.channel, "/test.Service/Fail", "");
    call.Run();
    EXPECT_EQ(Describe(call.error()), want);
    EXPECT_EQ(call.error()->detail, nullptr);
    EXPECT_EQ(call.response(), "");
}

TEST_P(ErrorOverTransport, CarriesEveryCode) {
    Link link(GetParam());
    link.server.SetFailure([](struct arena *a, const std::string &request) {
        return error_new(a, static_cast<enum status_code>(std::stoi(request)),
                         REASON_INTERNAL_ERROR, "message %s", request.c_str());
    });
    for (int code = 1; code < STATUS_CODE_COUNT; code++) {
        std::string number = std::to_string(code);
        Call call(*link.channel, "/test.Service/Fail", number);
        call.Run();
        // The server puts its domain where there is none.
        EXPECT_EQ(Describe(call.error()),
                  number + " 'message " + number + "' 'INTERNAL_ERROR' 'test.domain' {} [] - - 0");
    }
}

TEST_P(ErrorOverTransport, ArrivesHoweverLongItIs) {
    Link link(GetParam());
    link.server.SetFailure([](struct arena *a, const std::string &request) {
        std::string text;
        while (text.size() < std::stoul(request)) {
            text += "\xE2\x82\xAC\n\"%";
        }
        struct error *e = error_new(a, STATUS_NOT_FOUND, REASON_INTERNAL_ERROR, "%s", text.c_str());
        error_add_violation(e, a, "field", "%s", text.c_str());
        return e;
    });
    for (const char *size : {"1", "1000", "3000", "100000"}) {
        Call call(*link.channel, "/test.Service/Fail", size);
        call.Run();
        EXPECT_EQ(call.code(), STATUS_NOT_FOUND);
        EXPECT_STREQ(call.error()->reason, "INTERNAL_ERROR");
        EXPECT_EQ(call.message().substr(0, 6), "\xE2\x82\xAC\n\"%");
    }
}

INSTANTIATE_TEST_SUITE_P(Transports, ErrorOverTransport,
                         testing::Values(Transport::kInProcess, Transport::kLocal,
                                         Transport::kLocalTwoLoops, Transport::kUnix,
                                         Transport::kTcp),
                         TransportName);

} // namespace
