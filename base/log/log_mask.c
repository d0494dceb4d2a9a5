#include "base/log/log_mask.h"

#include <stdint.h>

#include "base/core/hex.h"

enum {
    TOKEN_BODY = 43,          // characters behind a token's prefix (server/auth/token.h)
    GLUED_LEAST = 20,         // "first_run" holds no token
    RANDOM_LEAST = 20,        // random characters that a text may not hold
    LONGEST_WORD = 23,        // of letters in one case that may be a name
    LONGEST_NAME = 40,        // of words that are capitalised
    LETTERS_OF_PART = 8,      // between "-" of a name that is longer, on average
    LETTERS_OF_WORD = 4,      // of these, on average
    LONGEST_NUMBER = 20,      // digits of a 64-bit number
    LONGEST_HEX = 32,         // of a trace id or a UUID
    SHORTEST_HEX_OF_TEXT = 8, // below, hex digits decode to letters by chance
    ULID_LENGTH = 26,
};

enum character { OTHER, UPPER = 1, LOWER = 2, DIGIT = 4, JOINER = 8 };

static enum character character_of(uint8_t c) {
    if (c >= 'a' && c <= 'z') {
        return LOWER;
    }
    if (c >= '0' && c <= '9') {
        return DIGIT;
    }
    if (c >= 'A' && c <= 'Z') {
        return UPPER;
    }
    return c == '-' || c == '_' ? JOINER : OTHER;
}

static bool is_alphanumeric(uint8_t c) {
    return (character_of(c) & (UPPER | LOWER | DIGIT)) != 0;
}

static bool is_word_character(uint8_t c) {
    return character_of(c) != OTHER;
}

// --- percent forms ---

size_t log_mask_decode(struct slice text, char *ret_plain) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        ret_plain[n++] = (char)text.data[i];
        // What was decoded may end another percent form.
        while (n >= 3 && ret_plain[n - 3] == '%') {
            int high = hex_value((uint8_t)ret_plain[n - 2]);
            int low = hex_value((uint8_t)ret_plain[n - 1]);
            if (high < 0 || low < 0) {
                break;
            }
            n -= 2;
            ret_plain[n - 1] = (char)(high << 4 | low);
        }
    }
    return n;
}

// --- what looks random ---

// Whether the hex digits, read from the first or the second one, encode bytes that are all
// of a token's alphabet. Of random bytes a quarter are.
static bool is_hex_of_token(const uint8_t *p, size_t n) {
    for (size_t start = 0; start < 2; start++) {
        size_t i = start;
        while (i + 1 < n &&
               is_word_character((uint8_t)(hex_value(p[i]) << 4 | hex_value(p[i + 1])))) {
            i += 2;
        }
        if (i + 1 >= n) {
            return true;
        }
    }
    return false;
}

static bool is_hex(const uint8_t *p, size_t n, unsigned kinds) {
    if ((kinds & (UPPER | LOWER)) == (UPPER | LOWER)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (hex_value(p[i]) < 0) {
            return false;
        }
    }
    return true;
}

// https://github.com/ulid/spec: Crockford's base 32, 130 bits of which 128 are used.
static bool is_ulid(const uint8_t *p, size_t n, unsigned kinds) {
    if (n != ULID_LENGTH || p[0] < '0' || p[0] > '7' ||
        (kinds & (UPPER | LOWER)) == (UPPER | LOWER)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t c = p[i] & 0xDF;
        if (c == 'I' || c == 'L' || c == 'O' || c == 'U') {
            return false;
        }
    }
    return true;
}

// Whether letters, with digits behind them, are written as names are: in one case, or
// in words that are capitalised.
static bool is_name(const uint8_t *p, size_t n) {
    size_t capitals = 0;
    size_t i = 0;
    while (i < n && character_of(p[i]) == UPPER) {
        i++;
    }
    if (i <= 1) {
        i = 0;
        while (i < n && character_of(p[i]) == LOWER) {
            i++;
        }
        while (i + 1 < n && character_of(p[i]) == UPPER && character_of(p[i + 1]) == LOWER) {
            capitals++;
            while (++i < n && character_of(p[i]) == LOWER) {
            }
        }
    }
    while (i < n && character_of(p[i]) == DIGIT) {
        i++;
    }
    return i == n && capitals * LETTERS_OF_WORD <= n;
}

// Whether a run of letters and digits looks random. kinds: of its characters.
static bool is_random(const uint8_t *p, size_t n, unsigned kinds) {
    if (kinds == DIGIT) {
        return n > LONGEST_NUMBER;
    }
    if (is_hex(p, n, kinds)) {
        return n > LONGEST_HEX || (n >= SHORTEST_HEX_OF_TEXT && is_hex_of_token(p, n));
    }
    bool has_both_cases = (kinds & (UPPER | LOWER)) == (UPPER | LOWER);
    return !is_ulid(p, n, kinds) &&
           (n > (has_both_cases ? LONGEST_NAME : LONGEST_WORD) || !is_name(p, n));
}

// --- words ---

struct word {
    size_t len;
    size_t random; // characters of parts that look random
};

// Reads the word at p, which is at least one character long.
static struct word read_word(const uint8_t *p, const uint8_t *end) {
    struct word w = {0, 0};
    unsigned all = 0;
    size_t parts = 0;
    bool all_hex = true; // as those of a UUID or a trace context are
    size_t n = (size_t)(end - p);
    while (w.len < n) {
        unsigned kinds = 0;
        size_t start = w.len;
        enum character kind = OTHER;
        while (w.len < n && ((kind = character_of(p[w.len])) & (UPPER | LOWER | DIGIT)) != 0) {
            kinds |= kind;
            w.len++;
        }
        if (w.len > start && is_random(p + start, w.len - start, kinds)) {
            w.random += w.len - start;
        }
        all |= kinds;
        all_hex = all_hex && is_hex(p + start, w.len - start, kinds);
        parts++;
        if (w.len == n || kind != JOINER) {
            break;
        }
        w.len++;
    }
    bool has_both_cases = (all & (UPPER | LOWER)) == (UPPER | LOWER);
    // The pieces between "-" and "_" of base64url may look like names by chance, as do those
    // of a token in lower case; real names of that length have shorter pieces.
    if (has_both_cases ? 3 * w.random >= w.len
                       : w.len >= LONGEST_NAME && (all & DIGIT) != 0 && !all_hex &&
                             w.len > LETTERS_OF_PART * parts) {
        w.random = w.len;
    }
    return w;
}

// Whether a token's prefix is at p. Behind a letter or digit ("first_run") it only is
// one if much follows.
static bool is_prefix(const uint8_t *text, const uint8_t *p, const uint8_t *end) {
    if (end - p < 4 || (p[0] | 0x20) != 'r' || (p[1] | 0x20) != 's' || (p[2] | 0x20) != 't' ||
        p[3] != '_') {
        return false;
    }
    size_t body = 0;
    while (p + 4 + body < end && is_word_character(p[4 + body])) {
        body++;
    }
    return p == text || !is_alphanumeric(p[-1]) || body >= GLUED_LEAST;
}

static bool has_secret(const uint8_t *text, size_t len) {
    const uint8_t *end = text + len;
    size_t random = 0;
    for (const uint8_t *p = text; p < end;) {
        if (!is_word_character(*p)) {
            p++;
            continue;
        }
        struct word w = read_word(p, end);
        const uint8_t *underscore = memchr(p, '_', w.len);
        while (underscore != NULL) {
            if (underscore - text >= 3 && is_prefix(text, underscore - 3, end)) {
                return true;
            }
            underscore++;
            underscore = memchr(underscore, '_', (size_t)(p + w.len - underscore));
        }
        random += w.random;
        if (random >= RANDOM_LEAST) {
            return true;
        }
        p += w.len;
    }
    return false;
}

// --- masking ---

// FNV-1a: distinguishes words, and its 32 bits reveal little about a token of 256 bits.
static uint32_t checksum(const uint8_t *p, size_t n) {
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < n; i++) {
        sum = (sum ^ p[i]) * 16777619u;
    }
    return sum;
}

static void put_checksum(uint32_t sum, char **out) {
    memcpy(*out, "***", 3);
    *out += 3;
    for (int shift = 28; shift >= 0; shift -= 4) {
        *(*out)++ = hex_digit(sum >> shift);
    }
}

// Where a prefix begins in the word at p, NULL if nowhere.
static const uint8_t *find_prefix(const uint8_t *text, const uint8_t *p, size_t n,
                                  const uint8_t *end) {
    for (const uint8_t *at = p; at < p + n; at++) {
        if (is_prefix(text, at, end)) {
            return at;
        }
    }
    return NULL;
}

// Writes the word at p; returns where the text goes on.
static const uint8_t *put_word(const uint8_t *text, const uint8_t *p, const uint8_t *end,
                               char **out) {
    struct word w = read_word(p, end);
    const uint8_t *prefix = find_prefix(text, p, w.len, end);
    if (prefix != NULL) {
        memcpy(*out, "rst_***", 7);
        *out += 7;
        return (size_t)(p + w.len - prefix) - 4 < TOKEN_BODY ? end : p + w.len;
    }
    if (w.random > 0) {
        put_checksum(checksum(p, w.len), out);
    } else {
        memcpy(*out, p, w.len);
        *out += w.len;
    }
    return p + w.len;
}

size_t log_mask(struct slice text, char ret_masked[LOG_MASK_SPACE]) {
    char plain[LOG_MASK_LONGEST];
    if (text.len == 0) {
        return 0;
    }
    if (memchr(text.data, '%', text.len) != NULL) {
        text = slice_of(plain, log_mask_decode(text, plain));
    }
    if (!has_secret(text.data, text.len)) {
        return 0;
    }
    const uint8_t *end = text.data + text.len;
    char *out = ret_masked;
    for (const uint8_t *p = text.data; p < end;) {
        if (is_word_character(*p)) {
            p = put_word(text.data, p, end, &out);
        } else {
            *out++ = (char)*p++;
        }
    }
    return (size_t)(out - ret_masked);
}

void log_mask_tokens(struct slice text, struct strbuf *out) {
    enum { SHORTEST_TOKEN = 16 };
    for (size_t i = 0; i < text.len;) {
        const uint8_t *end = text.data + text.len;
        size_t body = 0;
        if (is_prefix(text.data, text.data + i, end)) {
            while (i + 4 + body < text.len && is_word_character(text.data[i + 4 + body])) {
                body++;
            }
        }
        if (body < SHORTEST_TOKEN) {
            strbuf_append_byte(out, text.data[i++]);
            continue;
        }
        strbuf_append_cstr(out, "rst_***");
        i += 4 + body;
    }
}
