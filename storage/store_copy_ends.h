#ifndef RUNSD_STORAGE_STORE_COPY_ENDS_H
#define RUNSD_STORAGE_STORE_COPY_ENDS_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/run_store.h"
#include "storage/store_table.h"

// The two ends of a copy, as a back-end has them (storage/store_backend.h). One thread uses each.

enum { STORE_STATE_BYTES = 16 };

// Which store it is, and what there is in it.
struct store_identity {
    uint8_t secret[STORE_SECRET_BYTES];
    uint64_t epoch;
    uint8_t state[STORE_STATE_BYTES]; // another one once a server has changed anything
};

// How far a copy is. A target that has one is no store yet: it is not served.
struct store_copy_mark {
    struct store_identity source;
    int64_t table; // enum store_table_index; STORE_TABLE_COUNT: all rows are there; more: settled
    int64_t rows;  // of that table
};

enum { STORE_COPY_SETTLED = STORE_TABLE_COUNT + 1 };

// --- what is read ---

struct store_source {
    const struct store_source_ops *ops;
    struct store_identity identity;
};

// Errors are in a; of all: UNAVAILABLE, where it cannot be read, and DATA_LOSS, where a row is no
// sound one.
struct store_source_ops {
    // About how many rows the table has.
    const struct error *(*count)(struct store_source *s, struct arena *a,
                                 enum store_table_index table, int64_t *ret);
    // Begins to read the table, behind its first skip rows; with in_order in the order in which
    // they came to be, which is the same each time.
    const struct error *(*begin)(struct store_source *s, struct arena *a,
                                 enum store_table_index table, int64_t skip, bool in_order);
    // Reads the next rows, of some megabytes at most, into a; none: there are no more.
    const struct error *(*read)(struct store_source *s, struct arena *a, struct store_rows *ret);
    // After all was read: FAILED_PRECONDITION if somebody changed the store meanwhile, or may have.
    const struct error *(*confirm)(struct store_source *s, struct arena *a);
    void (*close)(struct store_source *s);
};

// --- what is written ---

struct store_target {
    const struct store_target_ops *ops;
    bool has_mark; // else it is empty
    struct store_copy_mark mark;
};

// Errors are in a: UNAVAILABLE, and ABORTED if another copy writes to the same store.
struct store_target_ops {
    // Notes in an empty store that it is a copy, of which mark says how far it is.
    const struct error *(*begin)(struct store_target *t, struct arena *a,
                                 const struct store_copy_mark *mark);
    // Adds rows of the table, and writes the mark, which says so, in one transaction.
    const struct error *(*put)(struct store_target *t, struct arena *a,
                               enum store_table_index table, const struct store_rows *rows,
                               const struct store_copy_mark *mark);
    // Once all rows are there: works out what only this back-end has, and writes the mark.
    const struct error *(*settle)(struct store_target *t, struct arena *a,
                                  const struct store_copy_mark *mark);
    // Makes it the store: with the source's secret and epoch, and without a mark.
    const struct error *(*complete)(struct store_target *t, struct arena *a,
                                    const struct store_identity *source);
    void (*close)(struct store_target *t);
};

// --- what both back-ends say, as errors in a ---

// FAILED_PRECONDITION: store is one that has a mark.
const struct error *store_copy_refuse_half(struct arena *a, const char *store);

// FAILED_PRECONDITION: store, which is to be a target, has something in it.
const struct error *store_copy_refuse_filled(struct arena *a, const char *store, int64_t runs,
                                             int64_t tokens);

#endif
