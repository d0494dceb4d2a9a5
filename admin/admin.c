#include "admin/admin.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/admin_pages.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/net/listen_socket.h"
#include "base/thread/thread.h"

enum {
    MEMORY_BYTES = 16 << 10, // of a connection: its request's head
    REQUEST_MS = 10000,      // how long a request may take, from its connection on
    IDLE_MS = 75000,         // how long a connection may wait for its next request
    // libmicrohttpd says that it must run again at once, also of a request whose head fills its
    // buffer. After so many runs in a row there is a pause, so that such a one costs no CPU.
    FRUITLESS_RUNS = 1000,
    PAUSE_MS = 10,
};

// A connection, which is closed when its time is over.
struct client {
    int fd;
    int64_t due_us;
    struct client *next;
};

struct admin {
    const struct logger *log;
    struct listener_guard *guard; // NULL: none
    struct guarded_listener guarded;
    char *address;
    struct listen_socket socket;
    struct admin_checks checks;
    struct build_libraries libraries;
    struct admin_source source;
    struct metrics_family *checks_ok; // by check
    struct MHD_Daemon *daemon;
    pthread_t thread;
    int wake_fd; // eventfd: the thread is to end
    atomic_bool is_stopping;
    // Written by the thread alone.
    atomic_int connections;
    atomic_ullong accepted;
    // The thread's.
    struct client *clients;
    int fruitless_runs;
};

// --- libmicrohttpd's callbacks, all on the thread ---

static void on_connection(void *closure, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what) {
    struct admin *admin = closure;
    admin->fruitless_runs = 0;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct client **place = &admin->clients;
        while (*place != *socket_context) {
            place = &(*place)->next;
        }
        *place = (*place)->next;
        free(*socket_context);
        atomic_fetch_sub(&admin->connections, 1);
        return;
    }
    struct client *client = mem_zalloc(sizeof(*client));
    client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    client->due_us = clock_monotonic_us() + (int64_t)REQUEST_MS * 1000;
    client->next = admin->clients;
    admin->clients = client;
    *socket_context = client;
    atomic_fetch_add(&admin->connections, 1);
    atomic_fetch_add(&admin->accepted, 1);
}

static void on_completed(void *closure, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode how) {
    (void)closure;
    (void)request;
    (void)how;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct client *client = info->socket_context;
    client->due_us = clock_monotonic_us() + (int64_t)IDLE_MS * 1000;
}

static enum MHD_Result join_accept(void *closure, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    (void)kind;
    struct strbuf *accept = closure;
    if (strcasecmp(name, MHD_HTTP_HEADER_ACCEPT) == 0 && value != NULL) {
        strbuf_append_cstr(accept, accept->len > 0 ? "," : "");
        strbuf_append_cstr(accept, value);
    }
    return MHD_YES;
}

static bool has_body(struct MHD_Connection *connection) {
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length != NULL && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

static enum MHD_Result send_page(struct MHD_Connection *connection, struct admin_page *page,
                                 bool close) {
    size_t size;
    uint8_t *bytes = strbuf_detach(&page->body, &size);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(bytes);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page->media_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (page->allow != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, page->allow);
    }
    if (close) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)page->http_status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result on_request(void *closure, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **request) {
    (void)version;
    (void)upload_data;
    struct admin *admin = closure;
    admin->fruitless_runs = 0;
    bool drops_body = *request == NULL && has_body(connection);
    if (*request == NULL && !drops_body) {
        *request = admin; // the head alone: libmicrohttpd calls again
        return MHD_YES;
    }
    struct strbuf accept = STRBUF_INIT;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, join_accept, &accept);
    const struct admin_request seen = {
        .path = slice_of_cstr(url),
        .method = slice_of_cstr(method),
        .accept = strbuf_slice(&accept),
    };
    struct admin_page page;
    admin_pages_make(&admin->source, &seen, &page);
    strbuf_release(&accept);
    *upload_data_size = 0;
    return send_page(connection, &page, drops_body);
}

// --- the thread ---

// Ends the connections whose time is over. Returns when the next one's is.
static int64_t end_late_clients(const struct admin *admin, int64_t now_us) {
    int64_t next_us = INT64_MAX;
    for (struct client *client = admin->clients; client != NULL; client = client->next) {
        if (client->due_us <= now_us) {
            shutdown(client->fd, SHUT_RDWR); // libmicrohttpd sees it and closes
            client->due_us = INT64_MAX;
        } else if (client->due_us < next_us) {
            next_us = client->due_us;
        }
    }
    return next_us;
}

static int wait_ms(struct admin *admin, int64_t next_us, int64_t now_us) {
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(admin->daemon, &ms) == MHD_YES && ms == 0) {
        return admin->fruitless_runs++ < FRUITLESS_RUNS ? 0 : PAUSE_MS;
    }
    int64_t left_ms = next_us == INT64_MAX ? -1 : (next_us - now_us) / 1000 + 1;
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static void *run(void *context) {
    struct admin *admin = context;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd waits[] = {{info->epoll_fd, POLLIN, 0}, {admin->wake_fd, POLLIN, 0}};
    while (!atomic_load(&admin->is_stopping)) {
        int before;
        do {
            // It looks for new connections again only in the run after one has ended.
            before = atomic_load(&admin->connections);
            MHD_run(admin->daemon);
        } while (atomic_load(&admin->connections) < before);
        int64_t now_us = clock_monotonic_us();
        int64_t next_us = end_late_clients(admin, now_us);
        poll(waits, sizeof(waits) / sizeof(waits[0]), wait_ms(admin, next_us, now_us));
    }
    MHD_quiesce_daemon(admin->daemon); // the socket is ours again
    MHD_stop_daemon(admin->daemon);    // its last callbacks are called here
    return NULL;
}

// --- what is counted ---

struct telling {
    struct metrics_collection *collection;
    const struct metrics_family *family;
};

static void tell_check(void *context, const char *name, bool is_ok) {
    const struct telling *telling = context;
    metrics_collect(telling->collection, telling->family, &name, is_ok);
}

static void collect(void *context, struct metrics_collection *collection) {
    struct admin *admin = context;
    admin_checks_visit(&admin->checks, tell_check, &(struct telling){collection, admin->checks_ok});
}

static void tell_checks(struct admin *admin) {
    static const struct metrics_info info = {
        .name = "runsd_check_ok",
        .help = "Whether a check of /readyz is well: 1 or 0",
        .kind = METRICS_GAUGE,
        .labels = {"check"},
    };
    admin->checks_ok = metrics_add_family(admin->source.metrics, &info);
    metrics_add_collector(admin->source.metrics, collect, admin);
}

// --- start and stop ---

// On the guard's thread. At its limit libmicrohttpd leaves new connections in the backlog.
static void look(void *context, struct listener_look *ret_look) {
    struct admin *admin = context;
    listener_look_at_socket(admin->socket.fd, ret_look);
    ret_look->is_file_lost =
        admin->socket.file.path != NULL && !socket_file_is_ours(&admin->socket.file);
    ret_look->is_full = atomic_load(&admin->connections) >= ADMIN_CONNECTIONS;
    ret_look->accepted = atomic_load(&admin->accepted);
}

static struct MHD_Daemon *start_daemon(struct admin *admin) {
    return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, admin,          //
                            MHD_OPTION_LISTEN_SOCKET, admin->socket.fd,               //
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS, //
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES, //
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, admin,         //
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, admin, MHD_OPTION_END);
}

static void release(struct admin *admin) {
    metrics_remove_collectors(admin->source.metrics, admin);
    if (admin->wake_fd >= 0) {
        close(admin->wake_fd);
    }
    listen_socket_close(&admin->socket);
    admin_checks_release(&admin->checks);
    free(admin->address);
    free(admin);
}

static struct admin *new_admin(const struct admin_options *options,
                               const struct listen_socket *socket) {
    struct admin *admin = mem_zalloc(sizeof(*admin));
    admin->log = options->log;
    admin->guard = options->guard;
    admin->address = mem_strdup(options->listen.text);
    admin->socket = *socket;
    admin_checks_init(&admin->checks);
    options->add_libraries(&admin->libraries);
    admin->source = (struct admin_source){
        .program = options->program,
        .metrics = options->metrics,
        .libraries = &admin->libraries,
        .checks = &admin->checks,
    };
    admin->guarded = (struct guarded_listener){
        .what = "admin", .address = admin->address, .look = look, .context = admin};
    admin->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return admin;
}

const struct error *admin_start(struct arena *a, const struct admin_options *options,
                                struct admin **ret_admin) {
    if (options->listen.text == NULL) {
        *ret_admin = NULL;
        return NULL;
    }
    struct listen_socket socket;
    const struct error *error = listen_socket_open(a, &options->listen, &socket);
    if (error != NULL) {
        return error;
    }
    struct admin *admin = new_admin(options, &socket);
    admin->daemon = admin->wake_fd >= 0 ? start_daemon(admin) : NULL;
    if (admin->daemon == NULL) {
        int number = errno;
        release(admin);
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "cannot serve HTTP on \"%s\": %s",
                         options->listen.text, strerror(number));
    }
    tell_checks(admin);
    admin->thread = thread_start("admin", run, admin);
    if (admin->guard != NULL) {
        listener_guard_add(admin->guard, &admin->guarded);
    }
    LOG(admin->log, LOG_INFO, "serving metrics", log_text("admin", admin->address),
        log_int("port", admin_port(admin)));
    if (!address_is_local(&options->listen)) {
        LOG(admin->log, LOG_WARN,
            "the admin listener can be reached from other machines: it asks nobody who they are",
            log_text("admin", admin->address));
    }
    *ret_admin = admin;
    return NULL;
}

void admin_set_stage(struct admin *admin, enum admin_stage stage) {
    if (admin != NULL) {
        admin_checks_set_stage(&admin->checks, stage);
    }
}

void admin_add_check(struct admin *admin, const struct admin_check *check) {
    if (admin != NULL) {
        admin_checks_add(&admin->checks, check);
    }
}

void admin_remove_checks(struct admin *admin, void *context) {
    if (admin != NULL) {
        admin_checks_remove(&admin->checks, context);
    }
}

int admin_port(const struct admin *admin) {
    return admin == NULL ? 0 : admin->socket.port;
}

void admin_stop(struct admin *admin) {
    if (admin == NULL) {
        return;
    }
    if (admin->guard != NULL) {
        listener_guard_remove(admin->guard, &admin->guarded);
    }
    atomic_store(&admin->is_stopping, true);
    uint64_t one = 1;
    ssize_t written = write(admin->wake_fd, &one, sizeof(one));
    (void)written; // fails only if the event was signalled already
    thread_join(admin->thread);
    release(admin);
}
