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

static const struct error *open_files(struct arena *a, const struct rpc_remote_options *options,
                                      struct tls_source **ret_source) {
    static const struct logger silent = {.fd = -1, .level = LOG_ERROR};
    if (options->ca.path == NULL && options->cert.path == NULL) {
        return NULL;
    }
    const struct tls_source_options source = {
        .log = options->log != NULL ? options->log : &silent,
        .use = TLS_USE_UPSTREAM,
        .ca = options->ca,
        .cert = options->cert,
        .key = options->key,
    };
    return tls_source_start(a, &source, ret_source);
}

const struct error *rpc_remote_open(struct arena *a, const struct rpc_remote_options *options,
                                    struct rpc_remote *ret_remote) {
    struct rpc_remote remote = {.credentials = rpc_credentials_insecure_channel()};
    const struct error *error = address_parse_server(
        a, options->address.option, options->address.value, &remote.address, &remote.is_tls);
    if (error == NULL) {
        error = check(a, options, remote.is_tls);
    }
    if (error == NULL && remote.is_tls) {
        error = open_files(a, options, &remote.source);
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

static void free_credentials(struct rpc_remote *remote) {
    if (remote->is_tls) {
        rpc_credentials_tls_channel_free(
            (struct rpc_channel_credentials *)(uintptr_t)remote->credentials);
    }
}

// --- several ---

static const char dns[] = "dns:";

// A host may be called "dns": then one colon follows it, and not two.
static bool is_name(const char *given) {
    return strncmp(given, dns, strlen(dns)) == 0 && strchr(given + strlen(dns), ':') != NULL;
}

static const struct error *parse_one(struct arena *a, const char *option, const char *given,
                                     struct rpc_remote *ret) {
    ret->is_name = is_name(given);
    const char *address = given + (ret->is_name ? strlen(dns) : 0);
    const struct error *error =
        address_parse_server(a, option, address, &ret->address, &ret->is_tls);
    if (error == NULL && ret->is_name && ret->address.kind == ADDRESS_UNIX) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: \"%s\": a unix socket has no name; expected dns:NAME:PORT", option,
                         given);
    }
    if (error == NULL) {
        ret->address.text = arena_cstr(a, slice_of_cstr(given));
    }
    return error;
}

static bool is_same(const struct address *one, const struct address *other) {
    if (one->kind != other->kind) {
        return false;
    }
    return one->kind == ADDRESS_UNIX
               ? strcmp(one->path, other->path) == 0
               : strcmp(one->host, other->host) == 0 && one->port == other->port;
}

static const struct error *parse_all(struct arena *a, const struct rpc_remote_options *options,
                                     const char *const *addresses, struct rpc_remotes *remotes) {
    for (size_t i = 0; i < remotes->count; i++) {
        const struct error *error =
            parse_one(a, options->address.option, addresses[i], &remotes->items[i]);
        for (size_t n = 0; n < i && error == NULL; n++) {
            if (is_same(&remotes->items[n].address, &remotes->items[i].address)) {
                error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                                  "%s: \"%s\" is given twice (\"%s\")", options->address.option,
                                  addresses[i], addresses[n]);
            }
        }
        if (error != NULL) {
            return error;
        }
    }
    return NULL;
}

// Whom a certificate must be for; NULL: the host of the address.
static const char *server_name(const struct rpc_remote_options *options,
                               const struct rpc_remote *remote) {
    return options->server_name.value == NULL && remote->is_name ? remote->address.host
                                                                 : options->server_name.value;
}

const struct error *rpc_remotes_open(struct arena *a, const struct rpc_remote_options *options,
                                     const char *const *addresses, size_t count,
                                     struct rpc_remotes *ret_remotes) {
    struct rpc_remotes remotes = {.items = ARENA_ARRAY(a, struct rpc_remote, count),
                                  .count = count};
    const struct error *error = parse_all(a, options, addresses, &remotes);
    bool has_tls = false;
    for (size_t i = 0; i < count; i++) {
        has_tls = has_tls || remotes.items[i].is_tls;
    }
    if (error == NULL) {
        error = check(a, options, has_tls);
    }
    if (error == NULL && has_tls) {
        error = open_files(a, options, &remotes.source);
    }
    if (error != NULL) {
        return error;
    }
    for (size_t i = 0; i < count; i++) {
        struct rpc_remote *remote = &remotes.items[i];
        remote->credentials =
            remote->is_tls
                ? rpc_credentials_tls_channel_new(remotes.source, server_name(options, remote))
                : rpc_credentials_insecure_channel();
    }
    *ret_remotes = remotes;
    return NULL;
}

void rpc_remotes_close(struct rpc_remotes *remotes) {
    for (size_t i = 0; i < remotes->count; i++) {
        free_credentials(&remotes->items[i]);
    }
    tls_source_stop(remotes->source);
    *remotes = (struct rpc_remotes){0};
}

void rpc_remote_close(struct rpc_remote *remote) {
    free_credentials(remote);
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
