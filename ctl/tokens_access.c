#include "ctl/tokens_access.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/request_id.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/server_probe.h"
#include "server/runsd.h"
#include "storage/backends.h"
#include "storage/store_opener.h"

// How long another process may take to open or to close the store.
enum { HANDOVER_MS = 5000, HANDOVER_PAUSE_MS = 20 };

const struct cli_option tokens_options_rows[] = {
    {.name = "--store",
     .value = "URL",
     CLI_TEXT_AT(struct tokens_options, store),
     .help = STORE_URLS_KEPT ", in place of --server and --token"},
    {.name = NULL},
};

// What is to be done on a connection, and how it went.
struct attempt {
    const struct tokens_options *options;
    tokens_access_user *use;
    void *context;
    bool was_made;       // else the error is not the server's
    const char *address; // of the holder; NULL: none was asked
};

// Uses the connection, and closes it.
static const struct error *use(const struct invocation *in, struct connection *connection,
                               struct attempt *attempt) {
    attempt->was_made = true;
    const struct error *error = attempt->use(in, connection, attempt->context);
    connection_close(connection);
    return error;
}

// Serves the store from inside this process for one call.
static const struct error *use_own_server(const struct invocation *in, struct attempt *attempt) {
    const char *url = attempt->options->store;
    int64_t timeout_ms = attempt->options->client.timeout_ms;
    const struct logger log = {STDERR_FILENO, LOG_ERROR, "runsctl", NULL};
    const struct runsd_options options = {
        .log = &log,
        .clock = &clock_system,
        .store_url = url,
        .store_must_exist = !attempt->options->creates_store,
        .drain_ms = timeout_ms,
    };
    struct runsd *runsd;
    const struct error *error = runsd_start(in->arena, &options, &runsd);
    if (error != NULL) {
        return error;
    }
    struct connection connection;
    connection_open_in_process(in->arena, runsd_rpc_server(runsd), runsd_admin_token(runsd),
                               in->request_id, timeout_ms, &connection);
    error = use(in, &connection, attempt);
    runsd_stop(runsd);
    return error;
}

static const struct error *use_holder(const struct invocation *in,
                                      const struct store_holder *holder, struct attempt *attempt) {
    const struct client_options *client = &attempt->options->client;
    struct rpc_remote_options remote =
        client_options_remote(client, "--store", holder->grpc_address);
    remote.may_be_plain = true; // nobody knows how the server is reached
    struct connection connection;
    attempt->address = holder->grpc_address;
    const struct error *error = connection_open(in->arena, &remote, holder->admin_token,
                                                in->request_id, client->timeout_ms, &connection);
    return error != NULL ? error : use(in, &connection, attempt);
}

// Tries both ways until one works: the holder may come or go in between.
static const struct error *use_store(const struct invocation *in, struct attempt *attempt) {
    const int64_t give_up_us = clock_monotonic_us() + HANDOVER_MS * INT64_C(1000);
    for (;;) {
        struct store_holder holder;
        const struct error *error = store_holder_read(in->arena, attempt->options->store, &holder);
        if (error == NULL && holder.grpc_address[0] != '\0') {
            return use_holder(in, &holder, attempt);
        }
        if (error != NULL && error->code != STATUS_NOT_FOUND) {
            return error;
        }
        error = use_own_server(in, attempt);
        bool held = error != NULL && error->code == STATUS_FAILED_PRECONDITION;
        if (!held || attempt->was_made || clock_monotonic_us() > give_up_us) {
            return error;
        }
        poll(NULL, 0, HANDOVER_PAUSE_MS);
    }
}

// What helps against an error; NULL: what its reason suggests; "": nothing is known.
static const char *hint_of_store(const struct invocation *in, const struct attempt *attempt,
                                 const struct error *error) {
    if (attempt->was_made) {
        bool is_silence = error->code == STATUS_UNAVAILABLE && attempt->address != NULL;
        return is_silence ? server_probe_explain(in->arena, attempt->address, error->detail) : NULL;
    }
    if (error->code != STATUS_NOT_FOUND) {
        return "";
    }
    for (struct cli_walk w = cli_option_first(in->command->tables); w.row != NULL;
         w = cli_option_next(w)) {
        if (strcmp(w.row->name, TOKENS_OPTION_CREATE) == 0) {
            return "if --store is spelled right, " TOKENS_OPTION_CREATE " makes it";
        }
    }
    return attempt->options->creates_store ? "" : "see whether --store is spelled right";
}

static const char *refuse_options(const struct tokens_options *options) {
    const struct client_options *client = &options->client;
    if (options->store == NULL) {
        return options->creates_store ? TOKENS_OPTION_CREATE " makes a store: give --store, too"
                                      : NULL;
    }
    if (client->has_server || client->has_token || client->token_file != NULL) {
        return "--store needs neither --server nor --token: give one or the other";
    }
    return NULL;
}

// On a server that the client options name.
static int use_server(const struct invocation *in, const struct client_options *options,
                      tokens_access_user *user, void *context) {
    struct connection connection;
    const struct error *error = client_options_open(in, options, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    error = user(in, &connection, context);
    int code = error == NULL ? EXIT_CODE_OK : client_options_print_error(in, &connection, error);
    connection_close(&connection);
    return code;
}

int tokens_access_use(const struct invocation *in, const struct tokens_options *options,
                      tokens_access_user *user, void *context) {
    const char *wrong = refuse_options(options);
    if (wrong != NULL) {
        return command_usage_error(in, "%s", wrong);
    }
    if (options->store == NULL) {
        return use_server(in, &options->client, user, context);
    }
    if (run_store_is_temporary(options->store)) {
        return command_usage_error(in,
                                   "--store: %s is its server's alone: give --server and a token, "
                                   "which serve --demo-token makes",
                                   options->store);
    }
    struct attempt attempt = {.options = options, .use = user, .context = context};
    uuid_make(in->request_id);
    const struct error *error = use_store(in, &attempt);
    if (!attempt.was_made) {
        in->request_id[0] = '\0';
    }
    return error == NULL ? EXIT_CODE_OK
                         : command_error(in, error, hint_of_store(in, &attempt, error));
}

struct call {
    const char *path;
    struct slice request;
    struct slice response;
};

static const struct error *make_call(const struct invocation *in, struct connection *connection,
                                     void *context) {
    struct call *call = context;
    return connection_call(connection, in->arena, call->path, call->request, &call->response);
}

int tokens_access_call(const struct invocation *in, const struct tokens_options *options,
                       const char *path, struct slice request, struct slice *ret_response) {
    struct call call = {.path = path, .request = request};
    int code = tokens_access_use(in, options, make_call, &call);
    if (code == EXIT_CODE_OK) {
        *ret_response = call.response;
    }
    return code;
}
