#include "ctl/run_fetch.h"

#include "base/core/clock.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/retry.h"
#include "ctl/run_print.h"

static int ask(const struct invocation *in, struct connection *connection, const char *path,
               struct slice request, int tries, struct slice *ret_bytes) {
    for (int failures = 0;; failures++) {
        const struct error *error =
            connection_call(connection, in->arena, path, request, ret_bytes);
        if (error == NULL) {
            return EXIT_CODE_OK;
        }
        if (failures + 1 >= tries || !retry_is_worth_it(error)) {
            return client_options_print_error(in, connection, error);
        }
        retry_sleep_until(clock_monotonic_us() + retry_pause_us(error, failures));
    }
}

int run_fetch(const struct invocation *in, struct connection *connection, const char *id, int tries,
              Runs__V1__Run **ret_run, struct slice *ret_bytes) {
    Runs__V1__GetRunRequest request = RUNS__V1__GET_RUN_REQUEST__INIT;
    request.id = (char *)id;
    int code = ask(in, connection, "/runs.v1.RunsService/GetRun",
                   message_to_bytes(in->arena, &request), tries, ret_bytes);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__run__descriptor, *ret_bytes, ret_run);
    return error != NULL ? command_error(in, error, NULL) : EXIT_CODE_OK;
}

int run_fetch_events(const struct invocation *in, struct connection *connection, const char *id,
                     int tries, Runs__V1__ListRunEventsResponse **ret_list,
                     struct slice *ret_bytes) {
    Runs__V1__ListRunEventsRequest request = RUNS__V1__LIST_RUN_EVENTS_REQUEST__INIT;
    request.id = (char *)id;
    int code = ask(in, connection, "/runs.v1.RunsService/ListRunEvents",
                   message_to_bytes(in->arena, &request), tries, ret_bytes);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__list_run_events_response__descriptor, *ret_bytes, ret_list);
    return error != NULL ? command_error(in, error, NULL) : EXIT_CODE_OK;
}

int run_fetch_end_and_print(const struct invocation *in, struct connection *connection, int tries,
                            const Runs__V1__Run *run, struct slice bytes) {
    const Runs__V1__RunEvent *end = NULL;
    Runs__V1__ListRunEventsResponse *list = NULL;
    struct slice list_bytes;
    if (!in->json && run->finished_at != NULL) {
        int code = run_fetch_events(in, connection, run->id, tries, &list, &list_bytes);
        if (code != EXIT_CODE_OK) {
            return code;
        }
    }
    // What follows a final status changes none.
    for (size_t i = 0; list != NULL && i < list->n_events; i++) {
        const Runs__V1__RunEvent *event = list->events[i];
        if (event->to_status == run->status && event->from_status != run->status) {
            end = event;
        }
    }
    return run_print(in, bytes, end);
}
