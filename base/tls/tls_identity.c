#include "base/tls/tls_identity.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "base/tls/tls_names.h"

enum {
    LONGEST_CHAIN = 16, // certificates; more are refused by clients, too
    KEY_ID_BYTES = 32,  // SHA-256
};

struct counted_identity {
    struct tls_identity shown;
    atomic_size_t references;
};

// A list of certificates that GnuTLS made.
struct certificates {
    gnutls_x509_crt_t *items;
    unsigned count;
};

static void certificates_release(struct certificates *list) {
    for (unsigned i = 0; i < list->count; i++) {
        gnutls_x509_crt_deinit(list->items[i]);
    }
    gnutls_free(list->items);
}

static gnutls_datum_t datum_of(struct slice text) {
    return (gnutls_datum_t){(unsigned char *)text.data, (unsigned)text.len};
}

static const struct error *bad(struct arena *a, const char *what, const char *why) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s", what, why);
}

static const struct error *bad_by_gnutls(struct arena *a, const char *what, const char *why,
                                         int code) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s (%s)", what, why,
                     gnutls_strerror(code));
}

// --- the checks ---

static bool has_text(struct slice text, const char *wanted) {
    return memmem(text.data, text.len, wanted, strlen(wanted)) != NULL;
}

static const struct error *read_certificates(struct arena *a, struct slice text, const char *what,
                                             unsigned flags, struct certificates *ret_list) {
    if (!has_text(text, "-----BEGIN CERTIFICATE-----")) {
        return bad(a, what, "has no certificate in PEM (\"-----BEGIN CERTIFICATE-----\")");
    }
    gnutls_datum_t pem = datum_of(text);
    int code = gnutls_x509_crt_list_import2(&ret_list->items, &ret_list->count, &pem,
                                            GNUTLS_X509_FMT_PEM, flags);
    if (code == GNUTLS_E_CERTIFICATE_LIST_UNSORTED) {
        return bad(a, what,
                   "the certificates are not in order: the server's own comes first, then each "
                   "the one that signed the one before");
    }
    if (code < 0) {
        return bad_by_gnutls(a, what, "a certificate cannot be read", code);
    }
    return ret_list->count == 0 ? bad(a, what, "has no certificate that can be read") : NULL;
}

static const struct error *read_chain(struct arena *a, const struct tls_texts *texts,
                                      struct certificates *ret_list) {
    const struct error *error = read_certificates(a, texts->cert, texts->cert_what,
                                                  GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED, ret_list);
    if (error == NULL && ret_list->count > LONGEST_CHAIN) {
        error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                          "%s: has %u certificates; a chain has at most %d", texts->cert_what,
                          ret_list->count, LONGEST_CHAIN);
    }
    return error;
}

static bool is_of_key(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key) {
    unsigned char of_cert[KEY_ID_BYTES];
    unsigned char of_key[KEY_ID_BYTES];
    size_t cert_size = sizeof(of_cert);
    size_t key_size = sizeof(of_key);
    return gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, of_cert, &cert_size) == 0 &&
           gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &key_size) == 0 &&
           cert_size == key_size && memcmp(of_cert, of_key, key_size) == 0;
}

static const struct error *check_key(struct arena *a, const struct tls_texts *texts,
                                     gnutls_x509_crt_t cert, gnutls_x509_privkey_t key) {
    if (has_text(texts->key, "ENCRYPTED")) {
        return bad(a, texts->key_what,
                   "the private key is encrypted: there is nobody to ask for a "
                   "passphrase");
    }
    if (!has_text(texts->key, "PRIVATE KEY-----")) {
        return bad(a, texts->key_what,
                   "has no private key in PEM (\"-----BEGIN PRIVATE KEY-----\")");
    }
    gnutls_datum_t pem = datum_of(texts->key);
    int code = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code < 0) {
        return bad_by_gnutls(a, texts->key_what, "the private key cannot be read", code);
    }
    if (!is_of_key(cert, key)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: is not the private key of the certificate in %s", texts->key_what,
                         texts->cert_what);
    }
    return NULL;
}

// --- what is kept ---

static char *copy_text(struct slice text) {
    char *copy = mem_alloc(text.len + 1);
    if (text.len > 0) { // else data may be NULL
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

static void note_times(struct tls_identity *identity, const struct certificates *chain) {
    for (unsigned i = 0; i < chain->count; i++) {
        int64_t from = (int64_t)gnutls_x509_crt_get_activation_time(chain->items[i]) * 1000000;
        int64_t until = (int64_t)gnutls_x509_crt_get_expiration_time(chain->items[i]) * 1000000;
        if (i == 0 || from > identity->not_before_us) {
            identity->not_before_us = from;
        }
        if (i == 0 || until < identity->not_after_us) {
            identity->not_after_us = until;
        }
    }
}

static void note_names(struct tls_identity *identity, gnutls_x509_crt_t cert) {
    struct strbuf names = STRBUF_INIT;
    tls_names_append(cert, &names);
    identity->names = copy_text(strbuf_slice(&names));
    strbuf_release(&names);
}

static const struct error *take_pair(struct arena *a, const struct tls_texts *texts,
                                     struct tls_identity *identity) {
    struct certificates chain = {0};
    const struct error *error = read_chain(a, texts, &chain);
    if (error != NULL) {
        certificates_release(&chain);
        return error;
    }
    gnutls_x509_privkey_t key;
    gnutls_x509_privkey_init(&key);
    CHECK(chain.items != NULL);
    error = check_key(a, texts, chain.items[0], key);
    if (error == NULL) {
        int code = gnutls_certificate_set_x509_key(identity->credentials, chain.items,
                                                   (int)chain.count, key);
        error = code < 0 ? bad_by_gnutls(a, texts->cert_what, "cannot be used", code) : NULL;
    }
    if (error == NULL) {
        identity->cert_pem = copy_text(texts->cert);
        identity->key_pem = copy_text(texts->key);
        note_times(identity, &chain);
        note_names(identity, chain.items[0]);
    }
    gnutls_x509_privkey_deinit(key);
    certificates_release(&chain);
    return error;
}

static const struct error *take_ca(struct arena *a, const struct tls_texts *texts,
                                   struct tls_identity *identity) {
    struct certificates list = {0};
    const struct error *error = read_certificates(a, texts->ca, texts->ca_what, 0, &list);
    if (error == NULL) {
        int code =
            gnutls_certificate_set_x509_trust(identity->credentials, list.items, (int)list.count);
        error = code < 0 ? bad_by_gnutls(a, texts->ca_what, "cannot be used", code) : NULL;
    }
    if (error == NULL) {
        identity->ca_pem = copy_text(texts->ca);
    }
    certificates_release(&list);
    return error;
}

const struct error *tls_identity_new(struct arena *a, const struct tls_texts *texts,
                                     uint64_t number, struct tls_identity **ret_identity) {
    struct counted_identity *counted = mem_zalloc(sizeof(*counted));
    atomic_init(&counted->references, 1);
    struct tls_identity *identity = &counted->shown;
    identity->number = number;
    gnutls_certificate_allocate_credentials(&identity->credentials);
    const struct error *error = NULL;
    if (texts->cert.data != NULL) {
        error = take_pair(a, texts, identity);
    } else {
        identity->names = mem_strdup("");
    }
    if (error == NULL && texts->ca.data != NULL) {
        error = take_ca(a, texts, identity);
    }
    if (error != NULL) {
        tls_identity_release(identity);
        return error;
    }
    *ret_identity = identity;
    return NULL;
}

// --- references ---

static struct counted_identity *counted_of(struct tls_identity *identity) {
    return CONTAINER_OF(identity, struct counted_identity, shown);
}

struct tls_identity *tls_identity_ref(struct tls_identity *identity) {
    atomic_fetch_add_explicit(&counted_of(identity)->references, 1, memory_order_relaxed);
    return identity;
}

static void free_secret(const char *text) {
    if (text != NULL) {
        explicit_bzero((char *)text, strlen(text));
        free((char *)text);
    }
}

void tls_identity_release(struct tls_identity *identity) {
    if (identity == NULL || atomic_fetch_sub_explicit(&counted_of(identity)->references, 1,
                                                      memory_order_acq_rel) != 1) {
        return;
    }
    gnutls_certificate_free_credentials(identity->credentials);
    free_secret(identity->key_pem);
    free((char *)identity->cert_pem);
    free((char *)identity->ca_pem);
    free((char *)identity->names);
    free(counted_of(identity));
}
