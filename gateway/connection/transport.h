#ifndef RUNSD_GATEWAY_CONNECTION_TRANSPORT_H
#define RUNSD_GATEWAY_CONNECTION_TRANSPORT_H

#include <stdbool.h>

#include "base/core/slice.h"

// What is done to a client's connection past libmicrohttpd: to reply before a request is
// complete, to end what lasts too long, and to see whether the client is there. What the bytes
// look like on the wire is the transport's: as they are on a plain socket, records of a session
// with TLS. Such a session belongs to the HTTP thread, so all functions are called there;
// another thread hands over what it wants (rpc_loop_post). None blocks.

struct tls_session;
struct transport;

// What the client has for us.
enum transport_input {
    TRANSPORT_NOTHING, // yet
    TRANSPORT_BYTES,   // which nobody has read
    TRANSPORT_ENDED,   // its direction, or the connection
};

struct transport_kind {
    // Writes bytes, as many as there is room for; the rest is not sent.
    void (*write)(const struct transport *transport, struct slice bytes);
    // Ends our direction, behind what was written.
    void (*end_sending)(const struct transport *transport);
    // Ends both: libmicrohttpd sees it, and closes.
    void (*end)(const struct transport *transport);
    // Whether bytes of the client wait to be read.
    bool (*has_unread)(const struct transport *transport);
    // Looks at what is there, and leaves it; an error that the socket has is taken off it.
    enum transport_input (*peek)(const struct transport *transport);
    // libmicrohttpd is about to write a reply that has a body. NULL: it does not matter.
    void (*expect_reply)(const struct transport *transport);
};

// A value; valid as long as libmicrohttpd's connection.
struct transport {
    const struct transport_kind *kind;
    int fd;                  // of the socket below, for what only the kernel knows of it
    struct tls_session *tls; // NULL: plain
};

// The transport of a socket whose bytes are sent as they are. With TLS: tls_session.h.
struct transport transport_plain(int fd);

static inline void transport_write(const struct transport *transport, struct slice bytes) {
    transport->kind->write(transport, bytes);
}

static inline void transport_end_sending(const struct transport *transport) {
    transport->kind->end_sending(transport);
}

static inline void transport_end(const struct transport *transport) {
    transport->kind->end(transport);
}

static inline bool transport_has_unread(const struct transport *transport) {
    return transport->kind->has_unread(transport);
}

static inline void transport_expect_reply(const struct transport *transport) {
    if (transport->kind->expect_reply != NULL) {
        transport->kind->expect_reply(transport);
    }
}

static inline enum transport_input transport_peek(const struct transport *transport) {
    return transport->kind->peek(transport);
}

#endif
