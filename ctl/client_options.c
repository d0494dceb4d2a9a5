#include "ctl/client_options.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/exit_code.h"
#include "ctl/file.h"

enum { MAX_TOKEN_BYTES = 1024 };

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

// The token that was given, "" for none.
static const struct error *find_token(const struct invocation *in, const char **ret_token) {
    struct slice token = SLICE_EMPTY;
    const char *flag = "--token";
    if (in->values[CLIENT_TOKEN].given) {
        token = slice_of_cstr(in->values[CLIENT_TOKEN].text);
    } else if (in->values[CLIENT_TOKEN_FILE].given) {
        flag = "--token-file";
        const struct error *error =
            file_read(in->arena, flag, in->values[CLIENT_TOKEN_FILE].text, MAX_TOKEN_BYTES, &token);
        if (error != NULL) {
            return error;
        }
        while (token.len > 0 && strchr("\r\n", token.data[token.len - 1]) != NULL) {
            token.len--;
        }
    } else if (environment("RUNSCTL_TOKEN") != NULL) {
        flag = "RUNSCTL_TOKEN";
        token = slice_of_cstr(environment("RUNSCTL_TOKEN"));
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
                                        struct connection *ret_connection) {
    const char *token = "";
    const struct error *error = find_token(in, &token);
    if (error != NULL) {
        return error;
    }
    const char *flag = "--server";
    const char *server = in->values[CLIENT_SERVER].text;
    if (server == NULL) {
        flag = "RUNSCTL_SERVER";
        server = environment("RUNSCTL_SERVER");
    }
    if (server == NULL) {
        server = DEFAULT_SERVER;
    }
    int64_t timeout_ms =
        in->values[CLIENT_TIMEOUT].given ? in->values[CLIENT_TIMEOUT].number : 10000;
    return connection_open(in->arena, flag, server, token, timeout_ms, ret_connection);
}

int client_options_call(const struct invocation *in, const char *path, struct slice request,
                        struct slice *ret_response) {
    struct connection connection;
    const char *hint = NULL;
    const struct error *error = client_options_open(in, &connection);
    if (error == NULL) {
        error = connection_call(&connection, in->arena, path, request, ret_response);
        if (error != NULL && error->code == STATUS_UNAVAILABLE) {
            hint = arena_printf(
                in->arena, "see whether it runs at %s; --server or RUNSCTL_SERVER names another",
                connection.server);
        }
        connection_close(&connection);
    }
    return error != NULL ? exit_with_error(error, hint) : EXIT_CODE_OK;
}
