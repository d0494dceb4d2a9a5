#include <google/protobuf/descriptor.pb.h>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/descriptor/schema.h"
}

namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

// upb gives the type of a field by descriptor.proto's numbers.
#define SAME_NUMBER(name)                                                                          \
    static_assert(static_cast<int>(SCHEMA_##name) ==                                               \
                  static_cast<int>(FieldDescriptorProto::TYPE_##name))
SAME_NUMBER(DOUBLE);
SAME_NUMBER(FLOAT);
SAME_NUMBER(INT64);
SAME_NUMBER(UINT64);
SAME_NUMBER(INT32);
SAME_NUMBER(FIXED64);
SAME_NUMBER(FIXED32);
SAME_NUMBER(BOOL);
SAME_NUMBER(STRING);
SAME_NUMBER(GROUP);
SAME_NUMBER(MESSAGE);
SAME_NUMBER(BYTES);
SAME_NUMBER(UINT32);
SAME_NUMBER(ENUM);
SAME_NUMBER(SFIXED32);
SAME_NUMBER(SFIXED64);
SAME_NUMBER(SINT32);
SAME_NUMBER(SINT64);
static_assert(static_cast<int>(FieldDescriptorProto::Type_MAX) == SCHEMA_SINT64);

// What schema_new says of the sets: "" if it takes them.
std::string Load(const std::vector<std::string> &sets) {
    Arena a;
    std::vector<struct slice> slices;
    for (const std::string &s : sets) {
        slices.push_back(S(s));
    }
    struct schema *schema = nullptr;
    const struct error *e = schema_new(a, slices.data(), slices.size(), &schema);
    schema_free(schema);
    if (e == nullptr) {
        return "";
    }
    EXPECT_EQ(e->code, STATUS_INVALID_ARGUMENT);
    EXPECT_STREQ(e->reason, "DESCRIPTOR_INVALID");
    return e->message;
}

FileDescriptorProto *AddFile(FileDescriptorSet *set, const std::string &name) {
    FileDescriptorProto *file = set->add_file();
    file->set_name(name);
    file->set_package(name.substr(0, name.find('.')));
    file->set_syntax("proto3");
    return file;
}

void AddField(DescriptorProto *m, const std::string &name, const std::string &json, int number) {
    FieldDescriptorProto *f = m->add_field();
    f->set_name(name);
    f->set_json_name(json);
    f->set_number(number);
    f->set_type(FieldDescriptorProto::TYPE_STRING);
    f->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
}

class SchemaTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string wide = WideSet();
        std::string runs = RunsSet();
        const struct slice sets[] = {S(wide), S(runs)};
        const struct error *e = schema_new(a, sets, 2, &schema);
        ASSERT_EQ(e, nullptr) << e->message;
    }
    void TearDown() override {
        schema_free(schema);
    }
    const struct schema_message *Message(const char *name) {
        const struct schema_message *m = schema_find_message(schema, S(name));
        EXPECT_NE(m, nullptr) << name;
        return m;
    }
    Arena a;
    struct schema *schema = nullptr;
};

TEST_F(SchemaTest, FieldsStandInOrderOfDeclarationAndAreFoundByNumberAndName) {
    const struct schema_message *m = Message("wide.v1.Spelled");
    EXPECT_EQ(Str(m->fields[0].name), "last_declared_first");
    EXPECT_EQ(Str(m->fields[0].json_key), "\"lastDeclaredFirst\":");
    for (const char *name : {"wide.v1.Spelled", "wide.v1.Wide", "runs.v1.Run"}) {
        m = Message(name);
        for (uint32_t i = 0; i < m->field_count; i++) {
            const struct schema_field *f = &m->fields[i];
            EXPECT_EQ(f->index, i);
            EXPECT_EQ(schema_field_by_number(m, f->number), f);
            EXPECT_EQ(schema_find_field(m, f->name), f);
            EXPECT_EQ(schema_find_field(m, f->json_name), f);
        }
    }
    m = Message("wide.v1.Wide");
    EXPECT_EQ(schema_field_by_number(m, 18), nullptr);
    EXPECT_EQ(schema_field_by_number(m, 2002), nullptr);
    EXPECT_EQ(schema_field_by_number(m, 536870910), nullptr);
    EXPECT_EQ(schema_find_field(m, S("nope")), nullptr);
    EXPECT_EQ(schema_find_field(m, S("")), nullptr);
    EXPECT_EQ(schema_find_message(schema, S("wide.v1.Nope")), nullptr);
}

TEST_F(SchemaTest, TypesAndPresenceAreThoseOfTheProto) {
    const struct schema_message *m = Message("wide.v1.Wide");
    const struct schema_field *f = schema_find_field(m, S("a_sint64"));
    EXPECT_EQ(f->type, SCHEMA_SINT64);
    EXPECT_EQ(f->wire_type, WIRE_VARINT);
    EXPECT_FALSE(f->presence);
    f = schema_find_field(m, S("sfixed32s"));
    EXPECT_TRUE(f->repeated && f->packed && !f->map);
    EXPECT_EQ(f->wire_type, WIRE_FIXED32);
    EXPECT_FALSE(schema_find_field(m, S("unpacked"))->packed);
    f = schema_find_field(m, S("wide_map"));
    EXPECT_TRUE(f->map && f->repeated && f->message->map_entry);
    f = schema_find_field(m, S("maybe_int"));
    EXPECT_TRUE(f->presence);
    EXPECT_EQ(f->oneof, -1);
    f = schema_find_field(m, S("choice_string"));
    ASSERT_GE(f->oneof, 0);
    EXPECT_EQ(Str(m->oneof_names[f->oneof]), "choice");
    EXPECT_EQ(schema_find_field(m, S("child"))->message, m);
    EXPECT_EQ(schema_find_field(m, S("value"))->message->known, KNOWN_VALUE);
    EXPECT_EQ(schema_find_field(m, S("int64_value"))->message->known, KNOWN_WRAPPER);
    EXPECT_TRUE(schema_find_field(m, S("null_value"))->enumeration->null_value);
}

TEST_F(SchemaTest, OptionsSpellNumbersWordsAndDefaults) {
    const struct schema_message *run = Message("runs.v1.Run");
    EXPECT_TRUE(run->emit_defaults);
    EXPECT_TRUE(schema_find_field(run, S("workflow_version"))->number_in_json);
    EXPECT_EQ(Str(schema_find_field(run, S("workflow_version"))->json_default),
              "\"workflowVersion\":0");
    EXPECT_EQ(Str(schema_find_field(run, S("prop_values"))->json_default), "\"propValues\":{}");
    EXPECT_EQ(Str(schema_find_field(run, S("simulation_forks"))->json_default),
              "\"simulationForks\":[]");
    EXPECT_EQ(Str(schema_find_field(run, S("started_at"))->json_default), "");
    EXPECT_EQ(Str(schema_find_field(run, S("workflow_definition"))->json_default), "");
    const struct schema_message *spelled = Message("wide.v1.Spelled");
    EXPECT_EQ(Str(schema_find_field(spelled, S("text"))->json_default), "\"text\":\"0\"");
    EXPECT_EQ(Str(schema_find_field(spelled, S("maybe"))->json_default), "");
    EXPECT_EQ(Str(schema_find_field(spelled, S("left"))->json_default), "");
    EXPECT_FALSE(Message("wide.v1.Wide")->emit_defaults);
}

TEST_F(SchemaTest, EnumValuesAreFoundByNumberNameAndWord) {
    const struct schema_enum *mood =
        schema_find_field(Message("wide.v1.Spelled"), S("mood"))->enumeration;
    EXPECT_EQ(Str(schema_enum_by_number(mood, 1)->json_word), "\"good\"");
    EXPECT_EQ(Str(schema_enum_by_number(mood, 0)->json_word), "\"MOOD_UNSPECIFIED\"");
    EXPECT_EQ(schema_enum_by_number(mood, 3), nullptr);
    for (const char *name : {"good", "MOOD_GOOD", "MOOD_FINE"}) {
        int32_t number = -1;
        EXPECT_TRUE(schema_enum_by_name(mood, S(name), &number)) << name;
        EXPECT_EQ(number, 1) << name;
    }
    int32_t number = -1;
    EXPECT_FALSE(schema_enum_by_name(mood, S("Good"), &number));
    EXPECT_EQ(number, -1);
    const struct schema_enum *color =
        schema_find_field(Message("wide.v1.Wide"), S("color"))->enumeration;
    EXPECT_EQ(Str(schema_enum_by_number(color, -7)->word), "COLOR_NEGATIVE");
    EXPECT_EQ(Str(schema_enum_by_number(color, 100000)->word), "COLOR_FAR");
}

TEST_F(SchemaTest, MethodsHaveTheirTypesAndRules) {
    size_t with_http = 0;
    for (size_t i = 0; i < schema->method_count; i++) {
        const struct schema_method *m = &schema->methods[i];
        with_http += m->has_http && std::string(m->path).find("/wide.v1.") == 0;
        EXPECT_EQ(m->verifies_caller, std::string(m->path) == "/runs.v1.TokensService/GetCaller");
        if (std::string(m->path) == "/wide.v1.Wides/Watch") {
            EXPECT_TRUE(m->server_streaming);
            EXPECT_FALSE(m->client_streaming);
            EXPECT_STREQ(m->name, "wide.v1.Wides.Watch");
            EXPECT_STREQ(m->file, "tests/gateway/testdata/wide.proto");
            EXPECT_EQ(Str(m->input->full_name), "wide.v1.Item");
        }
    }
    EXPECT_EQ(with_http, 7u);
}

TEST(SchemaErrors, BytesThatAreNoSetAreRefused) {
    EXPECT_EQ(Load({"\x0A\x05zz"}),
              "descriptor set 1 is no serialized google.protobuf.FileDescriptorSet");
    std::string set = WideSet();
    // Cut at the border of a file the rest is a set that lacks a file; never a crash.
    for (size_t n = 1; n < set.size(); n += 13) {
        Load({set.substr(0, n)});
    }
    EXPECT_EQ(Load({""}), "");
    EXPECT_EQ(Load({}), "");
}

TEST(SchemaErrors, AFileMayBeInSeveralSetsIfItIsTheSame) {
    EXPECT_EQ(Load({RunsSet(), WideSet(), RunsSet()}), "");
    FileDescriptorSet one, two;
    AddFile(&one, "a.proto")->add_message_type()->set_name("M");
    AddFile(&two, "a.proto")->add_message_type()->set_name("N");
    EXPECT_EQ(Load({one.SerializeAsString(), two.SerializeAsString()}),
              "file \"a.proto\" of descriptor set 2 differs from the one in set 1");
    two = one;
    two.mutable_file(0)->mutable_source_code_info()->add_location()->add_path(1);
    EXPECT_EQ(Load({one.SerializeAsString(), two.SerializeAsString()}), "");
}

TEST(SchemaErrors, ImportsMayStandInAnyOrderButNotBeMissingOrCircular) {
    FileDescriptorSet set;
    AddFile(&set, "b.proto")->add_dependency("a.proto");
    EXPECT_EQ(Load({set.SerializeAsString()}),
              "file \"b.proto\" of descriptor set 1 imports \"a.proto\", which is in no set; build "
              "the set with --include_imports");
    AddFile(&set, "a.proto");
    EXPECT_EQ(Load({set.SerializeAsString()}), "");
    set.mutable_file(1)->add_dependency("b.proto");
    EXPECT_EQ(Load({set.SerializeAsString()}),
              "file \"b.proto\" of descriptor set 1 imports itself");
}

TEST(SchemaErrors, WhatUpbRefusesIsToldWithTheFile) {
    FileDescriptorSet set;
    FieldDescriptorProto *f = AddFile(&set, "a.proto")->add_message_type()->add_field();
    set.mutable_file(0)->mutable_message_type(0)->set_name("M");
    f->set_name("f");
    f->set_number(1);
    f->set_type(FieldDescriptorProto::TYPE_MESSAGE);
    f->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    f->set_type_name(".no.Such");
    EXPECT_EQ(
        Load({set.SerializeAsString()}).find("file \"a.proto\" of descriptor set 1 is invalid: "),
        0u);
}

TEST(SchemaErrors, TwoFieldsOfOneJsonNameAreRefused) {
    FileDescriptorSet set;
    DescriptorProto *m = AddFile(&set, "a.proto")->add_message_type();
    m->set_name("M");
    AddField(m, "x", "same", 1);
    AddField(m, "y", "same", 2);
    EXPECT_EQ(Load({set.SerializeAsString()}),
              "file \"a.proto\" of descriptor set 1 is invalid: duplicate json_name (same)");
}

TEST(SchemaErrors, TwoValuesOfOneWordAreRefused) {
    FileDescriptorSet set;
    EnumDescriptorProto *e = AddFile(&set, "a.proto")->add_enum_type();
    e->set_name("E");
    for (int i = 0; i < 2; i++) {
        auto *value = e->add_value();
        value->set_name("V" + std::to_string(i));
        value->set_number(i);
        value->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(51202, "\x0A\x01w");
    }
    EXPECT_EQ(Load({set.SerializeAsString()}), "enum a.E: \"w\" is the word of both 0 and 1");
}

// --- statuses of reasons ---

// A file of a package with an enum of one value that has runsd.gateway.v1.reason_http.
void AddReason(FileDescriptorSet *set, const std::string &package, int status,
               const std::string &domain = "") {
    FileDescriptorProto *file = AddFile(set, (package + ".proto").c_str());
    file->set_package(package);
    EnumDescriptorProto *e = file->add_enum_type();
    e->set_name("Reason");
    auto *none = e->add_value();
    none->set_name("NONE_" + package);
    none->set_number(0);
    auto *value = e->add_value();
    value->set_name("GONE");
    value->set_number(1);
    Buffer option;
    if (status != 0) {
        wire_put_uint(option, 1, static_cast<uint64_t>(static_cast<int64_t>(status)));
    }
    if (!domain.empty()) {
        wire_put_bytes(option, 2, S(domain));
    }
    value->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(51208, option.str());
}

TEST(SchemaReasons, AnErrorsStatusIsAllowedOrRefusesToStart) {
    for (int status : {400, 401, 404, 409, 410, 418, 422, 429, 451, 499, 500, 503, 599}) {
        FileDescriptorSet set;
        AddReason(&set, "a", status);
        EXPECT_EQ(Load({set.SerializeAsString()}), "") << status;
    }
    const struct {
        std::vector<int> statuses;
        const char *why;
    } rows[] = {
        {{-1, 0, 1, 100, 200, 204, 302, 399, 600, 2147483647}, "an error's is from 400 to 599"},
        {{408, 421, 425}, "after it clients send the request again by themselves"},
        {{405, 407, 426}, "it needs a header that no error has"},
    };
    for (const auto &row : rows) {
        for (int status : row.statuses) {
            FileDescriptorSet set;
            AddReason(&set, "a", status, "d");
            EXPECT_EQ(Load({set.SerializeAsString()}),
                      "enum a.Reason: value GONE: runsd.gateway.v1.reason_http: the status " +
                          std::to_string(status) + " is not allowed: " + row.why);
        }
    }
}

TEST(SchemaReasons, OneReasonOfOneDomainHasOneStatus) {
    FileDescriptorSet apart, same, twins, own;
    AddReason(&apart, "a", 410);
    AddReason(&apart, "b", 422);
    EXPECT_EQ(Load({apart.SerializeAsString()}), "");
    AddReason(&same, "a", 410);
    AddReason(&same, "b", 410, "a");
    EXPECT_EQ(Load({same.SerializeAsString()}), "");
    AddReason(&twins, "a", 410);
    AddReason(&twins, "b", 422, "a");
    std::string told = Load({twins.SerializeAsString()});
    EXPECT_NE(told.find("a.Reason"), std::string::npos) << told;
    EXPECT_NE(told.find("b.Reason"), std::string::npos) << told;
    EXPECT_NE(told.find("GONE of the domain \"a\" has the status"), std::string::npos) << told;
    AddReason(&own, "a", 410, "gateway.v1");
    EXPECT_EQ(Load({own.SerializeAsString()}),
              "enum a.Reason: value GONE: runsd.gateway.v1.reason_http: the domain gateway.v1 is "
              "that of the gateway's own errors");
}

} // namespace
