#include "tests/gateway/transcode/marked_fields.h"

// Under which key a request may be repeated: the field that is marked.

namespace {

using google::protobuf::FieldDescriptorProto;

enum { IDEMPOTENCY_KEY = 10 };

struct Keys : MarkedFields {
    Keys() : MarkedFields(IDEMPOTENCY_KEY) {}
};

std::string Text(struct slice s) {
    return s.len == 0 ? "" : std::string(reinterpret_cast<const char *>(s.data), s.len);
}

TEST(RequestKey, IsSetUnlessTheRequestHasIt) {
    Keys k;
    k.Add(3, FieldDescriptorProto::TYPE_STRING);
    ASSERT_EQ(k.Compile(), "");
    const struct transcoder_route *route = transcoder_route_at(k.t, 0);
    ASSERT_TRUE(transcoder_route_takes_key(route));
    const struct {
        std::string had, has;
    } rows[] = {
        {"", RuleField(3, "a")},
        {RuleField(2, "b"), RuleField(2, "b") + RuleField(3, "a")},
        {RuleField(3, ""), RuleField(3, "") + RuleField(3, "a")},
        {RuleField(3, "a"), RuleField(3, "a")},
        {RuleField(3, "b") + RuleField(3, "a"), RuleField(3, "b") + RuleField(3, "a")},
    };
    for (const auto &row : rows) {
        Exact had(row.had);
        struct slice message = had;
        ASSERT_EQ(transcoder_set_key(k.a, route, S("a"), &message), nullptr);
        EXPECT_EQ(Text(message), row.has);
    }
}

TEST(RequestKey, AnotherOneIsRefused) {
    Keys k;
    k.Add(3, FieldDescriptorProto::TYPE_STRING);
    ASSERT_EQ(k.Compile(), "");
    for (const char *other : {"b", "A", "aa"}) {
        std::string had = RuleField(3, other);
        struct slice message = S(had);
        const struct error *error =
            transcoder_set_key(k.a, transcoder_route_at(k.t, 0), S("a"), &message);
        ASSERT_NE(error, nullptr);
        EXPECT_EQ(error->reason_id, REASON_HEADER_INVALID);
        EXPECT_STREQ(error->domain, REASON_DOMAIN_GATEWAY);
        EXPECT_EQ(std::string(error->message),
                  std::string("Header Idempotency-Key is \"a\", but field \"f3\" is \"") + other +
                      "\": a request has one key.");
        EXPECT_EQ(Text(message), had);
    }
}

TEST(RequestKey, OfAStreamIsNone) {
    Keys k;
    k.Add(3, FieldDescriptorProto::TYPE_STRING);
    k.method->set_server_streaming(true);
    ASSERT_EQ(k.Compile(), "");
    EXPECT_FALSE(transcoder_route_takes_key(transcoder_route_at(k.t, 0)));
}

TEST(RequestKey, AMarkThatCannotBeUsedRefusesToStart) {
    for (auto type : {FieldDescriptorProto::TYPE_BYTES, FieldDescriptorProto::TYPE_INT64,
                      FieldDescriptorProto::TYPE_MESSAGE}) {
        Keys wrong;
        wrong.Add(1, type);
        EXPECT_NE(wrong.Compile().find(
                      "field \"f1\" of w.Ask cannot be its idempotency_key: it is no string"),
                  std::string::npos)
            << wrong.Compile();
    }
    Keys many;
    many.Add(1, FieldDescriptorProto::TYPE_STRING, true);
    EXPECT_NE(many.Compile().find("it is no string"), std::string::npos);
    Keys two;
    two.Add(1, FieldDescriptorProto::TYPE_STRING);
    two.Add(2, FieldDescriptorProto::TYPE_STRING);
    EXPECT_NE(
        two.Compile().find("field \"f2\" of w.Ask cannot be its idempotency_key: another one is"),
        std::string::npos);
}

} // namespace
