#ifndef RUNSD_TESTS_GATEWAY_TRANSCODE_EDGE_MESSAGE_H
#define RUNSD_TESTS_GATEWAY_TRANSCODE_EDGE_MESSAGE_H

#include <cfloat>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

extern "C" {
#include "base/core/well_known_fields.h"
#include "base/core/wire.h"
#include "gateway/descriptor/schema.h"
}

// Random bytes of a message type from the edges of every type's values, in the one form that
// our reader writes: fields in order of declaration, each once, packed where they are declared
// so. What is printed of it and read again is the same bytes.
class EdgeMessage {
  public:
    EdgeMessage(const struct schema *schema, uint64_t seed) : schema_(schema), random_(seed) {}

    std::string Make(const struct schema_message *m, int depth = 0) {
        std::string out;
        switch (m->known) {
        case KNOWN_TIMESTAMP:
            return Time({-62135596800, -62135596799, -1, 0, 1, 1700000000, 253402300799}, false);
        case KNOWN_DURATION:
            return Time({-315576000000, -315575999999, -1, 0, 1, 60, 315575999999, 315576000000},
                        true);
        case KNOWN_FIELD_MASK:
            for (uint64_t n = Below(4); n > 0; n--) {
                Bytes(MASK_PATHS, MaskPath(), &out);
            }
            return out;
        case KNOWN_STRUCT:
            return Struct(depth);
        case KNOWN_VALUE:
            return Value(depth);
        case KNOWN_LIST_VALUE:
            for (uint64_t n = Below(4); n > 0; n--) {
                Bytes(LIST_VALUES, Value(depth + 1), &out);
            }
            return out;
        case KNOWN_ANY:
            return Any(depth);
        case KNOWN_WRAPPER:
            Element(&m->fields[0], depth, &out);
            return out;
        case KNOWN_NONE:
            break;
        }
        std::set<int32_t> oneofs;
        // Few of many fields, so that messages stay small.
        uint64_t one_in = m->field_count > 6 ? m->field_count / (depth == 0 ? 6 : 3) : 2;
        for (uint32_t i = 0; i < m->field_count; i++) {
            const struct schema_field *f = &m->fields[i];
            if (Below(one_in) != 0 || (f->message != nullptr && depth > MOST_DEPTH) ||
                (f->oneof >= 0 && !oneofs.insert(f->oneof).second)) {
                continue;
            }
            Field(f, depth, &out);
        }
        return out;
    }

    uint64_t Below(uint64_t n) {
        return random_() % n;
    }

  private:
    enum { MOST_DEPTH = 4 };

    static void Varint(uint64_t v, std::string *out) {
        while (v >= 0x80) {
            *out += static_cast<char>(v | 0x80);
            v >>= 7;
        }
        *out += static_cast<char>(v);
    }
    static void Tag(uint32_t number, int type, std::string *out) {
        Varint(static_cast<uint64_t>(number) << 3 | static_cast<uint64_t>(type), out);
    }
    static void Bytes(uint32_t number, const std::string &bytes, std::string *out) {
        Tag(number, WIRE_BYTES, out);
        Varint(bytes.size(), out);
        *out += bytes;
    }
    static void Fixed(uint64_t v, int width, std::string *out) {
        for (int i = 0; i < width; i++) {
            *out += static_cast<char>(v >> (8 * i));
        }
    }
    template <typename T, size_t N> T OneOf(const T (&values)[N]) {
        return values[Below(N)];
    }

    std::string Time(std::vector<int64_t> seconds, bool is_signed) {
        static const int32_t nanos[] = {0,       1,        999,       1000,      999999,
                                        1000000, 10000000, 120000000, 999000000, 999999999};
        int64_t whole = seconds[Below(seconds.size())];
        int64_t part = OneOf(nanos);
        if (is_signed && (whole < 0 || (whole == 0 && Below(2) == 0))) {
            part = -part;
        }
        std::string out;
        Tag(TIME_SECONDS, WIRE_VARINT, &out);
        Varint(static_cast<uint64_t>(whole), &out);
        Tag(TIME_NANOS, WIRE_VARINT, &out);
        Varint(static_cast<uint64_t>(part), &out);
        return out;
    }

    std::string MaskPath() {
        static const char *const segments[] = {
            "a", "foo_bar", "x_y_z", "_leading", "a1", "*", "0", "42", "-7",
            // Keys of maps.
            "`key`", "`Two Words`", "`a.b,c`", "`snake_case`", "`camelCase`", "``", "`a``b`",
            "`\"\\\n\x01`", "`\xC3\xA9\xF0\x9F\x98\x80`", "`*`"};
        std::string path = OneOf(segments);
        for (uint64_t n = Below(3); n > 0; n--) {
            path += std::string(".") + OneOf(segments);
        }
        return path;
    }

    double Real(bool finite) {
        static const double edges[] = {0.0,
                                       -0.0,
                                       1,
                                       -1,
                                       0.5,
                                       0.1,
                                       -0.1,
                                       1.0 / 3,
                                       123456789.125,
                                       1e15,
                                       1e16,
                                       1e21,
                                       1e22,
                                       1e23,
                                       1e-4,
                                       1e-5,
                                       1e-7,
                                       9007199254740991.0,
                                       9007199254740992.0,
                                       -9007199254740992.0,
                                       9007199254740994.0,
                                       9223372036854775808.0,
                                       18446744073709551616.0,
                                       DBL_MAX,
                                       -DBL_MAX,
                                       DBL_MIN,
                                       -DBL_MIN,
                                       DBL_EPSILON,
                                       4.9406564584124654e-324,
                                       -4.9406564584124654e-324,
                                       2.2250738585072009e-308,
                                       1.7976931348623155e308,
                                       0.30000000000000004};
        if (!finite && Below(6) == 0) {
            static const double odd[] = {INFINITY, -INFINITY, NAN};
            return OneOf(odd);
        }
        if (Below(4) == 0) {
            double any = wire_bits_double(random_());
            return std::isfinite(any) ? any : 2.5;
        }
        return OneOf(edges);
    }
    float Single() {
        static const float edges[] = {
            0.0f,     -0.0f,     1.0f,        -1.5f,       0.1f,
            FLT_MAX,  -FLT_MAX,  FLT_MIN,     -FLT_MIN,    1.401298464e-45f,
            1e10f,    1e-10f,    16777216.0f, 16777218.0f, 3.4028233e38f,
            INFINITY, -INFINITY, NAN};
        return OneOf(edges);
    }
    uint64_t Integer() {
        static const uint64_t edges[] = {0,
                                         1,
                                         127,
                                         128,
                                         INT32_MAX,
                                         UINT64_C(1) << 31,
                                         UINT32_MAX,
                                         UINT64_C(1) << 32,
                                         (UINT64_C(1) << 53) - 1,
                                         (UINT64_C(1) << 53) + 1,
                                         INT64_MAX,
                                         UINT64_C(1) << 63,
                                         UINT64_MAX - 1,
                                         UINT64_MAX};
        return Below(3) == 0 ? random_() : OneOf(edges);
    }
    std::string Text() {
        static const std::string edges[] = {"",
                                            "a",
                                            "null",
                                            "true",
                                            "0",
                                            "@type",
                                            "value",
                                            "\"",
                                            "\\",
                                            "/",
                                            "\n\r\t\b\f",
                                            std::string("\0", 1),
                                            std::string("a\0b", 3),
                                            "\x01\x1F\x7F",
                                            "\xC2\x80",
                                            "\xC3\xA9",
                                            "\xE2\x80\xA8\xE2\x80\xA9",
                                            "\xED\x9F\xBF\xEE\x80\x80",
                                            "\xEF\xBB\xBF",
                                            "\xEF\xBF\xBF",
                                            "\xF0\x90\x80\x80",
                                            "\xF4\x8F\xBF\xBF",
                                            std::string(127, 'x'),
                                            std::string(128, 'y'),
                                            std::string(300, '\n')};
        return edges[Below(sizeof(edges) / sizeof(edges[0]))];
    }
    std::string Blob() {
        std::string s;
        for (uint64_t n = Below(6); n > 0; n--) {
            s += static_cast<char>(OneOf({0, 1, 0x3E, 0x3F, 0x7F, 0x80, 0xFB, 0xFF}));
        }
        return s;
    }

    std::string Struct(int depth) {
        std::string out;
        std::set<std::string> keys;
        for (uint64_t n = Below(4); n > 0; n--) {
            std::string key = Text();
            if (keys.insert(key).second) {
                std::string entry;
                Bytes(MAP_KEY, key, &entry);
                Bytes(MAP_VALUE, Value(depth + 1), &entry);
                Bytes(STRUCT_FIELDS, entry, &out);
            }
        }
        return out;
    }
    std::string Value(int depth) {
        std::string out;
        switch (Below(depth > MOST_DEPTH ? 4 : 6)) {
        case 0:
            Tag(VALUE_NULL, WIRE_VARINT, &out);
            Varint(0, &out);
            break;
        case 1:
            Tag(VALUE_NUMBER, WIRE_FIXED64, &out);
            Fixed(wire_double_bits(Real(true)), 8, &out);
            break;
        case 2:
            Bytes(VALUE_STRING, Text(), &out);
            break;
        case 3:
            Tag(VALUE_BOOL, WIRE_VARINT, &out);
            Varint(Below(2), &out);
            break;
        case 4:
            Bytes(VALUE_STRUCT, Struct(depth + 1), &out);
            break;
        default:
            Bytes(VALUE_LIST, Make(Find("google.protobuf.ListValue"), depth + 1), &out);
            break;
        }
        return out;
    }
    // Of any message that is no map's entry, the well-known ones more often.
    std::string Any(int depth) {
        static const char *const known[] = {
            "Any",       "BoolValue",  "BytesValue",  "DoubleValue", "Duration",  "Empty",
            "FieldMask", "FloatValue", "Int32Value",  "Int64Value",  "ListValue", "StringValue",
            "Struct",    "Timestamp",  "UInt32Value", "UInt64Value", "Value"};
        std::string out;
        if (Below(16) == 0) {
            return out;
        }
        const struct schema_message *m = Find(std::string("google.protobuf.") + OneOf(known));
        if (Below(3) == 0 && depth <= MOST_DEPTH) {
            const struct schema_message *other = &schema_->messages[Below(schema_->message_count)];
            m = other->map_entry || other->emit_defaults ? m : other;
        }
        static const char *const hosts[] = {"type.googleapis.com/", "example.com/a/b/", "/"};
        Bytes(ANY_TYPE_URL,
              OneOf(hosts) +
                  std::string(reinterpret_cast<const char *>(m->full_name.data), m->full_name.len),
              &out);
        Bytes(ANY_VALUE, Make(m, depth + 1), &out);
        return out;
    }
    const struct schema_message *Find(const std::string &name) {
        return schema_find_message(schema_, slice_of(name.data(), name.size()));
    }

    uint64_t Enum(const struct schema_enum *e) {
        if (e->null_value) {
            return 0;
        }
        if (!e->closed && Below(3) == 0) {
            static const int32_t edges[] = {INT32_MIN, -1, 12345, INT32_MAX};
            return static_cast<uint64_t>(static_cast<int64_t>(OneOf(edges)));
        }
        return static_cast<uint64_t>(static_cast<int64_t>(e->values[Below(e->value_count)].number));
    }
    static uint64_t ZigZag(int64_t v) {
        return static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v < 0 ? -1 : 0);
    }
    // The value alone, of a scalar that is no string.
    uint64_t Scalar(const struct schema_field *f) {
        uint64_t u = Integer();
        float single = Single();
        uint32_t bits;
        memcpy(&bits, &single, sizeof(bits));
        switch (f->type) {
        case SCHEMA_DOUBLE:
            return wire_double_bits(Real(false));
        case SCHEMA_FLOAT:
            return bits;
        case SCHEMA_BOOL:
            return u & 1;
        case SCHEMA_ENUM:
            return Enum(f->enumeration);
        case SCHEMA_INT32:
            return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(u)));
        case SCHEMA_SINT32:
            return ZigZag(static_cast<int32_t>(u));
        case SCHEMA_UINT32:
        case SCHEMA_FIXED32:
        case SCHEMA_SFIXED32:
            return static_cast<uint32_t>(u);
        default:
            return u;
        }
    }
    static void PutScalar(const struct schema_field *f, uint64_t v, std::string *out) {
        if (f->wire_type == WIRE_VARINT) {
            Varint(v, out);
        } else {
            Fixed(v, f->wire_type == WIRE_FIXED64 ? 8 : 4, out);
        }
    }
    static bool IsScalar(const struct schema_field *f) {
        return f->wire_type != WIRE_BYTES && f->wire_type != WIRE_GROUP_START;
    }
    void Element(const struct schema_field *f, int depth, std::string *out) {
        if (f->type == SCHEMA_GROUP) {
            Tag(f->number, WIRE_GROUP_START, out);
            *out += Make(f->message, depth + 1);
            Tag(f->number, WIRE_GROUP_END, out);
        } else if (IsScalar(f)) {
            Tag(f->number, f->wire_type, out);
            PutScalar(f, Scalar(f), out);
        } else {
            Bytes(f->number,
                  f->type == SCHEMA_STRING  ? Text()
                  : f->type == SCHEMA_BYTES ? Blob()
                                            : Make(f->message, depth + 1),
                  out);
        }
    }
    void Map(const struct schema_field *f, int depth, std::string *out) {
        std::set<std::string> keys;
        for (uint64_t n = Below(4); n > 0; n--) {
            std::string entry;
            Element(&f->message->fields[0], depth, &entry);
            if (keys.insert(entry).second) {
                Element(&f->message->fields[1], depth + 1, &entry);
                Bytes(f->number, entry, out);
            }
        }
    }
    void Field(const struct schema_field *f, int depth, std::string *out) {
        if (f->map) {
            Map(f, depth, out);
        } else if (f->packed) {
            std::string items;
            for (uint64_t n = Below(5); n > 0; n--) {
                PutScalar(f, Scalar(f), &items);
            }
            if (!items.empty()) {
                Bytes(f->number, items, out);
            }
        } else if (f->repeated) {
            for (uint64_t n = Below(4); n > 0; n--) {
                Element(f, depth, out);
            }
        } else if (f->presence) {
            Element(f, depth, out);
        } else if (!IsScalar(f)) {
            // Without presence the empty string is no value.
            std::string text = f->type == SCHEMA_STRING ? Text() : Blob();
            if (!text.empty()) {
                Bytes(f->number, text, out);
            }
        } else {
            uint64_t v = Scalar(f);
            if (v != 0) {
                Tag(f->number, f->wire_type, out);
                PutScalar(f, v, out);
            }
        }
    }

    const struct schema *schema_;
    std::mt19937_64 random_;
};

#endif
