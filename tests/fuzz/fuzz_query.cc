#include "tests/fuzz/fuzz_schema.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "gateway/transcode/bind_query.h"
}

// Query strings bound to the fields of a wide message: what is taken is a message
// to us and to libprotobuf.

void FuzzQuery(const uint8_t *data, size_t size) {
    fuzz::Kinds &kinds = fuzz::Kinds::Get();
    static const struct schema_message *const type = kinds.Find("wide.v1.Wide");
    fuzz::Arena a;
    fuzz::Buffer out;
    const struct bind_taken taken = {};
    const struct bind_ignored ignored = {};
    const struct json_read_options reading = {};
    const struct error *e =
        bind_query(a, type, slice_of(data, size), &taken, &ignored, &reading, out);
    if (e != nullptr) {
        fuzz::CheckError(e);
        return;
    }
    std::string json;
    FUZZ_CHECK(kinds.Parses("wide.v1.Wide", out.slice()), "no message to libprotobuf");
    FUZZ_CHECK(kinds.Write(type, out.slice(), &json), "it cannot be written");
}
