#ifndef RUNSD_RPC_BALANCER_INTERNAL_H
#define RUNSD_RPC_BALANCER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/thread/periodic.h"
#include "rpc/balancer.h"
#include "rpc/channel_internal.h"
#include "rpc/client_stream.h"

// The servers behind a channel, which call goes to which, and which of them serve. All on the
// loop's thread unless it says otherwise.

// How well a server would take a call; a greater one is better.
enum server_state {
    SERVER_UNREACHABLE,
    SERVER_NOT_SERVING,
    SERVER_UNKNOWN, // it was not heard of yet
    SERVER_SERVING,
};

struct balancer_server {
    struct balancer *balancer;
    uint64_t id; // never another's
    int place;   // bit of a call's tried, index of a method's at
    const struct rpc_remote *remote;
    char *address;
    struct rpc_channel *channel;
    bool is_leaving; // gets no more calls; freed when there is none
    // Written by the loop's thread alone.
    atomic_int_fast64_t calls, streams; // in flight
    atomic_int_fast64_t begun;          // calls and streams, in all

    // balancer_health.c
    enum server_state state; // written under the balancer's mutex, problem too
    char problem[128];
    bool is_heard;       // what follows is known
    bool is_reachable;   // it answers
    bool is_stopping;    // it said so, and nothing else since
    bool says_serving;   // what it said last
    bool has_watch;      // it may have the method Watch
    bool is_watching;    // watch is under way
    bool has_watch_news; // it has told something
    bool is_checking;    // check is under way
    int turns;           // until the next check
    struct rpc_client_method *watch_method, *check_method;
    struct rpc_client_stream watch;
    struct arena watch_arena;
    struct rpc_client_call check;
    struct arena check_arena;
};

// A method at the servers.
struct balanced_method {
    struct {
        uint64_t id; // of the server that method is of; 0: none
        struct rpc_client_method *method;
        int64_t unknown_until_us; // the server has no such method
    } at[RPC_MOST_SERVERS];
};

struct balancer_metrics;
struct balancer_names;

struct balancer {
    const struct logger *log;
    struct rpc_loop *loop;
    size_t max_reply_bytes;
    const struct rpc_remote *options;
    size_t option_count;
    pthread_mutex_t mutex; // guards servers, by_place and their states against other threads
    struct balancer_server *servers[RPC_MOST_SERVERS];
    int count;
    struct balancer_server *by_place[RPC_MOST_SERVERS];
    uint64_t last_id;
    int next;          // whose turn it is
    int64_t served_us; // when one was serving last
    struct balanced_call *waiting;
    bool is_stopping;
    struct periodic clock;
    struct rpc_task turn_task;
    atomic_bool is_turn_posted;
    struct balancer_names *names; // NULL: there is none
    struct balancer_metrics *metrics;
    // A server serves now, or does not any more.
    void (*changed)(struct balancer_server *server);
    // Something has ended at a server that is leaving.
    void (*ended)(struct balancer_server *server);
};

// --- balancer_choice.c ---

// As struct rpc_balancing has them.
struct rpc_client_method *balancer_choose(struct balanced_call *call);
bool balancer_end(struct balanced_call *call, enum attempt_end end);
struct balanced_method *balancer_new_method(void);
void balancer_release_method(struct rpc_client_method *method);

// Has calls that wait tried again.
void balancer_try_waiting(struct balancer *b);

// --- balancer_health.c ---

void server_health_init(struct balancer_server *server);

// A moment has passed.
void server_health_turn(struct balancer_server *server);

// Has what is under way end soon.
void server_health_stop(struct balancer_server *server);

// Whether nothing is under way.
bool server_health_is_over(const struct balancer_server *server);

// Once that is so.
void server_health_release(struct balancer_server *server);

// --- balancer_names.c ---

// What a name stands for now: count addresses, as numbers. On the thread of the names.
typedef void balancer_found(struct balancer *b, const struct rpc_remote *remote,
                            const char *const *addresses, size_t count);

// Looks the names among the servers up from now on. NULL if there are none.
struct balancer_names *balancer_names_start(struct balancer *b,
                                            const struct rpc_balancer_options *options,
                                            balancer_found *found);

// Soon. Thread safe. NULL is ignored.
void balancer_names_wake(struct balancer_names *names);

// NULL is ignored. Not on the loop's thread.
void balancer_names_stop(struct balancer_names *names);

// --- balancer_metrics.c ---

struct balancer_metrics *balancer_metrics_new(struct balancer *b, struct metrics *metrics);
void balancer_metrics_free(struct balancer_metrics *metrics);
void balancer_metrics_moved(struct balancer_metrics *metrics, enum attempt_end end);

#endif
