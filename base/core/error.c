#include "base/core/error.h"

#include <stdarg.h>

static const char *const code_names[STATUS_CODE_COUNT] = {
    [STATUS_OK] = "OK",
    [STATUS_CANCELLED] = "CANCELLED",
    [STATUS_UNKNOWN] = "UNKNOWN",
    [STATUS_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
    [STATUS_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
    [STATUS_NOT_FOUND] = "NOT_FOUND",
    [STATUS_ALREADY_EXISTS] = "ALREADY_EXISTS",
    [STATUS_PERMISSION_DENIED] = "PERMISSION_DENIED",
    [STATUS_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
    [STATUS_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
    [STATUS_ABORTED] = "ABORTED",
    [STATUS_OUT_OF_RANGE] = "OUT_OF_RANGE",
    [STATUS_UNIMPLEMENTED] = "UNIMPLEMENTED",
    [STATUS_INTERNAL] = "INTERNAL",
    [STATUS_UNAVAILABLE] = "UNAVAILABLE",
    [STATUS_DATA_LOSS] = "DATA_LOSS",
    [STATUS_UNAUTHENTICATED] = "UNAUTHENTICATED",
};

const char *status_code_name(int code) {
    return code >= 0 && code < STATUS_CODE_COUNT ? code_names[code] : code_names[STATUS_UNKNOWN];
}

struct error *error_new(struct arena *a, enum status_code code, enum reason reason,
                        const char *format, ...) {
    struct error *e = ARENA_NEW(a, struct error);
    e->code = code;
    e->reason_id = reason;
    e->reason = reason_name(reason);
    va_list args;
    va_start(args, format);
    e->message = arena_vprintf(a, format, args);
    va_end(args);
    return e;
}

void error_add_metadata(struct error *e, struct arena *a, const char *key, const char *value) {
    struct error_metadata **end = &e->metadata;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = ARENA_NEW(a, struct error_metadata);
    (*end)->key = key;
    (*end)->value = value;
}

void error_add_violation(struct error *e, struct arena *a, const char *field, const char *format,
                         ...) {
    struct field_violation **end = &e->violations;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = ARENA_NEW(a, struct field_violation);
    (*end)->field = field;
    va_list args;
    va_start(args, format);
    (*end)->description = arena_vprintf(a, format, args);
    va_end(args);
}

enum reason error_reason_of(const struct error *e) {
    return e->reason != NULL ? reason_find(slice_of_cstr(e->reason)) : REASON_NONE;
}
