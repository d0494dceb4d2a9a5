#ifndef RUNSD_TESTS_GATEWAY_EDITIONS_H
#define RUNSD_TESTS_GATEWAY_EDITIONS_H

#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/descriptor/features.h"
}

// Descriptors of editions, made of those of proto2 and proto3: Debian's protobuf (3.21)
// knows no editions, so what is new in them are unknown fields to it.

using Overrides = std::vector<std::pair<uint32_t, uint64_t>>; // enum feature and its value

// Appends features to options, in which they have that number.
template <class Options>
inline void AddFeatures(Options *options, int number, const Overrides &overrides) {
    Buffer b;
    for (const auto &o : overrides) {
        wire_put_uint(b, o.first, o.second);
    }
    options->mutable_unknown_fields()->AddLengthDelimited(number, b.str());
}
inline void Override(google::protobuf::FileDescriptorProto *f, const Overrides &o) {
    AddFeatures(f->mutable_options(), 50, o);
}
inline void Override(google::protobuf::DescriptorProto *m, const Overrides &o) {
    AddFeatures(m->mutable_options(), 12, o);
}
inline void Override(google::protobuf::FieldDescriptorProto *f, const Overrides &o) {
    AddFeatures(f->mutable_options(), 21, o);
}
inline void Override(google::protobuf::OneofDescriptorProto *o, const Overrides &overrides) {
    AddFeatures(o->mutable_options(), 1, overrides);
}
inline void Override(google::protobuf::EnumDescriptorProto *e, const Overrides &o) {
    AddFeatures(e->mutable_options(), 7, o);
}

inline void SetEdition(google::protobuf::FileDescriptorProto *file, uint64_t edition) {
    file->set_syntax("editions");
    file->mutable_unknown_fields()->AddVarint(14, edition);
}

inline void FieldAsEdition(google::protobuf::FieldDescriptorProto *f) {
    using Field = google::protobuf::FieldDescriptorProto;
    Overrides overrides;
    if (f->label() == Field::LABEL_REQUIRED) {
        f->set_label(Field::LABEL_OPTIONAL);
        overrides.push_back({FEATURE_FIELD_PRESENCE, PRESENCE_LEGACY_REQUIRED});
    }
    if (f->type() == Field::TYPE_GROUP) {
        f->set_type(Field::TYPE_MESSAGE);
        overrides.push_back({FEATURE_MESSAGE_ENCODING, MESSAGE_DELIMITED});
    }
    if (f->options().has_packed()) {
        overrides.push_back({FEATURE_REPEATED_FIELD_ENCODING,
                             f->options().packed() ? ENCODING_PACKED : ENCODING_EXPANDED});
        f->mutable_options()->clear_packed();
    }
    if (f->proto3_optional()) {
        f->clear_proto3_optional();
        f->clear_oneof_index();
        overrides.push_back({FEATURE_FIELD_PRESENCE, PRESENCE_EXPLICIT});
    }
    if (!overrides.empty()) {
        Override(f, overrides);
    }
}

inline void MessageAsEdition(google::protobuf::DescriptorProto *m) {
    size_t synthetic = 0;
    for (auto &f : *m->mutable_field()) {
        synthetic += f.proto3_optional();
        FieldAsEdition(&f);
    }
    for (; synthetic > 0; synthetic--) {
        m->mutable_oneof_decl()->RemoveLast(); // they stand behind the others
    }
    for (auto &f : *m->mutable_extension()) {
        FieldAsEdition(&f);
    }
    for (auto &nested : *m->mutable_nested_type()) {
        MessageAsEdition(&nested);
    }
}

// Makes a file of proto2 or proto3 the same in an edition: all features of the syntax are
// set for the file, and what fields say by words is said by features.
inline void AsEdition(google::protobuf::FileDescriptorProto *file, uint64_t edition) {
    struct features features;
    features_defaults(file->syntax() == "proto3" ? EDITION_PROTO3 : EDITION_PROTO2, &features);
    Overrides overrides;
    for (uint32_t i = 1; i <= FEATURE_LAST; i++) {
        overrides.push_back({i, features.values[i]});
    }
    Override(file, overrides);
    SetEdition(file, edition);
    for (auto &m : *file->mutable_message_type()) {
        MessageAsEdition(&m);
    }
    for (auto &f : *file->mutable_extension()) {
        FieldAsEdition(&f);
    }
}

#endif
