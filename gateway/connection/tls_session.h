#ifndef RUNSD_GATEWAY_CONNECTION_TLS_SESSION_H
#define RUNSD_GATEWAY_CONNECTION_TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/slice.h"
#include "base/tls/tls_identity.h"
#include "base/tls/tls_options.h"
#include "gateway/connection/tls_io.h"
#include "gateway/connection/transport.h"

// The session of TLS of one connection, which libmicrohttpd has made and drives: it shakes hands,
// reads and writes. Here it is told what of: the certificate of now, which client certificates are
// good, and what may be spoken over it. Everything is called on the HTTP thread.
//
// libmicrohttpd 0.9.75 would offer TLS 1.0, asks for a client certificate but looks at none, and
// goes on with a client that offers only protocols which it does not speak.

struct gnutls_session_int;

// For MHD_OPTION_HTTPS_PRIORITIES: TLS 1.2 and 1.3 with the ciphers, groups and signatures of
// Mozilla's "intermediate" (5.7), less DHE, in the order that the client prefers.
#define TLS_SESSION_PRIORITIES                                                                     \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"                  \
    "-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:"                     \
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%PROFILE_MEDIUM"

enum { TLS_SESSION_MOST_NAMES = 16 };

// For MHD_OPTION_HTTPS_CERT_CALLBACK: libmicrohttpd does not start without a certificate, or
// someone to ask for it. It is not called, for each session is given its own.
void *tls_session_certificate_callback(void);

struct tls_session;

// Whom it tells.
struct tls_session_events {
    // The handshake is over: requests may come. Called amid the last step of it.
    void (*opened)(void *context);
};

// Takes over the session of a connection that libmicrohttpd has just accepted, and how its bytes
// get to the socket and back. The identity is taken over; context is given to the events, which are
// constant.
struct tls_session *tls_session_new(struct gnutls_session_int *gnutls, int fd,
                                    struct tls_io_shared *io, struct tls_identity *identity,
                                    enum tls_client_auth auth,
                                    const struct tls_session_events *events, void *context);

// Behind the end of libmicrohttpd's session, while the socket is open, which is not used any more.
// NULL is ignored.
void tls_session_free(struct tls_session *session);

// What is done to the connection past libmicrohttpd. During the handshake nothing is written.
struct transport transport_tls(struct tls_session *session);

// Whether the handshake is over, and went well.
bool tls_session_is_open(const struct tls_session *session);

// Whether the next step of the handshake waits for room to send, instead of for bytes.
bool tls_session_waits_to_send(const struct tls_session *session);

// Why we refused the handshake, a constant: what was wrong with the client's certificate, say.
// NULL: we did not.
const char *tls_session_refusal(const struct tls_session *session);

// The names of the client's certificate, which was verified ("uri:...", "dns:...": base/tls/
// tls_names.h). They live as long as the session. Returns how many there are: none without one.
size_t tls_session_client_names(const struct tls_session *session, const struct slice **ret_names);

#endif
