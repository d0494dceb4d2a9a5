#ifndef RUNSD_TESTS_GATEWAY_TRANSCODE_RANDOM_MESSAGE_H
#define RUNSD_TESTS_GATEWAY_TRANSCODE_RANDOM_MESSAGE_H

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <random>
#include <string>
#include <vector>

extern "C" {
#include "base/core/wire.h"
#include "gateway/descriptor/schema.h"
}

// Random bytes of a message type, as a hostile but valid writer would make
// them: fields in any order, singular ones several times, packed and unpacked
// mixed, unknown fields between. Every value has a JSON form.
class RandomMessage {
  public:
    RandomMessage(const struct schema *schema, uint64_t seed) : schema_(schema), random_(seed) {}

    std::string Make(const struct schema_message *m, int depth = 0) {
        switch (m->known) {
        case KNOWN_TIMESTAMP:
            return Time(-62135596800, 253402300799);
        case KNOWN_DURATION:
            return Duration();
        case KNOWN_FIELD_MASK:
            return FieldMask();
        case KNOWN_VALUE:
            return Value(depth);
        case KNOWN_ANY:
            return Any(depth);
        default:
            break;
        }
        std::vector<std::string> parts;
        // Few fields each, so that 20,000 messages are done in seconds.
        int count = m->field_count == 0
                        ? 0
                        : static_cast<int>(m->field_count > 6 ? Below(depth == 0 ? 12 : 5)
                                                              : Below(m->field_count + 2));
        for (int i = 0; i < count; i++) {
            const struct schema_field *f = &m->fields[Below(m->field_count)];
            bool deep = f->message != nullptr && depth > 5;
            if (!deep) {
                parts.push_back(Field(f, depth));
            }
        }
        if (m->field_count > 0 && slice_equal_cstr(m->fields[0].name, "needed")) {
            parts.push_back(Field(&m->fields[0], depth)); // required
        }
        if (Below(8) == 0) {
            parts.push_back(Unknown());
        }
        std::shuffle(parts.begin(), parts.end(), random_);
        std::string all;
        for (const std::string &part : parts) {
            all += part;
        }
        return all;
    }

    uint64_t Below(uint64_t n) {
        return random_() % n;
    }

  private:
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
    static void Bytes(const std::string &bytes, std::string *out) {
        Varint(bytes.size(), out);
        *out += bytes;
    }
    static void Fixed(uint64_t v, int width, std::string *out) {
        for (int i = 0; i < width; i++) {
            *out += static_cast<char>(v >> (8 * i));
        }
    }

    uint64_t Integer() {
        switch (Below(6)) {
        case 0:
            return 0;
        case 1:
            return Below(300);
        case 2:
            return ~Below(300);
        case 3:
            return UINT64_C(1) << Below(64);
        case 4:
            return (UINT64_C(1) << Below(64)) - 1;
        default:
            return random_();
        }
    }
    double Double(bool finite) {
        switch (Below(8)) {
        case 0:
            return static_cast<double>(Below(2000)) - 1000;
        case 1:
            return static_cast<double>(Below(2000000)) / 1000;
        case 2:
            return finite ? 0.5 : (Below(2) != 0 ? INFINITY : Below(2) != 0 ? -INFINITY : NAN);
        case 3:
            return Below(2) != 0 ? 0.0 : -0.0;
        case 4:
            return std::ldexp(static_cast<double>(random_() >> 11),
                              static_cast<int>(Below(200)) - 100);
        case 5:
            return static_cast<double>(Below(1000)) / static_cast<double>(Below(1000) + 1);
        case 6: {
            static const double odd[] = {DBL_MAX,
                                         -DBL_MAX,
                                         DBL_MIN,
                                         4.9406564584124654e-324,
                                         2.2250738585072009e-308,
                                         static_cast<double>(FLT_MAX),
                                         static_cast<double>(FLT_MIN),
                                         1.401298464324817e-45,
                                         9007199254740993.0,
                                         1e15,
                                         999999999999999.9,
                                         1e21,
                                         1e22,
                                         1e23,
                                         0.1,
                                         1e-4,
                                         9.999999999999999e-5,
                                         1e-7};
            return odd[Below(sizeof(odd) / sizeof(odd[0]))];
        }
        default: {
            double d = wire_bits_double(random_());
            return std::isfinite(d) ? d : 1e300;
        }
        }
    }
    std::string Text() {
        static const char *const pieces[] = {"a",
                                             "key",
                                             "\"",
                                             "\\",
                                             "\n",
                                             "\x01",
                                             "\xC3\xA9",
                                             "\xE2\x82\xAC",
                                             "\xF0\x9F\x98\x80",
                                             "/",
                                             "<",
                                             "\x7F",
                                             "0123456789abcdef",
                                             " ",
                                             "\t",
                                             "\x1F",
                                             "\xE2\x80\xA8",     // U+2028
                                             "\xE2\x80\xA9",     // U+2029
                                             "\xEF\xBB\xBF",     // U+FEFF
                                             "\xEF\xBF\xBF",     // U+FFFF
                                             "\xED\x9F\xBF",     // U+D7FF
                                             "\xEE\x80\x80",     // U+E000
                                             "\xF4\x8F\xBF\xBF", // U+10FFFF
                                             "\xC2\x80",
                                             "&",
                                             "'"};
        std::string s;
        for (uint64_t n = Below(6); n > 0; n--) {
            s += pieces[Below(sizeof(pieces) / sizeof(pieces[0]))];
        }
        if (Below(20) == 0) {
            s += '\0';
        }
        return s;
    }
    std::string Time(int64_t min, int64_t max) {
        std::string out;
        uint64_t span = static_cast<uint64_t>(max - min) + 1;
        int64_t seconds = Below(2) != 0 ? static_cast<int64_t>(Below(2000000000))
                                        : min + static_cast<int64_t>(random_() % span);
        Tag(1, WIRE_VARINT, &out);
        Varint(static_cast<uint64_t>(seconds), &out);
        if (Below(2) != 0) {
            static const uint32_t nanos[] = {0, 500000000, 1000, 999999999, 1, 120000};
            Tag(2, WIRE_VARINT, &out);
            Varint(nanos[Below(6)], &out);
        }
        return out;
    }
    std::string Duration() {
        std::string out;
        bool negative = Below(2) != 0;
        int64_t seconds = static_cast<int64_t>(Below(315576000000));
        // upb refuses a negative one without nanos, wrongly.
        int64_t nanos = static_cast<int64_t>((Below(1000) + negative) * 1000000 % 1000000000);
        negative = negative && nanos != 0;
        Tag(1, WIRE_VARINT, &out);
        Varint(static_cast<uint64_t>(negative ? -seconds : seconds), &out);
        Tag(2, WIRE_VARINT, &out);
        Varint(static_cast<uint64_t>(negative ? -nanos : nanos), &out);
        return out;
    }
    std::string FieldMask() {
        static const char *const paths[] = {"a", "foo_bar", "a.b_c.d",     "x_y_z",
                                            "*", "a.*.b_c", "m.`key`.x_y", "m.42"};
        std::string out;
        for (uint64_t n = Below(4); n > 0; n--) {
            Tag(1, WIRE_BYTES, &out);
            Bytes(paths[Below(sizeof(paths) / sizeof(paths[0]))], &out);
        }
        return out;
    }
    std::string Value(int depth) {
        std::string out;
        switch (Below(depth > 5 ? 4 : 6)) {
        case 0:
            Tag(1, WIRE_VARINT, &out);
            Varint(0, &out);
            break;
        case 1:
            Tag(2, WIRE_FIXED64, &out);
            Fixed(wire_double_bits(Double(true)), 8, &out);
            break;
        case 2:
            Tag(3, WIRE_BYTES, &out);
            Bytes(Text(), &out);
            break;
        case 3:
            Tag(4, WIRE_VARINT, &out);
            Varint(Below(2), &out);
            break;
        case 4:
            Tag(5, WIRE_BYTES, &out);
            Bytes(Make(Find("google.protobuf.Struct"), depth + 1), &out);
            break;
        default:
            Tag(6, WIRE_BYTES, &out);
            Bytes(Make(Find("google.protobuf.ListValue"), depth + 1), &out);
            break;
        }
        return out;
    }
    std::string Any(int depth) {
        static const char *const types[] = {
            "wide.v1.Item", "google.protobuf.Duration", "google.protobuf.Timestamp",
            "google.protobuf.FieldMask", "google.protobuf.Int64Value", "google.protobuf.BoolValue",
            "google.protobuf.StringValue", "google.protobuf.DoubleValue",
            "google.protobuf.BytesValue", "google.protobuf.Empty",
            // From here on they nest.
            "google.protobuf.Struct", "google.protobuf.ListValue", "google.protobuf.Value",
            "google.protobuf.Any", "wide.v1.Wide", "kinds.v1.Everything", "kinds.v1.Maps",
            "kinds.v1.Choices", "legacy.v1.Legacy"};
        enum { FLAT = 10, ALL = sizeof(types) / sizeof(types[0]) };
        std::string out;
        const char *type = types[Below(depth > 4 ? FLAT : ALL)];
        if (Below(20) == 0) {
            return out; // an Any of nothing
        }
        if (Find(type) == nullptr) {
            type = types[0]; // the set has wide.proto alone
        }
        Tag(1, WIRE_BYTES, &out);
        Bytes(std::string("type.googleapis.com/") + type, &out);
        Tag(2, WIRE_BYTES, &out);
        Bytes(Make(Find(type), depth + 2), &out);
        return out;
    }
    const struct schema_message *Find(const char *name) {
        return schema_find_message(schema_, slice_of_cstr(name));
    }
    std::string Unknown() {
        std::string out;
        switch (Below(4)) {
        case 0:
            Tag(9999, WIRE_VARINT, &out);
            Varint(random_(), &out);
            break;
        case 1:
            Tag(9999, WIRE_BYTES, &out);
            Bytes("\xFF\xFE", &out);
            break;
        case 2:
            Tag(9999, WIRE_GROUP_START, &out);
            Tag(1, WIRE_FIXED32, &out);
            Fixed(random_(), 4, &out);
            Tag(9999, WIRE_GROUP_END, &out);
            break;
        default:
            Tag(9999, WIRE_FIXED64, &out);
            Fixed(random_(), 8, &out);
            break;
        }
        return out;
    }

    // One element without its tag.
    std::string Element(const struct schema_field *f, int depth) {
        std::string out;
        switch (f->type) {
        case SCHEMA_DOUBLE:
            Fixed(wire_double_bits(Double(false)), 8, &out);
            break;
        case SCHEMA_FLOAT: {
            float value = static_cast<float>(Double(false));
            uint32_t bits;
            memcpy(&bits, &value, sizeof(bits));
            Fixed(bits, 4, &out);
            break;
        }
        case SCHEMA_BOOL:
            Varint(Below(2), &out);
            break;
        case SCHEMA_ENUM:
            if (f->enumeration->null_value) {
                Varint(0, &out);
            } else if (Below(5) == 0) {
                Varint(static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(random_()))),
                       &out);
            } else {
                Varint(static_cast<uint64_t>(static_cast<int64_t>(
                           f->enumeration->values[Below(f->enumeration->value_count)].number)),
                       &out);
            }
            break;
        case SCHEMA_STRING:
            Bytes(Text(), &out);
            break;
        case SCHEMA_BYTES:
            Bytes(Text() + std::string(Below(4), '\xFF'), &out);
            break;
        case SCHEMA_MESSAGE:
            Bytes(Make(f->message, depth + 1), &out);
            break;
        case SCHEMA_GROUP:
            out = Make(f->message, depth + 1);
            Tag(f->number, WIRE_GROUP_END, &out);
            break;
        case SCHEMA_FIXED32:
        case SCHEMA_SFIXED32:
            Fixed(Integer(), 4, &out);
            break;
        case SCHEMA_FIXED64:
        case SCHEMA_SFIXED64:
            Fixed(Integer(), 8, &out);
            break;
        default:
            Varint(Integer(), &out);
            break;
        }
        return out;
    }

    std::string Field(const struct schema_field *f, int depth) {
        std::string out;
        bool scalar = f->wire_type != WIRE_BYTES && f->wire_type != WIRE_GROUP_START;
        uint64_t count = f->repeated ? Below(4) : Below(10) == 0 ? 2 : 1;
        if (f->repeated && scalar && Below(2) != 0) {
            std::string packed;
            for (uint64_t i = 0; i < count; i++) {
                packed += Element(f, depth);
            }
            Tag(f->number, WIRE_BYTES, &out);
            Bytes(packed, &out);
            return out;
        }
        for (uint64_t i = 0; i < count; i++) {
            Tag(f->number, f->wire_type, &out);
            if (f->map) {
                // Both parts are there: what is not is tested on its own.
                std::string entry;
                Tag(1, f->message->fields[0].wire_type, &entry);
                entry += Element(&f->message->fields[0], depth);
                Tag(2, f->message->fields[1].wire_type, &entry);
                entry += Element(&f->message->fields[1], depth + 1);
                Bytes(entry, &out);
            } else {
                out += Element(f, depth);
            }
        }
        return out;
    }

    const struct schema *schema_;
    std::mt19937_64 random_;
};

#endif
