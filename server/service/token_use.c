#include "server/service/token_use.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "base/thread/periodic.h"
#include "storage/op/note_token_use.h"

// How long an operation may wait: a store that takes no changes is asked again another time.
enum { PATIENCE_MS = 5000 };

struct token_use {
    const struct service *service;
    struct periodic thread;
};

// Stores up to STORE_TOKEN_USES tokens. Returns whether there may be more, and they can be
// stored.
static bool store_some(const struct service *service, struct arena *a) {
    struct token_record uses[STORE_TOKEN_USES];
    int count = token_table_take_used(service->tokens, STORE_TOKEN_USES, uses);
    if (count == 0) {
        return false;
    }
    struct store_note_token_use note = {
        .op = {.kind = &store_note_token_use_kind,
               .arena = a,
               .deadline_us = clock_monotonic_us() + PATIENCE_MS * INT64_C(1000)},
        .uses = uses,
        .count = count,
    };
    store_op_submit_and_wait(service->store, &note.op);
    if (note.op.result == STORE_OK) {
        return count == STORE_TOKEN_USES;
    }
    if (note.op.result == STORE_UNAVAILABLE) { // a number may be stored: rather too few than twice
        for (int i = 0; i < count; i++) {
            uses[i].denials = 0;
            uses[i].refusals = 0;
        }
    }
    token_table_give_back(service->tokens, uses, count);
    LOG(service->log, LOG_DEBUG, "the last uses of tokens could not be stored yet",
        log_text("detail", note.op.detail != NULL ? note.op.detail : ""));
    return false;
}

static void store_all(const struct service *service) {
    struct arena a;
    arena_init(&a);
    while (store_some(service, &a)) {
        arena_reset(&a);
    }
    arena_release(&a);
}

static void turn(void *context) {
    struct token_use *use = context;
    store_all(use->service);
}

struct token_use *token_use_start(const struct service *service, int64_t interval_ms) {
    struct token_use *use = mem_zalloc(sizeof(*use));
    use->service = service;
    periodic_start(&use->thread, "token-use", interval_ms > 0 ? interval_ms : TOKEN_USE_DEFAULT_MS,
                   turn, use);
    return use;
}

void token_use_stop(struct token_use *use) {
    if (use == NULL) {
        return;
    }
    periodic_stop(&use->thread);
    store_all(use->service); // what came since the last turn
    free(use);
}
