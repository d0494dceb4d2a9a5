#include <google/protobuf/duration.pb.h>

#include "tests/gateway/transcode/marked_fields.h"

// How long calls may wait by themselves.

namespace {

using google::protobuf::FieldDescriptorProto;

enum { CALL_WAIT = 8 };

struct Waits : MarkedFields {
    Waits() : MarkedFields(CALL_WAIT, google::protobuf::Duration::descriptor()) {}
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
