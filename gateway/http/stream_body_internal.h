#ifndef RUNSD_GATEWAY_HTTP_STREAM_BODY_INTERNAL_H
#define RUNSD_GATEWAY_HTTP_STREAM_BODY_INTERNAL_H

#include <pthread.h>

#include "gateway/http/exchange_internal.h"
#include "gateway/http/stream_format.h"
#include "gateway/http/stream_group.h"

// A stream of replies behind a request (exchange_stream.c), and what of it is put into the body.

struct stream_reply {
    struct exchange *exchange;
    struct rpc_client_stream call;
    struct stream_member member;
    enum stream_format format;
    struct metrics_child *messages;
    struct arena scratch;      // of one message
    struct slice content_type; // of the first HttpBody
    pthread_mutex_t mutex;     // guards what follows
    struct strbuf ready;       // to be sent, whole objects
    size_t taken;              // of ready, by libmicrohttpd
    uint64_t sent_bytes;       // in all
    int64_t active_us;         // when something was put in ready last
    int64_t begin_by_us;       // when the reply begins without a message
    const struct error *fault; // found here: what the stream ends with instead of CANCELLED
    bool is_started;           // the call is: before, it cannot be cancelled
    bool is_stopped;           // before it was started
    bool is_asked;             // for a message, which has not come
    bool has_metadata;         // of the upstream
    bool is_begun;             // there is a reply: what comes follows in it
    bool has_object;           // in it
    bool is_waiting;           // the connection is suspended by the reader
    bool is_over;              // the call is: nothing is added to ready any more
    bool is_broken;            // it failed, which bytes as they are cannot say
    bool is_left;              // the HTTP side is over: the end of the call frees all
};

// Puts a message of the upstream into ready, with what stands around it; under the lock. Returns
// NULL, or why it cannot be read; then ready is as before. In scratch.
const struct error *stream_body_put_message(struct stream_reply *s, struct slice message);

// Puts the last object of a stream that failed once it had begun; under the lock. Bytes as they are
// have no place for it: there the connection breaks off, which no client takes for the end.
// details is as rpc_client_stream has it.
void stream_body_put_error(struct stream_reply *s, const struct error *error, struct slice details);

#endif
