#include "rpc/loop_ping.h"

#include "base/core/container_of.h"

static void answer(struct rpc_task *task) {
    watchdog_answer(&CONTAINER_OF(task, struct rpc_loop_ping, task)->watched);
}

static void ask(struct watchdog_loop *watched) {
    struct rpc_loop_ping *ping = CONTAINER_OF(watched, struct rpc_loop_ping, watched);
    ping->task.run = answer;
    rpc_loop_post(ping->loop, &ping->task);
}

void rpc_loop_ping_add(struct rpc_loop_ping *ping, struct watchdog *watchdog, const char *name,
                       struct rpc_loop *loop) {
    ping->loop = loop;
    ping->watched = (struct watchdog_loop){.name = name, .ask = ask};
    watchdog_add(watchdog, &ping->watched);
}
