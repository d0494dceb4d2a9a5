#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "rpc/credentials_internal.h"

// Mozilla's intermediate configuration 5.7 without DHE:
// https://wiki.mozilla.org/Security/Server_Side_TLS
static const char cipher_suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

void rpc_credentials_prepare(void) {
    // Threads of gRPC core's that have made handshakes may outlive main: what they use is not to be
    // taken away from them while the process ends (OPENSSL_init_crypto(3)).
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    setenv("GRPC_SSL_CIPHER_SUITES", cipher_suites, 1);
}

// --- listeners ---

// What gRPC core has been given of a source, for one port of one server.
struct fetcher {
    struct fetcher *next;
    struct tls_source *source;
    _Atomic(uint64_t) number; // of the identity that was given last; 0: none
};

struct tls_server {
    struct rpc_server_credentials base;
    struct tls_source *source;
    enum tls_client_auth client_auth;
    _Atomic(struct fetcher *) fetchers;
};

// As a connection begins, on the thread that has accepted it. What gRPC core cannot use, it says in
// its log, and goes on with what it had.
static grpc_ssl_certificate_config_reload_status
fetch(void *context, grpc_ssl_server_certificate_config **ret_config) {
    struct fetcher *fetcher = context;
    if (tls_source_number(fetcher->source) == atomic_load(&fetcher->number)) {
        return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    }
    struct tls_identity *identity = tls_source_take(fetcher->source);
    const grpc_ssl_pem_key_cert_pair pair = {identity->key_pem, identity->cert_pem};
    // gRPC core wants authorities also where no client is asked for a certificate.
    const char *authorities = identity->ca_pem != NULL ? identity->ca_pem : identity->cert_pem;
    *ret_config = grpc_ssl_server_certificate_config_create(authorities, &pair, 1);
    atomic_store(&fetcher->number, identity->number);
    tls_identity_release(identity);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

static grpc_ssl_client_certificate_request_type request_of(enum tls_client_auth client_auth) {
    switch (client_auth) {
    case TLS_CLIENT_NONE:
        break;
    case TLS_CLIENT_OPTIONAL:
        return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
    case TLS_CLIENT_REQUIRED:
        return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
    }
    return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
}

static grpc_server_credentials *server_core(const struct rpc_server_credentials *self) {
    struct tls_server *tls =
        CONTAINER_OF((struct rpc_server_credentials *)(uintptr_t)self, struct tls_server, base);
    struct fetcher *fetcher = mem_zalloc(sizeof(*fetcher));
    fetcher->source = tls->source;
    fetcher->next = atomic_load(&tls->fetchers);
    while (!atomic_compare_exchange_weak(&tls->fetchers, &fetcher->next, fetcher)) {
    }
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            request_of(tls->client_auth), fetch, fetcher));
}

struct rpc_server_credentials *rpc_credentials_tls_server_new(struct tls_source *source,
                                                              enum tls_client_auth client_auth) {
    struct tls_server *tls = mem_zalloc(sizeof(*tls));
    tls->base.core = server_core;
    tls->source = source;
    tls->client_auth = client_auth;
    return &tls->base;
}

void rpc_credentials_tls_server_free(struct rpc_server_credentials *credentials) {
    if (credentials == NULL) {
        return;
    }
    struct tls_server *tls = CONTAINER_OF(credentials, struct tls_server, base);
    struct fetcher *next;
    for (struct fetcher *f = atomic_load(&tls->fetchers); f != NULL; f = next) {
        next = f->next;
        free(f);
    }
    free(tls);
}

// --- channels ---

struct tls_channel {
    struct rpc_channel_credentials base;
    struct tls_source *source; // NULL: nothing to show, and the system's authorities
};

static grpc_channel_credentials *channel_core(const struct rpc_channel_credentials *self) {
    const struct tls_channel *tls = (const struct tls_channel *)self;
    if (tls->source == NULL) {
        return grpc_ssl_credentials_create_ex(NULL, NULL, NULL, NULL);
    }
    struct tls_identity *identity = tls_source_take(tls->source);
    grpc_ssl_pem_key_cert_pair pair = {identity->key_pem, identity->cert_pem};
    grpc_channel_credentials *core = grpc_ssl_credentials_create_ex(
        identity->ca_pem, identity->cert_pem != NULL ? &pair : NULL, NULL, NULL);
    tls_identity_release(identity);
    return core;
}

static uint64_t channel_number(const struct rpc_channel_credentials *self) {
    return tls_source_number(((const struct tls_channel *)self)->source);
}

struct rpc_channel_credentials *rpc_credentials_tls_channel_new(struct tls_source *source,
                                                                const char *server_name) {
    struct tls_channel *tls = mem_zalloc(sizeof(*tls));
    tls->base.core = channel_core;
    tls->base.number = source != NULL ? channel_number : NULL;
    tls->base.server_name = server_name != NULL ? mem_strdup(server_name) : NULL;
    tls->source = source;
    return &tls->base;
}

void rpc_credentials_tls_channel_free(struct rpc_channel_credentials *credentials) {
    if (credentials != NULL) {
        free((char *)(uintptr_t)credentials->server_name);
        free(credentials);
    }
}
