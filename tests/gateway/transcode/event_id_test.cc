#include "tests/gateway/transcode/rule_gateway.h"

// The ids of events, and where a client goes on.

namespace {

using google::protobuf::FieldDescriptorProto;

enum { FIELD_JSON = 51204, EVENT_ID = 6, LAST_EVENT_ID = 7, NOT_RESUMED = 9 };

// A field "f<number>" with a mark of runsd.gateway.v1.field_json; 0: none.
void AddMarked(google::protobuf::DescriptorProto *m, int number, FieldDescriptorProto::Type type,
               uint32_t mark, bool repeated = false) {
    FieldDescriptorProto *f = m->add_field();
    f->set_name("f" + std::to_string(number));
    f->set_number(number);
    f->set_type(type);
    f->set_label(repeated ? FieldDescriptorProto::LABEL_REPEATED
                          : FieldDescriptorProto::LABEL_OPTIONAL);
    if (type == FieldDescriptorProto::TYPE_MESSAGE) {
        f->set_type_name(".e.Ask");
    }
    if (mark == 0) {
        return;
    }
    Buffer json;
    wire_put_uint(json, mark, 1);
    f->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(FIELD_JSON, json.str());
}

// A service with one method at GET /r; its messages have the fields that the test adds.
struct Events {
    Events() {
        file = set.add_file();
        file->set_name("e.proto");
        file->set_package("e");
        file->set_syntax("proto3");
        ask = file->add_message_type();
        ask->set_name("Ask");
        event = file->add_message_type();
        event->set_name("Event");
        auto *service = file->add_service();
        service->set_name("S");
        method = service->add_method();
        method->set_name("M");
        method->set_input_type(".e.Ask");
        method->set_output_type(".e.Event");
        method->set_server_streaming(true);
        method->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(
            72295728, RuleField(GET, "/r"));
    }
    ~Events() {
        transcoder_free(t);
    }
    Events(const Events &) = delete;
    Events &operator=(const Events &) = delete;

    // The message of the error; "" if there is none.
    std::string Compile() {
        std::string bytes = set.SerializeAsString();
        const struct slice sets[] = {S(bytes)};
        const struct error *e = transcoder_new(a, sets, 1, nullptr, &t);
        return e == nullptr ? "" : e->message;
    }
    const struct transcoder_route *route() const {
        return transcoder_route_at(t, 0);
    }

    Arena a;
    struct transcoder *t = nullptr;
    google::protobuf::FileDescriptorSet set;
    google::protobuf::FileDescriptorProto *file;
    google::protobuf::DescriptorProto *ask, *event;
    google::protobuf::MethodDescriptorProto *method;
};

std::string Text(struct slice s) {
    return s.len == 0 ? "" : std::string(reinterpret_cast<const char *>(s.data), s.len);
}

std::string Varint(uint64_t value) {
    Buffer b;
    wire_put_uint(b, 1, value);
    return b.str();
}

std::string Fixed(uint64_t value, bool is_64) {
    Buffer b;
    is_64 ? wire_put_fixed64(b, 1, value) : wire_put_fixed32(b, 1, static_cast<uint32_t>(value));
    return b.str();
}

TEST(EventId, IsTheFieldsValueAsText) {
    const struct {
        FieldDescriptorProto::Type type;
        std::string message, id;
    } rows[] = {
        {FieldDescriptorProto::TYPE_STRING, RuleField(1, "a:1"), "a:1"},
        {FieldDescriptorProto::TYPE_STRING, RuleField(1, "old") + RuleField(1, "new"), "new"},
        {FieldDescriptorProto::TYPE_STRING, "", ""},
        {FieldDescriptorProto::TYPE_STRING, RuleField(2, "another field"), ""},
        {FieldDescriptorProto::TYPE_INT64, Varint(UINT64_C(1) << 60), "1152921504606846976"},
        {FieldDescriptorProto::TYPE_INT64, Varint(static_cast<uint64_t>(-7)), "-7"},
        {FieldDescriptorProto::TYPE_INT32, Varint(static_cast<uint64_t>(-7)), "-7"},
        {FieldDescriptorProto::TYPE_UINT64, Varint(UINT64_MAX), "18446744073709551615"},
        {FieldDescriptorProto::TYPE_UINT32, Varint(4000000000), "4000000000"},
        {FieldDescriptorProto::TYPE_SINT64, Varint(3), "-2"},
        {FieldDescriptorProto::TYPE_SINT32, Varint(4), "2"},
        {FieldDescriptorProto::TYPE_FIXED64, Fixed(9, true), "9"},
        {FieldDescriptorProto::TYPE_SFIXED64, Fixed(static_cast<uint64_t>(-9), true), "-9"},
        {FieldDescriptorProto::TYPE_FIXED32, Fixed(9, false), "9"},
        {FieldDescriptorProto::TYPE_SFIXED32, Fixed(static_cast<uint32_t>(-9), false), "-9"},
        {FieldDescriptorProto::TYPE_INT64, Varint(0), ""},
    };
    for (const auto &row : rows) {
        Events e;
        AddMarked(e.event, 1, row.type, EVENT_ID);
        ASSERT_EQ(e.Compile(), "");
        EXPECT_FALSE(transcoder_route_resumes(e.route()));
        Exact message(row.message);
        EXPECT_EQ(Text(transcoder_event_id(e.a, e.route(), message)), row.id) << row.id;
    }
}

TEST(EventId, SetsTheFieldOfTheRequestInPlaceOfWhatItHad) {
    Events e;
    AddMarked(e.ask, 1, FieldDescriptorProto::TYPE_UINT32, LAST_EVENT_ID);
    ASSERT_EQ(e.Compile(), "");
    ASSERT_TRUE(transcoder_route_resumes(e.route()));
    std::string had = Varint(3);
    struct slice message = S(had);
    ASSERT_EQ(transcoder_resume(e.a, e.route(), S("17"), &message), nullptr);
    EXPECT_EQ(Text(message), had + Varint(17)); // of which the last counts
    for (const char *bad : {"-1", "4294967296", "x", "1 ", "\xff"}) {
        const struct error *error = transcoder_resume(e.a, e.route(), S(bad), &message);
        ASSERT_NE(error, nullptr) << bad;
        EXPECT_EQ(error->code, STATUS_INVALID_ARGUMENT);
        EXPECT_EQ(error->reason_id, REASON_HEADER_INVALID);
        EXPECT_EQ(Text(message), had + Varint(17));
    }
}

TEST(EventId, WhatIsNotResumedIsUnset) {
    // As snapshot and since in the URL that a browser repeats.
    Events e;
    AddMarked(e.ask, 1, FieldDescriptorProto::TYPE_STRING, LAST_EVENT_ID);
    AddMarked(e.ask, 2, FieldDescriptorProto::TYPE_BOOL, NOT_RESUMED);
    AddMarked(e.ask, 3, FieldDescriptorProto::TYPE_MESSAGE, NOT_RESUMED);
    AddMarked(e.ask, 4, FieldDescriptorProto::TYPE_STRING, 0);
    ASSERT_EQ(e.Compile(), "");
    const std::string is_set("\x10\x01", 2); // f2: true
    const std::string instant = RuleField(3, std::string("\x08\x01", 2));
    const std::string kept = RuleField(4, "kept");
    const std::string unknown = RuleField(9, "not ours");
    const struct {
        std::string had, left;
    } rows[] = {
        {is_set + kept + instant, kept},
        {instant + instant + unknown + is_set, unknown},
        {RuleField(1, "had") + kept, RuleField(1, "had") + kept},
        {is_set, ""},
        {"", ""},
    };
    for (const auto &row : rows) {
        Exact had(row.had);
        struct slice message = had;
        ASSERT_EQ(transcoder_resume(e.a, e.route(), S("17"), &message), nullptr);
        EXPECT_EQ(Text(message), row.left + RuleField(1, "17"));
    }
}

TEST(EventId, OfAUnaryMethodIsNone) {
    Events e;
    AddMarked(e.ask, 1, FieldDescriptorProto::TYPE_STRING, LAST_EVENT_ID);
    AddMarked(e.event, 1, FieldDescriptorProto::TYPE_STRING, EVENT_ID);
    e.method->set_server_streaming(false);
    ASSERT_EQ(e.Compile(), "");
    EXPECT_FALSE(transcoder_route_resumes(e.route()));
    std::string message = RuleField(1, "a");
    EXPECT_EQ(Text(transcoder_event_id(e.a, e.route(), S(message))), "");
}

TEST(EventId, AMarkThatCannotBeUsedRefusesToStart) {
    const struct {
        FieldDescriptorProto::Type type;
        uint32_t mark;
        bool repeated;
    } rows[] = {{FieldDescriptorProto::TYPE_BOOL, EVENT_ID, false},
                {FieldDescriptorProto::TYPE_BYTES, EVENT_ID, false},
                {FieldDescriptorProto::TYPE_MESSAGE, EVENT_ID, false},
                {FieldDescriptorProto::TYPE_STRING, EVENT_ID, true},
                {FieldDescriptorProto::TYPE_MESSAGE, LAST_EVENT_ID, false},
                {FieldDescriptorProto::TYPE_STRING, LAST_EVENT_ID, true}};
    for (const auto &row : rows) {
        Events e;
        AddMarked(row.mark == EVENT_ID ? e.event : e.ask, 1, row.type, row.mark, row.repeated);
        EXPECT_NE(e.Compile().find("it is not of such a type"), std::string::npos) << row.type;
    }
    Events two;
    AddMarked(two.event, 1, FieldDescriptorProto::TYPE_STRING, EVENT_ID);
    AddMarked(two.event, 2, FieldDescriptorProto::TYPE_STRING, EVENT_ID);
    EXPECT_NE(two.Compile().find("field \"f2\" of e.Event cannot be its event_id: another one is"),
              std::string::npos)
        << two.Compile();
}

} // namespace
