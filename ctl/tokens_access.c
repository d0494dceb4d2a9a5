#include "ctl/tokens_access.h"

#include <poll.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/request_id.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
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

// Serves the store from inside this process for one call.
static const struct error *call_own_server(const struct invocation *in, const char *url,
                                           int64_t timeout_ms, const char *path,
                                           struct slice request, struct slice *ret_response) {
    const struct logger log = {STDERR_FILENO, LOG_ERROR, "runsctl", NULL};
    const struct runsd_options options = {
        .log = &log,
        .clock = &clock_system,
        .store_url = url,
        .drain_ms = timeout_ms,
    };
    struct runsd *runsd;
    const struct error *error = runsd_start(in->arena, &options, &runsd);
    if (error != NULL) {
        return error;
    }
    struct store_holder holder;
    error = store_holder_read(in->arena, url, &holder);
    if (error == NULL) {
        struct connection connection;
        connection_open_in_process(in->arena, runsd_rpc_server(runsd), holder.admin_token,
                                   in->request_id, timeout_ms, &connection);
        error = connection_call(&connection, in->arena, path, request, ret_response);
        connection_close(&connection);
    }
    runsd_stop(runsd);
    return error;
}

static const struct error *call_holder(const struct invocation *in,
                                       const struct store_holder *holder, int64_t timeout_ms,
                                       const char *path, struct slice request,
                                       struct slice *ret_response) {
    struct connection connection;
    const struct error *error =
        connection_open(in->arena, "--store", holder->grpc_address, holder->admin_token,
                        in->request_id, timeout_ms, &connection);
    if (error == NULL) {
        error = connection_call(&connection, in->arena, path, request, ret_response);
        connection_close(&connection);
    }
    return error;
}

// Tries both ways until one works: the holder may come or go in between.
static const struct error *call_store(const struct invocation *in, const char *url,
                                      int64_t timeout_ms, const char *path, struct slice request,
                                      struct slice *ret_response) {
    const int64_t give_up_us = clock_monotonic_us() + HANDOVER_MS * INT64_C(1000);
    for (;;) {
        struct store_holder holder;
        const struct error *error = store_holder_read(in->arena, url, &holder);
        if (error == NULL && holder.grpc_address[0] != '\0') {
            return call_holder(in, &holder, timeout_ms, path, request, ret_response);
        }
        if (error != NULL && error->code != STATUS_NOT_FOUND) {
            return error;
        }
        error = call_own_server(in, url, timeout_ms, path, request, ret_response);
        bool held = error != NULL && error->code == STATUS_FAILED_PRECONDITION;
        if (!held || clock_monotonic_us() > give_up_us) {
            return error;
        }
        poll(NULL, 0, HANDOVER_PAUSE_MS);
    }
}

int tokens_access_call(const struct invocation *in, const struct tokens_options *options,
                       const char *path, struct slice request, struct slice *ret_response) {
    const struct client_options *client = &options->client;
    if (options->store == NULL) {
        return client_options_call(in, client, path, request, ret_response);
    }
    if (client->has_server || client->has_token || client->token_file != NULL) {
        return command_usage_error(
            in, "--store needs neither --server nor --token: give one or the other");
    }
    if (run_store_is_temporary(options->store)) {
        return command_usage_error(in, "--store: %s ends with this command, its tokens too",
                                   options->store);
    }
    uuid_make(in->request_id);
    const struct error *error =
        call_store(in, options->store, client->timeout_ms, path, request, ret_response);
    return error != NULL ? command_error(in, error, NULL) : EXIT_CODE_OK;
}
