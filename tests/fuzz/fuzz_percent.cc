#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "gateway/transcode/percent.h"
}

// Percent decoding, beside a plain one.

namespace {

bool IsHex(char c) {
    return strchr("0123456789abcdefABCDEF", c) != nullptr && c != '\0';
}

// Returns whether text is valid.
bool Decode(const std::string &text, enum percent_mode mode, std::string *out) {
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '+' && mode == PERCENT_FORM) {
            *out += ' ';
        } else if (text[i] != '%') {
            *out += text[i];
        } else {
            if (i + 2 >= text.size() || !IsHex(text[i + 1]) || !IsHex(text[i + 2])) {
                return false;
            }
            std::string digits = text.substr(i + 1, 2);
            char c = static_cast<char>(strtol(digits.c_str(), nullptr, 16));
            *out += c == '/' && mode == PERCENT_KEEP_SLASH ? "%" + digits : std::string(1, c);
            i += 2;
        }
    }
    return true;
}

} // namespace

void FuzzPercent(const uint8_t *data, size_t size) {
    std::string text(reinterpret_cast<const char *>(data), size);
    for (enum percent_mode mode : {PERCENT_ALL, PERCENT_KEEP_SLASH, PERCENT_FORM}) {
        fuzz::Arena a;
        std::string expected;
        size_t at = 0;
        bool valid = Decode(text, mode, &expected);
        FUZZ_CHECK(percent_valid(fuzz::S(text), &at) == valid, "%d", valid);
        if (valid) {
            FUZZ_CHECK(fuzz::Str(percent_decode(a, fuzz::S(text), mode)) == expected, "%s",
                       expected.c_str());
        } else {
            FUZZ_CHECK(at < size && text[at] == '%', "at %zu", at);
        }
    }
}
