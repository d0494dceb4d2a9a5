#include <stdlib.h>

#include "gateway/descriptor/descriptor_option.h"
#include "gateway/descriptor/schema_internal.h"

// Numbers of options.
enum {
    OPTION_HTTP_STATUS = 51208, // runsd.gateway.v1.reason_http
    HTTP_STATUS_FIELD = 1,
    HTTP_DOMAIN_FIELD = 2,
};

void schema_reason_read(struct arena *a, struct arena *scratch, struct slice options,
                        struct schema_enum_value *value) {
    struct slice http =
        descriptor_option_message(scratch, options, OPTION_HTTP_STATUS, &value->has_http_status);
    value->http_status = (int32_t)descriptor_option_varint(http, HTTP_STATUS_FIELD);
    value->reason_domain = arena_copy(a, descriptor_option_last(http, HTTP_DOMAIN_FIELD));
}

// The package of an enum: what stands before its name and those of the messages around it.
static struct slice package_of(const struct schema *schema, const struct schema_enum *e) {
    struct slice name = e->full_name;
    do {
        const uint8_t *dot = name.len == 0 ? NULL : memrchr(name.data, '.', name.len);
        name = dot == NULL ? SLICE_EMPTY : slice_of(name.data, (size_t)(dot - name.data));
    } while (name.len > 0 && schema_find_message(schema, name) != NULL);
    return name;
}

// Why an error cannot have the status; NULL if it can.
static const char *check_status(int status) {
    if (status < 400 || status > 599) {
        return "an error's is from 400 to 599";
    }
    switch (status) {
    case 408: // Request Timeout
    case 421: // Misdirected Request
    case 425: // Too Early
        return "after it clients send the request again by themselves";
    case 405: // Method Not Allowed
    case 407: // Proxy Authentication Required
    case 426: // Upgrade Required
        return "it needs a header that no error has";
    default:
        return NULL;
    }
}

static int compare_reasons(const void *left, const void *right) {
    const struct schema_reason *x = left;
    const struct schema_reason *y = right;
    int order = slice_compare(x->domain, y->domain);
    return order != 0 ? order : slice_compare(x->name, y->name);
}

static const struct error *check_value(struct arena *errors, const struct schema_enum *e,
                                       const struct schema_enum_value *value, struct slice domain) {
    const char *fault = check_status(value->http_status);
    if (fault != NULL) {
        return error_new(
            errors, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
            "enum %.*s: value %.*s: runsd.gateway.v1.reason_http: the status %d is not "
            "allowed: %s",
            SLICE_FMT(e->full_name), SLICE_FMT(value->name), value->http_status, fault);
    }
    if (slice_equal_cstr(domain, REASON_DOMAIN_GATEWAY)) {
        return error_new(errors, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                         "enum %.*s: value %.*s: runsd.gateway.v1.reason_http: the domain %s is "
                         "that of the gateway's own errors",
                         SLICE_FMT(e->full_name), SLICE_FMT(value->name), REASON_DOMAIN_GATEWAY);
    }
    return NULL;
}

// What two enums say of one reason.
static const struct error *check_twins(const struct schema *schema, struct arena *errors) {
    for (size_t i = 1; i < schema->reason_count; i++) {
        const struct schema_reason *x = &schema->reasons[i - 1];
        const struct schema_reason *y = &schema->reasons[i];
        if (compare_reasons(x, y) == 0 && x->http_status != y->http_status) {
            return error_new(
                errors, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                "enums %.*s and %.*s: runsd.gateway.v1.reason_http: %.*s of the domain "
                "\"%.*s\" has the status %d and %d",
                SLICE_FMT(x->enumeration->full_name), SLICE_FMT(y->enumeration->full_name),
                SLICE_FMT(x->name), SLICE_FMT(x->domain), x->http_status, y->http_status);
        }
    }
    return NULL;
}

const struct error *schema_reasons_compile(struct schema *schema, struct arena *errors) {
    size_t count = 0;
    for (size_t i = 0; i < schema->enum_count; i++) {
        for (size_t k = 0; k < schema->enums[i].value_count; k++) {
            count += schema->enums[i].values[k].has_http_status;
        }
    }
    struct schema_reason *reasons = ARENA_ARRAY(&schema->arena, struct schema_reason, count);
    size_t at = 0;
    for (size_t i = 0; i < schema->enum_count; i++) {
        const struct schema_enum *e = &schema->enums[i];
        for (size_t k = 0; k < e->value_count; k++) {
            const struct schema_enum_value *value = &e->values[k];
            if (!value->has_http_status) {
                continue;
            }
            struct slice domain =
                value->reason_domain.len > 0 ? value->reason_domain : package_of(schema, e);
            const struct error *error = check_value(errors, e, value, domain);
            if (error != NULL) {
                return error;
            }
            reasons[at++] = (struct schema_reason){domain, value->name, value->http_status, e};
        }
    }
    qsort(reasons, count, sizeof(reasons[0]), compare_reasons);
    schema->reasons = reasons;
    schema->reason_count = count;
    return check_twins(schema, errors);
}

int schema_reason_http_status(const struct schema *schema, struct slice domain, struct slice name) {
    if (schema->reason_count == 0) {
        return 0;
    }
    const struct schema_reason key = {.domain = domain, .name = name};
    const struct schema_reason *found =
        bsearch(&key, schema->reasons, schema->reason_count, sizeof(key), compare_reasons);
    return found == NULL ? 0 : found->http_status;
}
