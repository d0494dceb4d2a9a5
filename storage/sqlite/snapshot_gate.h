#ifndef RUNSD_STORAGE_SQLITE_SNAPSHOT_GATE_H
#define RUNSD_STORAGE_SQLITE_SNAPSHOT_GATE_H

#include <pthread.h>
#include <stdbool.h>

// Keeps the readers out while the writer restarts the log. Without it a reader
// that takes one snapshot after the other starves the checkpoint, which polls
// for the locks that it holds nearly always. Thread safe.
struct snapshot_gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;
    int inside;
};

void snapshot_gate_init(struct snapshot_gate *g);
void snapshot_gate_destroy(struct snapshot_gate *g);

// The readers' side, around each snapshot. Entering waits while it is closed.
void snapshot_gate_enter(struct snapshot_gate *g);
void snapshot_gate_leave(struct snapshot_gate *g);

// The writer's side. Closing waits for the snapshots that are being read.
void snapshot_gate_close(struct snapshot_gate *g);
void snapshot_gate_open(struct snapshot_gate *g);

#endif
