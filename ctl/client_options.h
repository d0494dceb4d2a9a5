#ifndef RUNSD_CTL_CLIENT_OPTIONS_H
#define RUNSD_CTL_CLIENT_OPTIONS_H

#include "ctl/command.h"
#include "ctl/connection.h"

// The options that all commands share that call a server.

#define DEFAULT_SERVER "127.0.0.1:50051"

enum {
    CLIENT_SERVER,
    CLIENT_TOKEN,
    CLIENT_TOKEN_FILE,
    CLIENT_TIMEOUT,
    CLIENT_JSON,
    CLIENT_OPTION_COUNT, // a command's own options follow
};

// clang-format off
#define CLIENT_OPTIONS                                                                             \
    [CLIENT_SERVER] = {.name = "--server", .kind = OPTION_TEXT, .value = "ADDR",                   \
                       .help = "HOST:PORT or unix:PATH of gRPC [RUNSCTL_SERVER, "                  \
                               DEFAULT_SERVER "]"},                                                \
    [CLIENT_TOKEN] = {.name = "--token", .kind = OPTION_TEXT, .value = "TOKEN",                    \
                      .help = "bearer token [RUNSCTL_TOKEN]; others can see it in ps"},            \
    [CLIENT_TOKEN_FILE] = {.name = "--token-file", .kind = OPTION_TEXT, .value = "FILE",           \
                           .help = "file that holds the token, or - for standard input"},          \
    [CLIENT_TIMEOUT] = {.name = "--timeout-ms", .kind = OPTION_NUMBER, .value = "N",               \
                        .help = "how long to wait for the reply [10000]", .minimum = 1,            \
                        .maximum = 3600000},                                                       \
    [CLIENT_JSON] = {.name = "--json", .kind = OPTION_FLAG,                                        \
                     .help = "print JSON, spelled as over REST"}
// clang-format on

// Opens the connection that the options name. Prints nothing: the caller prints the error.
const struct error *client_options_open(const struct invocation *in,
                                        struct connection *ret_connection);

// Opens, calls one method with the request and closes. The response lives in
// in->arena. Returns an exit code; an error has been printed.
int client_options_call(const struct invocation *in, const char *path, struct slice request,
                        struct slice *ret_response);

#endif
