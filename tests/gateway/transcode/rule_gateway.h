#ifndef RUNSD_TESTS_GATEWAY_TRANSCODE_RULE_GATEWAY_H
#define RUNSD_TESTS_GATEWAY_TRANSCODE_RULE_GATEWAY_H

#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <vector>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/transcode/transcoder.h"
}

// A method of a test: its types and its google.api.http rule.
struct RuleMethod {
    const char *input, *output;
    std::string rule; // serialized HttpRule; none if empty
};

// One field of an HttpRule, by its number in google/api/http.proto.
inline std::string RuleField(uint32_t field, const std::string &value) {
    Buffer b;
    wire_put_bytes(b, field, S(value));
    return b.str();
}

enum RuleFieldNumber {
    GET = 2,
    PUT = 3,
    POST = 4,
    DELETE = 5,
    PATCH = 6,
    BODY = 7,
    CUSTOM = 8,
    RESPONSE_BODY = 12
};

// A transcoder of wide.proto and a file "more.proto" whose messages and methods the
// test gives: package more, service S, methods M0, M1, ...
struct RuleGateway {
    explicit RuleGateway(const std::vector<RuleMethod> &methods,
                         const struct transcoder_options *options = nullptr) {
        google::protobuf::FileDescriptorSet set;
        auto *file = set.add_file();
        file->set_name("more.proto");
        file->set_package("more");
        file->set_syntax("proto3");
        file->add_dependency("tests/gateway/testdata/wide.proto");
        file->add_dependency("google/protobuf/field_mask.proto");
        auto *patch = AddMessage(file, "Patch");
        AddField(patch, "item", ".wide.v1.Wide");
        AddField(patch, "update_mask", ".google.protobuf.FieldMask");
        AddField(patch, "number", "");
        auto *two = AddMessage(file, "TwoMasks");
        AddField(two, "item", ".wide.v1.Wide");
        AddField(two, "update_mask", ".google.protobuf.FieldMask");
        AddField(two, "read_mask", ".google.protobuf.FieldMask");
        auto *service = file->add_service();
        service->set_name("S");
        for (size_t i = 0; i < methods.size(); i++) {
            auto *m = service->add_method();
            m->set_name("M" + std::to_string(i));
            m->set_input_type(methods[i].input);
            m->set_output_type(methods[i].output);
            if (!methods[i].rule.empty()) {
                m->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(72295728,
                                                                                   methods[i].rule);
            }
        }
        std::string wide = WideSet(), more = set.SerializeAsString();
        const struct slice sets[] = {S(wide), S(more)};
        const struct error *e = transcoder_new(a, sets, 2, options, &t);
        EXPECT_EQ(e, nullptr) << e->message;
    }
    ~RuleGateway() {
        transcoder_free(t);
    }
    RuleGateway(const RuleGateway &) = delete;
    RuleGateway &operator=(const RuleGateway &) = delete;

    // The request of "VERB /path?query" and a body as JSON of its type; or
    // "REASON field: description"; or "CODE" if no route was found.
    std::string Request(const std::string &line, const std::string &body = "") {
        size_t space = line.find(' ');
        size_t mark = line.find('?');
        Exact verb(line.substr(0, space));
        Exact path(line.substr(space + 1, mark == std::string::npos ? mark : mark - space - 1));
        Exact query(mark == std::string::npos ? "" : line.substr(mark + 1));
        Exact bytes(body);
        Arena scratch;
        struct transcoder_match m;
        struct slice message;
        const struct transcoder_request request = {query, bytes, S("text/plain")};
        const struct error *e = transcoder_match_route(t, scratch, verb, path, &m);
        if (e == nullptr) {
            e = transcoder_encode_request(t, scratch, &m, &request, &message);
        }
        if (e != nullptr) {
            return e->violations == nullptr ? e->reason
                                            : std::string(e->reason) + " " + Violation(e);
        }
        route = m.route;
        Buffer out;
        return transcoder_message_json(t, scratch, S(input), message, out) ? out.str()
                                                                           : "malformed";
    }

    const char *input = "wide.v1.Wide"; // what Request shows its bytes as
    const struct transcoder_route *route = nullptr;
    Arena a;
    struct transcoder *t = nullptr;

  private:
    static google::protobuf::DescriptorProto *
    AddMessage(google::protobuf::FileDescriptorProto *file, const char *name) {
        auto *m = file->add_message_type();
        m->set_name(name);
        return m;
    }
    static void AddField(google::protobuf::DescriptorProto *m, const char *name,
                         const std::string &type) {
        auto *f = m->add_field();
        f->set_name(name);
        f->set_number(m->field_size());
        f->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
        if (type.empty()) {
            f->set_type(google::protobuf::FieldDescriptorProto::TYPE_INT32);
        } else {
            f->set_type(google::protobuf::FieldDescriptorProto::TYPE_MESSAGE);
            f->set_type_name(type);
        }
    }
};

#endif
