#include "ctl/bulk_follow.h"

#include <stdio.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "ctl/bulk_print.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/retry.h"

static const char get_path[] = "/runs.v1.BulkCancelsService/GetBulkCancel";
static const char abort_path[] = "/runs.v1.BulkCancelsService/AbortBulkCancel";

// How often it is asked: more seldom the longer it takes.
enum { LEAST_GAP_US = 50000, MOST_GAP_US = 1000000 };

// How long an interrupted command takes at most to abort its plan.
enum { ABORT_MS = 1000 };

static const struct error *call_abort(const struct bulk_follow *f, struct arena *a) {
    Runs__V1__AbortBulkCancelRequest request = RUNS__V1__ABORT_BULK_CANCEL_REQUEST__INIT;
    request.id = (char *)f->id;
    struct connection quick = *f->connection;
    quick.timeout_ms = quick.timeout_ms < ABORT_MS ? quick.timeout_ms : ABORT_MS;
    struct slice response;
    return connection_call(&quick, a, abort_path, message_to_bytes(a, &request), &response);
}

void bulk_follow_drop(const struct bulk_follow *f) {
    call_abort(f, f->in->arena);
}

// What became of the work when the command was interrupted, and what to do.
static const char *text_of_leaving(const struct bulk_follow *f, struct arena *a,
                                   const char **ret_hint) {
    *ret_hint = "";
    switch (f->phase) {
    case BULK_NOT_ASKED:
        return "interrupted; nothing was cancelled";
    case BULK_PLANNED:
        if (call_abort(f, a) != NULL) {
            *ret_hint = arena_printf(a, "runsctl bulk-cancels abort %s removes its plan", f->id);
        }
        return "interrupted; nothing was cancelled";
    case BULK_ASKED:
        *ret_hint = f->id[0] == '\0'
                        ? arena_printf(a,
                                       "the same command with --request-id %s follows it, "
                                       "runsctl bulk-cancels list shows it",
                                       f->key)
                        : arena_printf(a, "runsctl bulk-cancels get %s says it", f->id);
        return "interrupted; whether the bulk cancel has begun is not known";
    case BULK_OVER:
        return arena_printf(a, "interrupted; the bulk cancel %s is over", f->id);
    case BULK_WORKING:
    default:
        *ret_hint = arena_printf(a,
                                 "runsctl bulk-cancels watch %s shows it, runsctl bulk-cancels "
                                 "abort %s ends it",
                                 f->id, f->id);
        return arena_printf(a, "interrupted; the bulk cancel %s goes on", f->id);
    }
}

// On interrupt's thread.
static void leave(void *context) {
    struct bulk_follow *f = context;
    struct arena a;
    arena_init(&a);
    struct invocation in = *f->in;
    in.arena = &a;
    const char *hint;
    const char *text = text_of_leaving(f, &a, &hint);
    if (isatty(STDERR_FILENO)) {
        fputc('\n', stderr); // behind the bar, or the question, and "^C"
    }
    command_error(&in, error_new(&a, STATUS_CANCELLED, REASON_NONE, "%s", text), hint);
    arena_release(&a);
}

void bulk_follow_begin(struct bulk_follow *f, const struct invocation *in,
                       struct connection *connection) {
    *f = (struct bulk_follow){.in = in, .connection = connection};
    f->interrupt = interrupt_begin(leave, f);
}

void bulk_follow_enter(struct bulk_follow *f, enum bulk_phase phase, const char *id) {
    interrupt_lock(f->interrupt);
    f->phase = phase;
    if (id != NULL) {
        snprintf(f->id, sizeof(f->id), "%s", id);
    }
    interrupt_unlock(f->interrupt);
}

static void show(struct bulk_follow *f, const Runs__V1__BulkCancel *bulk) {
    bool is_planning = bulk->state == RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_PLANNING;
    interrupt_lock(f->interrupt);
    if (is_planning != f->shows_planning || f->progress.what == NULL) {
        f->shows_planning = is_planning;
        progress_begin(&f->progress, f->in, is_planning ? "collecting" : "cancelling");
    }
    progress_show(&f->progress, is_planning ? bulk->total : bulk->total - bulk->open,
                  is_planning ? 0 : bulk->total);
    interrupt_unlock(f->interrupt);
}

static void clear(struct bulk_follow *f) {
    interrupt_lock(f->interrupt);
    progress_clear(&f->progress);
    interrupt_unlock(f->interrupt);
}

// Says once that the server is away.
static void say_away(struct bulk_follow *f, const struct error *error) {
    struct error mine = *error;
    mine.message = arena_printf(f->in->arena,
                                "the server is away (%s), which the bulk cancel %s outlasts; "
                                "asking again",
                                error->message, f->id);
    mine.violations = NULL;
    mine.metadata = NULL;
    clear(f);
    command_error(f->in, &mine, "");
}

// Asks how far it is until the server says it; the answer lives in a.
static const struct error *ask(struct bulk_follow *f, struct arena *a, struct slice *ret_bytes) {
    Runs__V1__GetBulkCancelRequest request = RUNS__V1__GET_BULK_CANCEL_REQUEST__INIT;
    request.id = f->id;
    struct slice bytes = message_to_bytes(a, &request);
    for (int failures = 0;; failures++) {
        const struct error *error = connection_call(f->connection, a, get_path, bytes, ret_bytes);
        if (error == NULL || !retry_is_worth_it(error)) {
            return error;
        }
        if (failures == 0) {
            say_away(f, error);
        }
        retry_sleep_until(clock_monotonic_us() + retry_pause_us(error, failures));
    }
}

static bool is_settled(const Runs__V1__BulkCancel *bulk) {
    return bulk_is_over(bulk) ||
           bulk->state == RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_PLANNED;
}

int bulk_follow_wait(struct bulk_follow *f, Runs__V1__BulkCancel **bulk, struct slice *bytes) {
    struct arena arena; // of an answer
    arena_init(&arena);
    const struct error *error =
        message_from_bytes(f->in->arena, &runs__v1__bulk_cancel__descriptor, *bytes, bulk);
    const Runs__V1__BulkCancel *newest = error == NULL ? *bulk : NULL;
    struct slice newest_bytes = *bytes;
    for (int64_t gap_us = LEAST_GAP_US; error == NULL && !is_settled(newest);) {
        show(f, newest);
        retry_sleep_until(clock_monotonic_us() + gap_us);
        gap_us = gap_us * 2 < MOST_GAP_US ? gap_us * 2 : MOST_GAP_US;
        arena_reset(&arena);
        Runs__V1__BulkCancel *answer = NULL;
        error = ask(f, &arena, &newest_bytes);
        if (error == NULL) {
            error = message_from_bytes(&arena, &runs__v1__bulk_cancel__descriptor, newest_bytes,
                                       &answer);
        }
        newest = answer;
    }
    clear(f);
    int code = EXIT_CODE_OK;
    if (error != NULL) {
        code = client_options_print_error(f->in, f->connection, error);
    } else {
        *bytes = arena_copy(f->in->arena, newest_bytes);
        message_from_bytes(f->in->arena, &runs__v1__bulk_cancel__descriptor, *bytes, bulk);
        bulk_follow_enter(f, bulk_is_over(*bulk) ? BULK_OVER : f->phase, NULL);
    }
    arena_release(&arena);
    return code;
}

void bulk_follow_end(struct bulk_follow *f) {
    interrupt_end(f->interrupt);
}
