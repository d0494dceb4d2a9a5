#include "rpc/health_answer.h"

#include "base/core/wire.h"

enum { STATUS_FIELD = 1, STATUS_SERVING = 1 }; // of grpc.health.v1.HealthCheckResponse

static bool says_serving(struct slice response) {
    const uint8_t *p = response.data;
    const uint8_t *end = p + response.len;
    uint64_t status = 0; // UNKNOWN, which is not sent
    struct wire_field field;
    while (p < end) {
        if (!wire_read_field(&p, end, &field)) {
            return false;
        }
        if (field.number == STATUS_FIELD && field.type == WIRE_VARINT) {
            status = field.value;
        }
    }
    return status == STATUS_SERVING;
}

// Whether the upstream was reached, and says nothing about its health.
static bool cannot_tell(const struct error *error) {
    // Errors that are made on this side have a reason_id (rpc/client.h).
    return error->reason_id == REASON_NONE &&
           (error->code == STATUS_UNIMPLEMENTED || error->code == STATUS_NOT_FOUND ||
            error->code == STATUS_UNAUTHENTICATED || error->code == STATUS_PERMISSION_DENIED);
}

bool health_answer_serves(const struct error *error, struct slice response) {
    return error == NULL ? says_serving(response) : cannot_tell(error);
}

const char *health_answer_reason(const struct error *error) {
    return error != NULL ? error->message : "by its own health service";
}
