#include "server/lease/stop_look.h"

#include <stdlib.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "storage/op/get_run.h"

struct stop_look {
    struct store_get_run get;
    struct run_store *store;
    struct stop_waits *waits;
    struct arena arena;
};

static void looked(struct store_op *op) {
    struct stop_look *look = CONTAINER_OF(op, struct stop_look, get.op);
    if (op->result == STORE_OK && look->get.ret.stopped_at_us != 0) {
        stop_waits_tell(look->waits, look->get.organization, look->get.id, &look->get.ret);
    }
    arena_release(&look->arena);
    free(look);
}

struct stop_look *stop_look_new(struct run_store *store, struct stop_waits *waits,
                                struct slice organization, struct slice run_id) {
    struct stop_look *look = mem_zalloc(sizeof(*look));
    arena_init(&look->arena);
    look->store = store;
    look->waits = waits;
    look->get.op =
        (struct store_op){.kind = &store_get_run_kind, .arena = &look->arena, .done = looked};
    look->get.organization = arena_copy(&look->arena, organization);
    look->get.id = arena_copy(&look->arena, run_id);
    return look;
}

void stop_look_begin(struct stop_look *look) {
    run_store_submit(look->store, &look->get.op);
}
