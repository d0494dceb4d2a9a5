#ifndef RUNSD_GATEWAY_CONNECTION_HANDSHAKES_H
#define RUNSD_GATEWAY_CONNECTION_HANDSHAKES_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/connection/tls_session.h"

// Connections whose handshake of TLS is not over, kept away from libmicrohttpd while their clients
// have sent nothing. Its version 0.9.75 takes a connection in a handshake for readable until it is
// over: it would run all of them in each of its turns, without a pause in between, so that some
// clients that stop amid the handshake take all of the thread. So such a connection is suspended,
// its socket watched here, and resumed for one step when bytes have come. All on the HTTP thread.

struct MHD_Connection;
struct handshakes;

// One connection; zero-initialize it.
struct handshake {
    // All of handshakes.
    struct MHD_Connection *connection;
    struct tls_session *session;
    int fd;
    struct handshake *next;
    struct handshake *previous;
    bool is_suspended;
    bool is_watched;
};

// NULL, with errno, if there is no file descriptor left.
struct handshakes *handshakes_new(void);

// No handshake may be left. NULL is ignored.
void handshakes_free(struct handshakes *handshakes);

// Readable when a step of one is due.
int handshakes_fd(const struct handshakes *handshakes);

// A connection that libmicrohttpd has just accepted, and its end, or that of its handshake; removed
// twice is once.
void handshakes_add(struct handshakes *handshakes, struct handshake *handshake,
                    struct MHD_Connection *connection, struct tls_session *session, int fd);
void handshakes_remove(struct handshakes *handshakes, struct handshake *handshake);

// Before libmicrohttpd runs: resumes those for which something has come.
void handshakes_resume_ready(struct handshakes *handshakes);

// Behind its run: suspends those that are not over.
void handshakes_suspend(struct handshakes *handshakes);

// For the end: a suspended connection must not be stopped.
void handshakes_resume_all(struct handshakes *handshakes);

#endif
