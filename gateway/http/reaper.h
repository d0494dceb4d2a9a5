#ifndef RUNSD_GATEWAY_HTTP_REAPER_H
#define RUNSD_GATEWAY_HTTP_REAPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/request_id.h"
#include "base/slice.h"
#include "gateway/gateway.h"

// Knows every HTTP connection and what it does, and has a thread that once a
// second ends what lasts too long: a request that is received too slowly, which is
// answered with 408, and the upstream call of a client that is gone. Gone is also
// who only ended its sending direction: TCP does not tell the two apart. Thread safe.

struct reaper;

// What a connection does.
enum reaper_state {
    REAPER_IDLE,      // between requests
    REAPER_RECEIVING, // a request
    REAPER_CALLING,   // upstream
    REAPER_STREAMING, // a reply, while the call goes on
    REAPER_REPLYING,
};

// One connection.
struct reaper_entry {
    // All the reaper's own.
    struct reaper_entry *next;
    struct reaper_entry **link; // what points to this one
    int fd;
    enum reaper_state state;
    int64_t since_us;           // clock_monotonic_us of the last change of state
    void (*cancel)(void *call); // CALLING, once started
    void *call;
    struct slice request_id;                   // RECEIVING, once it is known
    bool timed_out;                            // the request was answered with 408,
    char timed_out_id[REQUEST_ID_LONGEST + 1]; // under this id
};

// Starts the thread. A connection that sends its request's first line bit by
// bit looks idle: it is given idle_timeout_ms and request_timeout_ms. The
// 408 is spelled as envelope says.
struct reaper *reaper_new(int64_t idle_timeout_ms, int64_t request_timeout_ms,
                          enum envelope_kind envelope);

// Ends the thread at once; no entry may be left. NULL is ignored.
void reaper_free(struct reaper *reaper);

// Registers a connection's descriptor; returns its entry, which
// reaper_remove frees. Remove it before the descriptor is closed.
struct reaper_entry *reaper_add(struct reaper *reaper, int fd);
void reaper_remove(struct reaper *reaper, struct reaper_entry *entry);

// The connection now receives, replies or is idle.
void reaper_set_state(struct reaper *reaper, struct reaper_entry *entry, enum reaper_state state);

// Gives the id of the request that is being received; borrowed until the next
// change of state.
void reaper_set_request_id(struct reaper *reaper, struct reaper_entry *entry, struct slice id);

// Whether the request was answered with 408; then *ret_id is the id it was answered
// with, valid as long as the entry.
bool reaper_timed_out(struct reaper *reaper, struct reaper_entry *entry, struct slice *ret_id);

// The connection is about to call upstream. Returns false, and changes nothing,
// after reaper_cancel_all and if the request was answered with 408: then there must
// be no call.
bool reaper_begin_call(struct reaper *reaper, struct reaper_entry *entry);

// The call was started; cancel(call) is called from here if the client is gone.
void reaper_call_started(struct reaper *reaper, struct reaper_entry *entry,
                         void (*cancel)(void *call), void *call);

// The call of the connection goes on while it replies.
void reaper_stream(struct reaper *reaper, struct reaper_entry *entry);

// The call is done and about to be released; the connection replies.
void reaper_end_call(struct reaper *reaper, struct reaper_entry *entry);

// Waits until all connections are idle; at most timeout_ms. Returns whether they
// are.
bool reaper_wait_idle(struct reaper *reaper, int64_t timeout_ms);

// Cancels all upstream calls, lets no more begin, and waits until none is left.
void reaper_cancel_all(struct reaper *reaper);

#endif
