#include "base/trace/trace_settings.h"

#include <stdbool.h>
#include <string.h>

#include "base/core/header_text.h"
#include "base/core/http_token.h"

enum { LONGEST_URL = 2048, LONGEST_HEADER = 4096, MOST_PORT = 65535 };

static const char default_path[] = "/v1/traces";

// --- the endpoint ---

static const char *after(const char *text, const char *prefix) {
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

// Whether the n bytes at host are one, without its port: a name, an address, an IPv6 address in
// brackets.
static bool is_host(const char *host, size_t n) {
    bool is_ipv6 = n > 2 && host[0] == '[' && host[n - 1] == ']';
    size_t first = is_ipv6 ? 1 : 0;
    size_t end = is_ipv6 ? n - 1 : n;
    for (size_t i = first; i < end; i++) {
        const char *allowed = is_ipv6 ? "0123456789abcdefABCDEF:."
                                      : "0123456789abcdefghijklmnopqrstuvwxyz"
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
        if (strchr(allowed, host[i]) == NULL) {
            return false;
        }
    }
    return end > first;
}

// Whether the n bytes at port are a number from 1 to 65535.
static bool is_port(const char *port, size_t n) {
    int number = 0;
    for (size_t i = 0; i < n; i++) {
        if (port[i] < '0' || port[i] > '9' || number > MOST_PORT) {
            return false;
        }
        number = number * 10 + (port[i] - '0');
    }
    return n > 0 && number >= 1 && number <= MOST_PORT;
}

// What is wrong with the URL's authority, which ends at end; NULL: nothing.
static const char *authority_fault(const char *authority, const char *end) {
    if (memchr(authority, '@', (size_t)(end - authority)) != NULL) {
        return "has a user name; credentials belong into a header of requests";
    }
    const char *bracket = memchr(authority, ']', (size_t)(end - authority));
    const char *from = bracket != NULL ? bracket : authority;
    const char *colon = memchr(from, ':', (size_t)(end - from));
    const char *host_end = colon != NULL ? colon : end;
    if (!is_host(authority, (size_t)(host_end - authority))) {
        return "has no host";
    }
    if (colon != NULL && !is_port(colon + 1, (size_t)(end - colon - 1))) {
        return "has a port that is no number from 1 to 65535";
    }
    return NULL;
}

// What is wrong with the text; NULL: nothing, and *ret_path is what follows the authority.
static const char *url_fault(const char *text, const char **ret_path) {
    if (strlen(text) > LONGEST_URL) {
        return "is longer than 2048 bytes";
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (*p <= 0x20 || *p >= 0x7F || strchr("\"<>\\^`{|}#", *p) != NULL) {
            return "has a character that must be percent-encoded, or a fragment";
        }
    }
    const char *authority = after(text, "http://");
    if (authority == NULL) {
        authority = after(text, "https://");
    }
    if (authority == NULL) {
        return "is no URL that begins with http:// or https://";
    }
    *ret_path = authority + strcspn(authority, "/?");
    return authority_fault(authority, *ret_path);
}

const struct error *trace_settings_read_endpoint(struct arena *a, const char *what,
                                                 const char *text, struct trace_settings *ret) {
    const char *path = NULL;
    const char *fault = url_fault(text, &path);
    if (fault != NULL) {
        // What may be a password is not repeated.
        bool is_shown = strpbrk(text, "@?") == NULL && strlen(text) <= LONGEST_URL;
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s%s%s %s", what,
                         is_shown ? "\"" : "", is_shown ? text : "the value", is_shown ? "\"" : "",
                         fault);
    }
    ret->endpoint =
        *path == '\0' ? arena_printf(a, "%s%s", text, default_path) : arena_printf(a, "%s", text);
    ret->endpoint_shown = arena_printf(a, "%.*s", (int)strcspn(ret->endpoint, "?"), ret->endpoint);
    return NULL;
}

// --- headers ---

// Headers that say what a request is, which is not for an operator to say.
static bool is_own(struct slice name) {
    static const char *const own[] = {
        "content-type", "content-length", "content-encoding", "transfer-encoding",
        "host",         "connection",     "expect",           "te",
        "upgrade"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (header_equal(name, own[i])) {
            return true;
        }
    }
    return false;
}

const struct error *trace_settings_add_header(struct arena *a, const char *what, const char *text,
                                              struct trace_settings *ret) {
    size_t number = ret->header_count + 1;
    if (number > TRACE_MOST_HEADERS) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s may be given %d times at most", what, TRACE_MOST_HEADERS);
    }
    // A text that is no header may be a secret whole, so it is named by its place.
    const char *equals = strchr(text, '=');
    if (equals == NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: number %zu is no NAME=VALUE",
                         what, number);
    }
    struct slice name = slice_of(text, (size_t)(equals - text));
    if (!http_token_valid(name)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: number %zu has a name that is none of a header", what, number);
    }
    if (is_own(name)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: the header %.*s is set by the export itself", what, SLICE_FMT(name));
    }
    const char *value = equals + 1;
    bool is_fit = value[0] != '\0' && strlen(text) <= LONGEST_HEADER;
    for (const char *p = value; *p != '\0'; p++) {
        is_fit = is_fit && *p >= 0x20 && *p < 0x7F;
    }
    if (!is_fit) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: the value of %.*s is empty, longer than 4096 bytes or not printable "
                         "ASCII",
                         what, SLICE_FMT(name));
    }
    ret->headers[ret->header_count++] = arena_printf(a, "%.*s: %s", SLICE_FMT(name), value);
    return NULL;
}
