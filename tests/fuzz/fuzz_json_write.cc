#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "tests/fuzz/fuzz_schema.h"
#include "tests/fuzz/fuzz_targets.h"

// The JSON writer on any bytes: what is written is JSON to libprotobuf and to us,
// and reads back to the same JSON; what is no message to libprotobuf is refused.

void FuzzJsonWrite(const uint8_t *data, size_t size) {
    fuzz::Kinds &kinds = fuzz::Kinds::Get();
    static const struct schema_message *const type = kinds.Find("kinds.v1.Everything");
    const struct json_read_options strict = {false, false};
    std::string json, second;
    if (!kinds.Write(type, slice_of(data, size), &json)) {
        return;
    }
    FUZZ_CHECK(kinds.Parses("kinds.v1.Everything", slice_of(data, size)),
               "no message to libprotobuf: %s", json.c_str());
    fuzz::Arena a;
    fuzz::Buffer wire;
    const struct error *e = json_read_message(kinds.schema, a, type, fuzz::S(json), &strict, wire);
    if (e != nullptr && strstr(e->message, "nested deeper") != nullptr) {
        return; // requests may nest less deep than replies
    }
    FUZZ_CHECK(e == nullptr, "%s: %s", e->message, json.c_str());
    FUZZ_CHECK(kinds.Write(type, wire.slice(), &second), "it cannot be written again");
    FUZZ_CHECK(second == json, "%s and %s", json.c_str(), second.c_str());
    google::protobuf::Struct tree;
    FUZZ_CHECK(google::protobuf::util::JsonStringToMessage(json, &tree).ok(), "no JSON: %s",
               json.c_str());
}
