#include "base/core/container_of.h"
#include "base/core/wire.h"
#include "runs/v1/lease.pb-c.h"
#include "server/domain/lease_validate.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_validate.h"
#include "server/service/service_method.h"
#include "storage/op/find_runs.h"
#include "storage/op/note_renewals.h"

// Field numbers: protos/runs/v1/lease.proto.
enum { RESPONSE_RENEWALS = 1 };
enum {
    RENEWAL_RUN_ID = 1,
    RENEWAL_STATE = 2,
    RENEWAL_ATTEMPT = 3,
    RENEWAL_LEASE_END = 4,
    RENEWAL_STATUS = 5,
    RENEWAL_ACTOR = 6,
    RENEWAL_REASON = 7,
};

enum {
    MOST_REPLY_BYTES = 4 << 20, // what a gRPC client takes by default
    // What a renewal takes without its reason, at most: two names and some numbers. All of a
    // reply's renewals find room so.
    MOST_RENEWAL_BYTES = 320,
};

_Static_assert((int)LEASE_MOST_RENEWED <= (int)STORE_FIND_RUNS_MAX,
               "the store finds all runs at once");
_Static_assert((int)LEASE_MOST_RENEWED *(int)MOST_RENEWAL_BYTES < (int)MOST_REPLY_BYTES,
               "a reply has room for all renewals");

// What is replied of one lease.
struct renewal {
    Runs__V1__LeaseState state;
    int64_t attempt;
    int64_t left_us;                     // if it is held
    const struct store_found_run *found; // NULL unless it is finished
};

struct renew_leases_call {
    struct service_call call;
    struct store_find_runs find;
    struct store_note_renewals note; // where other servers serve the store, too
    int64_t noted_us;                // before it; clock_monotonic_us
    struct lease_wish wish;
    struct lease_claim *claims;
    size_t count;
    int64_t begun_us; // the time of day from which leases were renewed
    // The end that was encoded last: most leases of a call end at once.
    int64_t encoded_us;
    struct slice encoded;
};

static struct slice encode_end(struct renew_leases_call *m, int64_t left_us) {
    int64_t end_us = m->begun_us + left_us;
    if (m->encoded_us != end_us) {
        m->encoded_us = end_us;
        m->encoded = run_timestamp_encode(m->call.arena, end_us);
    }
    return m->encoded;
}

static void put_renewal(struct strbuf *b, struct strbuf *scratch, struct renew_leases_call *m,
                        const struct renewal *renewal, size_t index) {
    scratch->len = 0;
    wire_put_bytes(scratch, RENEWAL_RUN_ID, m->claims[index].run_id);
    wire_put_uint(scratch, RENEWAL_STATE, (uint64_t)renewal->state);
    wire_put_uint(scratch, RENEWAL_ATTEMPT, (uint64_t)renewal->attempt);
    if (renewal->state == RUNS__V1__LEASE_STATE__LEASE_STATE_HELD) {
        wire_put_bytes(scratch, RENEWAL_LEASE_END, encode_end(m, renewal->left_us));
    }
    if (renewal->found != NULL) {
        size_t others = (m->count - index) * MOST_RENEWAL_BYTES;
        wire_put_uint(scratch, RENEWAL_STATUS, (uint64_t)renewal->found->status);
        wire_put_bytes(scratch, RENEWAL_ACTOR, renewal->found->actor);
        if (b->len + others + renewal->found->reason.len < MOST_REPLY_BYTES) {
            wire_put_bytes(scratch, RENEWAL_REASON, renewal->found->reason);
        }
    }
    wire_put_bytes(b, RESPONSE_RENEWALS, strbuf_slice(scratch));
}

// How long a lease lasts that the store says is held. One that the table does not know is so since
// a moment ago, and whoever acquired it is about to put it there: until then it is known to last
// for as long as any lease does at least.
static int64_t left_us(const struct lease_claim *claim) {
    return claim->ret_left_us != 0 ? claim->ret_left_us : LEASE_LEAST_S * INT64_C(1000000);
}

// What the store says of a lease.
static void judge(struct renew_leases_call *m, const struct lease_claim *claim,
                  const struct store_found_run *found, struct renewal *ret) {
    ret->attempt = found->attempt;
    if (!found->is_there) {
        ret->state = RUNS__V1__LEASE_STATE__LEASE_STATE_NOT_FOUND;
    } else if ((RUN_STATUS_BIT(found->status) & RUN_STATUS_ACTIVE) == 0) {
        ret->state = RUNS__V1__LEASE_STATE__LEASE_STATE_FINISHED;
        ret->found = found;
    } else if (found->attempt == claim->attempt && slice_equal(found->holder, m->wish.holder)) {
        ret->left_us = left_us(claim);
        ret->state = RUNS__V1__LEASE_STATE__LEASE_STATE_HELD;
    } else {
        ret->state = RUNS__V1__LEASE_STATE__LEASE_STATE_LOST;
    }
}

// Replies; the call must not be touched after it.
static void reply(struct renew_leases_call *m) {
    struct strbuf b = STRBUF_INIT;
    struct strbuf scratch = STRBUF_INIT;
    bool is_shared = m->call.service->store->is_shared;
    int asked = 0; // of the store
    for (size_t i = 0; i < m->count; i++) {
        const struct lease_claim *claim = &m->claims[i];
        struct renewal renewal = {.attempt = claim->attempt};
        switch (is_shared ? LEASE_CLAIM_UNKNOWN : claim->ret_state) {
        case LEASE_CLAIM_KEPT:
            renewal.left_us = claim->ret_left_us;
            renewal.state = RUNS__V1__LEASE_STATE__LEASE_STATE_HELD;
            break;
        case LEASE_CLAIM_ENDING:
            renewal.state = RUNS__V1__LEASE_STATE__LEASE_STATE_LOST;
            break;
        case LEASE_CLAIM_UNKNOWN:
            judge(m, claim, &m->find.ret[asked++], &renewal);
            break;
        }
        put_renewal(&b, &scratch, m, &renewal, i);
    }
    struct slice bytes = strbuf_slice(&b);
    service_call_reply(&m->call, &bytes, 1);
    strbuf_release(&scratch);
    strbuf_release(&b);
}

static void stored(struct service_call *call) {
    reply(CONTAINER_OF(call, struct renew_leases_call, call));
}

// --- where other servers serve the store, too ---
//
// What the table knows of a lease may have ended elsewhere: the store is asked for all of them.
// What is promised of one that is held is noted there first, so that nobody ends it sooner; what
// the store says behind that is replied. A lease that the table does not know, or takes for ended,
// was given or renewed elsewhere.

// Whether the store says that the claim's attempt and holder have the run.
static bool is_held(const struct renew_leases_call *m, size_t i) {
    const struct store_found_run *found = &m->find.ret[i];
    return found->is_there && found->attempt == m->claims[i].attempt &&
           slice_equal(found->holder, m->wish.holder);
}

static struct lease lease_of(const struct renew_leases_call *m, size_t i) {
    return (struct lease){
        .organization = m->call.organization,
        .run_id = m->claims[i].run_id,
        .holder = m->wish.holder,
        .attempt = m->claims[i].attempt,
        .duration_us = m->find.ret[i].lease_us,
    };
}

// The table hears of what the store says, as the promises are noted since noted_us.
static void answered(struct service_call *call) {
    struct renew_leases_call *m = CONTAINER_OF(call, struct renew_leases_call, call);
    struct lease_table *table = lease_keeper_table(call->service->leases);
    for (size_t i = 0; i < m->count; i++) {
        const struct lease_claim *claim = &m->claims[i];
        if (!is_held(m, i) && claim->ret_state == LEASE_CLAIM_KEPT) {
            lease_table_remove(table, call->organization, claim->run_id, claim->attempt,
                               clock_monotonic_us());
        } else if (is_held(m, i) && claim->ret_is_to_note) {
            const struct lease lease = lease_of(m, i);
            lease_table_noted(table, &lease, claim->ret_left_us, m->noted_us);
        }
    }
    reply(m);
}

static void noted(struct service_call *call) {
    struct renew_leases_call *m = CONTAINER_OF(call, struct renew_leases_call, call);
    service_call_store(call, &m->find.op, answered);
}

// Has the store note what is to be promised; returns false if that is nothing new.
static bool note(struct renew_leases_call *m) {
    struct service_call *call = &m->call;
    struct store_renewal *renewals = ARENA_ARRAY(call->arena, struct store_renewal, m->count);
    int count = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (m->claims[i].ret_is_to_note) {
            renewals[count++] = (struct store_renewal){
                .organization = call->organization,
                .id = m->claims[i].run_id,
                .attempt = m->claims[i].attempt,
                .left_us = m->claims[i].ret_left_us,
            };
        }
    }
    if (count == 0) {
        return false;
    }
    m->note = (struct store_note_renewals){
        .op = {.kind = &store_note_renewals_kind}, .renewals = renewals, .count = count};
    m->noted_us = clock_monotonic_us(); // they last from later on
    service_call_store(call, &m->note.op, noted);
    return true;
}

// The store has said which leases are held of those that the table does not know.
static void found(struct service_call *call) {
    struct renew_leases_call *m = CONTAINER_OF(call, struct renew_leases_call, call);
    for (size_t i = 0; i < m->count; i++) {
        struct lease_claim *claim = &m->claims[i];
        if (is_held(m, i) && claim->ret_state != LEASE_CLAIM_KEPT) {
            int64_t lasts_us = m->find.ret[i].lease_us;
            claim->ret_left_us = lasts_us < m->wish.duration_us ? lasts_us : m->wish.duration_us;
            claim->ret_is_to_note = true;
        }
    }
    if (!note(m)) {
        answered(call);
    }
}

static bool knows_all(const struct renew_leases_call *m) {
    for (size_t i = 0; i < m->count; i++) {
        if (m->claims[i].ret_state != LEASE_CLAIM_KEPT) {
            return false;
        }
    }
    return true;
}

static void set_find(struct renew_leases_call *m, const struct slice *ids, int count) {
    m->find.op.kind = &store_find_runs_kind;
    m->find.organization = m->call.organization;
    m->find.ids = ids;
    m->find.count = count;
}

static void serve_shared(struct renew_leases_call *m) {
    struct slice *ids = ARENA_ARRAY(m->call.arena, struct slice, m->count);
    for (size_t i = 0; i < m->count; i++) {
        ids[i] = m->claims[i].run_id;
    }
    set_find(m, ids, (int)m->count);
    if (m->count == 0) {
        reply(m);
    } else if (!knows_all(m) || !note(m)) {
        service_call_store(&m->call, &m->find.op, found);
    }
}

static const struct error *read_request(struct renew_leases_call *m,
                                        const Runs__V1__RenewLeasesRequest *request) {
    struct violations v = {.arena = m->call.arena};
    lease_validate_wish(&v, "lease", request->lease, &m->wish);
    if (request->lease != NULL && request->lease->duration == NULL) {
        m->wish.duration_us =
            LEASE_MOST_S * INT64_C(1000000); // none lasts longer than it was acquired for
    }
    m->count = request->n_leases;
    if (m->count > LEASE_MOST_RENEWED) {
        violations_add(&v, "leases", "has %zu leases, at most %d are allowed", m->count,
                       LEASE_MOST_RENEWED);
        return v.error;
    }
    m->claims = ARENA_ARRAY(m->call.arena, struct lease_claim, m->count);
    for (size_t i = 0; i < m->count; i++) {
        const Runs__V1__HeldLease *held = request->leases[i];
        if (!run_validate_is_name(held->run_id)) {
            run_validate_id_in(&v, arena_printf(v.arena, "leases[%zu].runId", i), held->run_id);
        }
        if (held->attempt < 1) {
            lease_validate_attempt(&v, arena_printf(v.arena, "leases[%zu].attempt", i),
                                   held->attempt, 1);
        }
        m->claims[i] =
            (struct lease_claim){.run_id = slice_of_cstr(held->run_id), .attempt = held->attempt};
    }
    return v.error;
}

// Asks the store for the runs whose leases the table does not know; returns false if there are
// none.
static bool find_others(struct renew_leases_call *m) {
    struct slice *ids = ARENA_ARRAY(m->call.arena, struct slice, m->count);
    int count = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (m->claims[i].ret_state == LEASE_CLAIM_UNKNOWN) {
            ids[count++] = m->claims[i].run_id;
        }
    }
    if (count == 0) {
        return false;
    }
    set_find(m, ids, count);
    service_call_store(&m->call, &m->find.op, stored);
    return true;
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct renew_leases_call *m = CONTAINER_OF(call, struct renew_leases_call, call);
    const struct error *error = read_request(m, request);
    if (error != NULL) {
        return error;
    }
    // Before the leases are renewed, so that none ends sooner than its holder is told.
    m->begun_us = service_now_us(call->service);
    lease_table_renew(lease_keeper_table(call->service->leases), call->organization, m->wish.holder,
                      m->wish.duration_us, clock_monotonic_us(), m->claims, m->count);
    if (call->service->store->is_shared) {
        serve_shared(m);
    } else if (!find_others(m)) {
        reply(m);
    }
    return NULL;
}

const struct service_method renew_leases_method = {
    .path = "/runs.v1.RunsService/RenewLeases",
    .scope = SCOPE_RUNS_REPORT,
    .request_type = &runs__v1__renew_leases_request__descriptor,
    .call_bytes = sizeof(struct renew_leases_call),
    .serve = serve,
};
