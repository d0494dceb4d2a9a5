#ifndef RUNSD_CTL_CLIENT_OPTIONS_H
#define RUNSD_CTL_CLIENT_OPTIONS_H

#include "ctl/command.h"
#include "ctl/connection.h"

// The options that all commands share that call a server.

struct client_options {
    const char *server;
    const char *token; // of --token or of RUNSCTL_TOKEN; may be NULL
    const char *token_file;
    const char *tls_ca; // of the options or of the environment, as the next; NULL: none
    const char *tls_cert;
    const char *tls_key;
    const char *tls_server_name;
    int64_t timeout_ms;
    bool json;
    bool has_server; // given, not from the environment; likewise
    bool has_token;
    bool has_tls; // any of them
};

// Their rows, for a cli_table of struct client_options.
extern const struct cli_option client_options_rows[];

// Only these: for a command whose options they are.
extern const struct cli_table client_options_tables[];

// How to reach a server at an address, which the option or variable called name gave, by the
// options of TLS.
struct rpc_remote_options client_options_remote(const struct client_options *options,
                                                const char *name, const char *address);

// Opens the connection that the options name. Prints nothing: the caller prints the error.
const struct error *client_options_open(const struct invocation *in,
                                        const struct client_options *options,
                                        struct connection *ret_connection);

// Prints the error of a call on the connection, with what to do; returns its exit code.
int client_options_print_error(const struct invocation *in, const struct connection *connection,
                               const struct error *error);

// Calls one method with the request, on a connection that client_options_open opened. The
// response lives in in->arena. Returns an exit code; an error has been printed.
int client_options_call_again(const struct invocation *in, struct connection *connection,
                              const char *path, struct slice request, struct slice *ret_response);

// Opens, calls one method with the request and closes. The response lives in
// in->arena. Returns an exit code; an error has been printed.
int client_options_call(const struct invocation *in, const struct client_options *options,
                        const char *path, struct slice request, struct slice *ret_response);

#endif
