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
#include "rpc/remote.h"

enum { PATIENCE_MS = 1000, ANSWER_BYTES = 512, SHOWN_BYTES = 24 };

// /healthz needs no token, and any server of HTTP answers something.
static const char http_question[] =
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

// A ClientHello (RFC 5246 section 7.4.1.2, RFC 8422, RFC 7301), which is answered with a
// ServerHello or an alert: OpenSSL closes without one where it reads HTTP, gRPC core where it reads
// no ClientHello. Nothing of it is secret, so its random is none.
static const char tls_question[] =
    "\x16\x03\x01\x00\x71\x01\x00\x00\x6d\x03\x03"                     // record, handshake, TLS 1.2
    "0123456789abcdef0123456789abcdef\x00"                             // random, no session
    "\x00\x0c\xc0\x2b\xc0\x2f\xc0\x2c\xc0\x30\xcc\xa9\xcc\xa8\x01\x00" // ECDHE with AEAD
    "\x00\x38"                                                         // extensions
    "\x00\x0a\x00\x08\x00\x06\x00\x17\x00\x1d\x00\x18"                 // P-256, X25519, P-384
    "\x00\x0b\x00\x02\x01\x00"                                         // uncompressed points
    "\x00\x0d\x00\x10\x00\x0e\x04\x03\x05\x03\x08\x04\x08\x05\x08\x06\x04\x01\x05\x01"
    "\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1";

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

static bool speaks_http1(const char *answer, size_t length) {
    return begins(answer, length, "HTTP/1.");
}

// A handshake or an alert of TLS (RFC 8446 section 5.1), or what nginx, Go and others say in plain
// text.
static bool speaks_tls(const char *answer, size_t length) {
    return begins(answer, length, "\x16\x03") || begins(answer, length, "\x15\x03") ||
           memmem(answer, length, "HTTPS", 5) != NULL;
}

// The SETTINGS that a server of HTTP/2 begins with: on stream 0 (RFC 9113 sections 3.4 and 4.1).
static bool speaks_http2(const char *answer, size_t length) {
    static const char type_and_stream[] = {4, 0, 0, 0, 0, 0};
    return length >= 9 && memcmp(answer + 3, type_and_stream, sizeof(type_and_stream)) == 0;
}

static const char *explain_text(struct arena *a, const char *address, const char *answer,
                                size_t length) {
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

static const char *explain(struct arena *a, const char *address, const char *answer,
                           size_t length) {
    if (speaks_tls(answer, length)) {
        return arena_printf(a, "%s speaks TLS: --server tls:%s is how to reach it", address,
                            address);
    }
    if (speaks_http1(answer, length)) {
        return arena_printf(a,
                            "%s speaks HTTP/1.1, so it may be REST's address; --server takes that "
                            "of gRPC, 127.0.0.1:50051 unless set",
                            address);
    }
    return explain_text(a, address, answer, length);
}

// Of one that was expected to speak TLS and does not.
static const char *explain_plain(struct arena *a, const char *address, const char *answer,
                                 size_t length) {
    if (speaks_http1(answer, length)) {
        return arena_printf(a,
                            "%s speaks HTTP/1.1 without TLS, so it may be REST's address; --server "
                            "takes that of gRPC",
                            address);
    }
    if (speaks_http2(answer, length)) {
        return arena_printf(a, "%s speaks plain gRPC: leave the tls: of --server out", address);
    }
    return explain_text(a, address, answer, length);
}

static const char *explain_handshake(struct arena *a, const char *address,
                                     enum rpc_tls_problem problem) {
    switch (problem) {
    case RPC_TLS_NO_PROBLEM:
    case RPC_TLS_NOT_SPOKEN:
        break;
    case RPC_TLS_NOT_TRUSTED:
        return arena_printf(a,
                            "the certificate of %s is not trusted: it has expired, or another "
                            "authority signed it; --tls-ca names the file of its own",
                            address);
    case RPC_TLS_OTHER_NAME:
        return arena_printf(a,
                            "the certificate of %s is for another name; --tls-server-name says "
                            "for which, if that is meant",
                            address);
    case RPC_TLS_NOT_HTTP2:
        return arena_printf(a,
                            "%s speaks TLS, but no HTTP/2, so it may be REST's address; --server "
                            "takes that of gRPC",
                            address);
    case RPC_TLS_REFUSED:
        return arena_printf(a,
                            "%s closes the connection in TLS's handshake: it may want another "
                            "certificate of the client, which --tls-cert and --tls-key show",
                            address);
    }
    return NULL;
}

// What the listener answers to the first question that it answers at all; its length, 0 if none.
static size_t find_answer(const struct address *address, char answer[ANSWER_BYTES + 1]) {
    const struct slice questions[] = {slice_of(http_question, sizeof(http_question) - 1),
                                      slice_of(tls_question, sizeof(tls_question) - 1)};
    size_t length = 0;
    int64_t until_us = clock_monotonic_us() + PATIENCE_MS * INT64_C(1000);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) && length == 0; i++) {
        int fd = connect_address(address, until_us);
        if (fd < 0) {
            return 0;
        }
        length = ask(fd, questions[i], until_us, answer);
        close(fd);
    }
    return length;
}

const char *server_probe_explain(struct arena *a, const char *address, const char *detail) {
    struct address parsed;
    bool is_tls;
    if (address_parse_server(a, "", address, &parsed, &is_tls) != NULL) {
        return NULL;
    }
    enum rpc_tls_problem problem = is_tls ? rpc_tls_problem_of(detail) : RPC_TLS_NO_PROBLEM;
    bool is_certain = problem != RPC_TLS_NO_PROBLEM && problem != RPC_TLS_NOT_SPOKEN &&
                      problem != RPC_TLS_REFUSED; // one without TLS may close too
    if (is_certain) {
        return explain_handshake(a, address, problem);
    }
    char answer[ANSWER_BYTES + 1] = "";
    size_t length = find_answer(&parsed, answer);
    if (!is_tls) {
        return explain(a, address, answer, length);
    }
    const char *text = explain_plain(a, address, answer, length);
    return text != NULL ? text : explain_handshake(a, address, problem);
}
