#ifndef RUNSD_BASE_TLS_TLS_OPTIONS_H
#define RUNSD_BASE_TLS_TLS_OPTIONS_H

#include <stdbool.h>

#include "base/cli/cli_option.h"
#include "base/core/arena.h"
#include "base/core/error.h"

// The options of every program that listens: by which certificate its TCP listeners speak TLS,
// and whether its clients show one.

// What a client is asked for.
enum tls_client_auth {
    TLS_CLIENT_NONE,     // nothing: there is no CA to verify it by
    TLS_CLIENT_OPTIONAL, // a certificate, which it may leave out; a bad one is refused
    TLS_CLIENT_REQUIRED, // a certificate
};

// As the command line has them; zero-initialized they are "plain text".
struct tls_options {
    const char *cert; // NULL: plain text
    const char *key;
    const char *client_ca; // NULL: clients are not asked
    int client_auth;       // which word of --tls-client-auth
    bool has_client_auth;  // it was given
};

// Their rows, for a cli_table of struct tls_options.
extern const struct cli_option tls_options_rows[];

// INVALID_ARGUMENT if one is given without another that it needs; names both.
const struct error *tls_options_check(struct arena *a, const struct tls_options *options);

enum tls_client_auth tls_options_client_auth(const struct tls_options *options);

#endif
