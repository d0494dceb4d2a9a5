#ifndef RUNSD_BASE_CORE_ERROR_H
#define RUNSD_BASE_CORE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/reason.h"

// The canonical codes, numbered as google.rpc.Code.
enum status_code {
    STATUS_OK = 0,
    STATUS_CANCELLED = 1,
    STATUS_UNKNOWN = 2,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_ALREADY_EXISTS = 6,
    STATUS_PERMISSION_DENIED = 7,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_FAILED_PRECONDITION = 9,
    STATUS_ABORTED = 10,
    STATUS_OUT_OF_RANGE = 11,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,
    STATUS_UNAVAILABLE = 14,
    STATUS_DATA_LOSS = 15,
    STATUS_UNAUTHENTICATED = 16,
};

enum { STATUS_CODE_COUNT = 17 };

// Returns the code's name, "NOT_FOUND" say; "UNKNOWN" for a number that is no
// code.
const char *status_code_name(int code);

struct error_metadata {
    struct error_metadata *next;
    const char *key;
    const char *value;
};

struct field_violation {
    struct field_violation *next;
    const char *field; // path: "run.workflowDefinition.nodes.root.type"
    const char *description;
};

// Why something failed. Lives in the arena it was made in; a function that
// returns `const struct error *` returns NULL for success.
struct error {
    enum status_code code;
    const char *message;                // public: one sentence for the caller
    const char *detail;                 // logged at the edge, never sent; NULL if none
    enum reason reason_id;              // of an error made here; REASON_NONE if decoded
    const char *reason;                 // google.rpc.ErrorInfo.reason; NULL if none
    const char *domain;                 // google.rpc.ErrorInfo.domain; NULL if none
    struct error_metadata *metadata;    // google.rpc.ErrorInfo.metadata, in order
    struct field_violation *violations; // google.rpc.BadRequest, in order
    const char *resource_type;          // google.rpc.ResourceInfo; NULL if none
    const char *resource_name;
    int64_t retry_after_ms; // google.rpc.RetryInfo; 0 if none
};

// Which of our reasons an error that was received has, by its name; REASON_NONE: another one, or
// none.
enum reason error_reason_of(const struct error *e);

// Makes an error whose message is formatted. Strings given to the functions below are
// borrowed and must outlive the arena; those that are formatted are copied.
struct error *error_new(struct arena *a, enum status_code code, enum reason reason,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

// Appends one pair to e's ErrorInfo.metadata.
void error_add_metadata(struct error *e, struct arena *a, const char *key, const char *value);

// Appends one field violation.
void error_add_violation(struct error *e, struct arena *a, const char *field, const char *format,
                         ...) __attribute__((format(printf, 4, 5)));

#endif
