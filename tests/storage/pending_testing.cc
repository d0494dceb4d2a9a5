#include <stdlib.h>

// The header's atomics are those of C, which C++ does not have. A test uses it on one thread,
// where they are the integers that they are made of.
#define atomic_int int
#define _Atomic
#define atomic_load_explicit(from, order) (*(from))

extern "C" {
#include "base/core/memory.h"
#include "storage/sqlite/pending.h"
#include "tests/storage/pending_testing.h"
}

struct pending *pending_testing_new(int runs, int64_t events) {
    auto *p = static_cast<struct pending *>(mem_zalloc(sizeof(struct pending)));
    const struct pending_limits limits = {runs, events, 1, 0, 0, 16384};
    pending_init(p, &limits);
    return p;
}

void pending_testing_free(struct pending *p) {
    pending_release(p);
    free(p);
}

void pending_testing_clear(struct pending *p, int64_t mark) {
    pending_clear(p, mark);
}

void pending_testing_stage(struct pending *p, const char *organization, const char *id,
                           int64_t sequence) {
    struct run_id run = run_id_of(slice_of_cstr(id));
    const struct pending_state state = {RUN_CANCELLED, 0, sequence, 0};
    pending_stage(p, slice_of_cstr(organization), &run, &state);
}

void pending_testing_committed(struct pending *p, int64_t newest_event) {
    pending_committed(p, newest_event);
}

void pending_testing_rolled_back(struct pending *p) {
    pending_rolled_back(p);
}

int64_t pending_testing_find(struct pending *p, const char *organization, const char *id) {
    struct run_id run = run_id_of(slice_of_cstr(id));
    struct pending_state state;
    return pending_find(p, slice_of_cstr(organization), &run, &state) ? state.sequence : 0;
}

int64_t pending_testing_find_own(struct pending *p, const char *organization, const char *id) {
    struct run_id run = run_id_of(slice_of_cstr(id));
    struct pending_state state;
    return pending_find_own(p, slice_of_cstr(organization), &run, &state) ? state.sequence : 0;
}

void pending_testing_enter(struct pending *p, int reader) {
    pending_enter(p, reader);
}

void pending_testing_leave(struct pending *p, int reader) {
    pending_leave(p, reader);
}

int64_t pending_testing_newest_event(struct pending *p) {
    return pending_newest_event(p);
}

bool pending_testing_is_full(const struct pending *p) {
    return pending_is_full(p);
}

bool pending_testing_has_any(const struct pending *p) {
    return pending_has_any(p);
}

bool pending_testing_is_frozen(const struct pending *p) {
    return pending_is_frozen(p);
}

void pending_testing_freeze(struct pending *p) {
    pending_freeze(p);
}

int64_t pending_testing_mark(const struct pending *p) {
    return pending_mark(p);
}

void pending_testing_retire(struct pending *p) {
    pending_retire(p);
}

const uint8_t *pending_testing_take(struct pending *p, int *ret_len, bool *ret_is_uuid,
                                    int64_t *ret_sequence) {
    const struct pending_entry *e = pending_take(p);
    if (e == nullptr) {
        return nullptr;
    }
    *ret_len = (int)e->id_len;
    *ret_is_uuid = e->is_uuid;
    *ret_sequence = e->state.sequence;
    return pending_id(e).data;
}
