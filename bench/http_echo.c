// What raw HTTP costs: a libmicrohttpd server with one epoll thread that
// answers every request at once with the same JSON. `script/bench` holds the
// gateway's figures against it.
//
// usage: http_echo [BYTES]; prints "port N", serves until SIGTERM or SIGINT.

#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"

struct reply {
    char *body;
    size_t len;
};

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request) {
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    static const int seen;
    if (*request == NULL) {
        *request = (void *)&seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    const struct reply *reply = context;
    // A response per request, as every server of changing content must make.
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->len, reply->body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

// Makes a JSON object of len bytes (at least 10).
static struct reply make_reply(size_t len) {
    struct reply reply = {mem_alloc(len + 1), len};
    memset(reply.body, 'x', len);
    memcpy(reply.body, "{\"data\":\"", 9);
    memcpy(reply.body + len - 2, "\"}", 3);
    return reply;
}

int main(int argc, char **argv) {
    long bytes = argc > 1 ? strtol(argv[1], NULL, 10) : 1536;
    if (bytes < 16 || bytes > 1 << 20) {
        (void)fprintf(stderr, "http_echo: BYTES must be 16 to 1048576, is %s\n", argv[1]);
        return 2;
    }
    struct reply reply = make_reply((size_t)bytes);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &stop, NULL);

    const struct sockaddr_in loopback = {.sin_family = AF_INET,
                                         .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, &reply,
        MHD_OPTION_SOCK_ADDR, &loopback, MHD_OPTION_CONNECTION_LIMIT, 1200u, MHD_OPTION_END);
    if (daemon == NULL) {
        (void)fprintf(stderr, "http_echo: cannot listen on 127.0.0.1\n");
        free(reply.body);
        return 1;
    }
    printf("port %u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    (void)fflush(stdout);
    int signal_number;
    (void)sigwait(&stop, &signal_number);
    MHD_stop_daemon(daemon);
    free(reply.body);
    return 0;
}
