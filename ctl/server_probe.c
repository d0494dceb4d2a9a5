#include "ctl/server_probe.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/printable.h"
#include "base/net/address.h"
#include "base/net/socket_file.h"

enum { PATIENCE_MS = 1000, ANSWER_BYTES = 512, SHOWN_BYTES = 24 };

// /healthz needs no token, and any server of HTTP answers something.
static const char http_question[] =
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

// A ClientHello without content, which is answered with an alert (RFC 8446 section 6.2):
// OpenSSL closes without one where it reads HTTP.
static const char tls_question[] = "\x16\x03\x01\x00\x04\x01\x00\x00\x00";

// Waits for an event of fd; returns whether it came in time.
static bool wait_for(int fd, short event, int64_t until_us) {
    struct pollfd waiting = {.fd = fd, .events = event};
    for (;;) {
        int64_t left_us = until_us - clock_monotonic_us();
        int ready = left_us > 0 ? poll(&waiting, 1, (int)(left_us / 1000) + 1) : 0;
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}

static int connect_to(const struct sockaddr *where, socklen_t length, int64_t until_us) {
    int fd = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    int failure = 0;
    socklen_t size = sizeof(failure);
    if (connect(fd, where, length) != 0 &&
        (errno != EINPROGRESS || !wait_for(fd, POLLOUT, until_us) ||
         getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 || failure != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_tcp(const struct address *address, int64_t until_us) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[16];
    snprintf(port, sizeof(port), "%d", address->port);
    if (getaddrinfo(address->host, port, &hints, &found) != 0) {
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *i = found; i != NULL && fd < 0; i = i->ai_next) {
        fd = connect_to(i->ai_addr, i->ai_addrlen, until_us);
    }
    freeaddrinfo(found);
    return fd;
}

static int connect_address(const struct address *address, int64_t until_us) {
    if (address->kind != ADDRESS_UNIX) {
        return connect_tcp(address, until_us);
    }
    struct sockaddr_un sun = socket_file_address(address->path);
    return connect_to((const struct sockaddr *)&sun, sizeof(sun), until_us);
}

// Sends and reads the beginning of the answer; returns its length.
static size_t ask(int fd, struct slice question, int64_t until_us, char answer[ANSWER_BYTES]) {
    // In one piece: the socket's buffer is empty.
    if (send(fd, question.data, question.len, MSG_NOSIGNAL) != (ssize_t)question.len) {
        return 0;
    }
    size_t length = 0;
    while (length < ANSWER_BYTES && wait_for(fd, POLLIN, until_us)) {
        ssize_t n = recv(fd, answer + length, ANSWER_BYTES - length, 0);
        if (n <= 0) {
            break;
        }
        length += (size_t)n;
    }
    return length;
}

static bool begins(const char *answer, size_t length, const char *with) {
    return length >= strlen(with) && memcmp(answer, with, strlen(with)) == 0;
}

static const char *explain(struct arena *a, const char *address, const char *answer,
                           size_t length) {
    // A TLS alert (RFC 8446 section 5.1), or what nginx, Go and others say in plain text.
    bool is_tls = begins(answer, length, "\x15\x03") || memmem(answer, length, "HTTPS", 5) != NULL;
    if (is_tls) {
        return arena_printf(a, "%s speaks TLS, and runsctl plain gRPC alone", address);
    }
    if (begins(answer, length, "HTTP/1.")) {
        return arena_printf(a,
                            "%s speaks HTTP/1.1, so it may be REST's address; --server takes that "
                            "of gRPC, 127.0.0.1:50051 unless set",
                            address);
    }
    bool is_text = length > 0 && answer[0] >= 0x20 && answer[0] < 0x7F;
    if (!is_text) {
        return NULL;
    }
    struct strbuf shown = STRBUF_INIT;
    size_t line = strcspn(answer, "\r\n");
    printable_append(&shown, slice_of(answer, line < SHOWN_BYTES ? line : SHOWN_BYTES));
    const char *text = arena_printf(a, "%s speaks no gRPC: it answers \"%.*s\"", address,
                                    SLICE_FMT(strbuf_slice(&shown)));
    strbuf_release(&shown);
    return text;
}

const char *server_probe_explain(struct arena *a, const char *address) {
    const struct slice questions[] = {slice_of(http_question, sizeof(http_question) - 1),
                                      slice_of(tls_question, sizeof(tls_question) - 1)};
    struct address parsed;
    if (address_parse(a, "", address, &parsed) != NULL) {
        return NULL;
    }
    char answer[ANSWER_BYTES + 1] = "";
    size_t length = 0;
    int64_t until_us = clock_monotonic_us() + PATIENCE_MS * INT64_C(1000);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) && length == 0; i++) {
        int fd = connect_address(&parsed, until_us);
        if (fd < 0) {
            return NULL;
        }
        length = ask(fd, questions[i], until_us, answer);
        close(fd);
    }
    return explain(a, address, answer, length);
}
