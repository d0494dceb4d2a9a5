#ifndef RUNSD_STORAGE_POSTGRES_POSTGRES_OP_H
#define RUNSD_STORAGE_POSTGRES_POSTGRES_OP_H

#include "storage/op/store_op.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres/work.h"

// What the back-end does for one kind of operation: ops/NAME.c ends with postgres_NAME. Either it
// reads (read, or read_all), or it changes the store (want, decide).
//
// A change goes through these steps, in one transaction with all others of its batch; each step is
// done for all of them before the next one begins:
//   want    says which runs, organizations and keys it decides by (work_want_*), as far as it names
//           them. May be NULL. Then the organizations are locked, in the order of their names, and
//           all of it is read (work_load). Whatever is an organization's does not change from now
//           on until the end of the transaction but by its operations.
//   decide  decides, changes runs in memory (work_change_run and its like), and sets op->result.
//           May have more read, by work_want_run and work_load, or statements of its own: before
//           one that reads what operations change in memory, work_flush. Writes rows of its own,
//           such as a job's.
//           Then what is changed is written, set by set, and committed (work_flush).
// An operation that is_alone has its transaction to itself, on a connection apart from those of the
// quick ones: one that takes long, or that locks rows other than those of an organization that its
// kind names.
//
// Each returns PG_OK; PG_AGAIN to have the whole batch tried again with what is there then; else
// what the connection said. An answer is in op->arena; whatever is in work or in a result is
// copied.
struct postgres_op {
    void (*want)(struct work *work, struct store_op *op);
    enum pg_outcome (*decide)(struct work *work, struct store_op *op);
    bool is_alone;
    // Runs op on a connection without an open transaction; sets op->result. temporary is freed
    // afterwards: for parameters.
    enum pg_outcome (*read)(struct pg_connection *c, struct arena *temporary, struct store_op *op);
    // The same for all that wait of the kind at once, linked by next, in place of read.
    enum pg_outcome (*read_all)(struct pg_connection *c, struct arena *temporary,
                                struct store_op *ops);
    bool is_long; // a read that may take long by its kind: at most half of the readers run such
};

// By their kinds' index. Made by Bazel of the files.
extern const struct postgres_op *const postgres_ops[];
extern const size_t postgres_ops_count;

#endif
