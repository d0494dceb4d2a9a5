#ifndef RUNSD_CTL_TOKENS_ACCESS_H
#define RUNSD_CTL_TOKENS_ACCESS_H

#include "ctl/client_options.h"
#include "ctl/command.h"

// How commands of administration reach TokensService and OrganizationsService: the one place where
// tokens are made and checked is the server, so that is what they always talk to.
//   --store URL  held by a server: that server, by what it published beside the
//                store; held by nobody: a server inside this process that
//                listens nowhere
//   --server     a server anywhere, with a token that has tokens.admin, or organizations.admin

struct tokens_options {
    struct client_options client;
    const char *store;  // NULL: none
    bool creates_store; // a store that is not there is made; not among the rows
};

// The option of the one command that may make a store.
#define TOKENS_OPTION_CREATE "--create"

// The rows behind client_options_rows, for a cli_table of struct tokens_options.
extern const struct cli_option tokens_options_rows[];

// Calls one method with the request; the response lives in in->arena. Returns an
// exit code; an error has been printed.
int tokens_access_call(const struct invocation *in, const struct tokens_options *options,
                       const char *path, struct slice request, struct slice *ret_response);

// Does something on a connection; the error lives in in->arena.
typedef const struct error *tokens_access_user(const struct invocation *in,
                                               struct connection *connection, void *context);

// Opens a connection, has it used once and closes it. Returns an exit code; an error has been
// printed.
int tokens_access_use(const struct invocation *in, const struct tokens_options *options,
                      tokens_access_user *user, void *context);

#endif
