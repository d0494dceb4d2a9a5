#include "ctl/client_options.h"

#include <string.h>
#include <unistd.h>

#include "base/core/request_id.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/file.h"
#include "ctl/server_probe.h"
#include "ctl/typed_token.h"

enum { MAX_TOKEN_BYTES = 1024 };

const struct cli_option client_options_rows[] = {
    {.name = "--server",
     .section = "runsctl",
     .value = "ADDR",
     CLI_TEXT_AT(struct client_options, server),
     CLI_GIVEN_AT(struct client_options, has_server),
     .environment = "RUNSCTL_SERVER",
     .fallback = "127.0.0.1:50051",
     .help = "HOST:PORT or unix:PATH of gRPC; tls:HOST:PORT for one that speaks TLS"},
    {.name = "--token",
     .section = "runsctl",
     .value = "TOKEN",
     CLI_TEXT_AT(struct client_options, token),
     CLI_GIVEN_AT(struct client_options, has_token),
     .environment = "RUNSCTL_TOKEN",
     .is_secret = true,
     .help = "bearer token; others can see it in ps"},
    {.name = "--token-file",
     .section = "runsctl",
     .value = "FILE",
     CLI_TEXT_AT(struct client_options, token_file),
     .help =
         "file that holds the token; -: standard input, where it is not shown while it is typed"},
    {.name = "--tls-ca",
     .section = "runsctl",
     .value = "FILE",
     CLI_TEXT_AT(struct client_options, tls_ca),
     CLI_GIVEN_AT(struct client_options, has_tls),
     .environment = "RUNSCTL_TLS_CA",
     .default_help = "the system's",
     .help = "PEM: the authorities by which the server's certificate is verified"},
    {.name = "--tls-cert",
     .section = "runsctl",
     .value = "FILE",
     CLI_TEXT_AT(struct client_options, tls_cert),
     CLI_GIVEN_AT(struct client_options, has_tls),
     .environment = "RUNSCTL_TLS_CERT",
     .help = "PEM: the certificate that the server is shown, and the chain behind it"},
    {.name = "--tls-key",
     .section = "runsctl",
     .value = "FILE",
     CLI_TEXT_AT(struct client_options, tls_key),
     CLI_GIVEN_AT(struct client_options, has_tls),
     .environment = "RUNSCTL_TLS_KEY",
     .help = "PEM: its private key, without a passphrase"},
    {.name = "--tls-server-name",
     .section = "runsctl",
     .value = "NAME",
     CLI_TEXT_AT(struct client_options, tls_server_name),
     CLI_GIVEN_AT(struct client_options, has_tls),
     .environment = "RUNSCTL_TLS_SERVER_NAME",
     .default_help = "the host of --server",
     .help = "whom the server's certificate must be for"},
    {.name = "--timeout-ms",
     .section = "runsctl",
     .value = "N",
     CLI_NUMBER_AT(struct client_options, timeout_ms),
     .least = 1,
     .most = 3600000,
     .fallback_number = 10000,
     .help = "how long to wait for the reply"},
    {.name = "--json",
     .section = "runsctl",
     CLI_FLAG_AT(struct client_options, json),
     .help = "print JSON, spelled as over REST; errors, too"},
    {.name = NULL},
};

const struct cli_table client_options_tables[] = {{client_options_rows, 0}, {NULL, 0}};

// Reads the token of a file, or of a terminal, where it is typed.
static const struct error *read_token_file(struct arena *a, const char *flag, const char *path,
                                           struct slice *ret_token) {
    int terminal = typed_token_open(path);
    if (terminal < 0) {
        return file_read(a, flag, path, MAX_TOKEN_BYTES, ret_token);
    }
    const struct error *error = typed_token_read(a, flag, terminal, ret_token);
    close(terminal);
    return error;
}

// The token that was given, "" for none.
static const struct error *find_token(const struct invocation *in,
                                      const struct client_options *options,
                                      const char **ret_token) {
    struct slice token = SLICE_EMPTY;
    if (options->has_token && options->token_file != NULL) {
        return error_new(in->arena, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--token and --token-file exclude each other");
    }
    const char *flag = options->has_token ? "--token" : "RUNSCTL_TOKEN";
    if (!options->has_token && options->token_file != NULL) {
        flag = "--token-file";
        const struct error *error = read_token_file(in->arena, flag, options->token_file, &token);
        if (error != NULL) {
            return error;
        }
        while (token.len > 0 && strchr("\r\n", token.data[token.len - 1]) != NULL) {
            token.len--;
        }
        if (token.len == 0) {
            return error_new(in->arena, STATUS_INVALID_ARGUMENT, REASON_NONE,
                             "--token-file: there is no token in %s", options->token_file);
        }
    } else if (options->token != NULL) {
        token = slice_of_cstr(options->token);
    }
    if (slice_starts_with(token, slice_of_cstr("Bearer ")) ||
        slice_starts_with(token, slice_of_cstr("bearer "))) {
        return error_new(in->arena, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: give the token alone, without \"Bearer\"", flag);
    }
    // gRPC core takes nothing else as metadata.
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] <= 0x20 || token.data[i] >= 0x7F) {
            return error_new(in->arena, STATUS_INVALID_ARGUMENT, REASON_NONE,
                             "%s: byte %zu is no printable ASCII character, so it is no token",
                             flag, i + 1);
        }
    }
    *ret_token = arena_cstr(in->arena, token);
    return NULL;
}

struct rpc_remote_options client_options_remote(const struct client_options *options,
                                                const char *name, const char *address) {
    return (struct rpc_remote_options){
        .address = {name, address},
        .ca = {"--tls-ca", options->tls_ca},
        .cert = {"--tls-cert", options->tls_cert},
        .key = {"--tls-key", options->tls_key},
        .server_name = {"--tls-server-name", options->tls_server_name},
        .may_be_plain = !options->has_tls,
    };
}

const struct error *client_options_open(const struct invocation *in,
                                        const struct client_options *options,
                                        struct connection *ret_connection) {
    const char *token = "";
    const struct error *error = find_token(in, options, &token);
    if (error != NULL) {
        return error;
    }
    const char *flag = options->has_server ? "--server" : "RUNSCTL_SERVER";
    uuid_make(in->request_id);
    const struct rpc_remote_options remote = client_options_remote(options, flag, options->server);
    error = connection_open(in->arena, &remote, token, in->request_id, options->timeout_ms,
                            ret_connection);
    if (error != NULL) {
        in->request_id[0] = '\0'; // nothing was sent
    }
    return error;
}

// What to do where no server answered; NULL: what the reason suggests.
static const char *hint_of_silence(const struct invocation *in, const struct connection *c,
                                   const struct error *error) {
    const char *other = server_probe_explain(in->arena, c->server, error->detail);
    if (other != NULL || (error->reason_id == REASON_OUTCOME_UNKNOWN && in->unknown_hint != NULL)) {
        return other;
    }
    return arena_printf(in->arena,
                        "see whether it runs at %s; --server or RUNSCTL_SERVER names another",
                        c->server);
}

int client_options_print_error(const struct invocation *in, const struct connection *connection,
                               const struct error *error) {
    // Of an error that a server sent, the reason has no number.
    bool is_silence = error->reason_id == REASON_UPSTREAM_UNREACHABLE ||
                      error->reason_id == REASON_DEADLINE_PASSED ||
                      error->reason_id == REASON_OUTCOME_UNKNOWN;
    struct error mine = *error;
    if (error->code == STATUS_UNAUTHENTICATED && connection->authorization.len == 0 &&
        error_reason_of(error) == REASON_TOKEN_MISSING) {
        // The server's names a header.
        mine.message = connection->shows_certificate
                           ? "no token was sent, and the client certificate opens none"
                           : "no token was sent";
    }
    return command_error(in, &mine, is_silence ? hint_of_silence(in, connection, error) : NULL);
}

int client_options_call_again(const struct invocation *in, struct connection *connection,
                              const char *path, struct slice request, struct slice *ret_response) {
    const struct error *error = connection_call(connection, in->arena, path, request, ret_response);
    return error == NULL ? EXIT_CODE_OK : client_options_print_error(in, connection, error);
}

int client_options_call(const struct invocation *in, const struct client_options *options,
                        const char *path, struct slice request, struct slice *ret_response) {
    struct connection connection;
    const struct error *error = client_options_open(in, options, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    int code = client_options_call_again(in, &connection, path, request, ret_response);
    connection_close(&connection);
    return code;
}
