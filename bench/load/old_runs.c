#include "bench/load/old_runs.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/core/wire.h"
#include "bench/load/sample_run.h"
#include "server/domain/run_codec.h"

static const int64_t US_PER_S = 1000000;
// 2001-09-09: so many runs, one a second, end before today.
static const int64_t FIRST_STARTED_AT_US = INT64_C(1000000000) * US_PER_S;

void old_runs_init(struct old_runs *r, struct slice organization) {
    *r = (struct old_runs){.organization = organization, .request = STRBUF_INIT};
    sample_run_append_request(&r->request, slice_of_cstr("old"));
    const uint8_t *p = r->request.data;
    struct wire_field run;
    if (wire_read_field(&p, p + r->request.len, &run)) {
        r->message = run.bytes;
    }
}

void old_runs_release(struct old_runs *r) {
    strbuf_release(&r->request);
}

// Operations come in threes: two runs are created, then the first is cancelled.
uint64_t old_runs_operations(uint64_t runs) {
    return runs / 2 * 3 + runs % 2;
}

static void fill_create(const struct old_runs *r, struct op_slot *slot, int64_t started_at_us) {
    slot->op.kind = &store_create_run_kind;
    struct store_create_run *create = &slot->create;
    *create = (struct store_create_run){.op = slot->op, .cause = {.actor = slice_of_cstr("bench")}};
    create->in = (struct run_record){
        .organization = r->organization,
        .id = slice_of_cstr(slot->id),
        .status = RUN_RUNNING,
        .started_at_us = started_at_us,
        .workflow_id = slice_of_cstr("workflow-rebalance"),
    };
    const struct run_provenance provenance = {
        .id = create->in.id,
        .organization = r->organization,
        .started_at_us = started_at_us,
        .trigger_source = slice_of_cstr("schedule"),
        .triggered_by = slice_of_cstr("nightly-rebalance"),
    };
    create->in.spec = run_spec_encode(&slot->arena, r->message, &provenance, &create->in.fields);
}

static void fill_cancel(const struct old_runs *r, struct op_slot *slot, int64_t started_at_us) {
    slot->op.kind = &store_transition_run_kind;
    slot->transition = (struct store_transition_run){
        .op = slot->op,
        .organization = r->organization,
        .id = slice_of_cstr(slot->id),
        .from = RUN_STATUS_ACTIVE,
        .to = RUN_CANCELLED,
        .at_us = started_at_us + US_PER_S,
        .cause = {.actor = slice_of_cstr("bench")},
    };
}

void old_runs_fill(void *context, struct op_slot *slot, uint64_t number) {
    const struct old_runs *r = context;
    uint64_t run = number / 3 * 2 + (number % 3 == 1 ? 2 : 1);
    int64_t started_at_us = FIRST_STARTED_AT_US + (int64_t)run * US_PER_S;
    (void)snprintf(slot->id, sizeof(slot->id), "old-%016" PRIu64, run);
    if (number % 3 == 2) {
        fill_cancel(r, slot, started_at_us);
    } else {
        fill_create(r, slot, started_at_us);
    }
}
