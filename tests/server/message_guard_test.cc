#include <algorithm>
#include <gtest/gtest.h>

#include "runs/v1/runs_service.pb-c.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "server/domain/message_guard.h"
}

namespace {

using namespace wire;

struct Result {
    bool ok = false;
    std::string field;
    std::string message;
};

Result Unpack(const ProtobufCMessageDescriptor &type, const std::string &bytes) {
    TestArena a;
    ExactBytes exact(bytes);
    ProtobufCMessage *message = nullptr;
    const struct error *e = message_unpack(a.get(), &type, exact.slice(), &message);
    Result r;
    r.ok = e == nullptr;
    if (e == nullptr) {
        EXPECT_NE(nullptr, message);
        return r;
    }
    EXPECT_EQ(nullptr, message);
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
    EXPECT_STREQ("MESSAGE_MALFORMED", e->reason);
    r.message = e->message;
    if (e->violations == nullptr) {
        ADD_FAILURE() << "no violation: " << e->message;
        return r;
    }
    EXPECT_EQ(nullptr, e->violations->next);
    r.field = e->violations->field;
    return r;
}

Result UnpackCreate(const std::string &bytes) {
    return Unpack(runs__v1__create_run_request__descriptor, bytes);
}

// The fields of a run in all wire types that it has.
std::vector<std::string> RunFields() {
    const std::string fork = Uint(1, 1) + Bytes(2, "fork") + Bytes(3, "https://rpc.example");
    const std::string props = Entry("n", Null()) + Entry("d", Number(1.5)) +
                              Entry("s", Text("\xC3\xA4")) + Entry("b", Bool(true)) +
                              Entry("o", Object(Entry("x", Text("y")))) +
                              Entry("a", Array({Number(1), Text("2"), Array({}), Object("")}));
    const std::string definition = Bytes(2, Bytes(2, "amount") + Uint(3, 1) + Bytes(4, "number")) +
                                   Bytes(3, Entry("root", Object(Entry("type", Text("manual")))));
    return {Bytes(1, props),       Bytes(3, "r1"),    Uint(4, 1),  Bytes(7, props),
            Bytes(8, fork),        Bytes(8, fork),    Uint(12, 1), Double(13, 0.5),
            Bytes(16, definition), Bytes(17, "wf-1"), Uint(18, 3)};
}

std::string Join(const std::vector<std::string> &parts) {
    std::string all;
    for (const auto &part : parts) {
        all += part;
    }
    return all;
}

TEST(MessageGuard, UnpacksWhatIsWellFormed) {
    TestArena a;
    ExactBytes bytes(Bytes(1, Join(RunFields())));
    ProtobufCMessage *message = nullptr;
    ASSERT_EQ(nullptr, message_unpack(a.get(), &runs__v1__create_run_request__descriptor,
                                      bytes.slice(), &message));
    auto *run = reinterpret_cast<Runs__V1__CreateRunRequest *>(message)->run;
    EXPECT_STREQ("r1", run->id);
    EXPECT_STREQ("wf-1", run->workflow_id);
    EXPECT_EQ(3, run->workflow_version);
    EXPECT_EQ(0.5, run->total_cu);
    EXPECT_EQ(2u, run->n_simulation_forks);
    ASSERT_EQ(6u, run->prop_values->n_fields);
    EXPECT_STREQ("a", run->prop_values->fields[5]->key);
    EXPECT_EQ(4u, run->prop_values->fields[5]->value->list_value->n_values);
    EXPECT_STREQ("", run->triggered_by);
}

TEST(MessageGuard, NothingIsAnEmptyMessage) {
    TestArena a;
    ProtobufCMessage *message = nullptr;
    ASSERT_EQ(nullptr, message_unpack(a.get(), &runs__v1__create_run_request__descriptor,
                                      SLICE_EMPTY, &message));
    EXPECT_EQ(nullptr, reinterpret_cast<Runs__V1__CreateRunRequest *>(message)->run);
}

TEST(MessageGuard, RefusesEveryTruncation) {
    const std::string request = Bytes(1, Join(RunFields()));
    for (size_t n = 1; n < request.size(); n++) {
        EXPECT_FALSE(UnpackCreate(request.substr(0, n)).ok) << n;
    }
    EXPECT_TRUE(UnpackCreate(request).ok);
}

TEST(MessageGuard, ARunThatIsCutIsWholeBetweenItsFieldsAlone) {
    const std::string run = Join(RunFields());
    std::vector<size_t> ends = {0};
    for (const auto &field : RunFields()) {
        ends.push_back(ends.back() + field.size());
    }
    for (size_t n = 0; n <= run.size(); n++) {
        bool is_whole = std::count(ends.begin(), ends.end(), n) == 1;
        Result r = UnpackCreate(Bytes(1, run.substr(0, n)));
        EXPECT_EQ(is_whole, r.ok) << n << " " << r.message;
        if (!is_whole) {
            EXPECT_EQ("run", r.field) << n;
            EXPECT_EQ("run is not well-formed protobuf, or cut off", r.message);
        }
    }
}

TEST(MessageGuard, EveryByteReplacedIsNoCrash) {
    const std::string request = Bytes(1, Join(RunFields()));
    int refused = 0;
    for (size_t i = 0; i < request.size(); i++) {
        for (int value = 0; value < 256; value += 3) {
            std::string changed = request;
            changed[i] = static_cast<char>(value);
            refused += UnpackCreate(changed).ok ? 0 : 1;
        }
    }
    EXPECT_GT(refused, 1000);
}

// levels messages, each the field number of the one around it; innermost is inside.
// From the inside out, so that a hundred thousand cost no square of them.
std::string Nest(size_t levels, const std::vector<uint32_t> &numbers, const std::string &inside) {
    std::vector<std::string> heads;
    size_t size = inside.size();
    for (size_t i = levels; i-- > 0;) {
        heads.push_back(Varint(numbers[i % numbers.size()] << 3 | 2) + Varint(size));
        size += heads.back().size();
    }
    std::reverse(heads.begin(), heads.end());
    return Join(heads) + inside;
}

// Request, run, executionState, entry, value: 5 messages; then 6 for a list and 1 for
// its item by turns.
std::string DeepRequest(size_t messages) {
    return Bytes(1, Bytes(1, Bytes(1, Bytes(1, "k") + Bytes(2, Nest(messages - 5, {6, 1}, "")))));
}

TEST(MessageGuard, TakesAHundredMessagesDeepAndNoMore) {
    EXPECT_TRUE(UnpackCreate(DeepRequest(99)).ok);
    EXPECT_TRUE(UnpackCreate(DeepRequest(100)).ok);
    Result r = UnpackCreate(DeepRequest(101));
    EXPECT_FALSE(r.ok);
    EXPECT_EQ(0u, r.field.find("run.executionState.k[0][0][0]")) << r.field;
    EXPECT_NE(std::string::npos, r.message.find("is nested deeper than 100 messages"));
}

TEST(MessageGuard, AHundredThousandLevelsAreNoStackOverflow) {
    Result r = UnpackCreate(DeepRequest(100'000));
    EXPECT_FALSE(r.ok);
    EXPECT_NE(std::string::npos, r.message.find("nested deeper than 100")) << r.message;
    EXPECT_LT(r.field.size(), 300u) << "a path nobody can read is cut";

    // Deep in a group that nobody knows, too.
    std::string groups;
    for (int i = 0; i < 100'000; i++) {
        groups += Varint(99 << 3 | 3);
    }
    EXPECT_FALSE(UnpackCreate(groups).ok);
}

TEST(MessageGuard, TextMustBeUtf8WithoutNul) {
    const struct {
        std::string run;
        const char *field;
    } places[] = {
        {"id", "run.id"},
        {"value", "run.propValues.b"},
        {"fork", "run.simulationForks[1].rpcUrl"},
        {"input", "run.workflowDefinition.inputSchema[0].description"},
    };
    const struct {
        std::string text;
        const char *why; // nullptr: fine
    } texts[] = {
        {"\xC3\xA4\xF0\x9F\x98\x80", nullptr},
        {std::string("a\0b", 3), "holds a NUL character, which is not allowed"},
        {std::string("\0", 1), "holds a NUL character, which is not allowed"},
        {"\xFF", "is not UTF-8"},
        {"\xC3", "is not UTF-8"},
        {"\xED\xA0\x80", "is not UTF-8"},
        {"\xC0\x80", "is not UTF-8"},
        {"\xF4\x90\x80\x80", "is not UTF-8"},
    };
    for (const auto &place : places) {
        for (const auto &text : texts) {
            std::string run;
            if (place.run == "id") {
                run = Bytes(3, text.text);
            } else if (place.run == "value") {
                run = Bytes(7, Entry("a", Null()) + Entry("b", Text(text.text)));
            } else if (place.run == "fork") {
                run = Bytes(8, "") + Bytes(8, Bytes(3, text.text));
            } else {
                run = Bytes(16, Bytes(2, Bytes(1, text.text)));
            }
            Result r = UnpackCreate(Bytes(1, run));
            bool is_kept = place.run == "value" && text.text.find('\0') != std::string::npos;
            EXPECT_EQ(text.why == nullptr || is_kept, r.ok) << r.message;
            if (!r.ok) {
                EXPECT_EQ(place.field, r.field);
                EXPECT_EQ(std::string(place.field) + " " + text.why, r.message);
            }
        }
    }
}

// Free-form objects keep U+0000: what is stored are the request's bytes, and in what is checked
// no two texts become one, nor one that the checks know.
TEST(MessageGuard, NulInFreeFormTextIsNoEndOfIt) {
    const std::string key("k\0x", 3), value("\0manual\0", 8);
    const std::string request = Bytes(
        1, Bytes(7, Entry(key, Text(value)) + Entry("k", Array({Text(std::string("\0", 1))}))));
    TestArena a;
    ExactBytes bytes(request);
    ProtobufCMessage *message = nullptr;
    ASSERT_EQ(nullptr, message_unpack(a.get(), &runs__v1__create_run_request__descriptor,
                                      bytes.slice(), &message));
    auto *props = reinterpret_cast<Runs__V1__CreateRunRequest *>(message)->run->prop_values;
    ASSERT_EQ(2u, props->n_fields);
    EXPECT_STREQ("k\xFFx", props->fields[0]->key);
    EXPECT_STREQ("\xFFmanual\xFF", props->fields[0]->value->string_value);
    EXPECT_STREQ("k", props->fields[1]->key);
    EXPECT_STREQ("\xFF", props->fields[1]->value->list_value->values[0]->string_value);
    EXPECT_EQ(0, memcmp(bytes.slice().data, request.data(), request.size()));
}

TEST(MessageGuard, PathsNameKeysAndItemsOfFreeFormObjects) {
    const std::string bad = Text("\xFF");
    const struct {
        std::string object; // of propValues
        const char *field;
    } rows[] = {
        {Entry("a", Object(Entry("b c", Array({Null(), bad})))), "run.propValues.a[\"b c\"][1]"},
        {Entry(std::string("k\0", 2), bad), "run.propValues[\"k\\u0000\"]"},
        {Entry("\xFF", Null()), "run.propValues[\"\xEF\xBF\xBD\"]"},
        {Entry("a", Object(Bytes(1, "\x0A"))), "run.propValues.a[\"\"]"},
    };
    for (const auto &row : rows) {
        Result r = UnpackCreate(Bytes(1, Bytes(7, row.object)));
        EXPECT_FALSE(r.ok);
        EXPECT_EQ(row.field, r.field);
    }
}

TEST(MessageGuard, AFieldHasItsOwnWireType) {
    const struct {
        std::string run;
        const char *field;
    } rows[] = {
        {Uint(3, 1), "run.id"},
        {Bytes(4, "x"), "run.isDustTest"},
        {Bytes(13, "12345678"), "run.totalCu"},
        {Uint(13, 1), "run.totalCu"},
        {Double(18, 1), "run.workflowVersion"},
        {Bytes(12, "\x01"), "run.status"},
        {Uint(16, 1), "run.workflowDefinition"},
        {Uint(8, 1), "run.simulationForks[0]"},
        {Bytes(8, "") + Uint(8, 1), "run.simulationForks[1]"},
        {Varint(3 << 3 | 5) + "abcd", "run.id"},
        {Varint(3 << 3 | 3) + Varint(3 << 3 | 4), "run.id"},
        {Bytes(7, Entry("k", Uint(3, 1))), "run.propValues.k"},
    };
    for (const auto &row : rows) {
        Result r = UnpackCreate(Bytes(1, row.run));
        EXPECT_FALSE(r.ok) << row.field;
        EXPECT_EQ(row.field, r.field);
        EXPECT_EQ(std::string(row.field) + " has a wire type that is not its own", r.message);
    }
}

TEST(MessageGuard, ASingularMessageOccursOnce) {
    const struct {
        std::string request;
        const char *field;
    } rows[] = {
        {Bytes(1, "") + Bytes(1, ""), "run"},
        {Bytes(1, Bytes(7, "") + Bytes(3, "r1") + Bytes(7, "")), "run.propValues"},
        {Bytes(1, Bytes(16, "") + Bytes(16, "")), "run.workflowDefinition"},
        {Bytes(1, Bytes(16, Bytes(3, "") + Bytes(3, ""))), "run.workflowDefinition.nodes"},
        {Bytes(1, Bytes(7, Bytes(1, Bytes(2, "") + Bytes(2, "")))), "run.propValues[\"\"]"},
        {Bytes(1, Bytes(7, Entry("k", Object("") + Object("")))), "run.propValues.k"},
    };
    for (const auto &row : rows) {
        Result r = UnpackCreate(row.request);
        EXPECT_FALSE(r.ok) << row.field;
        EXPECT_EQ(row.field, r.field);
        EXPECT_EQ(std::string(row.field) + " occurs twice", r.message);
    }
    EXPECT_TRUE(UnpackCreate(Bytes(1, Bytes(8, "") + Bytes(8, ""))).ok) << "repeated ones may";
    EXPECT_TRUE(UnpackCreate(Bytes(1, Bytes(3, "a") + Bytes(3, "b"))).ok) << "the last one wins";
}

// A type of 70 fields f1 to f70, each a timestamp.
class WideType {
  public:
    WideType() {
        for (unsigned i = 0; i < kFields; i++) {
            names_[i] = "f" + std::to_string(i + 1);
            ProtobufCFieldDescriptor &f = fields_[i];
            f.name = names_[i].c_str();
            f.id = i + 1;
            f.label = PROTOBUF_C_LABEL_NONE;
            f.type = PROTOBUF_C_TYPE_MESSAGE;
            f.offset = static_cast<unsigned>(sizeof(ProtobufCMessage) + i * sizeof(void *));
            f.descriptor = &google__protobuf__timestamp__descriptor;
        }
        type_.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC;
        type_.name = type_.short_name = type_.c_name = type_.package_name = "Wide";
        type_.sizeof_message = sizeof(ProtobufCMessage) + kFields * sizeof(void *);
        type_.n_fields = kFields;
        type_.fields = fields_;
        type_.n_field_ranges = 1;
        type_.field_ranges = ranges_;
    }
    const ProtobufCMessageDescriptor &type() const {
        return type_;
    }
    static constexpr unsigned kFields = 70;

  private:
    std::string names_[kFields];
    ProtobufCFieldDescriptor fields_[kFields] = {};
    const ProtobufCIntRange ranges_[2] = {{1, 0}, {0, kFields}};
    ProtobufCMessageDescriptor type_ = {};
};

TEST(MessageGuard, FieldsOfAWideTypeAreToldApart) {
    WideType wide;
    const std::string instant = Uint(1, 7);
    std::string all;
    for (unsigned i = 1; i <= WideType::kFields; i++) {
        all += Bytes(i, instant);
    }
    Result r = Unpack(wide.type(), all);
    EXPECT_TRUE(r.ok) << r.message;
    for (unsigned i = 1; i <= WideType::kFields; i++) {
        r = Unpack(wide.type(), all + Bytes(i, instant));
        EXPECT_FALSE(r.ok);
        EXPECT_EQ("f" + std::to_string(i), r.field);
    }
}

TEST(MessageGuard, AOneofIsSetOnce) {
    const std::string kinds[] = {Null(), Number(1), Text("x"), Bool(true), Object(""), Array({})};
    for (const auto &first : kinds) {
        EXPECT_TRUE(UnpackCreate(Bytes(1, Bytes(7, Entry("k", first)))).ok);
        for (const auto &second : kinds) {
            Result r = UnpackCreate(Bytes(1, Bytes(7, Entry("k", first + second))));
            EXPECT_FALSE(r.ok) << "readers see the last, the gateway reads both";
            EXPECT_EQ("run.propValues.k", r.field);
        }
    }
    Result r = UnpackCreate(Bytes(1, Bytes(7, Entry("k", Number(1) + Text("x")))));
    EXPECT_EQ("run.propValues.k is given beside another field of its "
              "oneof",
              r.message);
    EXPECT_TRUE(UnpackCreate(Bytes(1, Bytes(7, Entry("a", Number(1)) + Entry("b", Text("x"))))).ok)
        << "another value's oneof is another";
}

TEST(MessageGuard, UnknownFieldsAreTakenIfWellFormed) {
    EXPECT_TRUE(UnpackCreate(Bytes(99, "\xFF") + Uint(100, 1) + Double(101, 1) + Bytes(1, "")).ok);
    // Groups are none of proto3, and protobuf-c knows none.
    EXPECT_FALSE(UnpackCreate(Varint(99 << 3 | 3) + Uint(1, 1) + Varint(99 << 3 | 4)).ok);
    for (const std::string &bytes :
         {std::string("\x00\x00", 2), std::string("\x07"), std::string("\x06"), Varint(99 << 3 | 4),
          Varint(99 << 3 | 3), Varint(99 << 3 | 3) + Varint(98 << 3 | 4),
          Varint(99 << 3) + std::string(10, '\xFF') + '\x01',
          Varint(99 << 3 | 2) + Varint(UINT64_MAX), Varint(uint64_t{1} << 35 | 8) + '\x01'}) {
        EXPECT_FALSE(UnpackCreate(bytes).ok) << testing::PrintToString(bytes);
    }
}

TEST(MessageGuard, PackedNumbersAreTakenAndCheckedInside) {
    const auto &list = runs__v1__list_runs_request__descriptor;
    TestArena a;
    ExactBytes packed(Bytes(3, "\x01\x02") + Uint(3, 5));
    ProtobufCMessage *message = nullptr;
    ASSERT_EQ(nullptr, message_unpack(a.get(), &list, packed.slice(), &message));
    auto *request = reinterpret_cast<Runs__V1__ListRunsRequest *>(message);
    ASSERT_EQ(3u, request->n_status);
    EXPECT_EQ(2, static_cast<int>(request->status[1]));
    EXPECT_EQ(5, static_cast<int>(request->status[2]));
    Result r = Unpack(list, Bytes(3, "\x01\x82"));
    EXPECT_FALSE(r.ok);
    EXPECT_EQ("the message is not well-formed protobuf, or cut off", r.message);
}

TEST(MessageGuard, PacksWhatUnpacksAlike) {
    TestArena a;
    Runs__V1__CancelRunRequest request = RUNS__V1__CANCEL_RUN_REQUEST__INIT;
    request.id = const_cast<char *>("r1");
    request.reason = const_cast<char *>("why");
    struct slice bytes = message_pack(a.get(), &request.base);
    EXPECT_EQ(Bytes(1, "r1") + Bytes(2, "why"),
              std::string(reinterpret_cast<const char *>(bytes.data), bytes.len));
}

} // namespace
