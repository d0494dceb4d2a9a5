#include "rpc/loop_internal.h"
#include "rpc/loop_round_internal.h"

void rpc_loop_run_round(struct rpc_loop *loop, struct rpc_task *newest) {
    struct rpc_round *round = loop->round; // of the whole round, also if a task removes it
    if (round == NULL) {
        rpc_loop_run_tasks(newest);
        return;
    }
    size_t count = 0;
    for (const struct rpc_task *task = newest; task != NULL; task = task->next) {
        count++;
    }
    round->begin(round, count);
    rpc_loop_run_tasks(newest);
    if (loop->round == round) {
        round->end(round);
    }
}

void rpc_loop_end_turn(struct rpc_loop *loop) {
    if (loop->round != NULL && loop->round->turned != NULL) {
        loop->round->turned(loop->round);
    }
}

struct round_change {
    struct rpc_loop *loop;
    struct rpc_round *round;
};

static void add_round(void *context) {
    const struct round_change *change = context;
    if (change->loop->round == NULL) {
        change->loop->round = change->round;
    }
}

static void remove_round(void *context) {
    const struct round_change *change = context;
    if (change->loop->round == change->round) {
        change->round->end(change->round);
        change->loop->round = NULL;
    }
}

void rpc_loop_add_round(struct rpc_loop *loop, struct rpc_round *round) {
    rpc_loop_call(loop, add_round, &(struct round_change){loop, round});
}

void rpc_loop_remove_round(struct rpc_loop *loop, struct rpc_round *round) {
    rpc_loop_call(loop, remove_round, &(struct round_change){loop, round});
}
