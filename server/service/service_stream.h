#ifndef RUNSD_SERVER_SERVICE_SERVICE_STREAM_H
#define RUNSD_SERVER_SERVICE_SERVICE_STREAM_H

#include <pthread.h>
#include <stdbool.h>

#include "server/service/service_call.h"

// A stream of a service: what each of its methods that streams does in the same way. It
// begins, sends one message after another as the client takes them, and ends once, with one
// log line, whoever ends it: the method, the client or the stop of the server.
//
// The method does not push. Its kind's `more` is called whenever the stream takes a message,
// and sends one or does not; service_stream_group_wake has it called again. So a method whose
// messages replace each other sends the newest one to a slow client, and one that reads from
// a store reads no faster than the client does.
//
// Which loop the stream is on does not matter: a stream's events are called on the thread of
// the loop that its call came from, and two streams of one method may be on two loops.

struct service_stream;

// What streams of a method have in common.
struct service_stream_kind {
    size_t bytes; // of the method's struct, whose first member is a struct service_stream
    bool is_open; // needs no token; else:
    enum scope scope;
    // The initial metadata goes out with the first message, or by service_stream_send_head: for a
    // method that has not checked all yet when the stream begins.
    bool holds_head;

    // Events: on the thread of the stream's loop; must not block; may call the functions
    // below. None but closed once the stream has ended, except that one may cross an end on
    // another thread.

    // The stream takes a message: from service_stream_begin, when a message has gone out,
    // and when it was woken meanwhile.
    void (*more)(struct service_stream *stream);
    // What service_stream_read asked for: as message of struct rpc_server_stream. NULL if
    // the method does not read.
    void (*message)(struct service_stream *stream, const struct slice *message,
                    const struct error *error);
    // The server stops, and the stream will end when this returns: the last that it may
    // send. NULL: nothing.
    void (*stopping)(struct service_stream *stream);
    // Nothing uses the stream any more; it is freed when this returns. NULL: nothing to do.
    void (*closed)(struct service_stream *stream);
};

// Streams that are woken together. The members are this file's.
struct service_stream_group {
    pthread_mutex_t mutex; // guards the list
    struct service_stream_state *first;
};

// The first member of a method's struct.
struct service_stream {
    struct service_call call;
    struct service_stream_state *state; // this file's
};

// In a method's handler: starts the call as service_call_begin does, or, of an open kind,
// service_call_begin_open. The stream lives in the call's arena. NULL if the caller was
// refused. It is still a call, which service_call_fail may refuse.
struct service_stream *service_stream_open(const struct service *service,
                                           struct rpc_server_call *rpc,
                                           const struct service_stream_kind *kind);

// In the handler too: makes the call a stream, of a group if that is not NULL, and calls
// more. service_call_reply and service_call_fail must not be called any more. If more neither
// sends nor ends the stream, the client is sent the initial metadata alone, unless the kind
// holds_head: over REST that is the 200. So begin only once the request is checked, since a refusal
// keeps its own status only until then, and end in that first call of more a stream that is known
// to have nothing to send: over REST, an event stream that ends OK without a message is 204.
void service_stream_begin(struct service_stream *stream, struct service_stream_group *group);

// Of a kind that holds_head: sends the client the initial metadata alone, unless a message or the
// end has gone out. Until then an end with an error is that status alone. On the loop's thread, in
// an event.
void service_stream_send_head(struct service_stream *stream);

// Sends the message that the parts make when they are joined; they are copied. On the loop's
// thread. Returns false, and sends nothing, if the message before has not gone out yet, after
// which more is called, or if the stream has ended.
bool service_stream_send(struct service_stream *stream, const struct slice *parts, size_t count);

// Asks for one message of the client, of a method of kind RPC_BIDI_STREAM; one may be
// outstanding. On the loop's thread, in an event.
void service_stream_read(struct service_stream *stream);

// Ends the stream after the message that is going out: OK if error is NULL. Writes the call's
// log line. Returns false, and does neither, if the stream has ended already. On the loop's
// thread in an event, or on any thread that holds the stream.
bool service_stream_finish(struct service_stream *stream, const struct error *error);

// Keeps the stream from being freed for work on another thread, until the release. Hold in an
// event. Release from any thread; then more is called if the stream takes a message.
void service_stream_hold(struct service_stream *stream);
void service_stream_release(struct service_stream *stream);

void service_stream_group_init(struct service_stream_group *group);

// Every stream of the group must be closed.
void service_stream_group_destroy(struct service_stream_group *group);

// Has more called, soon, of each of the streams as soon as it takes a message; once for any
// number of calls. Thread safe.
void service_stream_group_wake(struct service_stream_group *group);

#endif
