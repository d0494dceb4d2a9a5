#ifndef RUNSD_CTL_KEYED_CALL_H
#define RUNSD_CTL_KEYED_CALL_H

#include "ctl/client_options.h"

// Changes that are asked for under a key (request_id, AIP-155): the server makes each once,
// however often it is asked for with that key, so that a lost answer is asked for again.

struct keyed_options {
    const char *request_id;
};

// Their rows, for a cli_table of struct keyed_options.
extern const struct cli_option keyed_options_rows[];

// What a command's help says of it.
#define KEYED_CALL_HELP                                                                            \
    "It is asked for under a request id. Where the answer is lost, it is asked for\n"              \
    "again with the same one until --timeout-ms is over, which never does it twice;\n"             \
    "an error says which, and the same command with --request-id goes on there.\n"

// Refuses an empty key, as of a variable that is not set: it would be none. In a.
const struct error *keyed_options_check(struct arena *a, const struct keyed_options *options);

// The key of the command's change: the one that was given, else a new one; lives in in->arena.
const char *keyed_call_key(const struct invocation *in, const struct keyed_options *options);

// Calls the method, whose request has the key, until an answer comes or the connection's time
// is over. in->unknown_hint may be set before; else it is what to do with the key. The response
// lives in in->arena. Returns an exit code; an error has been printed.
int keyed_call(struct invocation *in, struct connection *connection, const char *path,
               const char *key, struct slice request, struct slice *ret_response);

// The same on a connection of its own.
int keyed_call_once(struct invocation *in, const struct client_options *options, const char *path,
                    const char *key, struct slice request, struct slice *ret_response);

#endif
