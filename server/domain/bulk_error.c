#include "server/domain/bulk_error.h"

#include "base/core/timestamp.h"
#include "server/domain/bulk_codec.h"

// One of them may be over by then.
enum { RETRY_AFTER_MS = 5000 };

static const struct error *about(struct error *e, const char *id) {
    e->resource_type = "runs.v1.BulkCancel";
    e->resource_name = id;
    return e;
}

const struct error *bulk_error_not_found(struct arena *a, const char *id) {
    return about(error_new(a, STATUS_NOT_FOUND, REASON_BULK_CANCEL_NOT_FOUND,
                           "there is no bulk cancel \"%s\"", id),
                 id);
}

const struct error *bulk_error_ended(struct arena *a, const struct bulk_record *bulk,
                                     const char *what) {
    const char *id = arena_cstr(a, bulk->id);
    const char *word = bulk_state_word(bulk->state);
    struct error *e =
        error_new(a, STATUS_FAILED_PRECONDITION, REASON_BULK_CANCEL_ENDED,
                  "the bulk cancel \"%s\" cannot be %s: its state is %s", id, what, word);
    error_add_metadata(e, a, "state", word);
    return about(e, id);
}

const struct error *bulk_error_expired(struct arena *a, const struct bulk_record *bulk) {
    const char *id = arena_cstr(a, bulk->id);
    char *expired_at = arena_alloc(a, TIMESTAMP_TEXT_SIZE);
    timestamp_format_us(run_instant_after(bulk->created_at_us, BULK_PLAN_LIFE_US), expired_at);
    struct error *e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_BULK_CANCEL_ENDED,
                                "the bulk cancel \"%s\" cannot be executed any more: it was "
                                "planned until %s",
                                id, expired_at);
    error_add_metadata(e, a, "state", bulk_state_word(bulk->state));
    error_add_metadata(e, a, "expiresAt", expired_at);
    return about(e, id);
}

const struct error *bulk_error_limit(struct arena *a, int limit) {
    struct error *e = error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_BULK_CANCEL_LIMIT,
                                "the organization has %d bulk cancels that are not over, its "
                                "limit; nothing was changed",
                                limit);
    e->retry_after_ms = RETRY_AFTER_MS;
    return e;
}
