#include "bench/protobuf_json.h"

#include <cstdio>
#include <cstdlib>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <memory>
#include <string>

struct protobuf_json {
    google::protobuf::DescriptorPool pool;
    google::protobuf::DynamicMessageFactory factory{&pool};
    std::unique_ptr<google::protobuf::util::TypeResolver> resolver;
    const google::protobuf::Descriptor *type = nullptr;
    std::string url;
};

struct protobuf_json *protobuf_json_new(const void *set, size_t set_size, const char *type) {
    auto *p = new protobuf_json();
    google::protobuf::FileDescriptorSet files;
    bool ok = files.ParseFromArray(set, static_cast<int>(set_size));
    for (const auto &file : files.file()) {
        ok = p->pool.BuildFile(file) != nullptr && ok;
    }
    p->type = p->pool.FindMessageTypeByName(type);
    if (!ok || p->type == nullptr) {
        fprintf(stderr, "protobuf_json: no type %s in the set\n", type);
        exit(1);
    }
    p->resolver.reset(
        google::protobuf::util::NewTypeResolverForDescriptorPool("type.googleapis.com", &p->pool));
    p->url = std::string("type.googleapis.com/") + type;
    return p;
}

void protobuf_json_free(struct protobuf_json *p) {
    delete p;
}

size_t protobuf_json_write(struct protobuf_json *p, const void *message, size_t size) {
    std::unique_ptr<google::protobuf::Message> m(p->factory.GetPrototype(p->type)->New());
    std::string json;
    google::protobuf::util::JsonPrintOptions options;
    options.always_print_primitive_fields = true;
    if (!m->ParseFromArray(message, static_cast<int>(size)) ||
        !google::protobuf::util::BinaryToJsonString(p->resolver.get(), p->url,
                                                    m->SerializeAsString(), &json, options)
             .ok()) {
        return 0;
    }
    return json.size();
}
