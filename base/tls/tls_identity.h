#ifndef RUNSD_BASE_TLS_TLS_IDENTITY_H
#define RUNSD_BASE_TLS_TLS_IDENTITY_H

#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// What one end of TLS shows and by what it verifies the other: a certificate with its chain and
// private key, and authorities; each may be missing, where its user can do without. Checked when
// it is made, immutable, counted, thread safe.

struct gnutls_certificate_credentials_st;

struct tls_identity {
    const char *cert_pem; // as the files have them; NULL: none
    const char *key_pem;
    const char *ca_pem;
    // Grows with each change of what a source holds (base/tls/tls_source.h).
    uint64_t number;
    // From when until when all of the chain is valid; 0: no certificate.
    int64_t not_before_us;
    int64_t not_after_us;
    // Whom the certificate is for, as "dns:a.example, ip:192.0.2.1"; "" if it does not say.
    const char *names;
    // The same for sessions of GnuTLS, which borrow it: it has to live as long as they do.
    struct gnutls_certificate_credentials_st *credentials;
};

// The bytes of the files, and what to call these in messages: "--tls-cert: \"a.pem\"". data NULL:
// there is none.
struct tls_texts {
    struct slice cert;
    struct slice key;
    struct slice ca;
    const char *cert_what;
    const char *key_what;
    const char *ca_what;
};

// Makes one of PEM texts, which it copies. INVALID_ARGUMENT if a text is no PEM of its kind, if
// the key is encrypted or another certificate's, if the chain is not in order (each certificate
// signed by the next one), or too long.
const struct error *tls_identity_new(struct arena *a, const struct tls_texts *texts,
                                     uint64_t number, struct tls_identity **ret_identity);

// Adds a reference, and returns the identity.
struct tls_identity *tls_identity_ref(struct tls_identity *identity);

// Gives a reference back; the last one wipes the key. NULL is ignored.
void tls_identity_release(struct tls_identity *identity);

#endif
