#!/usr/bin/env bash
# Guess: a connection that its handler suspends while the reply is made, and that is resumed when it
#   is ready, sends the reply: the request was received whole, and nothing more is to be read.
# What happens: libmicrohttpd, driven from outside with epoll, still holds of a connection that was
#   suspended within its handler that it waits to be read, and reads it first when it goes on. If the
#   client has ended its sending direction behind its request, that is the end: the connection is
#   closed, the handler is not called again, and the reply is lost. Of several that are resumed
#   together only the first is spared. Suspended after MHD_run has returned, all are answered.
# Version: libmicrohttpd12 0.9.75 (Debian 12).
# Why it matters: `printf ... | nc -N`, and clients that half-close by habit, get nothing, and only
#   where several come at once. Suspending outside the handler (on the same thread) helps.
set -euo pipefail
apt_get() {
    dpkg-query -W -f '${Version}\n' "$1" 2>/dev/null | grep -q "^$2" ||
        apt-get install -y -qq --no-install-recommends "$1=$2*" >/dev/null
}
apt_get libmicrohttpd-dev 0.9.75-
command -v gcc >/dev/null || apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.c <<'END'
#include <arpa/inet.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 4, RUNS = 200 };

static int is_within; // the handler suspends; else main does, after MHD_run
static struct MHD_Connection *waiting[CLIENTS];
static int waiting_count;
static int answered_count;

static enum MHD_Result handle(void *closure, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state) {
    (void)closure, (void)url, (void)method, (void)version, (void)data, (void)size;
    static char has_head, is_waiting;
    if (*state == NULL) {
        *state = &has_head;
        return MHD_YES;
    }
    if (*state == &has_head) { // the request is whole
        *state = &is_waiting;
        waiting[waiting_count++] = connection;
        if (is_within) {
            MHD_suspend_connection(connection);
        }
        return MHD_YES;
    }
    struct MHD_Response *reply =
        MHD_create_response_from_buffer(2, (void *)"ok", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result queued = MHD_queue_response(connection, 200, reply);
    MHD_destroy_response(reply);
    answered_count++;
    return queued;
}

// How many of the clients get a reply.
static int replies(struct MHD_Daemon *daemon, int port) {
    int clients[CLIENTS];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    const char request[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(clients[i], (struct sockaddr *)&address, sizeof(address)) != 0 ||
            send(clients[i], request, sizeof(request) - 1, 0) < 0 ||
            shutdown(clients[i], SHUT_WR) != 0) {
            exit(2);
        }
    }
    waiting_count = 0;
    for (int i = 0; i < RUNS && waiting_count < CLIENTS; i++) {
        MHD_run(daemon);
        usleep(1000);
    }
    for (int i = 0; i < waiting_count && !is_within; i++) {
        MHD_suspend_connection(waiting[i]);
    }
    MHD_run(daemon); // a while later the replies are ready
    for (int i = 0; i < waiting_count; i++) {
        MHD_resume_connection(waiting[i]);
    }
    int count = 0;
    for (int i = 0; i < RUNS; i++) {
        MHD_run(daemon);
        usleep(1000);
    }
    for (int i = 0; i < CLIENTS; i++) {
        char buffer[1024];
        count += recv(clients[i], buffer, sizeof(buffer), MSG_DONTWAIT) > 0;
        close(clients[i]);
    }
    return count;
}

int main(void) {
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
                                                 NULL, handle, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    int port = info->port;
    is_within = 1;
    int within = replies(daemon, port);
    is_within = 0;
    int after = replies(daemon, port);
    MHD_stop_daemon(daemon);
    printf("suspended within the handler: %s\n", within == CLIENTS ? "all answered" : "replies lost");
    printf("suspended after MHD_run: %s\n", after == CLIENTS ? "all answered" : "replies lost");
    fprintf(stderr, "%d and %d of %d\n", within, after, CLIENTS);
    return 0;
}
END
gcc -O2 -Wall -o try try.c -lmicrohttpd
seen=$(./try)
expected='suspended within the handler: replies lost
suspended after MHD_run: all answered'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
