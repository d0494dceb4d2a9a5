#ifndef RUNSD_GATEWAY_TRANSCODE_HTTP_RULE_H
#define RUNSD_GATEWAY_TRANSCODE_HTTP_RULE_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// One google.api.HttpRule, read from its bytes, which the slices borrow. Pure. Source:
// google/api/http.proto.
struct http_rule {
    struct http_rule *next; // its additional_bindings, behind the rule itself
    unsigned binding;       // 0: the rule itself; n: its nth additional binding
    struct slice method;    // "GET", or a custom kind: a token, or "*"
    struct slice path;
    struct slice body;          // empty: none; "*"; a field
    struct slice response_body; // empty: the whole message
};

// Reads a rule and its additional bindings into a list in a. Returns false
// with *ret_fault, a literal, if the bytes are malformed, a rule has no
// pattern, a kind is no token, or a binding has bindings of its own.
bool http_rule_parse(struct arena *a, struct slice bytes, struct http_rule **ret_rules,
                     const char **ret_fault);

#endif
