#ifndef RUNSD_GATEWAY_CONNECTION_REAPER_H
#define RUNSD_GATEWAY_CONNECTION_REAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/request_id.h"
#include "base/core/slice.h"
#include "gateway/connection/transport.h"
#include "gateway/options.h"

// Knows every HTTP connection and what it does, and ends what lasts too long: a quiet
// connection, a handshake that takes too long, a request that is received too slowly, which is
// answered with 408, a reply that the client does not read, and the upstream call of a client that
// is gone.
//
// A client that has ended its sending direction may have gone or may be waiting for its reply:
// TCP does not distinguish the two (RFC 9293 section 3.6), so a request that was complete is
// answered. It is gone once the socket says so: by a reset or an error, or because both
// directions have ended. To learn that, a stream is sent a heartbeat when the client ends its
// direction, and TCP asks a client from whom nothing is heard (keep-alive).
//
// libmicrohttpd's own time-out is off: version 0.9.75 closes a connection whose time is
// over without a look at whether a request waits in the socket. All here is done on the
// HTTP thread between two of its runs, so that what was received in time is served: a
// connection is closed only if nothing waits, and REAPER_GRACE_MS later than the time
// that Keep-Alive announces. Everything is called on the HTTP thread and does not block.

enum {
    // Beyond the idle time-out that Keep-Alive announces: what clients send in time may take a
    // while to arrive, and their clock starts later than ours.
    REAPER_GRACE_MS = 2000,
    // How long clients may go on to send after an early reply.
    REAPER_LINGER_MS = 1000,
};

struct reaper;

// What a connection does.
enum reaper_state {
    REAPER_HANDSHAKING, // of TLS, before the first request
    REAPER_IDLE,        // between requests
    REAPER_RECEIVING,   // a request
    REAPER_CALLING,     // upstream
    REAPER_STREAMING,   // a reply, while the call goes on
    REAPER_REPLYING,
};

struct reaper_list;

// One connection.
struct reaper_entry {
    // All the reaper's own.
    struct reaper_list *list; // that has this one
    struct reaper_entry *next;
    struct reaper_entry *previous;
    struct reaper_entry *next_ended; // of those whose clients have ended their direction
    struct transport transport;
    enum reaper_state state;
    int64_t since_us;                    // of the last change of state
    int64_t due_us;                      // when something is to be done; in a list never decreasing
    int64_t taken_bytes;                 // by the client, when that was asked last
    int stuck_times;                     // since when it has taken nothing
    const struct reaper_call *functions; // CALLING, once started
    void *call;
    struct slice request_id;               // RECEIVING, once it is known
    bool has_ended;                        // the client's direction
    bool is_probed;                        // since then
    bool is_gone;                          // the client, as the socket says
    bool will_close;                       // after the reply
    int early_status;                      // what the request was answered with by us,
    char early_id[REQUEST_ID_LONGEST + 1]; // and under which id; 0: not
};

// What can be done with a call.
struct reaper_call {
    void (*cancel)(void *call);
    // The client of a stream has ended its direction: sends it something. NULL: there is
    // nothing to send before the reply.
    void (*probe)(void *call);
    // It is made before the request was received whole: a client that has ended its direction,
    // with nothing left to read, cannot complete it.
    bool is_amid_request;
};

// NULL, with errno, if there is no file descriptor left. A connection that sends its
// request's first line bit by bit is given idle_timeout_ms, the grace and
// request_timeout_ms; a handshake request_timeout_ms. The early replies are spelled as envelope
// says.
struct reaper *reaper_new(int64_t idle_timeout_ms, int64_t request_timeout_ms,
                          enum envelope_kind envelope);

// No entry may be left. NULL is ignored.
void reaper_free(struct reaper *reaper);

// Registers a connection; returns its entry, which reaper_remove frees. Remove it before its
// socket is closed.
struct reaper_entry *reaper_add(struct reaper *reaper, const struct transport *transport);
void reaper_remove(struct reaper *reaper, struct reaper_entry *entry);

// The connection now shakes hands, receives, replies or is idle.
void reaper_set_state(struct reaper *reaper, struct reaper_entry *entry, enum reaper_state state);

// Gives the id of the request that is being received; borrowed until the next
// change of state.
void reaper_set_request_id(struct reaper *reaper, struct reaper_entry *entry, struct slice id);

// The status that the request was answered with before it was complete, 408 or 503; 0 if
// it was not. Then *ret_id is the id it was answered with, valid as long as the entry.
int reaper_early_status(const struct reaper_entry *entry, struct slice *ret_id);

// The reply that is sent says that we close the connection.
void reaper_will_close(struct reaper_entry *entry);

// Whether we end the connection, while its client may still send.
bool reaper_closes(const struct reaper_entry *entry);

// The connection is about to call upstream. Returns false, and changes nothing,
// after reaper_cancel_all and if the request was answered early: then there must
// be no call.
bool reaper_begin_call(struct reaper *reaper, struct reaper_entry *entry);

// The call was started. Its functions, which are constant, are called from reaper_run and
// reaper_cancel_all.
void reaper_call_started(struct reaper *reaper, struct reaper_entry *entry,
                         const struct reaper_call *functions, void *call);

// The call of the connection goes on while it replies.
void reaper_stream(struct reaper *reaper, struct reaper_entry *entry);

// The call is done and about to be released; the connection replies.
void reaper_end_call(struct reaper *reaper, struct reaper_entry *entry);

// --- time ---

// Sets the time, before libmicrohttpd runs.
void reaper_set_time(struct reaper *reaper, int64_t now_us);

// Ends what lasts too long; after libmicrohttpd has run, so that what was received is
// not taken for missing. Returns in how many ms it must be called again at the latest;
// -1: there is no connection.
int reaper_run(struct reaper *reaper);

// --- the end ---

// From at_us on closes connections that are idle or shake hands, whatever their time-out.
void reaper_close_idle(struct reaper *reaper, int64_t at_us);

// Cancels all upstream calls, lets no more begin, and answers requests that are being
// received with 503.
void reaper_cancel_all(struct reaper *reaper);

// How many connections are CALLING.
size_t reaper_calling_count(const struct reaper *reaper);

#endif
