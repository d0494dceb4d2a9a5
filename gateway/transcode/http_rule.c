#include "gateway/transcode/http_rule.h"

#include "base/core/http_token.h"
#include "base/core/wire.h"

// Field numbers of google/api/http.proto.
enum {
    RULE_GET = 2,
    RULE_PUT = 3,
    RULE_POST = 4,
    RULE_DELETE = 5,
    RULE_PATCH = 6,
    RULE_BODY = 7,
    RULE_CUSTOM = 8,
    RULE_ADDITIONAL = 11,
    RULE_RESPONSE_BODY = 12,
    CUSTOM_KIND = 1,
    CUSTOM_PATH = 2,
};

static const char malformed[] = "the google.api.http option is malformed";

static bool parse_custom(struct slice bytes, struct http_rule *rule) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            return false;
        }
        if (field.type == WIRE_BYTES && field.number == CUSTOM_KIND) {
            rule->method = field.bytes;
        } else if (field.type == WIRE_BYTES && field.number == CUSTOM_PATH) {
            rule->path = field.bytes;
        }
    }
    return true;
}

static bool parse_pattern(const struct wire_field *field, struct http_rule *rule) {
    static const char *const methods[] = {[RULE_GET] = "GET",
                                          [RULE_PUT] = "PUT",
                                          [RULE_POST] = "POST",
                                          [RULE_DELETE] = "DELETE",
                                          [RULE_PATCH] = "PATCH"};
    rule->path = field->bytes;
    if (field->number == RULE_CUSTOM) {
        rule->method = SLICE_EMPTY;
        rule->path = SLICE_EMPTY;
        return parse_custom(field->bytes, rule);
    }
    rule->method = slice_of_cstr(methods[field->number]);
    return true;
}

static bool parse_rule(struct arena *a, struct slice bytes, unsigned binding,
                       struct http_rule ***tail, const char **ret_fault) {
    struct http_rule *rule = ARENA_NEW(a, struct http_rule);
    rule->binding = binding;
    **tail = rule;
    *tail = &rule->next;
    unsigned bindings = 0;
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            *ret_fault = malformed;
            return false;
        }
        if (field.type != WIRE_BYTES) {
            continue;
        }
        switch (field.number) {
        case RULE_GET:
        case RULE_PUT:
        case RULE_POST:
        case RULE_DELETE:
        case RULE_PATCH:
        case RULE_CUSTOM:
            if (!parse_pattern(&field, rule)) {
                *ret_fault = malformed;
                return false;
            }
            break;
        case RULE_BODY:
            rule->body = field.bytes;
            break;
        case RULE_RESPONSE_BODY:
            rule->response_body = field.bytes;
            break;
        case RULE_ADDITIONAL:
            if (binding > 0) {
                *ret_fault = "an additional binding has additional bindings of its own";
                return false;
            }
            if (!parse_rule(a, field.bytes, ++bindings, tail, ret_fault)) {
                return false;
            }
            break;
        default:
            break;
        }
    }
    if (rule->path.len == 0 || rule->method.len == 0) {
        *ret_fault = "the google.api.http option has no pattern (get, put, post, delete, patch "
                     "or custom with kind and path)";
        return false;
    }
    // "*", any method, is a token, too.
    if (!http_token_valid(rule->method)) {
        *ret_fault = "the kind of a custom pattern is no HTTP method (RFC 9110: a token)";
        return false;
    }
    return true;
}

bool http_rule_parse(struct arena *a, struct slice bytes, struct http_rule **ret_rules,
                     const char **ret_fault) {
    struct http_rule *rules = NULL;
    struct http_rule **tail = &rules;
    if (!parse_rule(a, bytes, 0, &tail, ret_fault)) {
        return false;
    }
    *ret_rules = rules;
    return true;
}
