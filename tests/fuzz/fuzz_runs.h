#ifndef RUNSD_TESTS_FUZZ_FUZZ_RUNS_H
#define RUNSD_TESTS_FUZZ_FUZZ_RUNS_H

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <memory>
#include <string>

#include "tests/fuzz/fuzz.h"

extern "C" {
#include "gateway/descriptor/schema.h"
#include "gateway/json/json_read.h"
#include "protos/descriptor_set.h"
#include "server/domain/message_guard.h"
#include "server/domain/message_nul.h"
}

namespace fuzz {

// The messages of runs.v1, as a client sends them and as libprotobuf reads them.
class Runs {
  public:
    static Runs &Get() {
        static Runs *runs = new Runs(); // for the whole process
        return *runs;
    }

    // Whether libprotobuf takes the bytes.
    bool Parses(const std::string &name, struct slice wire) {
        const auto *type = pool_.FindMessageTypeByName("runs.v1." + name);
        FUZZ_CHECK(type != nullptr, "%s", name.c_str());
        std::unique_ptr<google::protobuf::Message> m(factory_.GetPrototype(type)->New());
        google::protobuf::io::CodedInputStream in(wire.data, static_cast<int>(wire.len));
        in.SetRecursionLimit(1000);
        return m->ParsePartialFromCodedStream(&in) && in.ConsumedEntireMessage();
    }

    // The bytes that a gateway makes of a body; returns false if it is refused.
    bool FromJson(const char *name, struct slice json, Buffer *wire) {
        static const struct json_read_options strict = {false, false};
        const std::string full = std::string("runs.v1.") + name;
        Arena a;
        const struct error *e = json_read_message(schema_, a, schema_find_message(schema_, S(full)),
                                                  json, &strict, *wire);
        if (e != nullptr) {
            CheckError(e);
        }
        return e == nullptr;
    }

  private:
    Runs() : factory_(&pool_) {
        google::protobuf::SetLogHandler(nullptr);
        struct slice set = runs_descriptor_set();
        Arena a;
        FUZZ_CHECK(schema_new(a, &set, 1, &schema_) == nullptr, "the set is refused");
        google::protobuf::FileDescriptorSet files;
        FUZZ_CHECK(files.ParseFromString(Str(set)), "no set");
        for (const auto &file : files.file()) {
            FUZZ_CHECK(pool_.BuildFile(file) != nullptr, "%s", file.name().c_str());
        }
    }

    struct schema *schema_ = nullptr;
    google::protobuf::DescriptorPool pool_;
    google::protobuf::DynamicMessageFactory factory_;
};

// Unpacks as the server does. What it takes is a message to libprotobuf, and is the same one packed
// and unpacked again; of what it does not take the error is checked, and NULL returned.
inline const ProtobufCMessage *Unpack(struct arena *a, const char *name,
                                      const ProtobufCMessageDescriptor *type, struct slice wire) {
    ProtobufCMessage *message = nullptr;
    const struct error *e = message_unpack(a, type, wire, &message);
    if (e != nullptr) {
        CheckError(e);
        return nullptr;
    }
    FUZZ_CHECK(Runs::Get().Parses(name, wire), "no %s to libprotobuf", name);
    const struct slice packed = message_pack(a, message);
    if (memchr(packed.data, MESSAGE_NUL, packed.len) != nullptr) {
        return message; // it may stand for U+0000, which is not sent so
    }
    ProtobufCMessage *again = nullptr;
    e = message_unpack(a, type, packed, &again);
    FUZZ_CHECK(e == nullptr, "%s", e->message);
    FUZZ_CHECK(slice_equal(message_pack(a, again), packed), "another %s", name);
    return message;
}

} // namespace fuzz

#endif
