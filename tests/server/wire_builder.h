#ifndef RUNSD_TESTS_SERVER_WIRE_BUILDER_H
#define RUNSD_TESTS_SERVER_WIRE_BUILDER_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

extern "C" {
#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
}

// Messages built by hand in wire format: they can be wrong, and they are independent
// of the product's own encoders.
namespace wire {

inline std::string Varint(uint64_t v) {
    std::string s;
    for (; v >= 0x80; v >>= 7) {
        s += static_cast<char>(v | 0x80);
    }
    return s + static_cast<char>(v);
}

inline std::string Bytes(uint32_t number, const std::string &bytes) {
    return Varint(number << 3 | 2) + Varint(bytes.size()) + bytes;
}

inline std::string Uint(uint32_t number, uint64_t value) {
    return Varint(number << 3) + Varint(value);
}

inline std::string Double(uint32_t number, double value) {
    std::string s = Varint(number << 3 | 1);
    return s.append(reinterpret_cast<const char *>(&value), 8);
}

// google.protobuf.Value.
inline std::string Null() {
    return Uint(1, 0);
}
inline std::string Number(double d) {
    return Double(2, d);
}
inline std::string Text(const std::string &s) {
    return Bytes(3, s);
}
inline std::string Bool(bool b) {
    return Uint(4, b ? 1 : 0);
}
inline std::string Object(const std::string &entries) {
    return Bytes(5, entries);
}
inline std::string Array(const std::vector<std::string> &values) {
    std::string list;
    for (const auto &value : values) {
        list += Bytes(1, value);
    }
    return Bytes(6, list);
}

// One entry of a google.protobuf.Struct.
inline std::string Entry(const std::string &key, const std::string &value) {
    return Bytes(1, Bytes(1, key) + Bytes(2, value));
}

} // namespace wire

// An arena for the length of a test.
class TestArena {
  public:
    TestArena() {
        arena_init(&arena_);
    }
    ~TestArena() {
        arena_release(&arena_);
    }
    TestArena(const TestArena &) = delete;
    TestArena &operator=(const TestArena &) = delete;
    struct arena *get() {
        return &arena_;
    }

  private:
    struct arena arena_;
};

// A copy of s of just its size: what reads beyond its end is seen by ASan.
class ExactBytes {
  public:
    explicit ExactBytes(const std::string &s) : size_(s.size()), bytes_(new uint8_t[s.size()]) {
        std::copy(s.begin(), s.end(), bytes_.get());
    }
    struct slice slice() const {
        return slice_of(bytes_.get(), size_);
    }

  private:
    size_t size_;
    std::unique_ptr<uint8_t[]> bytes_;
};

inline struct slice SliceOfString(const std::string &s) {
    return slice_of(s.data(), s.size());
}

#endif
