#ifndef RUNSD_CTL_TOKENS_ACCESS_H
#define RUNSD_CTL_TOKENS_ACCESS_H

#include "ctl/client_options.h"
#include "ctl/command.h"
#include "storage/backends.h"

// How the tokens commands reach TokensService: the one place where tokens are
// made and checked is the server, so that is what they always talk to.
//   --store URL  held by a server: that server, by what it published beside the
//                store; held by nobody: a server inside this process that
//                listens nowhere
//   --server     a server anywhere, with a token that has tokens.admin

enum { TOKENS_STORE = CLIENT_OPTION_COUNT, TOKENS_OPTION_COUNT };

// clang-format off
#define TOKENS_OPTIONS                                                                             \
    CLIENT_OPTIONS,                                                                                \
    [TOKENS_STORE] = {.name = "--store", .kind = OPTION_TEXT, .value = "URL",                      \
                      .help = STORE_URLS_KEPT ", in place of --server and --token"}
// clang-format on

// Calls one method with the request; the response lives in in->arena. Returns an
// exit code; an error has been printed.
int tokens_access_call(const struct invocation *in, const char *path, struct slice request,
                       struct slice *ret_response);

#endif
