#include "gateway/edge/head_layout.h"

#include <stdbool.h>
#include <stdint.h>

// Where the check is in the bytes; every step returns false if they differ.
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static bool skip_part(struct cursor *c, struct slice part) {
    // Addresses are compared as numbers: the part may be of other memory.
    if ((uintptr_t)part.data != (uintptr_t)c->at || part.len > (size_t)(c->end - c->at)) {
        return false;
    }
    c->at += part.len;
    return true;
}

static bool skip_separators(struct cursor *c, int count) {
    for (int i = 0; i < count; i++) {
        if (c->at == c->end || *c->at != '\0') {
            return false;
        }
        c->at++;
    }
    return true;
}

static bool skip_crlf(struct cursor *c) {
    return skip_separators(c, 2);
}

static void skip_white_space(struct cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t')) {
        c->at++;
    }
}

static bool skip_header(struct cursor *c, const struct http_header *h) {
    if (!skip_part(c, h->name) || !skip_separators(c, 1)) {
        return false;
    }
    skip_white_space(c);
    // An empty value has no place of its own.
    if (h->value.len > 0 && !skip_part(c, h->value)) {
        return false;
    }
    skip_white_space(c);
    return skip_crlf(c);
}

struct http_header head_layout_header(struct slice name, struct slice value) {
    bool is_coding = header_equal(name, "transfer-encoding");
    return (struct http_header){name, is_coding ? value : header_trim(value)};
}

const struct error *head_layout_check(struct arena *a, const struct head_layout *layout) {
    struct cursor c = {layout->bytes.data, layout->bytes.data + layout->bytes.len};
    struct error *e = NULL;
    if (!(skip_part(&c, layout->method) && skip_separators(&c, 1) &&
          skip_part(&c, layout->target) && skip_separators(&c, 1) &&
          skip_part(&c, layout->version) && skip_crlf(&c))) {
        e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADER_INVALID,
                      "the request line must be a method, a target and a version with one space "
                      "between them and end with CR LF");
    }
    for (size_t i = 0; i < layout->header_count && e == NULL; i++) {
        if (!skip_header(&c, &layout->headers[i])) {
            e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADER_INVALID,
                          "the header \"%.*s\" must be on one line that ends with CR LF and holds "
                          "no NUL",
                          SLICE_FMT(http_header_shown_name(layout->headers[i].name)));
        }
    }
    if (e == NULL && !(skip_crlf(&c) && c.at == c.end)) {
        e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADER_INVALID,
                      "the headers must end with an empty line of CR LF");
    }
    if (e != NULL) {
        e->domain = REASON_DOMAIN_GATEWAY;
    }
    return e;
}
