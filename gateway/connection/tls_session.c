#include "gateway/connection/tls_session.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/core/arena.h"
#include "base/core/memory.h"
#include "base/tls/tls_names.h"
#include "gateway/connection/client_hello.h"

// Of the handshake's ends, which of the two come first depends on the version.
enum { FINISHED_RECEIVED = 1, FINISHED_SENT = 2, FINISHED_BOTH = 3 };

struct tls_session {
    gnutls_session_t gnutls;
    struct tls_io io;
    struct tls_identity *identity;
    enum tls_client_auth auth;
    const struct tls_session_events *events;
    void *context;
    unsigned finished;
    const char *refusal;
    struct arena arena; // of the names
    struct slice names[TLS_SESSION_MOST_NAMES];
    size_t name_count;
};

static const char http_1_1[] = "http/1.1";

// Tells the client why, as far as alerts can, and ends the handshake: libmicrohttpd sends no alert.
static int refuse(struct tls_session *session, gnutls_alert_description_t alert, const char *why,
                  int code) {
    session->refusal = why;
    gnutls_alert_send(session->gnutls, GNUTLS_AL_FATAL, alert);
    return code;
}

// --- the client's certificate ---

// What GnuTLS found, the first that applies.
static const struct fault {
    unsigned status;
    gnutls_alert_description_t alert;
    const char *why;
} faults[] = {
    {GNUTLS_CERT_REVOKED, GNUTLS_A_CERTIFICATE_REVOKED, "it is revoked"},
    {GNUTLS_CERT_SIGNER_NOT_FOUND, GNUTLS_A_UNKNOWN_CA,
     "no authority of --tls-client-ca signed it"},
    {GNUTLS_CERT_SIGNER_NOT_CA, GNUTLS_A_UNKNOWN_CA, "what signed it is no authority"},
    {GNUTLS_CERT_EXPIRED, GNUTLS_A_CERTIFICATE_EXPIRED, "it has expired"},
    {GNUTLS_CERT_NOT_ACTIVATED, GNUTLS_A_BAD_CERTIFICATE, "it is not valid yet"},
    {GNUTLS_CERT_PURPOSE_MISMATCH, GNUTLS_A_UNSUPPORTED_CERTIFICATE, "it is not for clients"},
    {GNUTLS_CERT_INSECURE_ALGORITHM, GNUTLS_A_BAD_CERTIFICATE, "its algorithm is not secure"},
    {GNUTLS_CERT_INVALID, GNUTLS_A_BAD_CERTIFICATE, "it is not valid"},
};

static int refuse_missing(struct tls_session *session) {
    bool is_1_3 = gnutls_protocol_get_version(session->gnutls) == GNUTLS_TLS1_3;
    return refuse(session, is_1_3 ? GNUTLS_A_CERTIFICATE_REQUIRED : GNUTLS_A_HANDSHAKE_FAILURE,
                  "the client showed no certificate", GNUTLS_E_NO_CERTIFICATE_FOUND);
}

static int refuse_faulty(struct tls_session *session, unsigned status) {
    const struct fault *fault = faults;
    while (fault->status != GNUTLS_CERT_INVALID && (fault->status & status) == 0) {
        fault++;
    }
    return refuse(session, fault->alert, fault->why, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
}

static bool take_names(struct tls_session *session, const gnutls_datum_t *certificate) {
    gnutls_x509_crt_t parsed;
    gnutls_x509_crt_init(&parsed);
    bool is_read = gnutls_x509_crt_import(parsed, certificate, GNUTLS_X509_FMT_DER) == 0;
    if (is_read) {
        session->name_count =
            tls_names_of_client(&session->arena, parsed, session->names, TLS_SESSION_MOST_NAMES);
    }
    gnutls_x509_crt_deinit(parsed);
    return is_read;
}

// Called by GnuTLS amid the handshake, also if the client has shown no certificate.
static int verify_client(gnutls_session_t gnutls) {
    struct tls_session *session = gnutls_session_get_ptr(gnutls);
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(gnutls, &count);
    if (chain == NULL || count == 0) {
        return session->auth == TLS_CLIENT_REQUIRED ? refuse_missing(session) : 0;
    }
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned status = GNUTLS_CERT_INVALID;
    int code = gnutls_certificate_verify_peers(gnutls, &purpose, 1, &status);
    if (code < 0 || status != 0) {
        return refuse_faulty(session, status);
    }
    return take_names(session, &chain[0]) ? 0 : refuse_faulty(session, GNUTLS_CERT_INVALID);
}

// --- the handshake ---

static int check_hello(struct tls_session *session, const gnutls_datum_t *message) {
    struct client_hello hello;
    if (!client_hello_read(slice_of(message->data, message->size), &hello)) {
        return 0; // GnuTLS' to refuse
    }
    if (!hello.has_version) {
        return refuse(session, GNUTLS_A_PROTOCOL_VERSION, "the client offers no TLS 1.2 or 1.3",
                      GNUTLS_E_UNSUPPORTED_VERSION_PACKET);
    }
    if (!hello.has_suite) {
        return refuse(session, GNUTLS_A_HANDSHAKE_FAILURE,
                      "the client offers no cipher suite that we have", GNUTLS_E_NO_CIPHER_SUITES);
    }
    if (hello.offers_protocols && !hello.offers_http) {
        return refuse(session, GNUTLS_A_NO_APPLICATION_PROTOCOL,
                      "the client offers no protocol but others than http/1.1",
                      GNUTLS_E_NO_APPLICATION_PROTOCOL);
    }
    return 0;
}

static void note_finished(struct tls_session *session, unsigned which) {
    bool was_open = session->finished == FINISHED_BOTH;
    session->finished |= which;
    if (!was_open && session->finished == FINISHED_BOTH) {
        session->events->opened(session->context);
    }
}

// Called by GnuTLS before and behind each message of the handshake.
static int on_message(gnutls_session_t gnutls, unsigned type, unsigned when, unsigned is_received,
                      const gnutls_datum_t *message) {
    struct tls_session *session = gnutls_session_get_ptr(gnutls);
    if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && when == GNUTLS_HOOK_PRE) {
        return check_hello(session, message);
    }
    if (type == GNUTLS_HANDSHAKE_FINISHED && when == GNUTLS_HOOK_POST) {
        note_finished(session, is_received ? FINISHED_RECEIVED : FINISHED_SENT);
    }
    return 0;
}

// --- the life of a session ---

static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
                          const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                          gnutls_pcert_st **certificates, unsigned *certificate_count,
                          gnutls_privkey_t *key) {
    (void)session;
    (void)authorities;
    (void)count;
    (void)algorithms;
    (void)algorithm_count;
    (void)certificates;
    (void)certificate_count;
    (void)key;
    return -1;
}

void *tls_session_certificate_callback(void) {
    return (void *)no_certificate;
}

// GnuTLS' ends of tls_io.
static ssize_t pull(void *session, void *bytes, size_t size) {
    return tls_io_receive(&((struct tls_session *)session)->io, bytes, size);
}

static ssize_t push(void *session, const giovec_t *parts, int count) {
    return tls_io_send(&((struct tls_session *)session)->io, parts, count);
}

struct tls_session *tls_session_new(gnutls_session_t gnutls, int fd, struct tls_io_shared *io,
                                    struct tls_identity *identity, enum tls_client_auth auth,
                                    const struct tls_session_events *events, void *context) {
    struct tls_session *session = mem_zalloc(sizeof(*session));
    tls_io_init(&session->io, io, fd);
    gnutls_transport_set_ptr(gnutls, session);
    gnutls_transport_set_pull_function(gnutls, pull);
    gnutls_transport_set_vec_push_function(gnutls, push);
    session->gnutls = gnutls;
    session->identity = identity;
    session->auth = auth;
    session->events = events;
    session->context = context;
    arena_init(&session->arena);
    gnutls_session_set_ptr(gnutls, session);
    gnutls_credentials_set(gnutls, GNUTLS_CRD_CERTIFICATE, identity->credentials);
    const gnutls_datum_t protocol = {(unsigned char *)http_1_1, sizeof(http_1_1) - 1};
    gnutls_alpn_set_protocols(gnutls, &protocol, 1, GNUTLS_ALPN_MANDATORY);
    gnutls_handshake_set_hook_function(gnutls, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_BOTH, on_message);
    if (auth != TLS_CLIENT_NONE) {
        gnutls_certificate_server_set_request(gnutls, GNUTLS_CERT_REQUEST);
        gnutls_session_set_verify_function(gnutls, verify_client);
    }
    return session;
}

void tls_session_free(struct tls_session *session) {
    if (session != NULL) {
        tls_io_release(&session->io);
        tls_identity_release(session->identity);
        arena_release(&session->arena);
        free(session);
    }
}

bool tls_session_is_open(const struct tls_session *session) {
    return session->finished == FINISHED_BOTH;
}

bool tls_session_waits_to_send(const struct tls_session *session) {
    return gnutls_record_get_direction(session->gnutls) == 1;
}

const char *tls_session_refusal(const struct tls_session *session) {
    return session->refusal;
}

size_t tls_session_client_names(const struct tls_session *session, const struct slice **ret_names) {
    *ret_names = session->names;
    return session->name_count;
}

// --- the transport ---

static void tls_write(const struct transport *transport, struct slice bytes) {
    if (tls_session_is_open(transport->tls)) {
        gnutls_record_send(transport->tls->gnutls, bytes.data, bytes.len);
    }
}

// Without "close notify" the client would take the end for an attack (RFC 8446 section 6.1).
static void notify_close(const struct transport *transport) {
    if (tls_session_is_open(transport->tls)) {
        gnutls_bye(transport->tls->gnutls, GNUTLS_SHUT_WR);
    }
}

static void tls_end_sending(const struct transport *transport) {
    notify_close(transport);
    shutdown(transport->fd, SHUT_WR);
}

static void tls_end(const struct transport *transport) {
    notify_close(transport);
    shutdown(transport->fd, SHUT_RDWR);
}

// Of what libmicrohttpd has not taken yet, some may be read or deciphered already, which the socket
// does not tell.
static bool has_read(const struct tls_session *session) {
    return tls_io_has_ahead(&session->io) || gnutls_record_check_pending(session->gnutls) > 0;
}

static bool tls_has_unread(const struct transport *transport) {
    const struct transport below = transport_plain(transport->fd);
    return has_read(transport->tls) || transport_has_unread(&below);
}

static enum transport_input tls_peek(const struct transport *transport) {
    const struct transport below = transport_plain(transport->fd);
    return has_read(transport->tls) ? TRANSPORT_BYTES : transport_peek(&below);
}

// libmicrohttpd gives GnuTLS a reply's head and its body one behind the other.
static void tls_expect_reply(const struct transport *transport) {
    tls_io_hold(&transport->tls->io);
}

struct transport transport_tls(struct tls_session *session) {
    static const struct transport_kind tls = {
        .write = tls_write,
        .end_sending = tls_end_sending,
        .end = tls_end,
        .has_unread = tls_has_unread,
        .peek = tls_peek,
        .expect_reply = tls_expect_reply,
    };
    return (struct transport){.kind = &tls, .fd = session->io.fd, .tls = session};
}
