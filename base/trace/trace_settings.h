#ifndef RUNSD_BASE_TRACE_TRACE_SETTINGS_H
#define RUNSD_BASE_TRACE_TRACE_SETTINGS_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/trace/trace_sampler.h"

// Where traces go, and which: what an operator asks for, checked.

enum { TRACE_MOST_HEADERS = 16 };

struct trace_settings {
    const char *endpoint;       // a URL; NULL: no traces
    const char *endpoint_shown; // without its query, for logs
    struct trace_sampler sampler;
    const char *headers[TRACE_MOST_HEADERS]; // "NAME: VALUE"; secrets
    size_t header_count;
};

// Reads a URL, "http://HOST:PORT/PATH" or https; without a path, "/v1/traces" is meant. In a.
// INVALID_ARGUMENT, which begins with what and repeats no part of a URL that may be a password.
const struct error *trace_settings_read_endpoint(struct arena *a, const char *what,
                                                 const char *text, struct trace_settings *ret);

// Adds a header, "NAME=VALUE". In a. INVALID_ARGUMENT, which begins with what and names the header,
// never the value.
const struct error *trace_settings_add_header(struct arena *a, const char *what, const char *text,
                                              struct trace_settings *ret);

#endif
