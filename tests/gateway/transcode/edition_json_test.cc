// The same messages declared in proto2 or proto3 and in an edition have the same JSON and
// the same bytes; and what only proto2 and editions can say.

#include "tests/gateway/editions.h"
#include "tests/gateway/transcode/json_oracles.h"
#include "tests/gateway/transcode/random_message.h"
#include "tests/gateway/transcode/rule_gateway.h"

namespace {

const std::string KindsSet() {
    return ReadFile("tests/gateway/testdata/kinds.binpb");
}

// The set with all files but those of google in an edition.
std::string InEdition(const std::string &set, uint64_t edition) {
    google::protobuf::FileDescriptorSet files;
    EXPECT_TRUE(files.ParseFromString(set));
    int converted = 0;
    for (auto &file : *files.mutable_file()) {
        if (file.name().find("google/") != 0) {
            AsEdition(&file, edition);
            converted++;
        }
    }
    EXPECT_GE(converted, 3);
    return files.SerializeAsString();
}

TEST(EditionTwins, RandomMessagesHaveTheSameJsonAndTheSameBytes) {
    for (uint64_t edition : {EDITION_2023, EDITION_2024}) {
        OurJson words(KindsSet()), features(InEdition(KindsSet(), edition));
        RandomMessage random(words.schema, edition);
        size_t bytes = 0;
        for (int i = 0; i < 2000; i++) {
            for (const char *name : {"kinds.v1.Everything", "legacy.v1.Legacy"}) {
                std::string wire = random.Make(words.Find(name));
                std::string error, other_error;
                std::string json = words.Write(words.Find(name), wire, &error);
                ASSERT_EQ(json, features.Write(features.Find(name), wire, &other_error));
                ASSERT_EQ(error, other_error);
                std::string read = words.Read(words.Find(name), json, &error);
                ASSERT_EQ(read, features.Read(features.Find(name), json, &other_error)) << json;
                ASSERT_EQ(error, other_error);
                bytes += read.size();
            }
        }
        EXPECT_GT(bytes, 100000u);
    }
}

// Every attribute that reading, writing, binding or the document look at.
TEST(EditionTwins, FieldsAreTheSame) {
    OurJson words(KindsSet()), features(InEdition(KindsSet(), EDITION_2023));
    ASSERT_EQ(words.schema->message_count, features.schema->message_count);
    size_t fields = 0;
    for (size_t i = 0; i < words.schema->message_count; i++) {
        const struct schema_message *m = &words.schema->messages[i];
        const struct schema_message *n = features.Find(Str(m->full_name));
        ASSERT_NE(n, nullptr);
        ASSERT_EQ(m->field_count, n->field_count);
        for (uint32_t k = 0; k < m->field_count; k++, fields++) {
            const struct schema_field *f = &m->fields[k], *g = &n->fields[k];
            auto all = [](const struct schema_field *x) {
                return std::vector<uint64_t>{x->number,
                                             x->type,
                                             x->wire_type,
                                             x->repeated,
                                             x->map,
                                             x->packed,
                                             x->presence,
                                             x->number_in_json,
                                             x->any_bytes,
                                             x->selective,
                                             x->marks,
                                             x->default_value,
                                             static_cast<uint64_t>(x->oneof)};
            };
            EXPECT_EQ(all(f), all(g)) << Str(m->full_name) << "." << Str(f->name);
            EXPECT_EQ(Str(f->json_key), Str(g->json_key));
            EXPECT_EQ(Str(f->default_bytes), Str(g->default_bytes));
            EXPECT_EQ(f->enumeration != nullptr && f->enumeration->closed,
                      g->enumeration != nullptr && g->enumeration->closed);
        }
    }
    EXPECT_GT(fields, 200u);
}

// --- what only proto2 and editions can say, of legacy.v1.Legacy in both spellings ---

class LegacyTest : public ::testing::TestWithParam<bool> {
  protected:
    std::string Write(const std::string &wire) {
        std::string error;
        std::string json = ours_.Write(type_, wire, &error);
        return error.empty() ? json : "!" + error;
    }
    std::string Read(const std::string &json, bool ignore_unknown = false) {
        std::string error;
        std::string wire = ours_.Read(type_, json, &error, ignore_unknown);
        return error.empty() ? wire : "!" + error;
    }
    // The JSON of one field.
    std::string Field(const char *name, const std::string &wire) {
        Arena scratch;
        Buffer out;
        const char *fault = nullptr;
        bool ok = json_write_field_of(ours_.schema, scratch, type_,
                                      schema_find_field(type_, S(name)), S(wire), out, &fault);
        return ok ? out.str() : std::string("!") + fault;
    }

    OurJson ours_{GetParam() ? InEdition(KindsSet(), EDITION_2023) : KindsSet()};
    const struct schema_message *type_ = ours_.Find("legacy.v1.Legacy");
};
INSTANTIATE_TEST_SUITE_P(Spellings, LegacyTest, ::testing::Bool(),
                         [](const auto &i) { return i.param ? "Edition" : "Proto2"; });

std::string Varint(uint32_t number, int64_t value) {
    Buffer b;
    wire_put_uint(b, number, static_cast<uint64_t>(value));
    return b.str();
}
std::string Bytes(uint32_t number, const std::string &bytes) {
    Buffer b;
    wire_put_bytes(b, number, S(bytes));
    return b.str();
}

TEST_P(LegacyTest, ANumberThatAClosedEnumLacksCountsAsUnknown) {
    EXPECT_EQ(Write(Varint(4, 1)), R"({"shade":"SHADE_DARK"})");
    EXPECT_EQ(Write(Varint(4, -3)), R"({"shade":"SHADE_BELOW"})");
    EXPECT_EQ(Write(Varint(4, 0)), "{}");
    EXPECT_EQ(Write(Varint(4, 7)), "{}");
    // What was there before it stays, as with every unknown field.
    EXPECT_EQ(Write(Varint(4, 1) + Varint(4, 7)), R"({"shade":"SHADE_DARK"})");
    EXPECT_EQ(Write(Varint(13, 1) + Varint(13, 9) + Varint(13, 2)),
              R"({"shades":["SHADE_DARK","SHADE_LIGHT"]})");
    EXPECT_EQ(Write(Varint(13, 9)), "{}");
    EXPECT_EQ(Write(Bytes(13, "\x01\x09\x02")), R"({"shades":["SHADE_DARK","SHADE_LIGHT"]})");
    EXPECT_EQ(Write(Bytes(13, "\x09\x09")), "{}");
    EXPECT_EQ(Write(Bytes(13, "\x09\x80")),
              "!field legacy.v1.Legacy.shades: the message is malformed");
    EXPECT_EQ(Field("shades", Varint(13, 9)), "[]");
}

TEST_P(LegacyTest, JsonOfANumberThatAClosedEnumLacksIsRefused) {
    EXPECT_EQ(Read(R"({"shade":1})"), Varint(4, 1));
    EXPECT_EQ(Read(R"({"shade":-3})"), Varint(4, -3));
    const std::string why = " is no number of legacy.v1.Shade, which is a closed enum";
    EXPECT_EQ(Read(R"({"shade":7})"), "!shade: \"7\"" + why);
    EXPECT_EQ(Read(R"({"shades":[1,0]})"), "!shades[1]: \"0\"" + why);
    EXPECT_EQ(Read(R"({"shade":7,"shades":[1,7,"SHADE_NOPE",2]})", true),
              Varint(13, 1) + Varint(13, 2));
    EXPECT_EQ(Read(R"({"shade":1.5})", true),
              "!shade: \"1.5\" is none of SHADE_DARK, SHADE_LIGHT, SHADE_BELOW and no 32-bit "
              "integer");
}

TEST_P(LegacyTest, AStringThatIsNoUtf8IsPrintedWithReplacements) {
    const struct {
        std::string bytes, json;
    } rows[] = {
        {"a\xC3\xA9", "a\xC3\xA9"},
        {"\xFF", "\\uFFFD"},
        {"a\xC3z", "a\\uFFFDz"},
        {"\xE2\x82", "\\uFFFD"},
        {"\xE2\x82z", "\\uFFFDz"},
        {"\xE0\x80\x80", "\\uFFFD\\uFFFD\\uFFFD"},
        {"\xED\xA0\x80", "\\uFFFD\\uFFFD\\uFFFD"},
        {"\xF0\x9F\x98", "\\uFFFD"},
        {"\xF0\x9F", "\\uFFFD"},
        {"\xF0\x9Fz", "\\uFFFDz"},
        {"\xF0\x80\x80", "\\uFFFD\\uFFFD\\uFFFD"},
        {"\xF4\x90\x80\x80", "\\uFFFD\\uFFFD\\uFFFD\\uFFFD"},
        {"\xF5\x80", "\\uFFFD\\uFFFD"},
        {"\"\n\x80", "\\\"\\n\\uFFFD"},
        {"0123456789\xC0\xAF", "0123456789\\uFFFD\\uFFFD"},
    };
    for (const auto &row : rows) {
        std::string due = row.json;
        for (size_t at; (at = due.find("\\uFFFD")) != std::string::npos;) {
            due.replace(at, 6, "\xEF\xBF\xBD");
        }
        EXPECT_EQ(Write(Bytes(2, row.bytes)), "{\"text\":\"" + due + "\"}");
        EXPECT_EQ(Field("text", Bytes(2, row.bytes)), "\"" + due + "\"");
    }
    // Keys that become the same are one: the last counts.
    EXPECT_EQ(Write(Bytes(14, Bytes(1, "\xFF") + Bytes(2, Varint(1, 1))) +
                    Bytes(14, Bytes(1, "\xFE") + Bytes(2, Varint(1, 2)))),
              "{\"byName\":{\"\xEF\xBF\xBD\":{\"needed\":2}}}");
}

TEST_P(LegacyTest, AFieldAlonePrintsItsDefault) {
    const struct {
        const char *field, *json;
    } rows[] = {
        {"text", "\"unless\\tsaid\""},
        {"real", "\"-Infinity\""},
        {"shade", "\"SHADE_LIGHT\""},
        {"flag", "true"},
        {"data", "\"\""},
        {"needed", "0"},
        {"part", "null"},
        {"plain", "[]"},
        {"byName", "{}"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Field(row.field, ""), row.json) << row.field;
    }
    EXPECT_EQ(Write(""), "{}");
}

TEST_P(LegacyTest, GroupsAreReadAndWritten) {
    const std::string json =
        R"({"needed":1,"part":{"size":"5","label":"x","piece":[{"weight":7},{}]},)"
        R"("row":[{"cell":1},{"inner":{"needed":2}}],"chosen":{"ratio":0.5}})";
    std::string wire = Read(json);
    EXPECT_EQ(wire.substr(0, 11), std::string("\x08\x01\x3B\x08\x05\x12\x01x\x1B\x08\x07", 11));
    EXPECT_EQ(Write(wire), json);
    // A length-prefixed value of a group's number is no value of it.
    EXPECT_EQ(Write(Bytes(7, Varint(1, 5))), "{}");
}

// --- the rest of a gateway ---

google::protobuf::FileDescriptorSet ShopSet() {
    google::protobuf::FileDescriptorSet set;
    EXPECT_TRUE(set.ParseFromString(ReadFile("tests/gateway/testdata/shop.binpb")));
    return set;
}

// Of an edition with groups.
google::protobuf::FileDescriptorSet GroupShop() {
    google::protobuf::FileDescriptorSet set = ShopSet();
    SetEdition(set.mutable_file(0), EDITION_2023);
    Override(set.mutable_file(0),
             {{FEATURE_MESSAGE_ENCODING, MESSAGE_DELIMITED}, {FEATURE_ENUM_TYPE, ENUM_CLOSED}});
    return set;
}

// shop.Item behind a rule.
struct ShopGateway {
    explicit ShopGateway(const std::string &rule,
                         google::protobuf::FileDescriptorSet set = GroupShop()) {
        auto *file = set.mutable_file(0);
        auto *service = file->add_service();
        service->set_name("Shop");
        auto *m = service->add_method();
        m->set_name("Put");
        m->set_input_type(".shop.Item");
        m->set_output_type(".shop.Item");
        m->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(72295728, rule);
        std::string bytes = set.SerializeAsString();
        const struct slice slice = S(bytes);
        const struct error *e = transcoder_new(a, &slice, 1, nullptr, &t);
        EXPECT_EQ(e, nullptr) << e->message;
    }
    ~ShopGateway() {
        transcoder_free(t);
    }
    ShopGateway(const ShopGateway &) = delete;
    ShopGateway &operator=(const ShopGateway &) = delete;

    // The bytes of the request, or the violation.
    std::string Request(const char *verb, const char *path, const char *query,
                        const char *body = "") {
        struct transcoder_match m;
        struct slice message;
        const struct transcoder_request request = {S(query), S(body), S("application/json")};
        const struct error *e = transcoder_match_route(t, a, S(verb), S(path), &m);
        if (e == nullptr) {
            e = transcoder_encode_request(t, a, &m, &request, &message);
        }
        reason = e == nullptr ? "" : e->reason;
        return e == nullptr ? Str(message) : Violation(e);
    }

    std::string reason; // of the last refusal
    Arena a;
    struct transcoder *t = nullptr;
};

TEST(EditionGateway, FieldsOfADelimitedMessageAreBoundInAGroup) {
    ShopGateway g(RuleField(GET, "/v1/{part.name}/{size}"));
    EXPECT_EQ(g.Request("GET", "/v1/x/SIZE_LARGE", "right.name=y"), "\x43\x0A\x01y\x44"
                                                                    "\x23\x0A\x01x\x24"
                                                                    "\x48\x01");
    EXPECT_EQ(g.Request("GET", "/v1/x/1", ""), "\x23\x0A\x01x\x24\x48\x01");
    EXPECT_EQ(g.Request("GET", "/v1/x/5", ""),
              "size: \"5\" is no number of shop.Size, which is a closed enum");
}

TEST(EditionGateway, ABodyMayBeADelimitedField) {
    ShopGateway g(RuleField(POST, "/v1/parts") + RuleField(BODY, "part"));
    EXPECT_EQ(g.Request("POST", "/v1/parts", "count=3", R"({"name":"x"})"),
              "\x23\x0A\x01x\x24\x08\x03");
}

// In words of proto2, and as features of a field and of a file.
TEST(EditionGateway, ARequestWithoutARequiredFieldIsRefused) {
    for (int spelling = 0; spelling < 3; spelling++) {
        google::protobuf::FileDescriptorSet set = ShopSet();
        auto *item = set.mutable_file(0)->mutable_message_type(0);
        auto *count = item->mutable_field(0);
        auto *name = item->mutable_nested_type(0)->mutable_field(0);
        for (auto *f : {count, name}) {
            if (spelling == 0) {
                f->set_label(google::protobuf::FieldDescriptorProto::LABEL_REQUIRED);
            } else {
                Override(f, {{FEATURE_FIELD_PRESENCE, PRESENCE_LEGACY_REQUIRED}});
            }
        }
        if (spelling > 0) {
            SetEdition(set.mutable_file(0), EDITION_2023);
        }
        if (spelling == 2) {
            Override(set.mutable_file(0), {{FEATURE_MESSAGE_ENCODING, MESSAGE_DELIMITED}});
        }
        ShopGateway body(RuleField(POST, "/v1") + RuleField(BODY, "*"), set);
        const struct {
            const char *json, *missing;
        } rows[] = {
            {R"({})", "count"},
            {R"({"count":null})", "count"},
            {R"({"count":1,"part":{}})", "part.name"},
            {R"({"count":1,"parts":[{"name":"a"},{}]})", "parts[1].name"},
            {R"({"count":1,"byName":{"k":{"name":""},"l":{}}})", "byName.name"},
            {R"({"count":1,"right":{}})", "right.name"},
            {R"({"count":0})", nullptr},
            {R"({"count":1,"part":{"name":""},"parts":[],"byName":{"k":{"name":"x"}}})", nullptr},
        };
        for (const auto &row : rows) {
            std::string result = body.Request("POST", "/v1", "", row.json);
            if (row.missing == nullptr) {
                EXPECT_EQ(body.reason, "") << row.json << result;
            } else {
                EXPECT_EQ(body.reason, "BODY_INVALID") << row.json;
                EXPECT_EQ(result, std::string(row.missing) + ": it is required") << row.json;
            }
        }
        ShopGateway query(RuleField(GET, "/v1/{part.name}"), set);
        EXPECT_EQ(query.Request("GET", "/v1/x", ""), "count: it is required");
        EXPECT_EQ(query.reason, "QUERY_INVALID");
        EXPECT_EQ(query.Request("GET", "/v1/x", "count=1").substr(0, 2), "\x08\x01");
    }
}

} // namespace
