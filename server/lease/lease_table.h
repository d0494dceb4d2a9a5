#ifndef RUNSD_SERVER_LEASE_LEASE_TABLE_H
#define RUNSD_SERVER_LEASE_LEASE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/metrics/metrics.h"

// The leases that are held, in memory: which attempt of a run is whose, and until when. Who holds
// a run is the store's to say; the end of a lease is here alone, on the monotonic clock, so that a
// renewal writes nothing to the disk. Thread safe.
//
// Where other servers serve the store, too, a lease that is renewed here may be another's to end,
// and nobody knows for sure whose: the table says of a renewal that it has to be noted in the store
// first (ret_is_to_note), and promises no more than was noted (lease_table_noted). A lease that
// lasts for most of its duration by what was noted is renewed without.
//
// A lease takes some 180 bytes with names of 40 bytes in all (1,000,000: 180 MB).

struct lease_table;

// A lease.
struct lease {
    struct slice organization; // 1 to 128 bytes, as the run's id
    struct slice run_id;
    struct slice holder; // 1 to 256 bytes
    int64_t attempt;
    int64_t duration_us; // how long it lasts unless it is renewed
};

// What the table says of a lease that its holder wants to keep.
enum lease_claim_state {
    LEASE_CLAIM_KEPT,    // it lasts for ret_left_us from now on
    LEASE_CLAIM_ENDING,  // its end came, and the store is being told: it is lost
    LEASE_CLAIM_UNKNOWN, // the store has to be asked
};

// What a holder claims, and what became of it.
struct lease_claim {
    struct slice run_id;
    int64_t attempt;
    enum lease_claim_state ret_state;
    int64_t ret_left_us;
    bool ret_is_to_note; // of one that is kept: ret_left_us holds once it is noted
};

struct lease_table *lease_table_new(void);

// Has the table count renewals in metrics. Before another thread uses it.
void lease_table_tell(struct lease_table *table, struct metrics *metrics);

// NULL is ignored.
void lease_table_free(struct lease_table *table);

// How many leases it has.
size_t lease_table_count(struct lease_table *table);

// Adds a lease that an executor got, which lasts for its duration from now_us (clock_monotonic_us,
// as all instants here) on. Copies it. Ignored if the table has heard of the end of that attempt,
// or of a newer one: it may hear of things in another order than the store made them in.
void lease_table_put(struct lease_table *table, const struct lease *lease, int64_t now_us);

// It is noted that the lease lasts for left_us from now_us on. One that the table did not
// have, as the store says, is put there.
void lease_table_noted(struct lease_table *table, const struct lease *lease, int64_t left_us,
                       int64_t now_us);

// The attempt's lease has ended, or the run is final and that was its last attempt: the lease is
// removed. Returns whether it was there, so that the run was held until now.
bool lease_table_remove(struct lease_table *table, struct slice organization, struct slice run_id,
                        int64_t attempt, int64_t now_us);

// Renews what holder has of the claims: each lasts for duration_us from now_us on, but for no
// longer than its own duration, which is what it lasts for after a restart, and never ends sooner
// than it would have.
void lease_table_renew(struct lease_table *table, struct slice organization, struct slice holder,
                       int64_t duration_us, int64_t now_us, struct lease_claim *claims,
                       size_t count);

// Takes up to most leases whose end has come, into ret, with their names in a; returns how many.
// They are ending from now on: lease_table_remove follows, or lease_table_retry.
int lease_table_take_ended(struct lease_table *table, int64_t now_us, int most, struct arena *a,
                           struct lease *ret);

// The lease that is ending could not be ended: it is taken again at at_us.
void lease_table_retry(struct lease_table *table, struct slice organization, struct slice run_id,
                       int64_t attempt, int64_t at_us);

// The lease that is ending was renewed at another server: it is held until end_us.
void lease_table_resume(struct lease_table *table, struct slice organization, struct slice run_id,
                        int64_t attempt, int64_t end_us);

// Forgets leases whose end has come: another server ends them.
void lease_table_drop_ended(struct lease_table *table, int64_t now_us);

// Several servers end leases, by turns: renewals are to be noted. Before another thread uses the
// table.
void lease_table_share(struct lease_table *table);

// The server was not there for a while: each lease that the table has lasts for at least its
// duration from now_us on. Costs the same for any number of them.
void lease_table_extend(struct lease_table *table, int64_t now_us);

// When lease_table_take_ended may have something to take; INT64_MAX: not before a change.
int64_t lease_table_due_us(struct lease_table *table);

#endif
