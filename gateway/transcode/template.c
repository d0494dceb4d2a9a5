#include "gateway/transcode/template.h"

#include "gateway/transcode/percent.h"

struct parser {
    struct arena *arena;
    struct slice text;
    size_t at;
    struct path_template *out;
    struct template_fault *fault;
};

static bool fail_at(struct parser *p, size_t at, const char *message) {
    *p->fault = (struct template_fault){at + 1, message};
    return false;
}

static bool fail(struct parser *p, const char *message) {
    return fail_at(p, p->at, message);
}

// The character at the parser's place; 0 at the end (and for a NUL, which no
// rule takes).
static uint8_t peek(const struct parser *p) {
    return p->at < p->text.len ? p->text.data[p->at] : 0;
}

static bool at_end(const struct parser *p) {
    return p->at == p->text.len;
}

static bool is_letter(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static bool is_literal_character(uint8_t c) {
    return is_letter(c) || is_digit(c) || (c != 0 && strchr("-._~!$&'()+,;=@%", c) != NULL);
}

static struct template_segment *add_segment(struct parser *p, enum template_segment_kind kind,
                                            size_t at) {
    struct template_segment *s = &p->out->segments[p->out->segment_count++];
    s->kind = kind;
    s->column = at + 1;
    return s;
}

static bool parse_literal(struct parser *p, struct slice *ret) {
    size_t start = p->at;
    while (is_literal_character(peek(p))) {
        p->at++;
    }
    struct slice raw = slice_of(p->text.data + start, p->at - start);
    if (raw.len == 0) {
        return fail(p, at_end(p) || peek(p) == '/' ? "a segment is empty"
                                                   : "a character that no literal may hold");
    }
    size_t bad;
    if (!percent_valid(raw, &bad)) {
        return fail_at(p, start + bad, "\"%\" without two hex digits");
    }
    *ret = percent_decode(p->arena, raw, PERCENT_ALL);
    return true;
}

static bool parse_segments(struct parser *p, bool in_variable);

static bool parse_field_path(struct parser *p, struct slice *ret) {
    size_t start = p->at;
    for (;;) {
        if (!is_letter(peek(p)) && peek(p) != '_') {
            return fail(p, "a field name is due");
        }
        while (is_letter(peek(p)) || is_digit(peek(p)) || peek(p) == '_') {
            p->at++;
        }
        if (peek(p) != '.') {
            break;
        }
        p->at++;
    }
    *ret = slice_of(p->text.data + start, p->at - start);
    return true;
}

static bool parse_variable(struct parser *p) {
    size_t start = p->at;
    struct template_variable v = {.column = start + 1, .first_segment = p->out->segment_count};
    p->at++;
    if (!parse_field_path(p, &v.field_path)) {
        return false;
    }
    if (peek(p) == '=') {
        p->at++;
        if (!parse_segments(p, true)) {
            return false;
        }
    } else {
        add_segment(p, TEMPLATE_ANY, start);
    }
    if (peek(p) != '}') {
        return fail(p, at_end(p) ? "\"}\" is missing" : "\"=\" or \"}\" is due");
    }
    p->at++;
    for (size_t i = 0; i < p->out->variable_count; i++) {
        if (slice_equal(p->out->variables[i].field_path, v.field_path)) {
            return fail_at(p, start, "a variable stands twice");
        }
    }
    v.segment_count = p->out->segment_count - v.first_segment;
    v.multi = v.segment_count > 1 || p->out->segments[v.first_segment].kind == TEMPLATE_REST;
    p->out->variables[p->out->variable_count++] = v;
    return true;
}

static bool parse_segment(struct parser *p, bool in_variable) {
    size_t start = p->at;
    switch (peek(p)) {
    case '{':
        if (in_variable) {
            return fail(p, "a variable within a variable");
        }
        return parse_variable(p);
    case '*':
        p->at++;
        if (peek(p) != '*') {
            add_segment(p, TEMPLATE_ANY, start);
            return true;
        }
        p->at++;
        add_segment(p, TEMPLATE_REST, start);
        return true;
    default: {
        struct slice literal;
        if (!parse_literal(p, &literal)) {
            return false;
        }
        add_segment(p, TEMPLATE_LITERAL, start)->literal = literal;
        return true;
    }
    }
}

// What may stand behind a segment.
static bool check_behind(struct parser *p, bool in_variable) {
    uint8_t c = peek(p);
    if (at_end(p) || c == '/' || (in_variable ? c == '}' : c == ':')) {
        return true;
    }
    if (in_variable && c == ':') {
        return fail(p, "a verb within a variable");
    }
    if (c == '}') {
        return fail(p, "\"}\" without \"{\"");
    }
    return fail(p, "a segment is a literal, \"*\", \"**\" or a variable, not a mixture");
}

static bool parse_segments(struct parser *p, bool in_variable) {
    for (;;) {
        if (!parse_segment(p, in_variable) || !check_behind(p, in_variable)) {
            return false;
        }
        if (peek(p) != '/') {
            return true;
        }
        p->at++;
    }
}

static bool parse_verb(struct parser *p) {
    p->at++;
    if (at_end(p)) {
        return fail(p, "the verb is empty");
    }
    if (!parse_literal(p, &p->out->verb)) {
        return false;
    }
    return at_end(p) || fail(p, "the verb must be the last part");
}

bool template_parse(struct arena *a, struct slice text, struct path_template *ret_template,
                    struct template_fault *ret_fault) {
    // Each segment and each variable takes at least one byte.
    struct path_template t = {
        .text = text,
        .segments = ARENA_ARRAY(a, struct template_segment, text.len + 1),
        .variables = ARENA_ARRAY(a, struct template_variable, text.len + 1),
    };
    struct parser p = {a, text, 0, &t, ret_fault};
    if (peek(&p) != '/') {
        return fail(&p, "a path template starts with \"/\"");
    }
    p.at++;
    if (at_end(&p)) {
        add_segment(&p, TEMPLATE_LITERAL, 0);
        *ret_template = t;
        return true;
    }
    if (!parse_segments(&p, false)) {
        return false;
    }
    if (peek(&p) == ':' && !parse_verb(&p)) {
        return false;
    }
    for (size_t i = 0; i + 1 < t.segment_count; i++) {
        if (t.segments[i].kind == TEMPLATE_REST) {
            return fail_at(&p, t.segments[i].column - 1, "\"**\" must be the last segment");
        }
    }
    *ret_template = t;
    return true;
}
