#include "storage/sqlite/snapshot_gate.h"

void snapshot_gate_init(struct snapshot_gate *g) {
    *g = (struct snapshot_gate){.inside = 0};
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->changed, NULL);
}

void snapshot_gate_destroy(struct snapshot_gate *g) {
    pthread_cond_destroy(&g->changed);
    pthread_mutex_destroy(&g->lock);
}

void snapshot_gate_enter(struct snapshot_gate *g) {
    pthread_mutex_lock(&g->lock);
    while (g->closed) {
        pthread_cond_wait(&g->changed, &g->lock);
    }
    g->inside++;
    pthread_mutex_unlock(&g->lock);
}

void snapshot_gate_leave(struct snapshot_gate *g) {
    pthread_mutex_lock(&g->lock);
    g->inside--;
    bool awaited = g->closed;
    pthread_mutex_unlock(&g->lock);
    if (awaited) {
        pthread_cond_broadcast(&g->changed);
    }
}

void snapshot_gate_close(struct snapshot_gate *g) {
    pthread_mutex_lock(&g->lock);
    g->closed = true;
    while (g->inside > 0) {
        pthread_cond_wait(&g->changed, &g->lock);
    }
    pthread_mutex_unlock(&g->lock);
}

void snapshot_gate_open(struct snapshot_gate *g) {
    pthread_mutex_lock(&g->lock);
    g->closed = false;
    pthread_mutex_unlock(&g->lock);
    pthread_cond_broadcast(&g->changed);
}
