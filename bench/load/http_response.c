#include "bench/load/http_response.h"

#include <string.h>
#include <strings.h>

#include "base/core/http_token.h"

void http_response_begin(struct http_response *r) {
    // All but line, which is large and overwritten before it is read.
    memset(r, 0, offsetof(struct http_response, line));
    r->keep_alive = true;
}

bool http_response_untouched(const struct http_response *r) {
    return r->stage == HTTP_RESPONSE_STATUS_LINE && r->header_bytes == 0;
}

static bool fail(struct http_response *r, const char *problem) {
    r->problem = problem;
    return false;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool has_control(const char *p, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            return true;
        }
    }
    return false;
}

static bool read_status_line(struct http_response *r, const char *line, size_t len) {
    static const char version[] = "HTTP/1.1 ";
    const size_t at = sizeof(version) - 1;
    if (len < at || memcmp(line, version, at) != 0) {
        return fail(r, "status line does not start with HTTP/1.1");
    }
    if (len < at + 4 || !is_digit(line[at]) || !is_digit(line[at + 1]) || !is_digit(line[at + 2]) ||
        line[at + 3] != ' ') {
        return fail(r, "status is not three digits and a space");
    }
    if (has_control(line, len)) {
        return fail(r, "control character in the status line");
    }
    r->status = (line[at] - '0') * 100 + (line[at + 1] - '0') * 10 + (line[at + 2] - '0');
    if (r->status < 200 || r->status > 599) {
        return fail(r, "status is not 200 to 599");
    }
    return true;
}

static bool read_content_length(struct http_response *r, const char *value, size_t len) {
    if (r->has_length) {
        return fail(r, "two Content-Length");
    }
    // 15 digits: no overflow, and no reply is that long.
    if (len == 0 || len > 15) {
        return fail(r, "Content-Length is not 1 to 15 digits");
    }
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(value[i])) {
            return fail(r, "Content-Length is not 1 to 15 digits");
        }
        n = n * 10 + (uint64_t)(value[i] - '0');
    }
    r->has_length = true;
    r->content_length = n;
    return true;
}

static bool name_is(const char *name, size_t len, const char *other) {
    return len == strlen(other) && strncasecmp(name, other, len) == 0;
}

static bool read_field(struct http_response *r, const char *line, size_t len) {
    size_t name_len = 0;
    while (name_len < len && http_token_has((uint8_t)line[name_len])) {
        name_len++;
    }
    if (name_len == 0 || name_len == len || line[name_len] != ':') {
        return fail(r, "header line is not a name and a colon");
    }
    const char *value = line + name_len + 1;
    size_t value_len = len - name_len - 1;
    while (value_len > 0 && (value[0] == ' ' || value[0] == '\t')) {
        value++;
        value_len--;
    }
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t')) {
        value_len--;
    }
    if (has_control(value, value_len)) {
        return fail(r, "control character in a header");
    }
    if (name_is(line, name_len, "content-length")) {
        return read_content_length(r, value, value_len);
    }
    if (name_is(line, name_len, "transfer-encoding")) {
        return fail(r, "Transfer-Encoding instead of Content-Length");
    }
    if (name_is(line, name_len, "connection") && name_is(value, value_len, "close")) {
        r->keep_alive = false;
    }
    return true;
}

// Takes the empty line that ends the header.
static bool end_header(struct http_response *r) {
    bool bodiless = r->status == 204 || r->status == 304;
    if (!bodiless && !r->has_length) {
        return fail(r, "no Content-Length");
    }
    r->body_left = bodiless ? 0 : r->content_length;
    r->stage = HTTP_RESPONSE_BODY;
    return true;
}

// Takes one line of the header that ends with LF.
static bool take_line(struct http_response *r, const char *line, size_t len) {
    if (len < 2 || line[len - 2] != '\r') {
        return fail(r, "line ends with a bare LF");
    }
    len -= 2;
    if (r->stage == HTTP_RESPONSE_STATUS_LINE) {
        r->stage = HTTP_RESPONSE_FIELDS;
        return read_status_line(r, line, len);
    }
    return len == 0 ? end_header(r) : read_field(r, line, len);
}

// Takes bytes of the header up to the end of a line or of the data.
static bool take_header_bytes(struct http_response *r, const char *data, size_t len,
                              size_t *ret_taken) {
    const char *lf = memchr(data, '\n', len);
    size_t n = lf == NULL ? len : (size_t)(lf - data) + 1;
    if (r->line_len + n > HTTP_RESPONSE_LINE_MAX) {
        return fail(r, "header line too long");
    }
    r->header_bytes += n;
    if (r->header_bytes > HTTP_RESPONSE_HEADER_MAX) {
        return fail(r, "header too long");
    }
    *ret_taken = n;
    if (lf != NULL && r->line_len == 0) {
        return take_line(r, data, n);
    }
    memcpy(r->line + r->line_len, data, n);
    r->line_len += n;
    if (lf == NULL) {
        return true;
    }
    size_t line_len = r->line_len;
    r->line_len = 0;
    return take_line(r, r->line, line_len);
}

enum http_response_result http_response_feed(struct http_response *r, const char *data, size_t len,
                                             size_t *ret_used) {
    size_t used = 0;
    while (r->stage != HTTP_RESPONSE_BODY) {
        if (used == len) {
            *ret_used = used;
            return HTTP_RESPONSE_MORE;
        }
        size_t taken = 0;
        if (!take_header_bytes(r, data + used, len - used, &taken)) {
            *ret_used = used;
            return HTTP_RESPONSE_MALFORMED;
        }
        used += taken;
    }
    size_t body = len - used < r->body_left ? len - used : (size_t)r->body_left;
    r->body_left -= body;
    *ret_used = used + body;
    return r->body_left == 0 ? HTTP_RESPONSE_DONE : HTTP_RESPONSE_MORE;
}
