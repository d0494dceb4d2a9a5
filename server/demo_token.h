#ifndef RUNSD_SERVER_DEMO_TOKEN_H
#define RUNSD_SERVER_DEMO_TOKEN_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "server/options.h"

// The first token of a store that ends with its process: no other program can make one there.

// If options ask for it, makes a token with all scopes, tokens.admin too, and writes it, with a
// newline, to the file that they name, which only its owner can read, or to standard output for
// "-". If they do not, and the store is of that kind, logs that nobody can call. To be called
// before the server is said to be ready. Errors, in a: those of runsd_make_demo_token;
// UNAVAILABLE, naming --demo-token, if the file cannot be written.
const struct error *demo_token_offer(struct arena *a, struct runsd *runsd,
                                     const struct server_options *options,
                                     const struct logger *log);

#endif
