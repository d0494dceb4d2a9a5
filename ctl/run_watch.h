#ifndef RUNSD_CTL_RUN_WATCH_H
#define RUNSD_CTL_RUN_WATCH_H

#include "base/core/strbuf.h"
#include "ctl/connection.h"
#include "ctl/message_stream.h"
#include "runs/v1/feed.pb-c.h"

// WatchRuns for a command: goes on behind the last message, by its cursor, when the stream was
// interrupted.

struct run_watch {
    // The caller's, from run_watch_init on; the request's cursor, snapshot, since and what its
    // pointers lead to are left alone afterwards.
    struct connection *connection;
    Runs__V1__WatchRunsRequest request;
    bool is_whole; // rather fails than leaves changes out: RUN_WATCH_ANEW does not happen

    // run_watch's own.
    struct message_stream *stream; // NULL: none was opened
    bool is_open;                  // and has not ended
    struct strbuf cursor;          // of the last message that had one; ends with NUL
    int64_t revision;              // of that message; 0: not known
    bool is_given;                 // the cursor in use is the caller's, and was not accepted yet
    bool has_begun;                // the server has accepted a watch
    int failures;                  // since the last message
    int64_t heard_us;              // clock_monotonic_us, of the last message; likewise
    int64_t reopen_us;
};

enum run_watch_result {
    RUN_WATCH_MESSAGE,
    // The stream was interrupted, and the next call goes on behind the last message.
    RUN_WATCH_INTERRUPTED,
    // So it was, but the server does not have any more what followed the last message: the next
    // call begins with a snapshot, and changes before that are missing.
    RUN_WATCH_ANEW,
    RUN_WATCH_NOT_YET, // the time is over
    RUN_WATCH_FAILED,  // for good
};

// Begins a watch without filters; connects to nothing.
void run_watch_init(struct run_watch *w, struct connection *connection);

// Waits for a message until until_us (clock_monotonic_us; 0: none); opens the stream, after a
// pause that grows with each failure. Messages live in a, errors until the next call or the
// release. *ret_message and *ret_bytes are set for a message, *ret_error for INTERRUPTED, ANEW and
// FAILED. A watch that was never
// accepted fails at the first error, else only by errors that trying again does not help
// against.
enum run_watch_result run_watch_next(struct run_watch *w, struct arena *a, int64_t until_us,
                                     Runs__V1__WatchRunsResponse **ret_message,
                                     struct slice *ret_bytes, const struct error **ret_error);

void run_watch_release(struct run_watch *w);

#endif
