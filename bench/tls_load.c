// Asks an HTTP/1.1 server for one page again and again, in plain text or over TLS, or does nothing
// but shake hands, and prints one JSON object: {"done":N,"seconds":S}. When its connections are
// open it prints "open", and begins once a line has come on standard input. It sends a request on
// every connection and then reads every reply, so that plain text and TLS are asked in the same
// way; what the server's CPU costs is bench/harness/tls.py's to see.

#include <getopt.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/core/arena.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "base/net/address.h"
#include "bench/load/connect.h"
#include "bench/load/option_number.h"

static const char USAGE[] =
    "usage: tls_load --connect ADDR --path PATH [--header LINE] [--connections N] [--seconds S]\n"
    "                [--tls 1.2|1.3 [--handshakes]]\n";

enum { MOST_CONNECTIONS = 1000, BLOCK_BYTES = 64 << 10 };

enum { OPT_CONNECT = 1, OPT_PATH, OPT_HEADER, OPT_CONNECTIONS, OPT_SECONDS, OPT_TLS, OPT_SHAKE };

static const struct option KNOWN[] = {
    {"connect", required_argument, NULL, OPT_CONNECT},
    {"path", required_argument, NULL, OPT_PATH},
    {"header", required_argument, NULL, OPT_HEADER},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"tls", required_argument, NULL, OPT_TLS},
    {"handshakes", no_argument, NULL, OPT_SHAKE},
    {NULL, 0, NULL, 0},
};

struct load {
    struct address address;
    struct strbuf request;
    const char *path;
    const char *header;
    double connections;
    double seconds;
    SSL_CTX *tls; // NULL: plain text
    bool handshakes;
};

struct connection {
    int fd;
    SSL *tls;
};

static bool take_version(struct load *l, const char *value) {
    int version = strcmp(value, "1.2") == 0   ? TLS1_2_VERSION
                  : strcmp(value, "1.3") == 0 ? TLS1_3_VERSION
                                              : 0;
    if (version == 0) {
        (void)fprintf(stderr, "tls_load: --tls must be 1.2 or 1.3, is '%s'\n", value);
        return false;
    }
    l->tls = SSL_CTX_new(TLS_client_method());
    return SSL_CTX_set_min_proto_version(l->tls, version) == 1 &&
           SSL_CTX_set_max_proto_version(l->tls, version) == 1;
}

static bool take(struct arena *a, struct load *l, int option, const char *value) {
    switch (option) {
    case OPT_CONNECT:
        return address_parse(a, "--connect", value, &l->address) == NULL;
    case OPT_PATH:
        l->path = value;
        return true;
    case OPT_HEADER:
        l->header = value;
        return true;
    case OPT_CONNECTIONS:
        return option_number("tls_load", "--connections", value, 1, MOST_CONNECTIONS,
                             &l->connections);
    case OPT_SECONDS:
        return option_number("tls_load", "--seconds", value, 0.01, 3600, &l->seconds);
    case OPT_TLS:
        return take_version(l, value);
    case OPT_SHAKE:
        l->handshakes = true;
        return true;
    default:
        return false;
    }
}

static bool parse(struct arena *a, int argc, char **argv, struct load *l) {
    int option;
    while ((option = getopt_long(argc, argv, "", KNOWN, NULL)) != -1) {
        if (!take(a, l, option, optarg)) {
            return false;
        }
    }
    if (l->address.text == NULL || l->path == NULL || (l->handshakes && l->tls == NULL)) {
        return false;
    }
    strbuf_printf(&l->request, "GET %s HTTP/1.1\r\nHost: bench\r\n%s%s\r\n", l->path,
                  l->header != NULL ? l->header : "", l->header != NULL ? "\r\n" : "");
    return true;
}

static bool open_connection(const struct load *l, struct connection *c) {
    *c = (struct connection){.fd = connect_to(&l->address)};
    if (c->fd < 0 || l->tls == NULL) {
        return c->fd >= 0;
    }
    c->tls = SSL_new(l->tls);
    return SSL_set_fd(c->tls, c->fd) == 1 && SSL_connect(c->tls) == 1;
}

static void close_connection(struct connection *c) {
    SSL_free(c->tls);
    close(c->fd);
}

static bool send_request(const struct load *l, struct connection *c) {
    int size = (int)l->request.len;
    return c->tls != NULL ? SSL_write(c->tls, l->request.data, size) == size
                          : write(c->fd, l->request.data, (size_t)size) == size;
}

// Reads one reply, which has a Content-Length. Returns whether it is 200.
static bool read_reply(struct connection *c, char *block) {
    size_t len = 0;
    size_t whole = 0; // 0: not known yet
    while (whole == 0 || len < whole) {
        int room = BLOCK_BYTES - 1 - (int)len;
        ssize_t n = c->tls != NULL ? SSL_read(c->tls, block + len, room)
                                   : read(c->fd, block + len, (size_t)room);
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        block[len] = '\0';
        const char *end = whole == 0 ? strstr(block, "\r\n\r\n") : NULL;
        const char *length = end != NULL ? strcasestr(block, "\r\nContent-Length: ") : NULL;
        if (length != NULL) {
            whole = (size_t)(end - block) + 4 + strtoul(length + 18, NULL, 10);
        }
        if ((end != NULL && length == NULL) || whole >= BLOCK_BYTES) {
            return false;
        }
    }
    return len == whole && strncmp(block, "HTTP/1.1 200 ", 13) == 0;
}

// Returns how many handshakes were done until end_us; -1 if one failed.
static int64_t shake_hands(const struct load *l, int64_t end_us) {
    int64_t done = 0;
    for (; clock_monotonic_us() < end_us; done++) {
        struct connection c;
        bool is_open = open_connection(l, &c);
        close_connection(&c);
        if (!is_open) {
            return -1;
        }
    }
    return done;
}

// One request on each connection, then all replies.
static bool ask_all(const struct load *l, struct connection *all, char *block) {
    for (int i = 0; i < (int)l->connections; i++) {
        if (!send_request(l, &all[i])) {
            return false;
        }
    }
    for (int i = 0; i < (int)l->connections; i++) {
        if (!read_reply(&all[i], block)) {
            return false;
        }
    }
    return true;
}

static bool open_all(const struct load *l, struct connection *all) {
    for (int i = 0; !l->handshakes && i < (int)l->connections; i++) {
        if (!open_connection(l, &all[i])) {
            return false;
        }
    }
    char line[16];
    puts("open");
    return fflush(stdout) == 0 && fgets(line, sizeof(line), stdin) != NULL;
}

static int64_t ask(const struct load *l, struct connection *all, int64_t end_us) {
    CLEANUP_FREE char *block = mem_alloc(BLOCK_BYTES);
    int64_t done = 0;
    while (clock_monotonic_us() < end_us) {
        if (!ask_all(l, all, block)) {
            return -1;
        }
        done += (int64_t)l->connections;
    }
    for (int i = 0; i < (int)l->connections; i++) {
        close_connection(&all[i]);
    }
    return done;
}

int main(int argc, char **argv) {
    struct arena a;
    arena_init(&a);
    struct load l = {.connections = 64, .seconds = 3};
    if (!parse(&a, argc, argv, &l)) {
        (void)fprintf(stderr, "%s", USAGE);
        return 2;
    }
    static struct connection all[MOST_CONNECTIONS];
    bool is_open = open_all(&l, all);
    int64_t begin_us = clock_monotonic_us();
    int64_t end_us = begin_us + (int64_t)(l.seconds * 1e6);
    int64_t done = -1;
    if (is_open) {
        done = l.handshakes ? shake_hands(&l, end_us) : ask(&l, all, end_us);
    }
    if (done < 0) {
        (void)fprintf(stderr, "tls_load: a connection or a reply failed\n");
        return 1;
    }
    printf("{\"done\":%lld,\"seconds\":%.6f}\n", (long long)done,
           (double)(clock_monotonic_us() - begin_us) / 1e6);
    SSL_CTX_free(l.tls);
    strbuf_release(&l.request);
    arena_release(&a);
    return 0;
}
