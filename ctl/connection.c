#include "ctl/connection.h"

#include <signal.h>
#include <string.h>

#include "base/core/clock.h"

// Replies are lists of up to a thousand runs.
enum { MAX_REPLY_BYTES = 256 << 20 };

// Blocks all signals in the threads that are started until the mask is set again: gRPC core's own
// would else take a signal that is sent to the process from the command's thread.
static void block_signals(sigset_t *ret_before) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

static struct slice authorization_of(struct arena *a, const char *token) {
    return token[0] == '\0' ? SLICE_EMPTY : slice_of_cstr(arena_printf(a, "Bearer %s", token));
}

const struct error *connection_open(struct arena *a, const struct rpc_remote_options *options,
                                    const char *token, const char *request_id, int64_t timeout_ms,
                                    struct connection *ret_connection) {
    struct rpc_remote remote;
    const struct error *error = rpc_remote_open(a, options, &remote);
    if (error != NULL) {
        return error;
    }
    sigset_t before;
    block_signals(&before);
    struct rpc_loop *loop = rpc_loop_new("rpc");
    const struct rpc_channel_options channel = {
        .address = &remote.address,
        .credentials = remote.credentials,
        .max_reply_bytes = MAX_REPLY_BYTES,
    };
    *ret_connection = (struct connection){
        .remote = remote,
        .loop = loop,
        .channel = rpc_channel_new(loop, &channel),
        .authorization = authorization_of(a, token),
        .request_id = slice_of_cstr(request_id),
        .timeout_ms = timeout_ms,
        .server = remote.address.text,
        .shows_certificate = remote.is_tls && options->cert.path != NULL,
    };
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return NULL;
}

void connection_open_in_process(struct arena *a, struct rpc_server *server, const char *token,
                                const char *request_id, int64_t timeout_ms,
                                struct connection *ret_connection) {
    sigset_t before;
    block_signals(&before);
    struct rpc_loop *loop = rpc_loop_new("rpc");
    *ret_connection = (struct connection){
        .loop = loop,
        .channel = rpc_channel_new_in_process(loop, server, MAX_REPLY_BYTES),
        .authorization = authorization_of(a, token),
        .request_id = slice_of_cstr(request_id),
        .timeout_ms = timeout_ms,
        .server = "this process",
    };
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

// Of our services: as google.aip.dev/131 and 132 name methods that only read, CountRuns, and the
// check of gRPC's health service.
static bool is_read(const char *path) {
    const char *method = strrchr(path, '/') + 1;
    return strncmp(method, "Get", 3) == 0 || strncmp(method, "List", 4) == 0 ||
           strncmp(method, "Count", 5) == 0 || strcmp(method, "Check") == 0;
}

const struct error *connection_call(struct connection *c, struct arena *a, const char *path,
                                    struct slice request, struct slice *ret_response) {
    const struct rpc_metadata metadata[] = {{"x-request-id", c->request_id},
                                            {"authorization", c->authorization}};
    struct rpc_client_call call = {
        .method = rpc_channel_method(c->channel, path),
        .request = request,
        .metadata = metadata,
        .metadata_count = c->authorization.len > 0 ? 2 : 1,
        .deadline_us = clock_monotonic_us() + c->timeout_ms * 1000,
        .is_read = is_read(path),
        .arena = a,
    };
    rpc_client_call_wait(&call);
    if (call.error == NULL) {
        *ret_response = arena_copy(a, call.response);
    }
    rpc_client_call_release(&call);
    return call.error;
}

void connection_close(struct connection *c) {
    rpc_channel_free(c->channel);
    rpc_loop_free(c->loop);
    rpc_remote_close(&c->remote);
    *c = (struct connection){0};
}
