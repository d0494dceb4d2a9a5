#include "server/domain/run_event_codec.h"

#include "base/core/wire.h"
#include "server/domain/run_codec.h"

// Field numbers: protos/runs/v1/run.proto.
enum {
    EVENT_RUN_ID = 1,
    EVENT_SEQUENCE = 2,
    EVENT_FROM = 3,
    EVENT_TO = 4,
    EVENT_AT = 5,
    EVENT_ACTOR = 6,
    EVENT_REASON = 7,
    EVENT_REVISION = 8,
    EVENT_ATTEMPT = 9,
    EVENT_KIND = 10,
    EVENT_HOLDER = 11,
    EVENT_REQUEST_ID = 12,
    EVENT_REMOTE_ADDRESS = 13,
};

// The store keeps kinds by the protos' numbers.
#define SAME_NUMBER(kind, proto)                                                                   \
    _Static_assert((int)STORE_EVENT_##kind ==                                                      \
                       (int)RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_##proto,                      \
                   "STORE_EVENT_" #kind " has the number that runs.v1.RunEventKind gives it")
SAME_NUMBER(CREATION, CREATED);
SAME_NUMBER(TRANSITION, STATUS_CHANGED);
SAME_NUMBER(ACQUISITION, ACQUIRED);
SAME_NUMBER(RELEASE, RELEASED);
SAME_NUMBER(LEASE_LOSS, LEASE_LOST);
SAME_NUMBER(STOP, STOPPED);
SAME_NUMBER(DELETION, DELETED);

// Every watch of the organization gets the bytes.
static void put_unless_empty(struct strbuf *b, uint32_t number, struct slice text) {
    if (text.len > 0) {
        wire_put_bytes(b, number, text);
    }
}

void run_event_put(struct strbuf *b, struct arena *a, uint32_t number, struct slice run_id,
                   const struct run_event *event) {
    struct strbuf e = STRBUF_INIT;
    wire_put_bytes(&e, EVENT_RUN_ID, run_id);
    wire_put_uint(&e, EVENT_SEQUENCE, (uint64_t)event->sequence);
    wire_put_uint(&e, EVENT_FROM, (uint64_t)event->from);
    wire_put_uint(&e, EVENT_TO, (uint64_t)event->to);
    wire_put_bytes(&e, EVENT_AT, run_timestamp_encode(a, event->at_us));
    wire_put_bytes(&e, EVENT_ACTOR, event->cause.actor);
    wire_put_bytes(&e, EVENT_REASON, event->cause.reason);
    wire_put_uint(&e, EVENT_REVISION, (uint64_t)event->revision);
    wire_put_uint(&e, EVENT_ATTEMPT, (uint64_t)event->attempt);
    wire_put_uint(&e, EVENT_KIND, (uint64_t)event->kind);
    wire_put_bytes(&e, EVENT_HOLDER, event->holder);
    put_unless_empty(&e, EVENT_REQUEST_ID, event->cause.request_id);
    put_unless_empty(&e, EVENT_REMOTE_ADDRESS, event->cause.remote_address);
    wire_put_bytes(b, number, strbuf_slice(&e));
    strbuf_release(&e);
}
