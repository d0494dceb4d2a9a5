#ifndef RUNSD_GATEWAY_HTTP_TLS_FRONT_H
#define RUNSD_GATEWAY_HTTP_TLS_FRONT_H

#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "base/tls/tls_source.h"
#include "gateway/connection/reaper.h"
#include "gateway/connection/transport.h"
#include "gateway/http/exchange.h"

// The TLS of an HTTP server's connections: each has the certificate of the moment when it was
// accepted, is known to the reaper while it shakes hands, and then knows who its client is. All on
// the HTTP thread.

struct MHD_OptionItem;
struct tls_connection;
struct tls_front;

struct tls_front_options {
    const struct logger *log;
    struct tls_source *source; // borrowed until tls_front_free
    enum tls_client_auth client_auth;
    struct reaper *reaper;   // likewise
    struct metrics *metrics; // its family is added; likewise; NULL: nobody looks
};

// NULL, with errno, if there is no file descriptor left.
struct tls_front *tls_front_new(const struct tls_front_options *options);

// No connection may be left. NULL is ignored.
void tls_front_free(struct tls_front *front);

// The options that libmicrohttpd needs for it, beside MHD_USE_TLS, for MHD_OPTION_ARRAY.
const struct MHD_OptionItem *tls_front_daemon_options(struct tls_front *front);

// Readable when tls_front_before_run has something to do.
int tls_front_fd(const struct tls_front *front);

// A connection was accepted: tls_front_enter, once the reaper knows it by the transport. The client
// outlives the connection.
struct tls_connection *tls_front_begin(struct tls_front *front, struct MHD_Connection *connection,
                                       int fd, struct exchange_connection *client,
                                       struct transport *ret_transport);
void tls_front_enter(struct tls_connection *connection);

// A connection was closed, and its session is gone.
void tls_front_end(struct tls_connection *connection);

// Around each run of libmicrohttpd. The second returns whether something waits for room to be sent
// that only another run sends, so that one must come soon.
void tls_front_before_run(struct tls_front *front);
bool tls_front_after_run(struct tls_front *front);

// Before libmicrohttpd is stopped.
void tls_front_stop(struct tls_front *front);

#endif
