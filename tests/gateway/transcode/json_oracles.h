#ifndef RUNSD_TESTS_GATEWAY_TRANSCODE_JSON_ORACLES_H
#define RUNSD_TESTS_GATEWAY_TRANSCODE_JSON_ORACLES_H

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <map>
#include <memory>
#include <string>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/descriptor/descriptor_pool.h"
#include "gateway/json/json_read.h"
#include "gateway/json/json_write.h"
}

// JSON as others write and read it: upb and libprotobuf, on the same
// descriptor set as our own.

// upb's writer leaks its arena when it refuses a message.
extern "C" const char *__lsan_default_suppressions();
extern "C" const char *__lsan_default_suppressions() {
    return "leak:libupb.so";
}

// Our own.
class OurJson {
  public:
    explicit OurJson(const std::string &set) {
        struct slice bytes = S(set);
        EXPECT_EQ(schema_new(a_, &bytes, 1, &schema), nullptr);
    }
    ~OurJson() {
        schema_free(schema);
    }
    // "" with *ret_error set if it is refused.
    std::string Write(const schema_message *type, const std::string &wire, std::string *ret_error) {
        Arena scratch;
        Buffer out;
        Exact exact(wire);
        const char *fault = nullptr;
        ret_error->clear();
        if (!json_write_message(schema, scratch, type, exact, out, &fault)) {
            EXPECT_EQ(out.b.len, 0u);
            *ret_error = fault;
        }
        return out.str();
    }
    std::string Read(const schema_message *type, const std::string &json, std::string *ret_error,
                     bool ignore_unknown = false) {
        const struct json_read_options options = {ignore_unknown, false};
        Arena scratch;
        Buffer wire;
        Exact exact(json);
        ret_error->clear();
        const struct error *e = json_read_message(schema, scratch, type, exact, &options, wire);
        if (e != nullptr) {
            EXPECT_EQ(wire.b.len, 0u);
            *ret_error = Violation(e);
        }
        return wire.str();
    }
    const schema_message *Find(const std::string &name) {
        return schema_find_message(schema, S(name));
    }

    struct schema *schema = nullptr;

  private:
    Arena a_;
};

class UpbJson {
  public:
    explicit UpbJson(const std::string &set) {
        struct slice bytes = S(set);
        EXPECT_EQ(descriptor_pool_load(a_, &bytes, 1, &pool_), nullptr);
    }
    ~UpbJson() {
        descriptor_pool_release(&pool_);
    }
    // "" with *ret_error set if it is refused.
    std::string Write(const std::string &name, const std::string &wire, std::string *ret_error) {
        const upb_MessageDef *type = upb_DefPool_FindMessageByName(pool_.pool, name.c_str());
        upb_Arena *arena = upb_Arena_Init(nullptr, 0, &upb_alloc_global);
        void *m = upb_Message_New(type, arena);
        std::string json;
        upb_Status status;
        upb_Status_Clear(&status);
        ret_error->clear();
        if (upb_Decode(wire.data(), wire.size(), m, upb_MessageDef_MiniTable(type), nullptr, 0,
                       arena) != 0) {
            *ret_error = "no message";
        } else {
            json.resize(16 * 1024);
            size_t n = upb_JsonEncode(m, type, pool_.pool, 0, &json[0], json.size(), &status);
            if (n != static_cast<size_t>(-1) && n >= json.size()) {
                json.resize(n + 1);
                n = upb_JsonEncode(m, type, pool_.pool, 0, &json[0], json.size(), &status);
            }
            if (n == static_cast<size_t>(-1)) {
                *ret_error = upb_Status_ErrorMessage(&status);
                n = 0;
            }
            json.resize(n);
        }
        upb_Arena_Free(arena);
        return json;
    }

  private:
    Arena a_;
    struct descriptor_pool pool_ = {};
};

// Keeps each Type: making it anew costs more than the JSON.
class CachedTypes : public google::protobuf::util::TypeResolver {
  public:
    explicit CachedTypes(const google::protobuf::DescriptorPool *pool)
        : resolver_(google::protobuf::util::NewTypeResolverForDescriptorPool("type.googleapis.com",
                                                                             pool)) {}
    google::protobuf::util::Status ResolveMessageType(const std::string &url,
                                                      google::protobuf::Type *type) override {
        // Any host will do, as with us.
        std::string own = "type.googleapis.com" + url.substr(std::min(url.rfind('/'), url.size()));
        auto found = types_.find(own);
        if (found == types_.end()) {
            google::protobuf::Type made;
            auto status = resolver_->ResolveMessageType(own, &made);
            if (!status.ok()) {
                return status;
            }
            found = types_.emplace(own, made).first;
        }
        *type = found->second;
        return google::protobuf::util::Status();
    }
    google::protobuf::util::Status ResolveEnumType(const std::string &url,
                                                   google::protobuf::Enum *type) override {
        auto found = enums_.find(url);
        if (found == enums_.end()) {
            google::protobuf::Enum made;
            auto status = resolver_->ResolveEnumType(url, &made);
            if (!status.ok()) {
                return status;
            }
            found = enums_.emplace(url, made).first;
        }
        *type = found->second;
        return google::protobuf::util::Status();
    }

  private:
    std::unique_ptr<google::protobuf::util::TypeResolver> resolver_;
    std::map<std::string, google::protobuf::Type> types_;
    std::map<std::string, google::protobuf::Enum> enums_;
};

class ProtobufJson {
  public:
    using Message = google::protobuf::Message;

    explicit ProtobufJson(const std::string &set) {
        google::protobuf::FileDescriptorSet files;
        EXPECT_TRUE(files.ParseFromString(set));
        for (const auto &file : files.file()) {
            EXPECT_NE(pool_.BuildFile(file), nullptr) << file.name();
        }
        factory_.reset(new google::protobuf::DynamicMessageFactory(&pool_));
        types_.reset(new CachedTypes(&pool_));
    }

    // The message of wire bytes in a form of its own: without unknown fields,
    // maps sorted, the values of all Any likewise. NULL if it is none.
    std::unique_ptr<Message> Parse(const std::string &name, const std::string &wire) {
        auto m = New(name);
        if (m == nullptr || !m->ParsePartialFromString(wire) || !Normalise(m.get())) {
            return nullptr;
        }
        return m;
    }

    // The same without groups, which libprotobuf's JSON does not know; sets
    // *ret_had if there were any.
    std::unique_ptr<Message> WithoutGroups(const std::string &name, const Message &m,
                                           bool *ret_had) {
        had_groups_ = false;
        drop_groups_ = true;
        auto without = Parse(name, Bytes(m));
        drop_groups_ = false;
        *ret_had = had_groups_;
        return without;
    }

    // The same bytes for the same message.
    static std::string Bytes(const Message &m) {
        std::string bytes;
        google::protobuf::io::StringOutputStream stream(&bytes);
        google::protobuf::io::CodedOutputStream out(&stream);
        out.SetSerializationDeterministic(true);
        m.SerializePartialToCodedStream(&out);
        out.Trim();
        return bytes;
    }

    std::string Write(const std::string &name, const Message &m, std::string *ret_error) {
        std::string json;
        auto status = google::protobuf::util::BinaryToJsonString(
            types_.get(), "type.googleapis.com/" + name, Bytes(m), &json);
        *ret_error = status.ok() ? "" : status.ToString();
        return status.ok() ? json : "";
    }

    // The message of JSON; NULL with *ret_error set if it is refused.
    std::unique_ptr<Message> Read(const std::string &name, const std::string &json,
                                  std::string *ret_error) {
        std::string wire;
        google::protobuf::util::Status status;
        try {
            status = google::protobuf::util::JsonToBinaryString(
                types_.get(), "type.googleapis.com/" + name, json, &wire);
        } catch (const std::exception &e) { // 3.21 fails its own checks on some JSON
            *ret_error = e.what();
            return nullptr;
        }
        *ret_error = status.ok() ? "" : status.ToString();
        auto m = status.ok() ? Parse(name, wire) : nullptr;
        if (status.ok() && m == nullptr) {
            *ret_error = "it made no message";
        }
        return m;
    }

    // "" if they are the same.
    static std::string Difference(const Message &a, const Message &b) {
        google::protobuf::util::DefaultFieldComparator comparator;
        comparator.set_treat_nan_as_equal(true);
        google::protobuf::util::MessageDifferencer differencer;
        std::string report;
        differencer.set_field_comparator(&comparator);
        differencer.ReportDifferencesToString(&report);
        if (!differencer.Compare(a, b)) {
            return report;
        }
        // -0 and 0 are the same to it.
        return Bytes(a) == Bytes(b) ? "" : "the bytes differ";
    }

  private:
    std::unique_ptr<Message> New(const std::string &name) {
        const auto *type = pool_.FindMessageTypeByName(name);
        return std::unique_ptr<Message>(type == nullptr ? nullptr
                                                        : factory_->GetPrototype(type)->New());
    }

    bool NormaliseAny(Message *m) {
        const auto *reflection = m->GetReflection();
        const auto *url = m->GetDescriptor()->FindFieldByNumber(1);
        const auto *value = m->GetDescriptor()->FindFieldByNumber(2);
        std::string type = reflection->GetString(*m, url);
        auto inner = Parse(type.substr(type.rfind('/') + 1), reflection->GetString(*m, value));
        if (inner == nullptr) {
            return type.empty();
        }
        std::string bytes = Bytes(*inner);
        if (bytes.empty()) {
            reflection->ClearField(m, value);
        } else {
            reflection->SetString(m, value, bytes);
        }
        return true;
    }

    // Puts the entries of a map in order of their keys; of equal keys the last
    // stays. A DynamicMessage keeps what it parsed.
    static void SortMap(Message *m, const google::protobuf::FieldDescriptor *f) {
        const auto *reflection = m->GetReflection();
        std::map<std::string, std::unique_ptr<Message>> entries;
        for (int i = 0; i < reflection->FieldSize(*m, f); i++) {
            const Message &entry = reflection->GetRepeatedMessage(*m, f, i);
            std::string key;
            google::protobuf::TextFormat::PrintFieldValueToString(
                entry, f->message_type()->FindFieldByNumber(1), -1, &key);
            auto &kept = entries[key];
            kept.reset(entry.New());
            kept->CopyFrom(entry);
        }
        reflection->ClearField(m, f);
        for (const auto &entry : entries) {
            reflection->AddMessage(m, f)->CopyFrom(*entry.second);
        }
    }

    bool Normalise(Message *m) {
        const auto *reflection = m->GetReflection();
        reflection->MutableUnknownFields(m)->Clear();
        if (m->GetDescriptor()->full_name() == "google.protobuf.Any") {
            return NormaliseAny(m);
        }
        std::vector<const google::protobuf::FieldDescriptor *> fields;
        reflection->ListFields(*m, &fields);
        for (const auto *f : fields) {
            if (f->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
                continue;
            }
            if (f->type() == google::protobuf::FieldDescriptor::TYPE_GROUP && drop_groups_) {
                had_groups_ = true;
                reflection->ClearField(m, f);
                continue;
            }
            if (f->is_map()) {
                SortMap(m, f);
            }
            if (!f->is_repeated()) {
                if (!Normalise(reflection->MutableMessage(m, f))) {
                    return false;
                }
                continue;
            }
            for (int i = 0; i < reflection->FieldSize(*m, f); i++) {
                if (!Normalise(reflection->MutableRepeatedMessage(m, f, i))) {
                    return false;
                }
            }
        }
        return true;
    }

    bool drop_groups_ = false;
    bool had_groups_ = false;
    google::protobuf::DescriptorPool pool_;
    std::unique_ptr<google::protobuf::DynamicMessageFactory> factory_;
    std::unique_ptr<CachedTypes> types_;
};

#endif
