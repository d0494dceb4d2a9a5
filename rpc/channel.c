#include "rpc/channel.h"

#include <grpc/grpc_security.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "rpc/channel_internal.h"
#include "rpc/credentials_internal.h"
#include "rpc/server_direct_internal.h"
#include "rpc/target_internal.h"

enum {
    DEFAULT_MAX_REPLY_BYTES = 4 * 1024 * 1024,
    MAX_METADATA_BYTES = 64 * 1024,
    // A server that was restarted is found again within a second.
    FIRST_BACKOFF_MS = 100,
    LONGEST_BACKOFF_MS = 1000,
    CONNECT_TIMEOUT_MS = 5 * 1000,
    RESOLVE_INTERVAL_MS = 1000,
    KEEPALIVE_TIME_MS = 60 * 1000,
    KEEPALIVE_TIMEOUT_MS = 20 * 1000,
    // gRPC core keeps what was registered as long as the channel: more are called by their
    // path, which costs a little more a call.
    MOST_REGISTERED = 4096,
};

// gRPC core exports this function, which its C++ and Python bindings use, but
// under its C++ name and in none of its installed headers. This is the one place
// that knows; tests/rpc proves that the call works.
grpc_channel *inproc_channel_create(
    grpc_server *server, const grpc_channel_args *args,
    void *reserved) __asm__("_Z26grpc_inproc_channel_createP11grpc_serverPK17grpc_channel_argsPv");

static grpc_arg integer(const char *key, int value) {
    return (grpc_arg){
        .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static struct rpc_channel *new_channel(struct rpc_loop *loop, grpc_channel *core,
                                       size_t max_reply_bytes) {
    struct rpc_channel *channel = mem_zalloc(sizeof(*channel));
    channel->loop = loop;
    channel->queue = rpc_loop_queue(loop);
    channel->core = core;
    channel->max_reply_bytes = max_reply_bytes;
    pthread_mutex_init(&channel->mutex, NULL);
    return channel;
}

// What a channel is made of again.
struct rpc_channel_renewal {
    const struct rpc_channel_credentials *credentials;
    uint64_t number; // that core was made with
    int longest_backoff_ms;
    char *target;
};

static grpc_channel *new_core(const char *target, const struct rpc_channel_credentials *credentials,
                              int core_limit, int longest_backoff_ms) {
    grpc_arg args[] = {
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, core_limit),
        integer(GRPC_ARG_MAX_METADATA_SIZE, MAX_METADATA_BYTES),
        integer(GRPC_ARG_ENABLE_RETRIES, 0),
        integer(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
        integer(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        // We do it, within a bound (rpc/message_internal.h).
        integer(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        // Channels do not share connections: one's trouble is not another's.
        integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        integer(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, FIRST_BACKOFF_MS),
        integer(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, longest_backoff_ms),
        integer(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_TIMEOUT_MS),
        integer(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, RESOLVE_INTERVAL_MS),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_TIME_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
        integer(GRPC_ARG_ENABLE_CHANNELZ, 0),
        {.type = GRPC_ARG_STRING,
         .key = (char *)(uintptr_t)GRPC_SSL_TARGET_NAME_OVERRIDE_ARG,
         .value.string = (char *)(uintptr_t)credentials->server_name},
    };
    size_t count = sizeof(args) / sizeof(args[0]) - (credentials->server_name == NULL ? 1 : 0);
    grpc_channel_args list = {count, args};
    grpc_channel_credentials *core_credentials = credentials->core(credentials);
    grpc_channel *core = grpc_channel_create(target, core_credentials, &list);
    grpc_channel_credentials_release(core_credentials);
    return core;
}

struct rpc_channel *rpc_channel_new(struct rpc_loop *loop,
                                    const struct rpc_channel_options *options) {
    const struct rpc_channel_credentials *credentials = options->credentials;
    CHECK(credentials != NULL);
    size_t max_bytes =
        options->max_reply_bytes != 0 ? options->max_reply_bytes : DEFAULT_MAX_REPLY_BYTES;
    // One byte above ours, which no server has for its own: see client_error_internal.h.
    int core_limit = max_bytes >= INT_MAX ? INT_MAX : (int)max_bytes + 1;
    struct arena scratch;
    arena_init(&scratch);
    const char *target = rpc_target(&scratch, options->address);
    uint64_t number = credentials->number != NULL ? credentials->number(credentials) : 0;
    int backoff_ms =
        options->longest_backoff_ms != 0 ? options->longest_backoff_ms : LONGEST_BACKOFF_MS;
    struct rpc_channel *channel =
        new_channel(loop, new_core(target, credentials, core_limit, backoff_ms), max_bytes);
    channel->core_limit = core_limit;
    if (credentials->number != NULL) {
        channel->renewal = mem_zalloc(sizeof(*channel->renewal));
        *channel->renewal =
            (struct rpc_channel_renewal){credentials, number, backoff_ms, mem_strdup(target)};
    }
    arena_release(&scratch);
    return channel;
}

struct rpc_channel *rpc_channel_new_in_process(struct rpc_loop *loop, struct rpc_server *server,
                                               size_t max_reply_bytes) {
    size_t max_bytes = max_reply_bytes != 0 ? max_reply_bytes : DEFAULT_MAX_REPLY_BYTES;
    grpc_arg args[] = {
        // What is larger than ours is here already: we look at it ourselves.
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1),
        integer(GRPC_ARG_ENABLE_CHANNELZ, 0),
    };
    grpc_channel_args list = {sizeof(args) / sizeof(args[0]), args};
    struct rpc_channel *channel =
        new_channel(loop, inproc_channel_create(server->core, &list, NULL), max_bytes);
    channel->errors_in_trailers = server->errors_in_trailers;
    channel->is_in_process = true;
    channel->direct_server = rpc_server_direct_serves(server, loop) ? server : NULL;
    return channel;
}

struct rpc_channel *rpc_channel_new_of(struct rpc_loop *loop, size_t max_reply_bytes,
                                       const struct rpc_balancing *balancing,
                                       struct balancer *balancer) {
    size_t max_bytes = max_reply_bytes != 0 ? max_reply_bytes : DEFAULT_MAX_REPLY_BYTES;
    struct rpc_channel *channel = new_channel(loop, NULL, max_bytes);
    channel->balancing = balancing;
    channel->balancer = balancer;
    return channel;
}

struct rpc_client_method *rpc_channel_method(struct rpc_channel *channel, const char *path) {
    pthread_mutex_lock(&channel->mutex);
    struct rpc_client_method *method = channel->methods;
    while (method != NULL && strcmp(method->path, path) != 0) {
        method = method->next;
    }
    if (method == NULL) {
        method = mem_zalloc(sizeof(*method));
        method->channel = channel;
        method->path = mem_strdup(path);
        if (channel->direct_server != NULL) {
            method->direct = rpc_server_direct_find(channel->direct_server, path);
        }
        if (channel->balancing != NULL) {
            method->balanced = channel->balancing->new_method();
        } else if (channel->method_count < MOST_REGISTERED && channel->renewal == NULL) {
            method->registered =
                grpc_channel_register_call(channel->core, method->path, NULL, NULL);
        }
        method->next = channel->methods;
        channel->methods = method;
        channel->method_count++;
    }
    method->uses++;
    pthread_mutex_unlock(&channel->mutex);
    return method;
}

static void free_method(struct rpc_client_method *method) {
    free(method->balanced);
    free(method->path);
    free(method);
}

void rpc_channel_method_release(struct rpc_client_method *method) {
    struct rpc_channel *channel = method->channel;
    pthread_mutex_lock(&channel->mutex);
    method->uses--;
    if (method->uses == 0 && method->registered == NULL) {
        struct rpc_client_method **link = &channel->methods;
        while (*link != method) {
            link = &(*link)->next;
        }
        *link = method->next;
        channel->method_count--;
        if (method->balanced != NULL) {
            channel->balancing->release_method(method);
        }
        free_method(method);
    }
    pthread_mutex_unlock(&channel->mutex);
}

size_t rpc_channel_method_count(struct rpc_channel *channel) {
    pthread_mutex_lock(&channel->mutex);
    size_t count = channel->method_count;
    pthread_mutex_unlock(&channel->mutex);
    return count;
}

static grpc_call *new_call(const struct rpc_client_method *method, gpr_timespec deadline) {
    const struct rpc_channel *channel = method->channel;
    return method->registered != NULL
               ? grpc_channel_create_registered_call(channel->core, NULL, GRPC_PROPAGATE_DEFAULTS,
                                                     channel->queue, method->registered, deadline,
                                                     NULL)
               : grpc_channel_create_call(
                     channel->core, NULL, GRPC_PROPAGATE_DEFAULTS, channel->queue,
                     grpc_slice_from_copied_string(method->path), NULL, deadline, NULL);
}

// Makes core again if the credentials have changed, with the mutex held. Returns the one before, to
// be destroyed, or NULL.
static grpc_channel *renew(struct rpc_channel *channel) {
    struct rpc_channel_renewal *renewal = channel->renewal;
    uint64_t number = renewal->credentials->number(renewal->credentials);
    if (number == renewal->number) {
        return NULL;
    }
    grpc_channel *before = channel->core;
    renewal->number = number;
    channel->core = new_core(renewal->target, renewal->credentials, channel->core_limit,
                             renewal->longest_backoff_ms);
    return before;
}

grpc_call *rpc_channel_new_call(const struct rpc_client_method *method, gpr_timespec deadline) {
    struct rpc_channel *channel = method->channel;
    if (channel->renewal == NULL) {
        return new_call(method, deadline);
    }
    pthread_mutex_lock(&channel->mutex);
    grpc_channel *before = renew(channel);
    grpc_call *call = new_call(method, deadline);
    pthread_mutex_unlock(&channel->mutex);
    if (before != NULL) {
        grpc_channel_destroy(before); // calls in flight have its connection until they end
    }
    return call;
}

void rpc_channel_free(struct rpc_channel *channel) {
    if (channel == NULL) {
        return;
    }
    if (channel->balancing != NULL) {
        channel->balancing->free(channel->balancer);
    } else {
        grpc_channel_destroy(channel->core);
    }
    while (channel->methods != NULL) {
        struct rpc_client_method *next = channel->methods->next;
        free_method(channel->methods);
        channel->methods = next;
    }
    if (channel->renewal != NULL) {
        free(channel->renewal->target);
        free(channel->renewal);
    }
    pthread_mutex_destroy(&channel->mutex);
    free(channel);
}
