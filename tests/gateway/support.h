#ifndef RUNSD_TESTS_GATEWAY_SUPPORT_H
#define RUNSD_TESTS_GATEWAY_SUPPORT_H

#include <cstdint>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

extern "C" {
#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
}

// What the tests of the gateway share.

inline std::string ReadFile(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in.good()) << path;
    std::stringstream s;
    s << in.rdbuf();
    return s.str();
}

inline std::string WideSet() {
    return ReadFile("tests/gateway/testdata/wide.binpb");
}

inline std::string RunsSet() {
    return ReadFile("protos/runs_descriptor_set.binpb");
}

// Borrows; s must outlive the slice.
inline struct slice S(const std::string &s) {
    return slice_of(s.data(), s.size());
} struct slice S(std::string &&s) = delete;
inline struct slice S(const char *s) {
    return slice_of_cstr(s);
}

inline std::string
Str(struct slice s) {
    return s.len == 0 ? "" : std::string(reinterpret_cast<const char *>(s.data), s.len);
}

// An arena that is released with its scope.
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

// A strbuf that is released with its scope.
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
    std::string str() const {
        return Str(strbuf_slice(&b));
    }
    struct strbuf b = STRBUF_INIT;
};

// A copy of bytes in memory of just their size, so that ASan sees a read
// behind them.
struct Exact {
    explicit Exact(const std::string &s) : data(new uint8_t[s.size()]), size(s.size()) {
        memcpy(data, s.data(), size);
    }
    ~Exact() {
        delete[] data;
    }
    Exact(const Exact &) = delete;
    Exact &operator=(const Exact &) = delete;
    operator struct slice() const {
        return slice_of(data, size);
    }
    uint8_t *data;
    size_t size;
};

// The message of an error with its only violation: "field: description".
inline std::string Violation(const struct error *e) {
    if (e == nullptr) {
        return "no error";
    }
    if (e->violations == nullptr || e->violations->next != nullptr) {
        return std::string("not one violation: ") + e->message;
    }
    return std::string(e->violations->field) + ": " + e->violations->description;
}

#endif
