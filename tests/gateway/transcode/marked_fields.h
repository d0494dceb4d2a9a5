#ifndef RUNSD_TESTS_GATEWAY_TRANSCODE_MARKED_FIELDS_H
#define RUNSD_TESTS_GATEWAY_TRANSCODE_MARKED_FIELDS_H

#include "tests/gateway/transcode/rule_gateway.h"

// A service with one unary method at GET /r, whose request has the fields that the test adds, each
// with the mark of runsd.gateway.v1.FieldJson that has the number. Fields that are messages are of
// the type message, or of the request's.
struct MarkedFields {
    explicit MarkedFields(uint32_t mark, const google::protobuf::Descriptor *message = nullptr)
        : mark_(mark), type_(message == nullptr ? ".w.Ask" : "." + message->full_name()) {
        if (message != nullptr) {
            message->file()->CopyTo(set.add_file());
        }
        auto *file = set.add_file();
        file->set_name("w.proto");
        file->set_package("w");
        file->set_syntax("proto3");
        if (message != nullptr) {
            file->add_dependency(message->file()->name());
        }
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
    ~MarkedFields() {
        transcoder_free(t);
    }
    MarkedFields(const MarkedFields &) = delete;
    MarkedFields &operator=(const MarkedFields &) = delete;

    void Add(int number, google::protobuf::FieldDescriptorProto::Type type, bool repeated = false) {
        using google::protobuf::FieldDescriptorProto;
        FieldDescriptorProto *f = ask->add_field();
        f->set_name("f" + std::to_string(number));
        f->set_number(number);
        f->set_type(type);
        f->set_label(repeated ? FieldDescriptorProto::LABEL_REPEATED
                              : FieldDescriptorProto::LABEL_OPTIONAL);
        if (type == FieldDescriptorProto::TYPE_MESSAGE) {
            f->set_type_name(type_);
        }
        Buffer json;
        wire_put_uint(json, mark_, 1);
        f->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(51204, json.str());
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

  private:
    uint32_t mark_;
    std::string type_;
};

#endif
