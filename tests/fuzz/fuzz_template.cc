#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "gateway/transcode/route_table.h"
#include "gateway/transcode/template.h"
}

// The template parser: what it takes, a path made from it matches.

namespace {

// Every byte of text percent-encoded, so that none is special.
std::string Encoded(struct slice text) {
    std::string out;
    char hex[4];
    for (size_t i = 0; i < text.len; i++) {
        snprintf(hex, sizeof(hex), "%%%02X", text.data[i]);
        out += hex;
    }
    return out;
}

std::string PathOf(const struct path_template &t) {
    std::string path;
    for (size_t i = 0; i < t.segment_count; i++) {
        const struct template_segment &s = t.segments[i];
        path += "/";
        path += s.kind == TEMPLATE_LITERAL ? Encoded(s.literal)
                : s.kind == TEMPLATE_ANY   ? "x"
                                           : "y/z";
    }
    if (t.segment_count == 0) {
        path = "/";
    }
    if (t.verb.len > 0) {
        path += ":" + Encoded(t.verb);
    }
    return path;
}

} // namespace

void FuzzTemplate(const uint8_t *data, size_t size) {
    fuzz::Arena a;
    struct path_template t = {};
    struct template_fault fault = {};
    struct slice text = slice_of(data, size);
    if (!template_parse(a, text, &t, &fault)) {
        FUZZ_CHECK(fault.message != nullptr && fault.message[0] != '\0', "no message");
        FUZZ_CHECK(fault.column >= 1 && fault.column <= size + 1, "column %zu", fault.column);
        return;
    }
    FUZZ_CHECK(slice_equal(t.text, text), "the text differs");
    bool is_root = size == 1; // "/" alone
    for (size_t i = 0; i < t.segment_count && !is_root; i++) {
        FUZZ_CHECK(t.segments[i].kind != TEMPLATE_LITERAL || t.segments[i].literal.len > 0,
                   "segment %zu is empty", i);
        FUZZ_CHECK(t.segments[i].column >= 1 && t.segments[i].column <= size, "segment %zu", i);
    }
    for (size_t i = 0; i < t.variable_count; i++) {
        const struct template_variable &v = t.variables[i];
        FUZZ_CHECK(v.field_path.len > 0 && v.segment_count > 0 &&
                       v.first_segment + v.segment_count <= t.segment_count,
                   "variable %zu", i);
    }
    struct route_table table;
    route_table_init(&table, a);
    size_t other;
    FUZZ_CHECK(route_table_add(&table, &t, slice_of_cstr("GET"), 0, &other), "no route");
    std::string path = PathOf(t);
    struct route_match match;
    FUZZ_CHECK(route_table_find(&table, a, slice_of_cstr("GET"), fuzz::S(path), &match) ==
                   ROUTE_FOUND,
               "%.*s does not match %s", static_cast<int>(size),
               reinterpret_cast<const char *>(data), path.c_str());
    FUZZ_CHECK(route_table_find(&table, a, slice_of_cstr("PUT"), fuzz::S(path), &match) ==
                   ROUTE_NO_METHOD,
               "a method that %s does not have", path.c_str());
}
