#include "server/service/token_refresh.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/memory.h"
#include "base/thread/periodic.h"
#include "storage/op/list_tokens.h"

enum {
    // How often the thread looks whether it is wanted. Whoever wants it is there for longer than
    // it.
    TURN_MS = 50,
    // How long an operation may wait.
    PATIENCE_MS = 5000,
};

struct token_refresh {
    const struct service *service;
    atomic_bool is_wanted;
    struct periodic thread;
};

static void turn(void *context) {
    struct token_refresh *refresh = context;
    if (!atomic_exchange(&refresh->is_wanted, false)) {
        return;
    }
    const struct service *service = refresh->service;
    struct arena a;
    arena_init(&a);
    struct store_list_tokens list = {
        .op = {.kind = &store_list_tokens_kind,
               .arena = &a,
               .deadline_us = clock_monotonic_us() + PATIENCE_MS * INT64_C(1000)},
    };
    uint64_t since = token_table_generation(service->tokens);
    store_op_submit_and_wait(service->store, &list.op);
    if (list.op.result == STORE_OK) {
        token_table_refresh(service->tokens, list.ret_tokens, list.ret_count, since);
    } else {
        atomic_store(&refresh->is_wanted, true);
        LOG(service->log, LOG_DEBUG, "the tokens that others changed cannot be read yet",
            log_text("detail", list.op.detail != NULL ? list.op.detail : ""));
    }
    arena_release(&a);
}

struct token_refresh *token_refresh_start(const struct service *service) {
    struct token_refresh *refresh = mem_zalloc(sizeof(*refresh));
    refresh->service = service;
    atomic_init(&refresh->is_wanted, true);
    periodic_start(&refresh->thread, "token-refresh", TURN_MS, turn, refresh);
    return refresh;
}

void token_refresh_want(struct token_refresh *refresh) {
    atomic_store(&refresh->is_wanted, true);
}

void token_refresh_stop(struct token_refresh *refresh) {
    if (refresh != NULL) {
        periodic_stop(&refresh->thread);
    }
}

void token_refresh_free(struct token_refresh *refresh) {
    free(refresh);
}
