#include <gtest/gtest.h>

#include "runs/v1/error_reason.pb-c.h"
#include "runs/v1/run.pb-c.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "base/core/reason.h"
#include "server/domain/message_guard.h"
#include "server/domain/run_codec.h"
}

namespace {

using namespace wire;

std::string StringOf(struct slice s) {
    return std::string(reinterpret_cast<const char *>(s.data), s.len);
}

const int64_t started_us = 1'700'000'000'123'456;

struct Encoded {
    std::string spec;
    std::string execution_state;
};

Encoded Encode(const std::string &run, const std::string &id = "r1",
               const std::string &trigger = "api", const std::string &by = "ci") {
    TestArena a;
    ExactBytes bytes(run);
    run_provenance provenance = {SliceOfString(id), slice_of_cstr("acme"), started_us,
                                 SliceOfString(trigger), SliceOfString(by)};
    struct run_fields fields = {};
    struct slice spec = run_spec_encode(a.get(), bytes.slice(), &provenance, &fields);
    return {StringOf(spec), StringOf(fields.execution_state)};
}

struct Free {
    void operator()(Runs__V1__Run *run) const {
        runs__v1__run__free_unpacked(run, nullptr);
    }
};

std::unique_ptr<Runs__V1__Run, Free> Decode(const std::string &bytes) {
    return std::unique_ptr<Runs__V1__Run, Free>(runs__v1__run__unpack(
        nullptr, bytes.size(), reinterpret_cast<const uint8_t *>(bytes.data())));
}

std::string Reply(const Encoded &encoded, run_status status, double total_cu,
                  int64_t finished_at_us, size_t want_parts) {
    TestArena a;
    run_record record = {};
    record.status = status;
    record.fields.total_cu = total_cu;
    record.finished_at_us = finished_at_us;
    record.spec = SliceOfString(encoded.spec);
    record.fields.execution_state = SliceOfString(encoded.execution_state);
    struct slice parts[RUN_REPLY_PARTS];
    size_t count = run_reply_parts(a.get(), &record, parts);
    EXPECT_EQ(want_parts, count);
    std::string reply;
    for (size_t i = 0; i < count; i++) {
        reply += StringOf(parts[i]);
    }
    return reply;
}

// Keys neither in order nor in the order that any map would give them.
std::string Props() {
    return Entry("zebra", Number(1)) + Entry("apple", Text("x")) + Entry("mango", Null()) +
           Entry("b", Object(Entry("2", Bool(true)) + Entry("10", Number(-0.0))));
}

std::string FullRun() {
    const std::string definition =
        Bytes(1, Entry("z", Null()) + Entry("a", Null())) +
        Bytes(2, Bytes(1, "how much") + Bytes(2, "zebra") + Uint(3, 1) + Bytes(4, "number")) +
        Bytes(3, Entry("root", Object(Entry("type", Text("manual")))));
    return Bytes(1, Entry("state", Text("s"))) + Bytes(3, "given") + Uint(4, 1) + Uint(5, 1) +
           Bytes(7, Props()) + Bytes(8, Uint(1, 8453) + Bytes(2, "f1") + Bytes(3, "https://x")) +
           Bytes(8, Uint(1, 1)) + Bytes(9, "fork") + Bytes(10, "r0") + Bytes(14, "ui") +
           Bytes(15, "someone") + Bytes(16, definition) + Bytes(17, "wf-1") + Uint(18, 7);
}

TEST(RunCodec, AReplyDecodesToTheRunAsGivenAndDecided) {
    auto run = Decode(Reply(Encode(FullRun()), RUN_FAILURE, 2.25, started_us + 1, 3));
    ASSERT_NE(nullptr, run);
    ASSERT_EQ(1u, run->execution_state->n_fields);
    EXPECT_STREQ("state", run->execution_state->fields[0]->key);
    EXPECT_EQ(1'700'000'000, run->finished_at->seconds);
    EXPECT_EQ(123'457'000, run->finished_at->nanos);
    EXPECT_STREQ("r1", run->id);
    EXPECT_TRUE(run->is_dust_test);
    EXPECT_TRUE(run->is_simulation);
    EXPECT_STREQ("acme", run->organization_id);
    ASSERT_EQ(4u, run->prop_values->n_fields);
    EXPECT_STREQ("zebra", run->prop_values->fields[0]->key);
    EXPECT_EQ(1, run->prop_values->fields[0]->value->number_value);
    ASSERT_EQ(2u, run->n_simulation_forks);
    EXPECT_EQ(8453, run->simulation_forks[0]->chain_id);
    EXPECT_STREQ("f1", run->simulation_forks[0]->fork_id);
    EXPECT_STREQ("https://x", run->simulation_forks[0]->rpc_url);
    EXPECT_EQ(1, run->simulation_forks[1]->chain_id);
    EXPECT_STREQ("fork", run->simulation_mode);
    EXPECT_STREQ("r0", run->source_run_id);
    EXPECT_EQ(1'700'000'000, run->started_at->seconds);
    EXPECT_EQ(123'456'000, run->started_at->nanos);
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_FAILURE, run->status);
    EXPECT_EQ(2.25, run->total_cu);
    EXPECT_STREQ("api", run->trigger_source);
    EXPECT_STREQ("ci", run->triggered_by);
    ASSERT_EQ(1u, run->workflow_definition->n_input_schema);
    EXPECT_STREQ("zebra", run->workflow_definition->input_schema[0]->key);
    EXPECT_EQ(2u, run->workflow_definition->block_expansions->n_fields);
    EXPECT_STREQ("root", run->workflow_definition->nodes->fields[0]->key);
    EXPECT_STREQ("wf-1", run->workflow_id);
    EXPECT_EQ(7, run->workflow_version);
}

TEST(RunCodec, ARunThatGoesOnHasNoEnd) {
    auto run = Decode(Reply(Encode(Bytes(17, "wf-1")), RUN_RUNNING, 0, 0, 2));
    ASSERT_NE(nullptr, run);
    EXPECT_EQ(nullptr, run->finished_at);
    EXPECT_EQ(nullptr, run->execution_state);
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_RUNNING, run->status);
    EXPECT_EQ(0, run->total_cu);
}

TEST(RunCodec, FreeFormObjectsAreKeptToTheByte) {
    const Encoded encoded = Encode(FullRun());
    EXPECT_NE(std::string::npos, encoded.spec.find(Bytes(7, Props())));
    EXPECT_EQ(Entry("state", Text("s")), encoded.execution_state);
    const std::string state = Entry("z", Null()) + Entry("a", Object(Props()));
    EXPECT_EQ(state, Encode(Bytes(1, state)).execution_state);
    EXPECT_EQ("", Encode("").execution_state);
}

TEST(RunCodec, TheSpecIsTheKnownImmutableFieldsThenTheProvenance) {
    const std::string at = Uint(1, 1'700'000'000) + Uint(2, 123'456'000);
    const std::string provenance =
        Bytes(3, "r1") + Bytes(6, "acme") + Bytes(11, at) + Bytes(14, "api") + Bytes(15, "ci");
    const std::string kept = Uint(4, 1) + Bytes(7, Props()) + Bytes(17, "wf-1") + Uint(18, 7);
    EXPECT_EQ(kept + provenance, Encode(kept).spec);
    // What only the service may say, and what nobody knows, is left out wherever it stands.
    const std::string dropped = Bytes(1, "") + Bytes(2, Uint(1, 1)) + Bytes(3, "given") +
                                Bytes(6, "rival") + Bytes(11, Uint(1, 1)) + Uint(12, 5) +
                                Double(13, 9) + Bytes(14, "ui") + Bytes(15, "someone") +
                                Bytes(99, "?") + Uint(5000, 1);
    EXPECT_EQ(kept + provenance, Encode(dropped + kept + dropped).spec);
}

TEST(RunCodec, ProvenanceOverridesWhatWasGiven) {
    const std::string given = Bytes(3, "given") + Bytes(6, "rival") + Bytes(14, "ui") +
                              Bytes(15, "someone") + Bytes(3, "again");
    auto run = Decode(Reply(Encode(given, "mine", "cron", "bot"), RUN_WAITING, 0, 0, 2));
    ASSERT_NE(nullptr, run);
    EXPECT_STREQ("mine", run->id);
    EXPECT_STREQ("acme", run->organization_id);
    EXPECT_STREQ("cron", run->trigger_source);
    EXPECT_STREQ("bot", run->triggered_by);
}

TEST(RunCodec, MutableFieldsTakeTheLongestValues) {
    Encoded encoded = {Encode("").spec, std::string(300'000, '\0')};
    // Not decoded: the state is any bytes here; its length must be told right.
    const std::string reply = Reply(encoded, RUN_CANCELLED, -1e308, 253402300799999999, 3);
    EXPECT_EQ(encoded.spec + Uint(12, 5) + Double(13, -1e308) +
                  Bytes(2, Uint(1, 253402300799) + Uint(2, 999999000)) +
                  Bytes(1, encoded.execution_state),
              reply);
}

TEST(RunCodec, TimestampsCountUpFromTheSecondBefore) {
    const struct {
        int64_t us;
        std::string bytes;
    } rows[] = {
        {0, ""},
        {1, Uint(2, 1000)},
        {999'999, Uint(2, 999'999'000)},
        {1'000'000, Uint(1, 1)},
        {-1, Uint(1, static_cast<uint64_t>(-1)) + Uint(2, 999'999'000)},
        {-1'000'000, Uint(1, static_cast<uint64_t>(-1))},
        {-1'500'000, Uint(1, static_cast<uint64_t>(-2)) + Uint(2, 500'000'000)},
    };
    for (const auto &row : rows) {
        TestArena a;
        EXPECT_EQ(row.bytes, StringOf(run_timestamp_encode(a.get(), row.us))) << row.us;
    }
}

TEST(RunCodec, TimestampsAreReadWithinTheYears1To9999) {
    const struct {
        int64_t seconds;
        int32_t nanos;
        bool ok;
        int64_t us;
    } rows[] = {
        {0, 0, true, 0},
        {0, 999, true, 0},
        {1, 1'999, true, 1'000'001},
        {-1, 999'999'999, true, -1},
        {-62135596800, 0, true, -62135596800000000},
        {253402300799, 999'999'999, true, 253402300799999999},
        {-62135596801, 999'999'999, false, 0},
        {253402300800, 0, false, 0},
        {0, -1, false, 0},
        {0, 1'000'000'000, false, 0},
        {INT64_MAX, 0, false, 0},
        {INT64_MIN, 0, false, 0},
    };
    for (const auto &row : rows) {
        Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        t.seconds = row.seconds;
        t.nanos = row.nanos;
        int64_t us = 0;
        EXPECT_EQ(row.ok, run_timestamp_decode(&t, &us)) << row.seconds << " " << row.nanos;
        EXPECT_EQ(row.us, us) << row.seconds << " " << row.nanos;
    }
}

// The assertions in run_codec.c and run_error.c name each; a value that a proto gains is missed
// by them.
TEST(RunNumbers, ProtosHaveNoOthers) {
    EXPECT_EQ(runs__v1__run_status__descriptor.n_values, unsigned{RUN_STATUS_COUNT});
    unsigned reasons = 1; // unspecified
#define COUNT_REASON(name, http_status) reasons++;
    REASONS_OF_RUNS(COUNT_REASON)
    EXPECT_EQ(runs__v1__error_reason__descriptor.n_values, reasons);
}

// The member of message that the protos call name.
const void *Member(const ProtobufCMessage *message, const char *name) {
    const auto *field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    EXPECT_NE(nullptr, field) << name;
    return reinterpret_cast<const char *>(message) + field->offset;
}

// Whatever fields there are: a report's comes out in the reply, under the name that the protos
// and storage/run_fields.h have for it.
TEST(RunCodec, EachFieldOfAReportIsRepliedUnderItsName) {
    const std::string state = Entry("z", Number(1));
    const struct {
        int field;
        const char *name;
        run_field_type type;
    } fields[] = {
#define ROW(NAME, name, type) {RUN_FIELD_##NAME, #name, RUN_FIELD_##type},
        RUN_FIELDS(ROW)
#undef ROW
    };
    for (const auto &row : fields) {
        SCOPED_TRACE(row.name);
        const auto *in_report = protobuf_c_message_descriptor_get_field_by_name(
            &runs__v1__report_run_request__descriptor, row.name);
        ASSERT_NE(nullptr, in_report);
        const std::string value = row.type == RUN_FIELD_INTEGER ? Uint(1, 7)
                                  : row.type == RUN_FIELD_REAL  ? Double(1, 2.5)
                                                                : state;
        TestArena a;
        ExactBytes bytes(Bytes(in_report->id, value));
        ProtobufCMessage *report = nullptr;
        ASSERT_EQ(nullptr, message_unpack(a.get(), &runs__v1__report_run_request__descriptor,
                                          bytes.slice(), &report));
        run_record record = {};
        record.status = RUN_RUNNING;
        uint32_t given = 0;
        ASSERT_EQ(nullptr, run_fields_read_report(
                               a.get(), reinterpret_cast<Runs__V1__ReportRunRequest *>(report),
                               bytes.slice(), &record.fields, &given));
        EXPECT_EQ(1u << row.field, given);
        struct slice parts[RUN_REPLY_PARTS];
        size_t count = run_reply_parts(a.get(), &record, parts);
        std::string reply;
        for (size_t i = 0; i < count; i++) {
            reply += StringOf(parts[i]);
        }
        auto run = Decode(reply);
        ASSERT_NE(nullptr, run);
        const void *member = Member(&run->base, row.name);
        if (row.type == RUN_FIELD_INTEGER) {
            EXPECT_EQ(7, *static_cast<const int64_t *>(member));
        } else if (row.type == RUN_FIELD_REAL) {
            EXPECT_EQ(2.5, *static_cast<const double *>(member));
        } else {
            EXPECT_EQ(Bytes(protobuf_c_message_descriptor_get_field_by_name(
                                &runs__v1__run__descriptor, row.name)
                                ->id,
                            state),
                      reply.substr(reply.size() - state.size() - 2));
        }
    }
}

} // namespace
