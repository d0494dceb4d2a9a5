#include "rpc/server_listen.h"

#include <grpc/grpc_security.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/net/socket_file.h"
#include "base/process/descriptor_limit.h"
#include "rpc/credentials_internal.h"
#include "rpc/server_listen_internal.h"

// Where a server listens. gRPC core never has a listening socket: one of its own is deaf
// for good once the process was out of descriptors (CVE-2023-4785, in 1.51.1). We accept,
// and hand connections over by the way that gRPC C++ has for it (its
// ExternalConnectionAcceptor), so that handshake time-outs, credentials and the peer's
// address are as if core had accepted: of a port named "external:...", core writes its
// handler to where a channel argument of that name points.

// One for each of a server's ports.
static const char *const port_names[] = {"external:0", "external:1", "external:2", "external:3"};
_Static_assert(sizeof(port_names) / sizeof(port_names[0]) == RPC_SERVER_PORTS, "a name a port");

enum {
    // A last guard, should other things than connections take descriptors: as long as
    // there are so many, a connection is not kept.
    LAST_DESCRIPTORS = 16,
};

// grpc_core::TcpServerFdHandler as C sees it: an object that begins with the table of
// its virtual functions. gRPC core exports the class but installs no header of it. This
// is the one place that knows; tests/rpc proves that the call works.
struct rpc_fd_handler_functions {
    void (*destroy)(struct rpc_fd_handler *handler);
    void (*destroy_and_free)(struct rpc_fd_handler *handler);
    // Takes connection over; what was read of it already is none.
    void (*handle)(struct rpc_fd_handler *handler, int listener, int connection,
                   grpc_byte_buffer *read);
};

struct rpc_fd_handler {
    const struct rpc_fd_handler_functions *functions;
};

// --- the channel argument; what it points to is the server's ---

static void *copy_pointer(void *p) {
    return p;
}

static void destroy_pointer(void *p) {
    (void)p;
}

static int compare_pointers(void *a, void *b) {
    return a < b ? -1 : a > b;
}

grpc_arg rpc_server_listen_argument(struct rpc_server *server, int port) {
    static const grpc_arg_pointer_vtable functions = {copy_pointer, destroy_pointer,
                                                      compare_pointers};
    return (grpc_arg){.type = GRPC_ARG_POINTER,
                      .key = (char *)(uintptr_t)port_names[port],
                      .value.pointer = {&server->ports[port].handler, &functions}};
}

// --- taking connections ---

// What core sets of its own listeners.
static void set_tcp_options(int connection) {
    int yes = 1;
    int timeout_ms = RPC_KEEPALIVE_TIMEOUT_MS;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(connection, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static void take_connection(void *context, int listener, int connection) {
    const struct rpc_server_port *port = context;
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(peer);
    if (getpeername(connection, (struct sockaddr *)&peer, &length) != 0) {
        close(connection); // it has gone already, of which core makes an error in the log
        return;
    }
    if (peer.ss_family != AF_UNIX) {
        set_tcp_options(connection);
        server_cork_add(&port->server->cork, connection);
    }
    port->handler->functions->handle(port->handler, listener, connection, NULL);
}

// --- how answers leave ---

static void begin_round(struct rpc_round *round, size_t tasks) {
    server_cork_begin(&CONTAINER_OF(round, struct rpc_server, round)->cork, tasks);
}

static void end_round(struct rpc_round *round) {
    server_cork_end(&CONTAINER_OF(round, struct rpc_server, round)->cork);
}

// --- what is counted ---

static void collect(void *context, struct metrics_collection *collection) {
    const struct rpc_server *server = context;
    const struct rpc_server_metrics *m = server->metrics;
    static const char *const limit[] = {"limit"};
    static const char *const descriptors[] = {"descriptors"};
    struct accept_counts counts;
    accept_thread_count(server->accept_thread, &counts);
    metrics_collect(collection, m->connections, NULL, (double)counts.open);
    metrics_collect(collection, m->connections_limit, NULL, server->max_connections);
    metrics_collect(collection, m->accepted, NULL, (double)counts.accepted);
    metrics_collect(collection, m->refused_connections, limit, (double)counts.refused_full);
    metrics_collect(collection, m->refused_connections, descriptors,
                    (double)counts.refused_shortage);
}

// --- the thread's life ---

void rpc_server_listen_start(struct rpc_server *server) {
    if (server->accept_thread == NULL) {
        return;
    }
    metrics_add_collector(server->metrics->registry, collect, server);
    server->round = (struct rpc_round){begin_round, end_round, end_round};
    rpc_loop_add_round(server->loop, &server->round);
    accept_thread_start(server->accept_thread, server->guard);
}

void rpc_server_listen_end(struct rpc_server *server) {
    if (server->accept_thread != NULL) {
        rpc_loop_remove_round(server->loop, &server->round);
    }
}

// --- listeners ---

static int max_descriptor(void) {
    int64_t limit = descriptor_limit();
    return limit > INT32_MAX ? INT32_MAX : (int)limit - LAST_DESCRIPTORS;
}

static struct accept_thread *new_accept_thread(struct rpc_server *server) {
    const struct accept_thread_options options = {
        .log = server->log,
        .what = "gRPC",
        .option = "--max-grpc-connections",
        .max_connections = server->max_connections,
        .max_descriptor = max_descriptor(),
        .take = take_connection,
    };
    return accept_thread_new(&options);
}

// The server's port for the credentials; NULL if it has too many others.
static struct rpc_server_port *port_for(struct rpc_server *server,
                                        const struct rpc_server_credentials *credentials) {
    for (int i = 0; i < RPC_SERVER_PORTS; i++) {
        struct rpc_server_port *port = &server->ports[i];
        if (port->credentials == NULL) {
            grpc_server_credentials *core = credentials->core(credentials);
            grpc_server_add_http2_port(server->core, port_names[i], core);
            grpc_server_credentials_release(core);
            port->credentials = credentials;
            port->server = server;
        }
        if (port->credentials == credentials) {
            return port;
        }
    }
    return NULL;
}

const struct error *rpc_server_listen(struct rpc_server *server, struct arena *a,
                                      const struct rpc_listen_options *options, int *ret_port) {
    CHECK(options->credentials != NULL);
    struct rpc_server_port *port = port_for(server, options->credentials);
    if (port == NULL) {
        return listen_error(a, options->address, "the server has listeners of too many kinds");
    }
    if (port->handler == NULL) {
        bool is_plain = options->credentials == rpc_credentials_insecure_server();
        return listen_error(a, options->address,
                            is_plain ? "this gRPC core takes no connections from outside"
                                     : "OpenSSL refuses its certificate, key or authorities");
    }
    if (server->accept_thread == NULL) {
        server->accept_thread = new_accept_thread(server);
    }
    return accept_thread_listen(server->accept_thread, a, options->address, port, ret_port);
}
