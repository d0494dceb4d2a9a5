#include <google/protobuf/duration.pb.h>

#include "tests/gateway/transcode/rule_gateway.h"

// How long calls may wait by themselves.

namespace {

using google::protobuf::FieldDescriptorProto;

enum { FIELD_JSON = 51204, CALL_WAIT = 8 };

// A service with one unary method at GET /r, whose request has the fields that the test adds.
struct Waits {
    Waits() {
        google::protobuf::FileDescriptorProto *known = set.add_file();
        google::protobuf::Duration::descriptor()->file()->CopyTo(known);
        auto *file = set.add_file();
        file->set_name("w.proto");
        file->set_package("w");
        file->set_syntax("proto3");
        file->add_dependency("google/protobuf/duration.proto");
        ask = file->add_message_type();
        ask->set_name("Ask");
        auto *service = file->add_service();
        service->set_name("S");
        method = service->add_method();
        method->set_name("M");
        method->set_input_type(".w.Ask");
        method->set_output_type(".w.Ask");
        method->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(
            72295728, RuleField(GET, "/r"));
    }
    ~Waits() {
        transcoder_free(t);
    }
    Waits(const Waits &) = delete;
    Waits &operator=(const Waits &) = delete;

    void Add(int number, FieldDescriptorProto::Type type, bool repeated = false) {
        FieldDescriptorProto *f = ask->add_field();
        f->set_name("f" + std::to_string(number));
        f->set_number(number);
        f->set_type(type);
        f->set_label(repeated ? FieldDescriptorProto::LABEL_REPEATED
                              : FieldDescriptorProto::LABEL_OPTIONAL);
        if (type == FieldDescriptorProto::TYPE_MESSAGE) {
            f->set_type_name(".google.protobuf.Duration");
        }
        Buffer json;
        wire_put_uint(json, CALL_WAIT, 1);
        f->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(FIELD_JSON, json.str());
    }

    // The message of the error; "" if there is none.
    std::string Compile() {
        std::string bytes = set.SerializeAsString();
        const struct slice sets[] = {S(bytes)};
        const struct error *e = transcoder_new(a, sets, 1, nullptr, &t);
        return e == nullptr ? "" : e->message;
    }

    Arena a;
    struct transcoder *t = nullptr;
    google::protobuf::FileDescriptorSet set;
    google::protobuf::DescriptorProto *ask;
    google::protobuf::MethodDescriptorProto *method;
};

std::string Duration(int64_t seconds, int64_t nanos) {
    Buffer b;
    wire_put_uint(b, 1, static_cast<uint64_t>(seconds));
    wire_put_uint(b, 2, static_cast<uint64_t>(nanos));
    return b.str();
}

TEST(CallWait, IsTheFieldsDurationInMilliseconds) {
    const struct {
        std::string message;
        int64_t ms;
    } rows[] = {
        {"", 0},
        {RuleField(3, ""), 0},
        {RuleField(3, Duration(2, 0)), 2000},
        {RuleField(3, Duration(2, 1)), 2001},
        {RuleField(3, Duration(0, 999999999)), 1000},
        {RuleField(3, Duration(-1, 0)), 0},
        {RuleField(3, Duration(0, -1)), 0},
        {RuleField(3, Duration(86400, 0)), 86400000},
        {RuleField(3, Duration(86401, 0)), 86400000},
        {RuleField(3, Duration(INT64_MAX, 0)), 86400000},
        {RuleField(3, Duration(1, INT64_MAX)), 86400000},
        {RuleField(2, Duration(7, 0)), 0}, // another field
    };
    Waits w;
    w.Add(3, FieldDescriptorProto::TYPE_MESSAGE);
    ASSERT_EQ(w.Compile(), "");
    for (const auto &row : rows) {
        Exact message(row.message);
        EXPECT_EQ(transcoder_call_wait_ms(transcoder_route_at(w.t, 0), message), row.ms);
    }
}

TEST(CallWait, OfAStreamIsNone) {
    Waits w;
    w.Add(3, FieldDescriptorProto::TYPE_MESSAGE);
    w.method->set_server_streaming(true);
    ASSERT_EQ(w.Compile(), "");
    std::string message = RuleField(3, Duration(2, 0));
    EXPECT_EQ(transcoder_call_wait_ms(transcoder_route_at(w.t, 0), S(message)), 0);
}

TEST(CallWait, AMarkThatCannotBeUsedRefusesToStart) {
    Waits text;
    text.Add(1, FieldDescriptorProto::TYPE_STRING);
    EXPECT_NE(
        text.Compile().find("field \"f1\" of w.Ask cannot be its call_wait: it is no Duration"),
        std::string::npos)
        << text.Compile();
    Waits many;
    many.Add(1, FieldDescriptorProto::TYPE_MESSAGE, true);
    EXPECT_NE(many.Compile().find("it is no Duration"), std::string::npos);
    Waits two;
    two.Add(1, FieldDescriptorProto::TYPE_MESSAGE);
    two.Add(2, FieldDescriptorProto::TYPE_MESSAGE);
    EXPECT_NE(two.Compile().find("field \"f2\" of w.Ask cannot be its call_wait: another one is"),
              std::string::npos);
}

} // namespace
