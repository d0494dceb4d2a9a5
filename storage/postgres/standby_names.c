#include "storage/postgres/standby_names.h"

#include <limits.h>

// --- tokens ---

enum token { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_ANY, TOKEN_FIRST, TOKEN_SIGN, TOKEN_WRONG };

struct scanner {
    struct slice rest;
    enum token token; // the one that is looked at
    uint8_t sign;     // of TOKEN_SIGN: ',', '(' or ')'
    int number;       // of TOKEN_NUMBER
};

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static bool begins_name(uint8_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c >= 0x80;
}

static bool continues_name(uint8_t c) {
    return begins_name(c) || is_digit(c) || c == '$';
}

static void skip(struct scanner *s, size_t n) {
    s->rest = slice_of(s->rest.data + n, s->rest.len - n);
}

// Whether text is word, which is in lower case, but for the case of its letters.
static bool is_word(struct slice text, const char *word) {
    if (text.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((text.data[i] | 0x20) != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

static enum token scan_word(struct scanner *s) {
    size_t len = 1;
    while (len < s->rest.len && continues_name(s->rest.data[len])) {
        len++;
    }
    struct slice word = slice_of(s->rest.data, len);
    skip(s, len);
    if (is_word(word, "any")) {
        return TOKEN_ANY;
    }
    return is_word(word, "first") ? TOKEN_FIRST : TOKEN_NAME;
}

static enum token scan_number(struct scanner *s) {
    int64_t number = 0;
    size_t len = 0;
    for (; len < s->rest.len && is_digit(s->rest.data[len]); len++) {
        number = number * 10 + (s->rest.data[len] - '0');
        number = number > INT_MAX ? INT_MAX : number;
    }
    skip(s, len);
    s->number = (int)number;
    return TOKEN_NUMBER;
}

// A name in quotes, in which a quote is written twice.
static enum token scan_quoted(struct scanner *s) {
    size_t i = 1;
    while (i < s->rest.len) {
        if (s->rest.data[i] != '"') {
            i++;
        } else if (i + 1 < s->rest.len && s->rest.data[i + 1] == '"') {
            i += 2;
        } else {
            skip(s, i + 1);
            return TOKEN_NAME;
        }
    }
    return TOKEN_WRONG;
}

static enum token scan(struct scanner *s) {
    while (s->rest.len > 0 && is_space(s->rest.data[0])) {
        skip(s, 1);
    }
    if (s->rest.len == 0) {
        return TOKEN_END;
    }
    uint8_t c = s->rest.data[0];
    if (begins_name(c)) {
        return scan_word(s);
    }
    if (is_digit(c)) {
        return scan_number(s);
    }
    if (c == '"') {
        return scan_quoted(s);
    }
    skip(s, 1);
    s->sign = c;
    if (c == '*') {
        return TOKEN_NAME;
    }
    return c == ',' || c == '(' || c == ')' ? TOKEN_SIGN : TOKEN_WRONG;
}

static void advance(struct scanner *s) {
    s->token = scan(s);
}

static bool is_sign(const struct scanner *s, uint8_t sign) {
    return s->token == TOKEN_SIGN && s->sign == sign;
}

// --- the grammar ---

// standby_list: a name, or several with commas between them; a number is a name, too. Returns how
// many; 0: there is no such list. begun: the first one was looked at already.
static int parse_list(struct scanner *s, bool is_begun) {
    int count = 0;
    if (is_begun) {
        count = 1;
    } else {
        if (s->token != TOKEN_NAME && s->token != TOKEN_NUMBER) {
            return 0;
        }
        count = 1;
        advance(s);
    }
    while (is_sign(s, ',')) {
        advance(s);
        if (s->token != TOKEN_NAME && s->token != TOKEN_NUMBER) {
            return 0;
        }
        count++;
        advance(s);
    }
    return count;
}

// '(' standby_list ')', for which number must confirm.
static bool parse_group(struct scanner *s, enum standby_method method, int number,
                        struct standby_names *ret) {
    if (!is_sign(s, '(')) {
        return false;
    }
    advance(s);
    int listed = parse_list(s, false);
    if (listed == 0 || !is_sign(s, ')')) {
        return false;
    }
    advance(s);
    *ret = (struct standby_names){.method = method, .must_confirm = number, .listed = listed};
    return true;
}

static bool parse(struct scanner *s, struct standby_names *ret) {
    advance(s);
    if (s->token == TOKEN_ANY || s->token == TOKEN_FIRST) {
        enum standby_method method = s->token == TOKEN_ANY ? STANDBY_ANY : STANDBY_FIRST;
        advance(s);
        if (s->token != TOKEN_NUMBER) {
            return false;
        }
        int number = s->number;
        advance(s);
        return parse_group(s, method, number, ret);
    }
    bool is_number = s->token == TOKEN_NUMBER;
    int number = s->number;
    if (!is_number && s->token != TOKEN_NAME) {
        return false;
    }
    advance(s);
    if (is_number && is_sign(s, '(')) {
        return parse_group(s, STANDBY_FIRST, number, ret);
    }
    int listed = parse_list(s, true);
    *ret = (struct standby_names){.method = STANDBY_FIRST, .must_confirm = 1, .listed = listed};
    return listed > 0;
}

bool standby_names_parse(struct slice text, struct standby_names *ret) {
    if (text.len == 0) {
        *ret = (struct standby_names){.method = STANDBY_NONE};
        return true;
    }
    struct scanner s = {.rest = text};
    struct standby_names names;
    if (!parse(&s, &names) || s.token != TOKEN_END || names.must_confirm <= 0) {
        return false;
    }
    *ret = names;
    return true;
}
