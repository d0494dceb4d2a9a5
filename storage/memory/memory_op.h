#ifndef RUNSD_STORAGE_MEMORY_MEMORY_OP_H
#define RUNSD_STORAGE_MEMORY_MEMORY_OP_H

#include "storage/memory/memory_tables.h"
#include "storage/op/store_op.h"

// What the back-end does for one kind of operation: ops/NAME.c ends with memory_NAME.
struct memory_op {
    // Runs op; the caller holds the store's lock. What it answers is in op->arena.
    enum store_result (*run)(struct memory_tables *tables, struct store_op *op);
};

// By their kinds' index. Made by Bazel of the files.
extern const struct memory_op *const memory_ops[];
extern const size_t memory_ops_count;

#endif
