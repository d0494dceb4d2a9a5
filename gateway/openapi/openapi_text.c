#include "gateway/openapi/openapi_text.h"

#include "base/core/error.h"
#include "base/core/strbuf.h"

enum { LONGEST_SUMMARY = 120 };

static struct slice trim(struct slice s) {
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t' || s.data[0] == '\r')) {
        s = slice_of(s.data + 1, s.len - 1);
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t' ||
                         s.data[s.len - 1] == '\r' || s.data[s.len - 1] == '\n')) {
        s.len--;
    }
    return s;
}

// Takes the next line off text.
static struct slice take_line(struct slice *text) {
    size_t n = 0;
    while (n < text->len && text->data[n] != '\n') {
        n++;
    }
    struct slice line = slice_of(text->data, n);
    size_t skipped = n < text->len ? n + 1 : n;
    *text = slice_of(text->data + skipped, text->len - skipped);
    return line;
}

// Whether CommonMark would begin something new with the line: an item, a heading, a table,
// code.
static bool begins_block(struct slice line) {
    struct slice text = trim(line);
    if (text.len == 0) {
        return true;
    }
    bool is_code = line.len > 4 && memcmp(line.data, "    ", 4) == 0;
    bool is_item = text.len > 1 && text.data[1] == ' ' && memchr("-*+#>", text.data[0], 5) != NULL;
    bool is_number = text.len > 2 && text.data[0] >= '0' && text.data[0] <= '9' &&
                     (text.data[1] == '.' || text.data[1] == ')') && text.data[2] == ' ';
    bool is_fence = text.len > 2 && memcmp(text.data, "```", 3) == 0;
    return is_code || is_item || is_number || is_fence || text.data[0] == '|' ||
           text.data[0] == '#';
}

// The code that a line begins with, before a colon and a blank; -1 if there is none.
static int leading_code(struct slice line, size_t *ret_length) {
    for (int code = 1; code < STATUS_CODE_COUNT; code++) {
        struct slice name = slice_of_cstr(status_code_name(code));
        if (slice_starts_with(line, name) && line.len > name.len + 1 &&
            line.data[name.len] == ':' && line.data[name.len + 1] == ' ') {
            *ret_length = name.len + 2;
            return code;
        }
    }
    return -1;
}

struct splitter {
    struct arena *arena;
    struct strbuf text;    // the description
    struct strbuf outcome; // the outcome that is being read
    int code;              // its code; -1: none is
    struct openapi_outcome *first;
    struct openapi_outcome **last;
};

static void end_outcome(struct splitter *s) {
    if (s->code >= 0) {
        struct openapi_outcome *o = ARENA_NEW(s->arena, struct openapi_outcome);
        o->code = s->code;
        o->text = arena_copy(s->arena, trim(strbuf_slice(&s->outcome)));
        *s->last = o;
        s->last = &o->next;
        s->outcome.len = 0;
        s->code = -1;
    }
}

static void add_line(struct strbuf *out, struct slice line, bool *goes_on) {
    bool begins = begins_block(line);
    bool is_second_blank = out->len > 0 && out->data[out->len - 1] == '\n' && trim(line).len == 0;
    if (out->len > 0 && !is_second_blank) {
        strbuf_append_byte(out, *goes_on && !begins ? ' ' : '\n');
    }
    // An item and a paragraph go on in the next line; code and tables do not.
    struct slice text = trim(line);
    bool is_code = line.len > 4 && memcmp(line.data, "    ", 4) == 0;
    *goes_on = text.len > 0 && !is_code && text.data[0] != '|' && text.data[0] != '#';
    strbuf_append_slice(out, is_code ? line : text);
}

static void split_lines(struct splitter *s, struct slice comment) {
    bool goes_on = false;
    while (comment.len > 0) {
        struct slice line = take_line(&comment);
        if (line.len > 0 && line.data[0] == ' ') {
            line = slice_of(line.data + 1, line.len - 1);
        }
        size_t length;
        int code = leading_code(line, &length);
        if (code >= 0 || trim(line).len == 0) {
            end_outcome(s);
        }
        if (code >= 0) {
            s->code = code;
            strbuf_append(&s->outcome, line.data + length, line.len - length);
        } else if (s->code >= 0) {
            strbuf_append_byte(&s->outcome, ' ');
            strbuf_append_slice(&s->outcome, trim(line));
        } else {
            add_line(&s->text, line, &goes_on);
        }
    }
    end_outcome(s);
}

// The first sentence, which ends with a full stop before a blank or the end of its line.
static struct slice first_sentence(struct slice text) {
    size_t n = 0;
    while (n < text.len && text.data[n] != '\n') {
        bool ends = text.data[n] == '.' &&
                    (n + 1 == text.len || text.data[n + 1] == ' ' || text.data[n + 1] == '\n');
        if (ends) {
            break;
        }
        n++;
    }
    struct slice sentence = slice_of(text.data, n);
    if (n > LONGEST_SUMMARY) {
        sentence.len = LONGEST_SUMMARY;
        while (sentence.len > 0 && sentence.data[sentence.len] != ' ') {
            sentence.len--;
        }
    }
    while (sentence.len > 0 && memchr(":,;", sentence.data[sentence.len - 1], 3) != NULL) {
        sentence.len--;
    }
    return sentence;
}

struct openapi_text openapi_text_of(struct arena *a, struct slice comment) {
    struct splitter s = {.arena = a, .code = -1};
    s.last = &s.first;
    split_lines(&s, comment);
    struct slice description = arena_copy(a, trim(strbuf_slice(&s.text)));
    strbuf_release(&s.text);
    strbuf_release(&s.outcome);
    return (struct openapi_text){first_sentence(description), description, s.first};
}
