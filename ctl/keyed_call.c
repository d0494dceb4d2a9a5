#include "ctl/keyed_call.h"

#include "base/core/clock.h"
#include "base/core/request_id.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/retry.h"

const struct cli_option keyed_options_rows[] = {
    {.name = "--request-id",
     .value = "KEY",
     CLI_TEXT_AT(struct keyed_options, request_id),
     .default_help = "a new one",
     .help = "the key under which it is done once, however often it is asked for"},
    {.name = NULL},
};

const char *keyed_call_key(const struct invocation *in, const struct keyed_options *options) {
    if (options->request_id != NULL) {
        return options->request_id;
    }
    char *key = arena_zalloc(in->arena, UUID_TEXT_SIZE);
    uuid_make(key);
    return key;
}

const struct error *keyed_options_check(struct arena *a, const struct keyed_options *options) {
    return options->request_id == NULL || options->request_id[0] != '\0'
               ? NULL
               : error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                           "--request-id: is empty; give a key, or leave it out");
}

static bool has_reason(const struct error *error) {
    return error->reason != NULL && error->reason[0] != '\0';
}

// Whether the change may be made although the error came: the connection broke, or a proxy, which
// knows no reasons of ours, gave up. What the server answered itself is an answer.
static bool is_answer_lost(const struct error *error) {
    enum reason reason = error_reason_of(error);
    return reason == REASON_OUTCOME_UNKNOWN || (!has_reason(error) && retry_is_worth_it(error));
}

// That nobody listens any more, say, does not say that nothing was done before.
static int print_lost(const struct invocation *in, const struct connection *connection,
                      const struct error *lost) {
    return has_reason(lost) ? client_options_print_error(in, connection, lost)
                            : command_error(in, lost, in->unknown_hint);
}

int keyed_call(struct invocation *in, struct connection *connection, const char *path,
               const char *key, struct slice request, struct slice *ret_response) {
    if (in->unknown_hint == NULL) {
        in->unknown_hint = arena_printf(
            in->arena, "the same command with --request-id %s does it, if it is not done", key);
    }
    int64_t until_us = clock_monotonic_us() + connection->timeout_ms * 1000;
    struct connection attempt = *connection;
    const struct error *lost = NULL; // the first error behind which the change may be made
    for (int failures = 0;; failures++) {
        const struct error *error =
            connection_call(&attempt, in->arena, path, request, ret_response);
        if (error == NULL) {
            return EXIT_CODE_OK;
        }
        if (lost == NULL && is_answer_lost(error)) {
            lost = error;
        }
        int64_t next_us = clock_monotonic_us() + retry_pause_us(error, failures);
        if (lost == NULL || !retry_is_worth_it(error)) {
            return client_options_print_error(in, connection, error);
        }
        if (next_us >= until_us) {
            return print_lost(in, connection, lost);
        }
        retry_sleep_until(next_us);
        attempt.timeout_ms = (until_us - next_us) / 1000 + 1;
    }
}

int keyed_call_once(struct invocation *in, const struct client_options *options, const char *path,
                    const char *key, struct slice request, struct slice *ret_response) {
    struct connection connection;
    const struct error *error = client_options_open(in, options, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    int code = keyed_call(in, &connection, path, key, request, ret_response);
    connection_close(&connection);
    return code;
}
