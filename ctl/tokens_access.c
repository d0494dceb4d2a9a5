#include "ctl/tokens_access.h"

#include <poll.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "ctl/exit_code.h"
#include "server/runsd.h"
#include "storage/store_opener.h"

// How long another process may take to open or to close the store.
enum { HANDOVER_MS = 5000, HANDOVER_PAUSE_MS = 20 };

static int64_t timeout_ms(const struct invocation *in) {
    return in->values[CLIENT_TIMEOUT].given ? in->values[CLIENT_TIMEOUT].number : 10000;
}

// Serves the store from inside this process for one call.
static const struct error *call_own_server(const struct invocation *in, const char *url,
                                           const char *path, struct slice request,
                                           struct slice *ret_response) {
    const struct logger log = {STDERR_FILENO, LOG_ERROR, "runsctl", NULL};
    const struct runsd_options options = {
        .log = &log,
        .clock = &clock_system,
        .store_url = url,
        .drain_ms = timeout_ms(in),
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
                                   timeout_ms(in), &connection);
        error = connection_call(&connection, in->arena, path, request, ret_response);
        connection_close(&connection);
    }
    runsd_stop(runsd);
    return error;
}

static const struct error *call_holder(const struct invocation *in,
                                       const struct store_holder *holder, const char *path,
                                       struct slice request, struct slice *ret_response) {
    struct connection connection;
    const struct error *error = connection_open(in->arena, "--store", holder->grpc_address,
                                                holder->admin_token, timeout_ms(in), &connection);
    if (error == NULL) {
        error = connection_call(&connection, in->arena, path, request, ret_response);
        connection_close(&connection);
    }
    return error;
}

// Tries both ways until one works: the holder may come or go in between.
static const struct error *call_store(const struct invocation *in, const char *url,
                                      const char *path, struct slice request,
                                      struct slice *ret_response) {
    const int64_t give_up_us = clock_monotonic_us() + HANDOVER_MS * INT64_C(1000);
    for (;;) {
        struct store_holder holder;
        const struct error *error = store_holder_read(in->arena, url, &holder);
        if (error == NULL && holder.grpc_address[0] != '\0') {
            return call_holder(in, &holder, path, request, ret_response);
        }
        if (error != NULL && error->code != STATUS_NOT_FOUND) {
            return error;
        }
        error = call_own_server(in, url, path, request, ret_response);
        bool held = error != NULL && error->code == STATUS_FAILED_PRECONDITION;
        if (!held || clock_monotonic_us() > give_up_us) {
            return error;
        }
        poll(NULL, 0, HANDOVER_PAUSE_MS);
    }
}

int tokens_access_call(const struct invocation *in, const char *path, struct slice request,
                       struct slice *ret_response) {
    const struct option_value *v = in->values;
    if (!v[TOKENS_STORE].given) {
        return client_options_call(in, path, request, ret_response);
    }
    if (v[CLIENT_SERVER].given || v[CLIENT_TOKEN].given || v[CLIENT_TOKEN_FILE].given) {
        return command_usage_error(
            in->command, "--store needs neither --server nor --token: give one or the other");
    }
    const char *url = v[TOKENS_STORE].text;
    if (run_store_is_temporary(url)) {
        return command_usage_error(in->command,
                                   "--store: %s ends with this command, its tokens too", url);
    }
    const struct error *error = call_store(in, url, path, request, ret_response);
    return error != NULL ? exit_with_error(error, NULL) : EXIT_CODE_OK;
}
