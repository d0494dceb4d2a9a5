#include "ctl/bulk_cancel.h"

#include <stdio.h>
#include <string.h>

#include "ctl/bulk_follow.h"
#include "ctl/bulk_print.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/keyed_call.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/question.h"

static const char cancel_path[] = "/runs.v1.RunsService/CancelRuns";
static const char get_path[] = "/runs.v1.BulkCancelsService/GetBulkCancel";

// A bulk cancel while it is asked for and followed.
struct work {
    struct invocation *in;
    const struct bulk_cancel *asked;
    struct bulk_follow follow;
    Runs__V1__BulkCancel *bulk; // the newest answer, and its bytes
    struct slice bytes;
};

// Ids say by themselves what is cancelled; whoever gave a filter does not know it.
static bool needs_question(const struct bulk_cancel *bulk) {
    return !bulk->is_sure && !bulk->request.dry_run && bulk->request.n_ids == 0;
}

const struct error *bulk_cancel_check(struct arena *a, const struct bulk_cancel *bulk) {
    return needs_question(bulk) && !question_can_be_asked()
               ? error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                           "standard input or standard error is no terminal, so it cannot be asked "
                           "whether these runs are to be cancelled; look at them with --dry-run, "
                           "and give --yes")
               : NULL;
}

// --- parts; each returns an exit code, an error has been printed ---

// phase is of one that cancels nothing yet. Under a key that was used before it may be further.
static enum bulk_phase phase_of(const Runs__V1__BulkCancel *bulk, enum bulk_phase phase) {
    bool is_running = bulk->state == RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_RUNNING;
    return bulk_is_over(bulk) ? BULK_OVER : is_running ? BULK_WORKING : phase;
}

static int take_answer(struct work *w, enum bulk_phase phase) {
    const struct error *error =
        message_from_bytes(w->in->arena, &runs__v1__bulk_cancel__descriptor, w->bytes, &w->bulk);
    if (error != NULL) {
        return command_error(w->in, error, NULL);
    }
    bulk_follow_enter(&w->follow, phase_of(w->bulk, phase), w->bulk->id);
    return EXIT_CODE_OK;
}

// Asks the server for a bulk cancel; phase is what then is known of it.
static int begin(struct work *w, const Runs__V1__CancelRunsRequest *request, const char *key,
                 enum bulk_phase phase) {
    Runs__V1__CancelRunsRequest mine = *request;
    mine.request_id = (char *)key;
    int code = keyed_call(w->in, w->follow.connection, cancel_path, key,
                          message_to_bytes(w->in->arena, &mine), &w->bytes);
    return code == EXIT_CODE_OK ? take_answer(w, phase) : code;
}

static int make_plan(struct work *w) {
    Runs__V1__CancelRunsRequest request = w->asked->request;
    request.dry_run = true;
    w->in->unknown_hint = "nothing was cancelled; say it again";
    int code = begin(w, &request, w->asked->key, BULK_PLANNED);
    return code == EXIT_CODE_OK ? bulk_follow_wait(&w->follow, &w->bulk, &w->bytes) : code;
}

// Somebody else has the id of this one, so an interruption leaves it alone.
static int get_plan(struct work *w) {
    Runs__V1__GetBulkCancelRequest request = RUNS__V1__GET_BULK_CANCEL_REQUEST__INIT;
    request.id = w->asked->request.plan;
    int code = client_options_call_again(w->in, w->follow.connection, get_path,
                                         message_to_bytes(w->in->arena, &request), &w->bytes);
    return code == EXIT_CODE_OK ? take_answer(w, BULK_NOT_ASKED) : code;
}

static bool is_planned(const Runs__V1__BulkCancel *bulk) {
    return bulk->state == RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_PLANNED;
}

// Executes the plan that was shown. Asking under a key of its own, so that a lost answer is asked
// for again.
static int execute(struct work *w, const char *key) {
    Runs__V1__CancelRunsRequest request = RUNS__V1__CANCEL_RUNS_REQUEST__INIT;
    request.plan = w->bulk->id;
    request.reason = w->asked->request.reason;
    bulk_follow_enter(&w->follow, BULK_ASKED, w->bulk->id);
    w->in->unknown_hint = arena_printf(
        w->in->arena, "runsctl bulk-cancels get %s says whether it has begun", w->bulk->id);
    return begin(w, &request, key, BULK_WORKING);
}

static int follow(struct work *w) {
    return bulk_follow_wait(&w->follow, &w->bulk, &w->bytes);
}

static int print(const struct work *w) {
    if (w->in->json) {
        return bulk_print(w->in, w->bytes);
    }
    bulk_print_end(w->in->arena, w->bulk);
    return EXIT_CODE_OK;
}

static int print_end(const struct work *w) {
    int code = print(w);
    const Runs__V1__BulkCancel *bulk = w->bulk;
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (bulk->state == RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_ABORTED) {
        return EXIT_CODE_CONFLICT;
    }
    if (w->asked->request.n_ids == 0) {
        return EXIT_CODE_OK; // what has ended meanwhile was not to be cancelled
    }
    return bulk->not_found > 0       ? EXIT_CODE_NOT_FOUND
           : bulk->already_final > 0 ? EXIT_CODE_CONFLICT
                                     : EXIT_CODE_OK;
}

static int execute_and_follow(struct work *w, const char *key) {
    int code = execute(w, key);
    if (code == EXIT_CODE_OK) {
        code = follow(w);
    }
    return code == EXIT_CODE_OK ? print_end(w) : code;
}

// --- the ways ---

static int refuse_plan(const struct work *w) {
    struct error *error =
        error_new(w->in->arena, STATUS_FAILED_PRECONDITION, REASON_NONE,
                  "the bulk cancel \"%s\" is no plan that waits to be executed: its state is %s",
                  w->bulk->id, bulk_state_text((int)w->bulk->state));
    return command_error(w->in, error, "runsctl bulk-cancels get shows it");
}

static int print_nothing(const struct work *w) {
    if (w->in->json) {
        return bulk_print(w->in, w->bytes);
    }
    print_text(stdout, slice_of_cstr(arena_printf(w->in->arena, "There is no run to cancel: %s.",
                                                  bulk_set_text(w->in->arena, w->bulk))));
    putchar('\n');
    return EXIT_CODE_OK;
}

// Shows the plan and asks; executes exactly that. drops: nobody else has the plan.
static int ask_and_execute(struct work *w, const char *key, bool drops) {
    if (w->bulk->open == 0) {
        if (drops) {
            bulk_follow_drop(&w->follow);
        }
        return print_nothing(w);
    }
    bulk_print_plan(w->in->arena, w->bulk, stderr);
    if (!question_ask("Cancel them, for good?")) {
        if (drops) {
            bulk_follow_drop(&w->follow);
        }
        return command_error(w->in,
                             error_new(w->in->arena, STATUS_CANCELLED, REASON_NONE,
                                       "nothing was cancelled: the answer was not yes"),
                             "");
    }
    return execute_and_follow(w, key);
}

// A command that was said again under its request id may meet its plan executed.
static int plan_and_ask(struct work *w) {
    int code = make_plan(w);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (is_planned(w->bulk)) {
        return ask_and_execute(w, keyed_call_key(w->in, &(struct keyed_options){NULL}), true);
    }
    code = follow(w);
    return code == EXIT_CODE_OK ? print_end(w) : code;
}

static int ask_for_plan(struct work *w) {
    int code = get_plan(w);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    return is_planned(w->bulk) ? ask_and_execute(w, w->asked->key, false) : refuse_plan(w);
}

static int begin_at_once(struct work *w) {
    if (w->asked->request.filter != NULL) { // "2h ago" is another moment, so another request, then
        w->in->unknown_hint = "runsctl bulk-cancels list shows whether it has begun";
    }
    bulk_follow_enter(&w->follow, BULK_ASKED, NULL);
    int code = begin(w, &w->asked->request, w->asked->key, BULK_WORKING);
    if (code == EXIT_CODE_OK) {
        code = follow(w);
    }
    return code == EXIT_CODE_OK ? print_end(w) : code;
}

// The plan is what was asked for, so that an interruption leaves it.
static int only_plan(struct work *w) {
    int code = begin(w, &w->asked->request, w->asked->key, BULK_NOT_ASKED);
    if (code == EXIT_CODE_OK) {
        code = bulk_follow_wait(&w->follow, &w->bulk, &w->bytes);
    }
    if (code != EXIT_CODE_OK || w->in->json) {
        return code == EXIT_CODE_OK ? bulk_print(w->in, w->bytes) : code;
    }
    if (!is_planned(w->bulk)) {
        return bulk_print(w->in, w->bytes); // said again under its request id
    }
    bulk_print_plan(w->in->arena, w->bulk, stdout);
    printf("To cancel them: runsctl runs cancel --plan %s\n", w->bulk->id);
    return EXIT_CODE_OK;
}

int bulk_cancel_run(struct invocation *in, const struct client_options *options,
                    const struct bulk_cancel *bulk) {
    struct connection connection;
    const struct error *error = client_options_open(in, options, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    struct work w = {.in = in, .asked = bulk};
    bulk_follow_begin(&w.follow, in, &connection);
    w.follow.key = bulk->key;
    int code = bulk->request.dry_run        ? only_plan(&w)
               : !needs_question(bulk)      ? begin_at_once(&w)
               : bulk->request.plan[0] == 0 ? plan_and_ask(&w)
                                            : ask_for_plan(&w);
    bulk_follow_end(&w.follow);
    connection_close(&connection);
    return code;
}
