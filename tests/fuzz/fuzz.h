#ifndef RUNSD_TESTS_FUZZ_FUZZ_H
#define RUNSD_TESTS_FUZZ_FUZZ_H

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

extern "C" {
#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "base/core/utf8.h"
}

// What the fuzz targets share.

// Ends the process, which is what a fuzzer calls a crash.
#define FUZZ_CHECK(condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

namespace fuzz {

struct Arena {
    Arena() {
        arena_init(&a);
    }
    ~Arena() {
        arena_release(&a);
    }
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;
    operator struct arena *() {
        return &a;
    }
    struct arena a;
};

struct Buffer {
    ~Buffer() {
        strbuf_release(&b);
    }
    Buffer() = default;
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    operator struct strbuf *() {
        return &b;
    }
    struct slice slice() const {
        return strbuf_slice(&b);
    }
    std::string str() const {
        return b.len == 0 ? "" : std::string(reinterpret_cast<const char *>(b.data), b.len);
    }
    struct strbuf b = STRBUF_INIT;
};

inline struct slice S(const std::string &s) {
    return slice_of(s.data(), s.size());
} inline std::string Str(struct slice s) {
    return s.len == 0 ? "" : std::string(reinterpret_cast<const char *>(s.data), s.len);
}

inline std::string ReadFile(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    FUZZ_CHECK(in.good(), "cannot read %s", path.c_str());
    std::stringstream s;
    s << in.rdbuf();
    return s.str();
}

// An error is to be shown to people and sent as JSON.
inline void CheckError(const struct error *e) {
    FUZZ_CHECK(e != nullptr, "no error");
    FUZZ_CHECK(e->message[0] != '\0', "an empty message");
    FUZZ_CHECK(utf8_valid(slice_of_cstr(e->message)), "no UTF-8: %s", e->message);
    for (const struct field_violation *v = e->violations; v != nullptr; v = v->next) {
        FUZZ_CHECK(utf8_valid(slice_of_cstr(v->field)), "no UTF-8: %s", v->field);
        FUZZ_CHECK(utf8_valid(slice_of_cstr(v->description)), "no UTF-8: %s", v->description);
    }
}

} // namespace fuzz

#endif
