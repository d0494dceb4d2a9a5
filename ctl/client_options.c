#include "ctl/client_options.h"

#include <string.h>

#include "base/core/request_id.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/file.h"

enum { MAX_TOKEN_BYTES = 1024 };

const struct cli_option client_options_rows[] = {
    {.name = "--server",
     .value = "ADDR",
     CLI_TEXT_AT(struct client_options, server),
     CLI_GIVEN_AT(struct client_options, has_server),
     .environment = "RUNSCTL_SERVER",
     .fallback = "127.0.0.1:50051",
     .help = "HOST:PORT or unix:PATH of gRPC"},
    {.name = "--token",
     .value = "TOKEN",
     CLI_TEXT_AT(struct client_options, token),
     CLI_GIVEN_AT(struct client_options, has_token),
     .environment = "RUNSCTL_TOKEN",
     .help = "bearer token; others can see it in ps"},
    {.name = "--token-file",
     .value = "FILE",
     CLI_TEXT_AT(struct client_options, token_file),
     .help = "file that holds the token, or - for standard input"},
    {.name = "--timeout-ms",
     .value = "N",
     CLI_NUMBER_AT(struct client_options, timeout_ms),
     .least = 1,
     .most = 3600000,
     .fallback_number = 10000,
     .help = "how long to wait for the reply"},
    {.name = "--json",
     CLI_FLAG_AT(struct client_options, json),
     .help = "print JSON, spelled as over REST"},
    {.name = NULL},
};

const struct cli_table client_options_tables[] = {{client_options_rows, 0}, {NULL, 0}};

// The token that was given, "" for none.
static const struct error *find_token(const struct invocation *in,
                                      const struct client_options *options,
                                      const char **ret_token) {
    struct slice token = SLICE_EMPTY;
    const char *flag = options->has_token ? "--token" : "RUNSCTL_TOKEN";
    if (!options->has_token && options->token_file != NULL) {
        flag = "--token-file";
        const struct error *error =
            file_read(in->arena, flag, options->token_file, MAX_TOKEN_BYTES, &token);
        if (error != NULL) {
            return error;
        }
        while (token.len > 0 && strchr("\r\n", token.data[token.len - 1]) != NULL) {
            token.len--;
        }
    } else if (options->token != NULL) {
        token = slice_of_cstr(options->token);
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
    error = connection_open(in->arena, flag, options->server, token, in->request_id,
                            options->timeout_ms, ret_connection);
    if (error != NULL) {
        in->request_id[0] = '\0'; // nothing was sent
    }
    return error;
}

int client_options_call(const struct invocation *in, const struct client_options *options,
                        const char *path, struct slice request, struct slice *ret_response) {
    struct connection connection;
    const char *hint = NULL;
    const struct error *error = client_options_open(in, options, &connection);
    if (error == NULL) {
        error = connection_call(&connection, in->arena, path, request, ret_response);
        if (error != NULL && error->code == STATUS_UNAVAILABLE) {
            hint = arena_printf(
                in->arena, "see whether it runs at %s; --server or RUNSCTL_SERVER names another",
                connection.server);
        }
        connection_close(&connection);
    }
    return error != NULL ? command_error(in, error, hint) : EXIT_CODE_OK;
}
