#include "ctl/watch_print.h"

#include <inttypes.h>

#include "ctl/client_options.h"
#include "ctl/command_error.h"

const char *watch_print_text(struct arena *a, const struct run_watch *w,
                             enum run_watch_result result, const struct error *error) {
    if (result != RUN_WATCH_ANEW) {
        return arena_printf(a, "interrupted (%s), going on behind the last message",
                            error->message);
    }
    return w->revision > 0
               ? arena_printf(a,
                              "begun anew with the live runs: changes after revision %" PRId64
                              " may be missing (%s)",
                              w->revision, error->message)
               : arena_printf(a, "begun anew with the live runs: changes may be missing (%s)",
                              error->message);
}

void watch_print_interruption(const struct invocation *in, const struct run_watch *w,
                              enum run_watch_result result, const struct error *error) {
    struct error mine = *error;
    mine.message =
        arena_printf(in->arena, "the watch is %s", watch_print_text(in->arena, w, result, error));
    mine.violations = NULL;
    mine.metadata = NULL;
    command_error(in, &mine, "");
}

int watch_print_failure(const struct invocation *in, const struct run_watch *w,
                        const struct error *error) {
    return client_options_print_error(in, w->connection, error);
}
