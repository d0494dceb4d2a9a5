#include "ctl/run_watch.h"

#include <inttypes.h>

#include "base/core/clock.h"
#include "ctl/message.h"
#include "ctl/retry.h"

// A bookmark is due every 5 seconds.
enum { QUIET_US = 20000000 };

void run_watch_init(struct run_watch *w, struct connection *connection) {
    *w = (struct run_watch){.connection = connection, .cursor = STRBUF_INIT};
    runs__v1__watch_runs_request__init(&w->request);
}

// Forgets the place in the feed.
static void begin_anew(struct run_watch *w) {
    w->request.cursor = (char *)"";
    w->request.snapshot = true;
    strbuf_release(&w->cursor);
}

// What the end of the stream by error means.
static enum run_watch_result end_stream(struct run_watch *w, const struct error *error) {
    w->is_open = false;
    bool is_expired = error->code == STATUS_OUT_OF_RANGE && !w->is_given && !w->is_whole;
    if (!is_expired && (!w->has_begun || !retry_is_worth_it(error))) {
        return RUN_WATCH_FAILED;
    }
    w->reopen_us = clock_monotonic_us() + (is_expired ? 0 : retry_pause_us(error, w->failures));
    w->failures++;
    // Without all three it would begin at another place than before.
    bool is_lost = w->request.cursor[0] == '\0' && !w->request.snapshot && w->request.since == NULL;
    if (is_expired || is_lost) {
        begin_anew(w);
        return RUN_WATCH_ANEW;
    }
    return RUN_WATCH_INTERRUPTED;
}

// Waits until the stream may be opened; returns false if that is after until_us.
static bool wait_for_turn(const struct run_watch *w, int64_t until_us) {
    int64_t turn_us = until_us != 0 && until_us < w->reopen_us ? until_us : w->reopen_us;
    retry_sleep_until(turn_us);
    return turn_us == w->reopen_us;
}

// Opens the stream; returns NULL once the server has answered.
static const struct error *open_stream(struct run_watch *w, struct arena *a) {
    if (w->stream != NULL) {
        message_stream_close(w->stream); // the one before
    }
    w->is_open = true;
    w->is_given = !w->has_begun && w->request.cursor[0] != '\0';
    w->stream = message_stream_open(w->connection, "/runs.v1.RunsService/WatchRuns",
                                    message_to_bytes(a, &w->request));
    int64_t until_us = clock_monotonic_us() + w->connection->timeout_ms * 1000;
    if (message_stream_wait_answer(w->stream, until_us)) {
        w->has_begun = w->has_begun || message_stream_is_accepted(w->stream);
        w->is_given = w->is_given && !w->has_begun;
        w->heard_us = clock_monotonic_us();
        return NULL;
    }
    return error_new(a, STATUS_DEADLINE_EXCEEDED, REASON_DEADLINE_PASSED,
                     "the server has not answered within %" PRId64 " ms; nothing was changed",
                     w->connection->timeout_ms);
}

static void keep_place(struct run_watch *w, const Runs__V1__WatchRunsResponse *message) {
    if (message->cursor[0] == '\0') {
        return;
    }
    w->cursor.len = 0;
    strbuf_append_cstr(&w->cursor, message->cursor);
    strbuf_append_byte(&w->cursor, '\0');
    w->request.cursor = (char *)w->cursor.data;
    w->request.snapshot = false;
    w->request.since = NULL;
    if (message->item_case == RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_CHANGE) {
        w->revision = message->change->revision;
    } else if (message->item_case == RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_BOOKMARK) {
        w->revision = message->bookmark->revision;
    }
}

// Takes a message. Bytes that are none end the stream as any other fault of a proxy does.
static enum run_watch_result take(struct run_watch *w, struct arena *a, struct slice bytes,
                                  Runs__V1__WatchRunsResponse **ret_message,
                                  struct slice *ret_bytes, const struct error **ret_error) {
    struct slice kept = arena_copy(a, bytes); // the stream's only until the next call
    const struct error *error =
        message_from_bytes(a, &runs__v1__watch_runs_response__descriptor, kept, ret_message);
    if (error != NULL) {
        *ret_error = error;
        return end_stream(w, error);
    }
    w->failures = 0;
    w->heard_us = clock_monotonic_us();
    keep_place(w, *ret_message);
    *ret_bytes = kept;
    return RUN_WATCH_MESSAGE;
}

enum run_watch_result run_watch_next(struct run_watch *w, struct arena *a, int64_t until_us,
                                     Runs__V1__WatchRunsResponse **ret_message,
                                     struct slice *ret_bytes, const struct error **ret_error) {
    if (!w->is_open) {
        if (!wait_for_turn(w, until_us)) {
            return RUN_WATCH_NOT_YET;
        }
        *ret_error = open_stream(w, a);
        if (*ret_error != NULL) {
            return end_stream(w, *ret_error);
        }
    }
    int64_t quiet_us = w->heard_us + QUIET_US;
    bool is_limited = until_us != 0 && until_us < quiet_us;
    struct slice bytes = SLICE_EMPTY;
    const struct error *error = NULL;
    switch (message_stream_next(w->stream, is_limited ? until_us : quiet_us, &bytes, &error)) {
    case MESSAGE_STREAM_MESSAGE:
        return take(w, a, bytes, ret_message, ret_bytes, ret_error);
    case MESSAGE_STREAM_NOT_YET:
        if (is_limited) {
            return RUN_WATCH_NOT_YET;
        }
        *ret_error = error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                               "nothing came from the server for %d s", QUIET_US / 1000000);
        return end_stream(w, *ret_error);
    case MESSAGE_STREAM_END:
    default:
        *ret_error = error != NULL ? error
                                   : error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                                               "the server ended the watch");
        return end_stream(w, *ret_error);
    }
}

void run_watch_release(struct run_watch *w) {
    if (w->stream != NULL) {
        message_stream_close(w->stream);
    }
    strbuf_release(&w->cursor);
}
