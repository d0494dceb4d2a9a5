#include "base/tls/tls_options.h"

#include <stddef.h>

static const char *const client_auth_words[] = {"require", "optional", NULL};

const struct cli_option tls_options_rows[] = {
    {.name = "--tls-cert",
     .value = "FILE",
     CLI_TEXT_AT(struct tls_options, cert),
     .help = "PEM: the certificate by which all TCP listeners speak TLS, and the chain behind it; "
             "a file that is replaced is taken for new connections"},
    {.name = "--tls-key",
     .value = "FILE",
     CLI_TEXT_AT(struct tls_options, key),
     .help = "PEM: its private key, without a passphrase"},
    {.name = "--tls-client-ca",
     .value = "FILE",
     CLI_TEXT_AT(struct tls_options, client_ca),
     .help = "PEM: the authorities by which clients' certificates are verified"},
    {.name = "--tls-client-auth",
     .value = "WHAT",
     CLI_WORD_AT(struct tls_options, client_auth),
     CLI_GIVEN_AT(struct tls_options, has_client_auth),
     .words = client_auth_words,
     .fallback = "require",
     .help = "require or optional: whether clients without a certificate are served; needs "
             "--tls-client-ca"},
    {.name = NULL},
};

static const struct error *missing(struct arena *a, const char *given, const char *needed,
                                   const char *what) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s needs %s: %s", given, needed,
                     what);
}

const struct error *tls_options_check(struct arena *a, const struct tls_options *options) {
    static const char of_ours[] = "TLS takes a certificate and its private key";
    if (options->cert != NULL && options->key == NULL) {
        return missing(a, "--tls-cert", "--tls-key", of_ours);
    }
    if (options->key != NULL && options->cert == NULL) {
        return missing(a, "--tls-key", "--tls-cert", of_ours);
    }
    if (options->client_ca != NULL && options->cert == NULL) {
        return missing(a, "--tls-client-ca", "--tls-cert and --tls-key",
                       "clients show certificates over TLS only");
    }
    if (options->has_client_auth && options->client_ca == NULL) {
        return missing(a, "--tls-client-auth", "--tls-client-ca",
                       "a certificate is verified by the authorities there");
    }
    return NULL;
}

enum tls_client_auth tls_options_client_auth(const struct tls_options *options) {
    if (options->client_ca == NULL) {
        return TLS_CLIENT_NONE;
    }
    return options->client_auth == 0 ? TLS_CLIENT_REQUIRED : TLS_CLIENT_OPTIONAL;
}
