#include <climits>
#include <random>

#include "tests/gateway/editions.h"

extern "C" {
#include "gateway/descriptor/schema.h"
}

// What files of editions say, and that files of proto2 and proto3 say the same by words.

namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

FileDescriptorSet Proto2() {
    FileDescriptorSet set;
    EXPECT_TRUE(set.ParseFromString(ReadFile("tests/gateway/testdata/shop.binpb")));
    return set;
}

// A schema of sets, or why there is none.
struct Loaded {
    explicit Loaded(const std::vector<FileDescriptorSet> &sets) {
        std::vector<std::string> bytes;
        std::vector<struct slice> slices;
        for (const auto &set : sets) {
            bytes.push_back(set.SerializeAsString());
        }
        for (const auto &b : bytes) {
            slices.push_back(S(b));
        }
        const struct error *e = schema_new(a, slices.data(), slices.size(), &schema);
        error = e == nullptr ? "" : e->message;
    }
    ~Loaded() {
        schema_free(schema);
    }
    Loaded(const Loaded &) = delete;
    Loaded &operator=(const Loaded &) = delete;

    // What the features of a field of shop.Item have come to.
    std::string Field(const char *name, const char *message = "shop.Item") {
        const struct schema_message *m = schema_find_message(schema, S(message));
        const struct schema_field *f = m == nullptr ? nullptr : schema_find_field(m, S(name));
        if (f == nullptr) {
            return "none";
        }
        std::string s = f->presence ? "presence" : "implicit";
        s += (f->marks & SCHEMA_REQUIRED) != 0 ? " required" : "";
        s += f->packed ? " packed" : "";
        s += f->type == SCHEMA_GROUP ? " group" : "";
        s += f->any_bytes ? " bytes" : "";
        s += f->enumeration != nullptr && f->enumeration->closed ? " closed" : "";
        return s;
    }

    Arena a;
    struct schema *schema = nullptr;
    std::string error;
};

FileDescriptorSet Shop(uint64_t edition = EDITION_2023) {
    FileDescriptorSet set = Proto2();
    SetEdition(set.mutable_file(0), edition);
    return set;
}

TEST(Edition, DefaultsAreThoseOfTheEdition) {
    for (uint64_t edition : {EDITION_2023, EDITION_2024, EDITION_2026}) {
        Loaded l({Shop(edition)});
        ASSERT_EQ(l.error, "") << edition;
        EXPECT_EQ(l.Field("count"), "presence");
        EXPECT_EQ(l.Field("counts"), "implicit packed");
        EXPECT_EQ(l.Field("text"), "presence");
        EXPECT_EQ(l.Field("texts"), "implicit");
        EXPECT_EQ(l.Field("part"), "presence");
        EXPECT_EQ(l.Field("size"), "presence");
    }
    Loaded proto2({Proto2()});
    EXPECT_EQ(proto2.Field("counts"), "implicit");
    EXPECT_EQ(proto2.Field("text"), "presence bytes");
    EXPECT_EQ(proto2.Field("size"), "presence closed");
}

TEST(Edition, FeaturesAreInheritedAndOverridden) {
    FileDescriptorSet set = Shop();
    FileDescriptorProto *file = set.mutable_file(0);
    Override(file, {{FEATURE_FIELD_PRESENCE, PRESENCE_IMPLICIT},
                    {FEATURE_REPEATED_FIELD_ENCODING, ENCODING_EXPANDED},
                    {FEATURE_MESSAGE_ENCODING, MESSAGE_DELIMITED},
                    {FEATURE_ENUM_TYPE, ENUM_CLOSED},
                    {FEATURE_UTF8_VALIDATION, UTF8_NONE}});
    DescriptorProto *item = file->mutable_message_type(0);
    {
        Loaded l({set});
        ASSERT_EQ(l.error, "");
        EXPECT_EQ(l.Field("count"), "implicit");
        EXPECT_EQ(l.Field("counts"), "implicit");
        EXPECT_EQ(l.Field("text"), "implicit bytes");
        EXPECT_EQ(l.Field("texts"), "implicit bytes");
        EXPECT_EQ(l.Field("size"), "implicit closed");
        EXPECT_EQ(l.Field("color"), "implicit closed");
        EXPECT_EQ(l.Field("name", "shop.Item.Part"), "implicit bytes");
        // Messages and fields of a oneof track presence whatever they inherit.
        EXPECT_EQ(l.Field("part"), "presence group");
        EXPECT_EQ(l.Field("left"), "presence");
        EXPECT_EQ(l.Field("right"), "presence group");
        EXPECT_EQ(l.Field("parts"), "implicit group");
        // A map's entries are never groups.
        EXPECT_EQ(l.Field("byName"), "implicit");
        EXPECT_EQ(l.Field("value", "shop.Item.ByNameEntry"), "presence");
        EXPECT_EQ(l.Field("key", "shop.Item.ByNameEntry"), "implicit bytes");
    }
    Override(item->mutable_field(0), {{FEATURE_FIELD_PRESENCE, PRESENCE_LEGACY_REQUIRED}});
    Override(item->mutable_field(1), {{FEATURE_REPEATED_FIELD_ENCODING, ENCODING_PACKED}});
    Override(item->mutable_field(2), {{FEATURE_UTF8_VALIDATION, UTF8_VERIFY}});
    Override(item->mutable_field(3), {{FEATURE_MESSAGE_ENCODING, MESSAGE_LENGTH_PREFIXED}});
    Override(item->mutable_oneof_decl(0), {{FEATURE_MESSAGE_ENCODING, MESSAGE_LENGTH_PREFIXED}});
    Override(file->mutable_enum_type(0), {{FEATURE_ENUM_TYPE, ENUM_OPEN}});
    Override(item->mutable_nested_type(0), {{FEATURE_UTF8_VALIDATION, UTF8_VERIFY}});
    // The message's features hold in what is nested in it.
    Override(item, {{FEATURE_ENUM_TYPE, ENUM_OPEN}, {FEATURE_UTF8_VALIDATION, UTF8_NONE}});
    Loaded l({set});
    ASSERT_EQ(l.error, "");
    EXPECT_EQ(l.Field("count"), "presence required");
    EXPECT_EQ(l.Field("counts"), "implicit packed");
    EXPECT_EQ(l.Field("text"), "implicit");
    EXPECT_EQ(l.Field("part"), "presence");
    EXPECT_EQ(l.Field("right"), "presence");
    EXPECT_EQ(l.Field("size"), "implicit");
    EXPECT_EQ(l.Field("color"), "implicit");
    EXPECT_EQ(l.Field("name", "shop.Item.Part"), "implicit");
}

TEST(Edition, WhatOnlyConcernsLanguagesAndCompilersIsSkipped) {
    FileDescriptorSet set = Shop(EDITION_2024);
    FileDescriptorProto *file = set.mutable_file(0);
    // option_dependency names a file that is in no set.
    file->mutable_unknown_fields()->AddLengthDelimited(15, "pb/go_features.proto");
    Override(file, {{7, 1}, {8, 4}, {9, 2}, {77, 5}});
    Buffer go;
    wire_put_bytes(go, 1002, S("\x08\x01"));
    file->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(50, go.str());
    file->mutable_message_type(0)->mutable_unknown_fields()->AddVarint(11, 1); // local
    file->mutable_enum_type(0)->mutable_unknown_fields()->AddVarint(6, 2);     // export
    Loaded l({set});
    EXPECT_EQ(l.error, "");
    EXPECT_EQ(l.Field("count"), "presence");
}

TEST(Edition, FilesOfEverySyntaxImportEachOther) {
    FileDescriptorSet shop = Shop(), more;
    for (const char *syntax : {"proto2", "proto3", "editions"}) {
        FileDescriptorProto *file = more.add_file();
        file->set_name(std::string(syntax) + ".proto");
        file->set_package(syntax);
        file->set_syntax(syntax);
        if (std::string(syntax) == "editions") {
            SetEdition(file, EDITION_2024);
            file->add_dependency("proto3.proto");
        }
        file->add_dependency("shop.proto");
        DescriptorProto *m = file->add_message_type();
        m->set_name("M");
        FieldDescriptorProto *f = m->add_field();
        f->set_name("size");
        f->set_number(1);
        f->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
        f->set_type(FieldDescriptorProto::TYPE_ENUM);
        f->set_type_name(".shop.Size");
    }
    Loaded l({more, shop, shop});
    ASSERT_EQ(l.error, "");
    EXPECT_EQ(l.Field("size", "proto2.M"), "presence");
    EXPECT_EQ(l.Field("size", "proto3.M"), "implicit");
    EXPECT_EQ(l.Field("size", "editions.M"), "presence");
}

TEST(Edition, WhatIsNotKnownIsRefusedWithTheFile) {
    const std::string file = "file \"shop.proto\" of descriptor set 1 ";
    const std::string known = " of google.protobuf.Edition, which is not known; known are proto2 "
                              "(998), proto3 (999), 2023 (1000), 2024 (1001) and 2026 (1002)";
    for (uint64_t edition : {UINT64_C(0), UINT64_C(998), UINT64_C(1003), UINT64_C(9999),
                             UINT64_C(99999), UINT64_C(0x100000000) + EDITION_2023}) {
        EXPECT_EQ(Loaded({Shop(edition)}).error,
                  file + "is of edition number " + std::to_string(edition) + known);
    }
    FileDescriptorSet set = Proto2();
    set.mutable_file(0)->set_syntax("editions");
    EXPECT_EQ(Loaded({set}).error, file + "is of edition number 0" + known);
    const struct {
        uint32_t feature;
        uint64_t value;
        const char *why;
    } rows[] = {
        {FEATURE_FIELD_PRESENCE, 4,
         "field_presence has the value 4, which is none of EXPLICIT (1), IMPLICIT (2), "
         "LEGACY_REQUIRED (3)"},
        {FEATURE_FIELD_PRESENCE, 0,
         "field_presence has the value 0, which is none of EXPLICIT (1), IMPLICIT (2), "
         "LEGACY_REQUIRED (3)"},
        {FEATURE_ENUM_TYPE, 3, "enum_type has the value 3, which is none of OPEN (1), CLOSED (2)"},
        {FEATURE_UTF8_VALIDATION, 1,
         "utf8_validation has the value 1, which is none of VERIFY (2), NONE (3)"},
        {FEATURE_MESSAGE_ENCODING, UINT64_C(0x100000001),
         "message_encoding has the value 4294967297, which is none of LENGTH_PREFIXED (1), "
         "DELIMITED (2)"},
        {FEATURE_JSON_FORMAT, 9,
         "json_format has the value 9, which is none of ALLOW (1), LEGACY_BEST_EFFORT (2)"},
        {FEATURE_REPEATED_FIELD_ENCODING, UINT64_MAX,
         "repeated_field_encoding has the value -1, which is none of PACKED (1), EXPANDED (2)"},
    };
    for (const auto &row : rows) {
        set = Shop();
        Override(set.mutable_file(0)->mutable_message_type(0)->mutable_field(2),
                 {{row.feature, row.value}});
        EXPECT_EQ(Loaded({set}).error, file + "is invalid: shop.Item.text: its feature " + row.why);
    }
}

// Features that nothing inherits are read all the same.
TEST(Edition, MalformedFeaturesAreFoundWhereverTheyStand) {
    const std::string invalid = "file \"shop.proto\" of descriptor set 1 is invalid: ";
    auto bad = [](auto *options, int number) {
        options->mutable_unknown_fields()->AddLengthDelimited(number, "\x08");
    };
    const char why[] = ": its features are no google.protobuf.FeatureSet";
    for (int place = 0; place < 7; place++) {
        FileDescriptorSet set = Shop();
        FileDescriptorProto *file = set.mutable_file(0);
        DescriptorProto *item = file->mutable_message_type(0);
        const char *at = "";
        switch (place) {
        case 0:
            bad(file->mutable_options(), 50);
            at = "the file";
            break;
        case 1:
            bad(item->mutable_nested_type(0)->mutable_options(), 12);
            at = "shop.Item.Part";
            break;
        case 2:
            bad(item->mutable_oneof_decl(0)->mutable_options(), 1);
            at = "shop.Item.pick";
            break;
        case 3:
            bad(file->mutable_enum_type(0)->mutable_value(1)->mutable_options(), 2);
            at = "shop.Size.SIZE_LARGE";
            break;
        case 4:
            bad(item->mutable_enum_type(0)->mutable_options(), 7);
            at = "shop.Item.Color";
            break;
        case 5: {
            FieldDescriptorProto *x = item->add_extension();
            x->set_name("more");
            bad(x->mutable_options(), 21);
            at = "shop.Item.more";
            break;
        }
        default: {
            FieldDescriptorProto *x = file->add_extension();
            x->set_name("most");
            bad(x->mutable_options(), 21);
            at = "shop.most";
            break;
        }
        }
        EXPECT_EQ(Loaded({set}).error, invalid + at + why);
    }
    FileDescriptorSet set = Shop();
    set.mutable_file(0)->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(
        50, "\x0A\x01x");
    EXPECT_EQ(Loaded({set}).error, invalid + "the file: its feature field_presence is malformed");
}

TEST(Edition, OnlyFilesOfAnEditionHaveFeatures) {
    FileDescriptorSet set = Proto2();
    Override(set.mutable_file(0)->mutable_message_type(0),
             {{FEATURE_UTF8_VALIDATION, UTF8_VERIFY}});
    EXPECT_EQ(Loaded({set}).error, "file \"shop.proto\" of descriptor set 1 is invalid: shop.Item: "
                                   "it has features, which only files of an edition can have");
}

// The memory is of just the set's size, so that ASan sees what is read behind it.
TEST(Edition, EveryCutOfASetIsTakenOrRefused) {
    FileDescriptorSet set = Shop();
    Override(set.mutable_file(0), {{FEATURE_ENUM_TYPE, ENUM_CLOSED}});
    std::string bytes = set.SerializeAsString();
    std::string file = set.file(0).SerializeAsString();
    for (size_t n = 0; n < file.size(); n++) {
        Buffer cut;
        wire_put_bytes(cut, 1, slice_of(file.data(), n));
        Exact exact(cut.str());
        struct slice slice = exact;
        Arena a;
        struct schema *schema = nullptr;
        const struct error *e = schema_new(a, &slice, 1, &schema);
        EXPECT_TRUE(e == nullptr || e->code == STATUS_INVALID_ARGUMENT) << n;
        schema_free(schema);
    }
    for (size_t i = 0; i < bytes.size(); i++) {
        for (int change : {1, 0x80, 0xFF}) {
            std::string damaged = bytes;
            damaged[i] = static_cast<char>(damaged[i] ^ change);
            Exact exact(damaged);
            struct slice slice = exact;
            Arena a;
            struct schema *schema = nullptr;
            const struct error *e = schema_new(a, &slice, 1, &schema);
            EXPECT_TRUE(e == nullptr || e->code == STATUS_INVALID_ARGUMENT) << i;
            schema_free(schema);
        }
    }
}

// A random field of a descriptor, or of one within it, is cleared, set to what some other
// place of a set may hold, or repeated.
void Damage(google::protobuf::Message *m, std::mt19937 *random) {
    using Field = google::protobuf::FieldDescriptor;
    const auto *reflection = m->GetReflection();
    const auto *type = m->GetDescriptor();
    auto below = [&](int n) { return static_cast<int>((*random)() % static_cast<uint32_t>(n)); };
    const Field *f = type->field(below(type->field_count()));
    if (f->cpp_type() == Field::CPPTYPE_MESSAGE) {
        int count = f->is_repeated() ? reflection->FieldSize(*m, f) : reflection->HasField(*m, f);
        if (count == 0) {
            return; // of those that are there alone
        }
        google::protobuf::Message *inner =
            f->is_repeated() ? reflection->MutableRepeatedMessage(m, f, below(count))
                             : reflection->MutableMessage(m, f);
        switch (f->is_repeated() ? below(8) : 7) {
        case 0:
            reflection->RemoveLast(m, f);
            break;
        case 1:
            reflection->AddMessage(m, f)->CopyFrom(*inner);
            break;
        case 2:
            reflection->AddMessage(m, f);
            break;
        default:
            Damage(inner, random);
            break;
        }
        return;
    }
    static const int numbers[] = {0, 1, 2, 3, 8, 14, -1, 19000, 536870911, 536870912, INT32_MAX};
    static const char *const texts[] = {
        "", "M", ".shop.Item", "count", ".shop.Size", ".shop.Item.ByNameEntry", ".shop.Item.Part",
        "."};
    if (f->is_repeated()) {
        if (f->cpp_type() == Field::CPPTYPE_INT32) {
            reflection->AddInt32(m, f, numbers[below(11)]);
        } else if (f->cpp_type() == Field::CPPTYPE_STRING) {
            reflection->AddString(m, f, texts[below(8)]);
        }
        return;
    }
    if (below(3) == 0) {
        reflection->ClearField(m, f);
    } else if (f->cpp_type() == Field::CPPTYPE_INT32) {
        reflection->SetInt32(m, f, numbers[below(11)]);
    } else if (f->cpp_type() == Field::CPPTYPE_STRING) {
        reflection->SetString(m, f, texts[below(8)]);
    } else if (f->cpp_type() == Field::CPPTYPE_BOOL) {
        reflection->SetBool(m, f, below(2) != 0);
    } else if (f->cpp_type() == Field::CPPTYPE_ENUM) {
        reflection->SetEnum(m, f, f->enum_type()->value(below(f->enum_type()->value_count())));
    }
}

TEST(Edition, DamagedDescriptorsAreTakenOrRefused) {
    int refused = 0;
    for (uint32_t seed = 0; seed < 6000; seed++) {
        std::mt19937 random(seed);
        FileDescriptorSet set = seed % 2 == 0 ? Proto2() : Shop();
        // Within the message mostly: most of what else a file says refuses it.
        for (uint32_t i = 0; i < 1 + seed % 12; i++) {
            google::protobuf::Message *m = set.mutable_file(0);
            if (random() % 16 != 0) {
                m = set.mutable_file(0)->mutable_message_type(0);
            }
            Damage(m, &random);
            if (set.file(0).message_type_size() == 0) {
                break;
            }
        }
        std::string bytes = set.SerializePartialAsString();
        Exact exact(bytes);
        struct slice slice = exact;
        Arena a;
        struct schema *schema = nullptr;
        const struct error *e = schema_new(a, &slice, 1, &schema);
        EXPECT_TRUE(e == nullptr || e->code == STATUS_INVALID_ARGUMENT) << seed;
        refused += e != nullptr;
        schema_free(schema);
    }
    EXPECT_GT(refused, 600);
    EXPECT_LT(refused, 5400);
}

TEST(Edition, MessagesNestToALimit) {
    for (int depth : {10, 100, 5000}) {
        std::string nested;
        for (int i = 0; i < depth; i++) {
            Buffer b;
            wire_put_bytes(b, 1, S("M"));
            if (i > 0) {
                wire_put_bytes(b, 3, S(nested));
            }
            nested = b.str();
        }
        Buffer file, set;
        wire_put_bytes(file, 1, S("shop.proto"));
        wire_put_bytes(file, 4, S(nested));
        std::string bytes = file.str();
        wire_put_bytes(set, 1, S(bytes));
        std::string whole = set.str();
        struct slice slice = S(whole);
        Arena a;
        struct schema *schema = nullptr;
        const struct error *e = schema_new(a, &slice, 1, &schema);
        EXPECT_EQ(e == nullptr, depth == 10) << depth;
        schema_free(schema);
    }
}

// --- names ---

// The JSON names of a message's fields, which are given with theirs.
std::string JsonNames(const std::vector<std::pair<const char *, const char *>> &fields,
                      uint64_t json_format) {
    FileDescriptorSet set;
    FileDescriptorProto *file = set.add_file();
    file->set_name("names.proto");
    SetEdition(file, EDITION_2023);
    DescriptorProto *made = file->add_message_type();
    made->set_name("M");
    for (const auto &field : fields) {
        FieldDescriptorProto *f = made->add_field();
        f->set_name(field.first);
        f->set_number(made->field_size());
        f->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
        f->set_type(FieldDescriptorProto::TYPE_INT32);
        if (field.second != nullptr) {
            f->set_json_name(field.second);
        }
    }
    Override(made, {{FEATURE_JSON_FORMAT, json_format}});
    Loaded l({set});
    if (l.error != "") {
        return l.error.substr(std::min(l.error.find("duplicate"), l.error.size()));
    }
    const struct schema_message *m = schema_find_message(l.schema, S("M"));
    std::string names;
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        EXPECT_EQ(schema_find_field(m, f->json_name), f);
        EXPECT_EQ(Str(f->json_key), "\"" + Str(f->json_name) + "\":");
        names += (i == 0 ? "" : " ") + Str(f->name) + "=" + Str(f->json_name);
    }
    return names;
}

TEST(Edition, FieldsOfOneJsonNameArePartedByBestEffortOnly) {
    const struct {
        std::vector<std::pair<const char *, const char *>> fields;
        const char *parted, *refused;
    } rows[] = {
        // protoc writes JSON names into each set; others may not.
        {{{"a_b", "aB"}, {"aB", "aB"}}, "a_b=a_b aB=aB", "aB"},
        {{{"a_b", nullptr}, {"aB", nullptr}}, "a_b=a_b aB=aB", "aB"},
        {{{"x", "same"}, {"y", "same"}}, "x=same y=y", "same"},
        {{{"x", "same"}, {"y", "same"}, {"z", "y"}}, "x=same y=y z=z", "same"},
        {{{"x", "same"}, {"y", "same"}, {"same", "z"}}, "x=same y=y same=z", "same"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(JsonNames(row.fields, JSON_LEGACY_BEST_EFFORT), row.parted);
        EXPECT_EQ(JsonNames(row.fields, JSON_ALLOW).find("duplicate"), 0u);
    }
    // A chain in which each field that gives way takes the next one's name.
    std::vector<std::string> texts;
    for (int i = 0; i < 2000; i++) {
        texts.push_back("f" + std::to_string(i));
    }
    std::vector<std::pair<const char *, const char *>> chain = {{"x", "f0"}};
    for (size_t i = 0; i + 1 < texts.size(); i++) {
        chain.push_back({texts[i + 1].c_str(), texts[i].c_str()});
    }
    chain.push_back({"y", "f0"});
    chain.push_back({"f0", "y"});
    EXPECT_EQ(JsonNames(chain, JSON_LEGACY_BEST_EFFORT).find("duplicate"), std::string::npos);
}

// Legal, but upb refuses it: the JSON name of one field is the proto name of another.
TEST(Edition, AJsonNameMayBeThatOfAnotherFieldInTheProto) {
    for (uint64_t format : {JSON_ALLOW, JSON_LEGACY_BEST_EFFORT}) {
        EXPECT_EQ(JsonNames({{"a", "b"}, {"b", "a"}}, format), "a=b b=a");
        EXPECT_EQ(JsonNames({{"a", "b"}, {"b", "c"}, {"c_d", nullptr}}, format), "a=b b=c c_d=cD");
    }
}

// --- sets of others ---

// Each compiler ships its own descriptor.proto.
TEST(Edition, OfTheFilesOfProtobufTheLongestIsTaken) {
    FileDescriptorSet older = Proto2(), newer = Proto2();
    for (auto *set : {&older, &newer}) {
        set->mutable_file(0)->set_name("google/protobuf/shop.proto");
    }
    newer.mutable_file(0)->add_message_type()->set_name("New");
    for (const auto &sets : {std::vector<FileDescriptorSet>{older, newer, older},
                             std::vector<FileDescriptorSet>{newer, older}}) {
        Loaded l(sets);
        ASSERT_EQ(l.error, "");
        EXPECT_NE(schema_find_message(l.schema, S("shop.New")), nullptr);
    }
    newer.mutable_file(0)->set_name("google/api/shop.proto");
    older.mutable_file(0)->set_name("google/api/shop.proto");
    EXPECT_NE(Loaded({older, newer}).error, "");
}

TEST(Edition, WhatBufNotesInAnImageDoesNotMakeFilesDiffer) {
    FileDescriptorSet one = Shop(), two = Shop();
    one.mutable_file(0)->mutable_unknown_fields()->AddLengthDelimited(8042, "\x08\x01");
    two.mutable_file(0)->mutable_unknown_fields()->AddLengthDelimited(8042, "\x18\x01");
    EXPECT_EQ(Loaded({one, two}).error, "");
}

} // namespace
