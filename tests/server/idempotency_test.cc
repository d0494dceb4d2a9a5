#include <cmath>
#include <gtest/gtest.h>
#include <map>

#include "runs/v1/runs_service.pb-c.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "server/domain/idempotency.h"
#include "server/domain/message_guard.h"
}

// Keys of requests, and which requests are the same one.

namespace {

using namespace wire;

// --- keys ---

// "" where it is taken.
std::string CheckKey(const std::string &key) {
    TestArena a;
    const struct error *error = idempotency_check_key(a.get(), key.c_str());
    if (error == nullptr) {
        return "";
    }
    EXPECT_EQ(error->code, STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(error->reason_id, REASON_FIELD_INVALID);
    EXPECT_STREQ(error->violations->field, "requestId");
    return error->message;
}

TEST(IdempotencyKey, HasOneTo255PrintableCharacters) {
    for (const std::string &key : {std::string("k"), std::string("a b"), std::string(255, '~'),
                                   std::string("!\"\\"), std::string("8e03978e-40d5")}) {
        EXPECT_EQ(CheckKey(key), "") << key;
    }
    EXPECT_EQ(CheckKey(std::string(256, 'x')), "requestId must have 1 to 255 bytes, got 256");
    EXPECT_EQ(CheckKey(""), "requestId must have 1 to 255 bytes, got 0");
    EXPECT_EQ(CheckKey("ab\x7F"),
              "requestId must be printable ASCII, got the byte 0x7F at offset 2");
    EXPECT_EQ(CheckKey("\xC3\xA4"),
              "requestId must be printable ASCII, got the byte 0xC3 at offset 0");
    EXPECT_EQ(CheckKey("a\nb"), "requestId must be printable ASCII, got the byte 0x0A at offset 1");
    EXPECT_EQ(CheckKey(" a"), "requestId must not begin or end with a space, got \" a\"");
    EXPECT_EQ(CheckKey("a "), "requestId must not begin or end with a space, got \"a \"");
}

// --- digests ---

struct Asked {
    const ProtobufCMessageDescriptor *type = &runs__v1__create_run_request__descriptor;
    std::string organization = "acme", token = "demo", key = "k-1", path = "/s/M";
    std::vector<uint32_t> left_out = {3, 0};
};

struct idempotency Of(const std::string &bytes, const Asked &asked = {}) {
    TestArena a;
    ProtobufCMessage *message = nullptr;
    const struct error *error = message_unpack(a.get(), asked.type, SliceOfString(bytes), &message);
    EXPECT_EQ(error, nullptr) << error->message;
    const struct keyed_request request = {SliceOfString(asked.organization),
                                          SliceOfString(asked.token),
                                          asked.key.c_str(),
                                          asked.path.c_str(),
                                          message,
                                          asked.left_out.data()};
    return idempotency_of(a.get(), &request);
}

std::string Hex(const uint8_t *digest) {
    std::string text;
    for (int i = 0; i < IDEMPOTENCY_DIGEST_BYTES; i++) {
        char two[3];
        snprintf(two, sizeof(two), "%02x", digest[i]);
        text += two;
    }
    return text;
}

std::string Name(const Asked &asked) {
    return Hex(Of("", asked).name);
}

std::string Print(const std::string &bytes, const Asked &asked = {}) {
    return Hex(Of(bytes, asked).fingerprint);
}

// A creation of a run with these fields.
std::string Made(const std::string &fields) {
    return Bytes(1, fields);
}

// One with this propValues.
std::string Props(const std::string &entries) {
    return Made(Bytes(7, entries));
}

TEST(IdempotencyName, IsOfOrganizationTokenAndKey) {
    const Asked base;
    EXPECT_TRUE(Of("").is_given);
    EXPECT_EQ(Name(base), Name(base));
    std::vector<Asked> others(6);
    others[0].organization = "acme2";
    others[1].token = "demo2";
    others[2].key = "k-2";
    others[3].organization = "acm", others[3].token = "edemo"; // where one ends is part of it
    others[4].token = "dem", others[4].key = "ok-1";
    others[5].organization = "", others[5].token = "acmedemo";
    for (size_t i = 0; i < others.size(); i++) {
        EXPECT_NE(Name(base), Name(others[i])) << i;
    }
    Asked elsewhere; // the method and the message are the fingerprint's
    elsewhere.path = "/s/N";
    EXPECT_EQ(Name(base), Name(elsewhere));
    EXPECT_EQ(Hex(Of(Made(Bytes(3, "r"))).name), Name(base));
}

TEST(IdempotencyFingerprint, IsNotOfWhoAsksAndUnderWhichKey) {
    Asked other;
    other.organization = "o";
    other.token = "t";
    other.key = "k";
    const std::string request = Made(Bytes(3, "r"));
    EXPECT_EQ(Print(request), Print(request, other));
    other.path = "/s/N";
    EXPECT_NE(Print(request), Print(request, other));
}

TEST(IdempotencyFingerprint, DoesNotDependOnHowARequestIsWritten) {
    const std::string many = Bytes(8, Uint(1, 1) + Bytes(2, "f")) + Bytes(8, Uint(1, 2));
    const std::string simple = Bytes(3, "r1") + Uint(4, 1) + Bytes(17, "wf") + Uint(18, 3);
    const struct {
        const char *what;
        std::string one, other;
    } rows[] = {
        {"order of fields", Made(Bytes(3, "r1") + Bytes(17, "wf") + many),
         Made(many + Bytes(17, "wf") + Bytes(3, "r1"))},
        {"order of the message's fields", Made(simple) + Bytes(2, Bytes(1, "w")),
         Bytes(2, Bytes(1, "w")) + Made(simple)},
        {"fields that are not known", Made(simple), Made(simple + Uint(999, 7)) + Bytes(1000, "x")},
        {"a scalar that comes twice: the last one counts", Made(Bytes(3, "a")),
         Made(Bytes(3, "b") + Bytes(3, "a"))},
        {"defaults", Made(simple),
         Made(simple + Uint(5, 0) + Bytes(14, "") + Double(13, 0) + Uint(19, 0))},
        {"a varint with bytes of no use", Made(Uint(18, 3)),
         Made(Varint(18 << 3) + "\x83\x80" + std::string(1, '\0'))},
        {"order of keys", Props(Entry("a", Number(1)) + Entry("b", Text("x")) + Entry("c", Null())),
         Props(Entry("c", Null()) + Entry("a", Number(1)) + Entry("b", Text("x")))},
        {"order of keys far down",
         Props(Entry("o", Object(Entry("l", Array({Object(Entry("a", Bool(true)) +
                                                          Entry("b", Number(2)))}))))),
         Props(Entry("o", Object(Entry("l", Array({Object(Entry("b", Number(2)) +
                                                          Entry("a", Bool(true)))})))))},
        {"order within an entry", Props(Entry("a", Number(1))),
         Props(Bytes(1, Bytes(2, Number(1)) + Bytes(1, "a")))},
        {"1 and 1.0, 1e3 and 1000", Props(Entry("a", Number(1)) + Entry("b", Number(1000))),
         Props(Entry("a", Number(1.0)) + Entry("b", Number(1e3)))},
        {"numbers beyond 2^53 that are one double", Props(Entry("a", Number(9007199254740992))),
         Props(Entry("a", Number(9007199254740993)))},
        {"the key", Made(simple) + Bytes(3, "k-1"), Made(simple)},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Print(row.one), Print(row.other)) << row.what;
    }
}

TEST(IdempotencyFingerprint, DependsOnEverythingThatARequestSays) {
    const std::string requests[] = {
        "",
        Made(""),
        Made(Bytes(3, "r1")),
        Made(Bytes(3, "r2")),
        Made(Bytes(17, "r1")), // the same value elsewhere
        Made(Uint(4, 1)),
        Made(Uint(5, 1)),
        Made(Uint(18, 1)),
        Made(Uint(18, UINT64_MAX)),
        Made(Bytes(1, "")), // an empty object is not none
        Made(Bytes(7, "")),
        Made(Bytes(8, "")),
        Made(Bytes(8, "") + Bytes(8, "")),
        Made(Bytes(8, Uint(1, 1)) + Bytes(8, Uint(1, 2))),
        Made(Bytes(8, Uint(1, 2)) + Bytes(8, Uint(1, 1))), // the order of a list counts
        Made(Bytes(8, Uint(1, 1))),
        Made(Bytes(8, Uint(1, 1) + Bytes(2, "f"))),
        Made(Bytes(8, Uint(1, 1) + Bytes(3, "f"))),
        Made(Bytes(24, "")), // a duration of 0 s
        Made(Bytes(24, Uint(1, 1))),
        Made(Bytes(25, Uint(1, 1))),
        Made("") + Bytes(2, ""),
        Made("") + Bytes(2, Bytes(1, "w")),
        Props(Entry("a", Null())),
        Props(Entry("a", "")), // a value of no kind
        Props(Bytes(1, Bytes(1, "a"))),
        Props(Entry("", Null())),
        Props(Entry("a", Number(0))),
        Props(Entry("a", Number(-0.0))),
        Props(Entry("a", Number(1))),
        Props(Entry("a", Number(std::nextafter(1.0, 2)))),
        Props(Entry("a", Number(-1))),
        Props(Entry("a", Number(1e308))),
        Props(Entry("a", Number(9007199254740992))),
        Props(Entry("a", Number(9007199254740994))),
        Props(Entry("a", Number(5e-324))),
        Props(Entry("a", Text("1"))),
        Props(Entry("a", Text(""))),
        Props(Entry("a", Bool(true))),
        Props(Entry("a", Bool(false))),
        Props(Entry("a", Object(""))),
        Props(Entry("a", Array({}))),
        Props(Entry("a", Array({Null()}))),
        Props(Entry("a", Array({Null(), Null()}))),
        Props(Entry("a", Array({Number(1), Number(2)}))),
        Props(Entry("a", Array({Number(2), Number(1)}))),
        Props(Entry("a", Array({Array({Number(1)}), Number(2)}))),
        Props(Entry("a", Array({Array({Number(1), Number(2)})}))),
        Props(Entry("a", Number(1)) + Entry("b", Number(2))),
        Props(Entry("a", Number(2)) + Entry("b", Number(1))),
        Props(Entry("a", Object(Entry("b", Number(2))))),
        Props(Entry("a", Object(Entry("a", Object(Entry("b", Number(2))))))),
        Props(Entry("a", Object("")) + Entry("b", Number(2))),
        Props(Entry("ab", Number(1))),
        Made(Bytes(7, Entry("a", Number(1))) + Bytes(3, "r1")),
        Made(Bytes(1, Entry("a", Number(1)))), // the same object in another field
    };
    std::map<std::string, size_t> seen;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        auto [at, is_new] = seen.emplace(Print(requests[i]), i);
        EXPECT_TRUE(is_new) << i << " is as " << at->second;
    }
}

TEST(IdempotencyFingerprint, OfACancelIsWithoutItsWait) {
    Asked asked;
    asked.type = &runs__v1__cancel_run_request__descriptor;
    asked.left_out = {3, 4, 0};
    const std::string cancel = Bytes(1, "r1") + Bytes(2, "why");
    EXPECT_EQ(Print(cancel, asked), Print(cancel + Bytes(3, Uint(1, 10)) + Bytes(4, "k"), asked));
    EXPECT_NE(Print(cancel, asked), Print(cancel + Uint(5, 1), asked));
    EXPECT_NE(Print(cancel, asked), Print(Bytes(1, "r1"), asked));
    EXPECT_NE(Print(cancel, asked), Print(Bytes(1, "r2") + Bytes(2, "why"), asked));
    EXPECT_NE(Print(Bytes(1, "a") + Bytes(2, "b"), asked), Print(Bytes(1, "ab"), asked));
}

TEST(IdempotencyFingerprint, OfAReportIsWithWhatItReplaces) {
    Asked asked;
    asked.type = &runs__v1__report_run_request__descriptor;
    asked.left_out = {7, 0};
    const std::string requests[] = {
        Bytes(1, "r"),
        Bytes(1, "r") + Uint(2, 1),
        Bytes(1, "r") + Bytes(3, ""),
        Bytes(1, "r") + Bytes(4, ""), // 0, which replaces, is not none
        Bytes(1, "r") + Bytes(4, Double(1, 0.5)),
        Bytes(1, "r") + Bytes(4, Double(1, -0.0)),
        Bytes(1, "r") + Uint(6, 1),
    };
    std::map<std::string, size_t> seen;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        EXPECT_TRUE(seen.emplace(Print(requests[i], asked), i).second) << i;
    }
    EXPECT_EQ(Print(Bytes(1, "r") + Bytes(4, ""), asked),
              Print(Bytes(1, "r") + Bytes(4, Double(1, 0)), asked));
    EXPECT_EQ(Print(Bytes(1, "r"), asked), Print(Bytes(1, "r") + Bytes(7, "k"), asked));
}

// What is stored is compared with what later programs make: these never change.
TEST(IdempotencyFingerprint, IsTheOneOfProgramsOfBefore) {
    EXPECT_EQ(Name({}), "377cbf4bbf2784ec21342d26cb208b08");
    EXPECT_EQ(Print(Made(Bytes(3, "r1") + Bytes(7, Entry("a", Number(1))))),
              "606e3cd3a41e465dced23cfcbbbb0724");
}

} // namespace
