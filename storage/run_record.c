#include "storage/run_record.h"

struct run_record run_record_copy(struct arena *a, const struct run_record *record) {
    struct run_record r = *record;
    r.organization = arena_copy(a, r.organization);
    r.id = arena_copy(a, r.id);
    r.workflow_id = SLICE_EMPTY;
    r.spec = arena_copy(a, r.spec);
    r.holder = arena_copy(a, r.holder);
    run_fields_map_bytes(&r.fields, arena_map_copy, a);
    return r;
}

struct event_cause event_cause_copy(struct arena *a, const struct event_cause *cause) {
    struct event_cause copy = *cause;
    event_cause_map(&copy, arena_map_copy, a);
    return copy;
}
