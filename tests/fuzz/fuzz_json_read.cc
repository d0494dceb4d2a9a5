#include "tests/fuzz/fuzz_schema.h"
#include "tests/fuzz/fuzz_targets.h"

// The JSON reader: what is taken is a message to libprotobuf, too, and is written
// as JSON that is read to the same JSON again. The first byte chooses the type.

void FuzzJsonRead(const uint8_t *data, size_t size) {
    static const char *const types[] = {
        "wide.v1.Wide",  "kinds.v1.Everything", "google.protobuf.Value", "google.protobuf.Any",
        "kinds.v1.Maps", "legacy.v1.Legacy",    "wide.v1.Spelled",       "google.protobuf.Struct"};
    if (size == 0) {
        return;
    }
    fuzz::Kinds &kinds = fuzz::Kinds::Get();
    const char *name = types[data[0] % 8];
    const struct schema_message *type = kinds.Find(name);
    const struct json_read_options options = {(data[0] & 8) != 0, false};
    const struct json_read_options strict = {false, false};
    fuzz::Arena a;
    fuzz::Buffer wire, again;
    const struct error *e =
        json_read_message(kinds.schema, a, type, slice_of(data + 1, size - 1), &options, wire);
    if (e != nullptr) {
        FUZZ_CHECK(wire.b.len == 0, "bytes of what was refused");
        fuzz::CheckError(e);
        return;
    }
    FUZZ_CHECK(kinds.Parses(name, wire.slice()), "no message to libprotobuf");
    std::string json, second;
    FUZZ_CHECK(kinds.Write(type, wire.slice(), &json), "it cannot be written");
    e = json_read_message(kinds.schema, a, type, fuzz::S(json), &strict, again);
    if (e != nullptr && strstr(e->message, "nested deeper") != nullptr) {
        return; // printed defaults nest one deeper
    }
    FUZZ_CHECK(e == nullptr, "%s: %s", e->message, json.c_str());
    FUZZ_CHECK(kinds.Write(type, again.slice(), &second) && second == json, "%s and %s",
               json.c_str(), second.c_str());
}
