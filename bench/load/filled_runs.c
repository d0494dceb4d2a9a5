#include "bench/load/filled_runs.h"

#include <string.h>

#include "base/core/clock.h"
#include "base/core/wire.h"
#include "bench/load/sample_run.h"
#include "server/domain/run_codec.h"

void filled_runs_init(struct filled_runs *r, struct slice organization, uint64_t count,
                      uint64_t every) {
    *r = (struct filled_runs){.organization = organization,
                              .organizations = 1,
                              .count = count,
                              .every = every,
                              .request = STRBUF_INIT};
    sample_run_append_request(&r->request, slice_of_cstr("sample"));
    const uint8_t *p = r->request.data;
    struct wire_field run;
    if (wire_read_field(&p, p + r->request.len, &run)) {
        r->message = run.bytes;
    }
}

void filled_runs_release(struct filled_runs *r) {
    strbuf_release(&r->request);
}

// Operations come in groups: as many runs as make one that stays are created, then the others
// are finished. What remains at the end is a smaller group, of which all are finished.
static uint64_t group_operations(const struct filled_runs *r) {
    return 2 * r->every - 1;
}

uint64_t filled_runs_operations(const struct filled_runs *r) {
    return r->count / r->every * group_operations(r) + 2 * (r->count % r->every);
}

static void write_id(FILE *to, const char *id) {
    if (to != NULL) {
        (void)fprintf(to, "%s\n", id);
    }
}

// As of a request over REST on this machine.
static struct event_cause make_cause(struct arena *a) {
    char *request_id = arena_alloc(a, UUID_TEXT_SIZE);
    uuid_make(request_id);
    return (struct event_cause){
        .actor = slice_of_cstr("bench"),
        .request_id = slice_of_cstr(request_id),
        .remote_address = slice_of_cstr("127.0.0.1"),
    };
}

// Of run number, from 0.
static struct slice organization_of(const struct filled_runs *r, struct op_slot *slot,
                                    uint64_t number) {
    if (r->organizations == 1) {
        return r->organization;
    }
    return slice_of_cstr(arena_printf(&slot->arena, "%.*s-%d", SLICE_FMT(r->organization),
                                      (int)(number % (uint64_t)r->organizations)));
}

static void fill_create(const struct filled_runs *r, struct op_slot *slot, uint64_t number) {
    slot->op.kind = &store_create_run_kind;
    struct store_create_run *create = &slot->create;
    *create = (struct store_create_run){.op = slot->op, .cause = make_cause(&slot->arena)};
    int64_t now_us = clock_now_us(&clock_system);
    create->in = (struct run_record){
        .organization = organization_of(r, slot, number),
        .id = slice_of_cstr(slot->id),
        .status = RUN_RUNNING,
        .started_at_us = now_us,
        .workflow_id = slice_of_cstr("workflow-rebalance"),
    };
    const struct run_provenance provenance = {
        .id = create->in.id,
        .organization = create->in.organization,
        .started_at_us = now_us,
        .trigger_source = slice_of_cstr("schedule"),
        .triggered_by = slice_of_cstr("nightly-rebalance"),
    };
    create->in.spec = run_spec_encode(&slot->arena, r->message, &provenance, &create->in.fields);
}

static void fill_finish(const struct filled_runs *r, struct op_slot *slot, uint64_t number,
                        enum run_status to) {
    slot->op.kind = &store_transition_run_kind;
    slot->transition = (struct store_transition_run){
        .op = slot->op,
        .organization = organization_of(r, slot, number),
        .id = slice_of_cstr(slot->id),
        .from = RUN_STATUS_ACTIVE,
        .to = to,
        .at_us = clock_now_us(&clock_system),
        .cause = make_cause(&slot->arena),
    };
}

void filled_runs_fill(void *context, struct op_slot *slot, uint64_t number) {
    struct filled_runs *r = context;
    uint64_t group = number / group_operations(r);
    uint64_t first = group * r->every;
    uint64_t size = r->count - first < r->every ? r->count - first : r->every;
    uint64_t at = number % group_operations(r);
    if (at < size) {
        uuid_make(r->group[at]);
        memcpy(slot->id, r->group[at], UUID_TEXT_SIZE);
        write_id(r->ids, slot->id);
        if (at + 1 == r->every) {
            write_id(r->running_ids, slot->id);
        }
        fill_create(r, slot, first + at);
    } else {
        memcpy(slot->id, r->group[at - size], UUID_TEXT_SIZE);
        uint64_t finished = group * (r->every - 1) + at - size;
        fill_finish(r, slot, first + at - size, finished % 2 == 0 ? RUN_CANCELLED : RUN_SUCCESS);
    }
}
