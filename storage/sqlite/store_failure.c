#include "storage/sqlite/store_failure.h"

#include <stdio.h>

#include "storage/op/store_op.h"

void store_failure_raise(struct store_failure *f, const char *detail) {
    if (atomic_exchange(&f->claimed, true)) {
        return;
    }
    snprintf(f->detail, sizeof(f->detail), "%s", detail);
    atomic_store_explicit(&f->raised, true, memory_order_release);
    LOG(f->log, LOG_ERROR, "store failed, restart to recover", log_text("detail", f->detail));
    if (f->on_failure != NULL) {
        f->on_failure(f->context, f->detail);
    }
}

void store_failure_answer(struct store_failure *f, struct store_op *op) {
    op->result = STORE_STOPPED;
    op->detail = arena_printf(op->arena, "%s", f->detail);
    store_metrics_answer(f->metrics, op);
}
