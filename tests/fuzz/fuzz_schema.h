#ifndef RUNSD_TESTS_FUZZ_FUZZ_SCHEMA_H
#define RUNSD_TESTS_FUZZ_FUZZ_SCHEMA_H

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <memory>
#include <string>

#include "tests/fuzz/fuzz.h"

extern "C" {
#include "gateway/descriptor/schema.h"
#include "gateway/json/json_read.h"
#include "gateway/json/json_write.h"
}

namespace fuzz {

// kinds.proto to us and to libprotobuf.
class Kinds {
  public:
    static Kinds &Get() {
        static Kinds *kinds = new Kinds(); // for the whole process
        return *kinds;
    }

    const struct schema_message *Find(const char *name) const {
        return schema_find_message(schema, slice_of_cstr(name));
    }

    // Whether libprotobuf takes the bytes.
    bool Parses(const std::string &name, struct slice wire) {
        const auto *type = pool_.FindMessageTypeByName(name);
        FUZZ_CHECK(type != nullptr, "%s", name.c_str());
        std::unique_ptr<google::protobuf::Message> m(factory_.GetPrototype(type)->New());
        google::protobuf::io::CodedInputStream in(wire.data, static_cast<int>(wire.len));
        in.SetRecursionLimit(1000);
        return m->ParsePartialFromCodedStream(&in) && in.ConsumedEntireMessage();
    }

    // The JSON of wire bytes; returns false if they are refused.
    bool Write(const struct schema_message *type, struct slice wire, std::string *json) {
        Arena a;
        Buffer out;
        const char *fault = nullptr;
        bool ok = json_write_message(schema, a, type, wire, out, &fault);
        FUZZ_CHECK(ok || (fault != nullptr && out.b.len == 0), "no fault");
        *json = out.str();
        return ok;
    }

    struct schema *schema = nullptr;

  private:
    Kinds() : factory_(&pool_) {
        google::protobuf::SetLogHandler(nullptr);
        std::string set = ReadFile("tests/gateway/testdata/kinds.binpb");
        struct slice bytes = S(set);
        Arena a;
        FUZZ_CHECK(schema_new(a, &bytes, 1, &schema) == nullptr, "the set is refused");
        google::protobuf::FileDescriptorSet files;
        FUZZ_CHECK(files.ParseFromString(set), "no set");
        for (const auto &file : files.file()) {
            FUZZ_CHECK(pool_.BuildFile(file) != nullptr, "%s", file.name().c_str());
        }
    }

    google::protobuf::DescriptorPool pool_;
    google::protobuf::DynamicMessageFactory factory_;
};

} // namespace fuzz

#endif
