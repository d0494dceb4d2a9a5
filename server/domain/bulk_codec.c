#include "server/domain/bulk_codec.h"

#include "base/core/wire.h"
#include "runs/v1/bulk.pb-c.h"
#include "server/domain/run_codec.h"

// The store keeps states and outcomes by the protos' numbers, but for what is open.
#define SAME_STATE(name)                                                                           \
    _Static_assert((int)BULK_##name == (int)RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_##name, \
                   "BULK_" #name " has the number that runs.v1.BulkCancelState gives it")
SAME_STATE(PLANNING);
SAME_STATE(PLANNED);
SAME_STATE(RUNNING);
SAME_STATE(DONE);
SAME_STATE(ABORTED);

// Field numbers: protos/runs/v1/bulk.proto.
enum {
    BULK_CANCEL_ID = 1,
    BULK_CANCEL_STATE = 2,
    BULK_CANCEL_TOTAL = 3,
    BULK_CANCEL_CANCELLED = 4,
    BULK_CANCEL_ALREADY_FINAL = 5,
    BULK_CANCEL_NOT_FOUND = 6,
    BULK_CANCEL_OPEN = 7,
    BULK_CANCEL_SAMPLE = 8,
    BULK_CANCEL_DRY_RUN = 9,
    BULK_CANCEL_CASCADE = 10,
    BULK_CANCEL_FILTER = 11,
    BULK_CANCEL_ACTOR = 12,
    BULK_CANCEL_REASON = 13,
    BULK_CANCEL_CREATED_AT = 14,
    BULK_CANCEL_STARTED_AT = 15,
    BULK_CANCEL_FINISHED_AT = 16,
    BULK_CANCEL_EXPIRES_AT = 17,
};
enum {
    FILTER_STATUS = 1,
    FILTER_WORKFLOW_ID = 2,
    FILTER_SOURCE_RUN_ID = 3,
    FILTER_STARTED_AFTER = 4,
    FILTER_STARTED_BEFORE = 5,
    FILTER_LEASE_HOLDER = 6,
};
enum { ITEM_RUN_ID = 1, ITEM_OUTCOME = 2 };

static const struct {
    enum bulk_outcome outcome;
    int number;
} outcomes[] = {
    {BULK_OPEN, RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_OPEN},
    {BULK_CANCELLED, RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_CANCELLED},
    {BULK_ALREADY_FINAL, RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_ALREADY_FINAL},
    {BULK_NOT_FOUND, RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_NOT_FOUND},
};

enum { OUTCOMES = sizeof(outcomes) / sizeof(outcomes[0]) };

// Of 0 nothing: the instant is not known.
static void put_instant(struct strbuf *b, struct arena *a, uint32_t number, int64_t us) {
    if (us != 0) {
        wire_put_bytes(b, number, run_timestamp_encode(a, us));
    }
}

static struct slice filter_of(struct arena *a, const struct run_filter *filter) {
    struct strbuf b = STRBUF_INIT;
    for (int status = 0; status < RUN_STATUS_COUNT; status++) {
        if ((filter->statuses & RUN_STATUS_BIT(status)) != 0) {
            wire_put_uint(&b, FILTER_STATUS, (uint64_t)status);
        }
    }
    wire_put_bytes(&b, FILTER_WORKFLOW_ID, filter->workflow_id);
    wire_put_bytes(&b, FILTER_SOURCE_RUN_ID, filter->source_run_id);
    put_instant(&b, a, FILTER_STARTED_AFTER, filter->started_after_us);
    put_instant(&b, a, FILTER_STARTED_BEFORE, filter->started_before_us);
    wire_put_bytes(&b, FILTER_LEASE_HOLDER, filter->holder);
    struct slice bytes = arena_copy(a, strbuf_slice(&b));
    strbuf_release(&b);
    return bytes;
}

static void put_counts(struct strbuf *b, const struct bulk_record *bulk) {
    wire_put_uint(b, BULK_CANCEL_TOTAL, (uint64_t)bulk->total);
    wire_put_uint(b, BULK_CANCEL_CANCELLED, (uint64_t)bulk->cancelled);
    wire_put_uint(b, BULK_CANCEL_ALREADY_FINAL, (uint64_t)bulk->already_final);
    wire_put_uint(b, BULK_CANCEL_NOT_FOUND, (uint64_t)bulk->not_found);
    wire_put_uint(b, BULK_CANCEL_OPEN, (uint64_t)bulk_record_open(bulk));
}

void bulk_put(struct strbuf *b, struct arena *a, const struct bulk_record *bulk,
              const struct slice *sample, int sample_count) {
    wire_put_bytes(b, BULK_CANCEL_ID, bulk->id);
    wire_put_uint(b, BULK_CANCEL_STATE, (uint64_t)bulk->state);
    put_counts(b, bulk);
    for (int i = 0; i < sample_count; i++) {
        wire_put_bytes(b, BULK_CANCEL_SAMPLE, sample[i]);
    }
    wire_put_uint(b, BULK_CANCEL_DRY_RUN, bulk->is_dry_run);
    wire_put_uint(b, BULK_CANCEL_CASCADE, bulk->cascades);
    if (bulk->has_filter) {
        wire_put_bytes(b, BULK_CANCEL_FILTER, filter_of(a, &bulk->filter));
    }
    wire_put_bytes(b, BULK_CANCEL_ACTOR, bulk->cause.actor);
    wire_put_bytes(b, BULK_CANCEL_REASON, bulk->cause.reason);
    put_instant(b, a, BULK_CANCEL_CREATED_AT, bulk->created_at_us);
    put_instant(b, a, BULK_CANCEL_STARTED_AT, bulk->started_at_us);
    put_instant(b, a, BULK_CANCEL_FINISHED_AT, bulk->finished_at_us);
    if (bulk->state == BULK_PLANNED) {
        put_instant(b, a, BULK_CANCEL_EXPIRES_AT,
                    run_instant_after(bulk->created_at_us, BULK_PLAN_LIFE_US));
    }
}

void bulk_put_item(struct strbuf *b, const struct store_bulk_item *item) {
    wire_put_bytes(b, ITEM_RUN_ID, item->id);
    for (int i = 0; i < OUTCOMES; i++) {
        if (outcomes[i].outcome == item->outcome) {
            wire_put_uint(b, ITEM_OUTCOME, (uint64_t)outcomes[i].number);
        }
    }
}

bool bulk_outcome_read(int number, enum bulk_outcome *ret_outcome) {
    for (int i = 0; i < OUTCOMES; i++) {
        if (outcomes[i].number == number) {
            *ret_outcome = outcomes[i].outcome;
            return true;
        }
    }
    return false;
}

const char *bulk_state_word(enum bulk_state state) {
    switch (state) {
    case BULK_PLANNING:
        return "planning";
    case BULK_PLANNED:
        return "planned";
    case BULK_RUNNING:
        return "running";
    case BULK_DONE:
        return "done";
    case BULK_ABORTED:
        return "aborted";
    }
    return "unspecified";
}
