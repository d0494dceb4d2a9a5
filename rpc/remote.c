#include "rpc/remote.h"

#include <string.h>

static const struct error *missing(struct arena *a, const char *given, const char *needed,
                                   const char *why) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s needs %s: %s", given, needed,
                     why);
}

// What was given for nothing: its option, or NULL.
static const char *given_for_nothing(const struct rpc_remote_options *options) {
    const struct tls_file *files[] = {&options->ca, &options->cert, &options->key};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i]->path != NULL) {
            return files[i]->option;
        }
    }
    return options->server_name.value != NULL ? options->server_name.option : NULL;
}

static const struct error *check(struct arena *a, const struct rpc_remote_options *options,
                                 bool is_tls) {
    static const char of_ours[] = "TLS takes a certificate and its private key";
    const char *unused = given_for_nothing(options);
    if (!is_tls) {
        return unused == NULL || options->may_be_plain
                   ? NULL
                   : missing(a, unused,
                             arena_printf(a, "%s tls:HOST:PORT", options->address.option),
                             "there is no TLS otherwise");
    }
    if (options->cert.path != NULL && options->key.path == NULL) {
        return missing(a, options->cert.option, options->key.option, of_ours);
    }
    if (options->key.path != NULL && options->cert.path == NULL) {
        return missing(a, options->key.option, options->cert.option, of_ours);
    }
    if (options->server_name.value != NULL && options->server_name.value[0] == '\0') {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: the name is empty",
                         options->server_name.option);
    }
    return NULL;
}

const struct error *rpc_remote_open(struct arena *a, const struct rpc_remote_options *options,
                                    struct rpc_remote *ret_remote) {
    static const struct logger silent = {.fd = -1, .level = LOG_ERROR};
    struct rpc_remote remote = {.credentials = rpc_credentials_insecure_channel()};
    const struct error *error = address_parse_server(
        a, options->address.option, options->address.value, &remote.address, &remote.is_tls);
    if (error == NULL) {
        error = check(a, options, remote.is_tls);
    }
    bool has_files = options->ca.path != NULL || options->cert.path != NULL;
    if (error == NULL && remote.is_tls && has_files) {
        const struct tls_source_options source = {
            .log = options->log != NULL ? options->log : &silent,
            .use = TLS_USE_UPSTREAM,
            .ca = options->ca,
            .cert = options->cert,
            .key = options->key,
        };
        error = tls_source_start(a, &source, &remote.source);
    }
    if (error != NULL) {
        return error;
    }
    if (remote.is_tls) {
        remote.credentials =
            rpc_credentials_tls_channel_new(remote.source, options->server_name.value);
    }
    *ret_remote = remote;
    return NULL;
}

void rpc_remote_close(struct rpc_remote *remote) {
    if (remote->is_tls) {
        rpc_credentials_tls_channel_free(
            (struct rpc_channel_credentials *)(uintptr_t)remote->credentials);
    }
    tls_source_stop(remote->source);
    *remote = (struct rpc_remote){0};
}

enum rpc_tls_problem rpc_tls_problem_of(const char *detail) {
    // In the words of gRPC core 1.51.1 and OpenSSL 3.0.
    static const struct {
        const char *holds;
        enum rpc_tls_problem problem;
    } known[] = {
        {"wrong version number", RPC_TLS_NOT_SPOKEN},
        {"certificate verify failed", RPC_TLS_NOT_TRUSTED},
        {" is not in peer certificate", RPC_TLS_OTHER_NAME},
        {"no application protocol", RPC_TLS_NOT_HTTP2},
        {"missing selected ALPN property", RPC_TLS_NOT_HTTP2},
        {"Socket closed", RPC_TLS_REFUSED},
        {"alert ", RPC_TLS_REFUSED},
    };
    for (size_t i = 0; detail != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strstr(detail, known[i].holds) != NULL) {
            return known[i].problem;
        }
    }
    return RPC_TLS_NO_PROBLEM;
}
