#ifndef RUNSD_GATEWAY_HTTP_EXCHANGE_INTERNAL_H
#define RUNSD_GATEWAY_HTTP_EXCHANGE_INTERNAL_H

#include "base/trace/tracer.h"
#include "gateway/edge/request_head.h"
#include "gateway/http/exchange.h"
#include "gateway/http/reply.h"
#include "gateway/http/routing.h"
#include "rpc/client_stream.h"

// What the files of an exchange share: the object, what all of them do with it (exchange.c),
// and the steps, a file each. A step calls only what stands above it here;
// exchange_machine.c chooses the steps.

// What an exchange waits for. Which may follow which is a table in exchange.c. While it is
// ASKING, WAITING, CALLING, REFUSED or LOOKING, its connection is suspended.
//
//   HEAD ---> ASKING ---> WAITING ---> BODY ---> CALLING ---> STREAMING
//                 ^                    | |---> LOOKING
//                 `-- amid the body ---' `---> REFUSED
//   and from each of these but STREAMING to ANSWERED; the first three may be skipped.
enum exchange_state {
    EXCHANGE_HEAD,      // the head, whole
    EXCHANGE_ASKING,    // who calls, which the upstream is asked
    EXCHANGE_WAITING,   // for bytes of the budget
    EXCHANGE_BODY,      // the rest of it
    EXCHANGE_CALLING,   // the reply, or a stream's first message
    EXCHANGE_REFUSED,   // its time to be refused
    EXCHANGE_LOOKING,   // whether calls are served
    EXCHANGE_STREAMING, // the end of the stream
    EXCHANGE_ANSWERED,  // the end
};

// How much of a refused request's body is read, so that the client reads the reply
// instead of a broken connection.
static inline uint64_t exchange_drained_bytes(const struct gateway_limits *limits) {
    return (uint64_t)limits->body_bytes * 4 + (1 << 20);
}

// How much of a body in chunks, whose size is not known before, is taken before room for
// the largest one is needed.
enum { EXCHANGE_FIRST_CHUNKS_BYTES = 4 << 10 };

// How much of an unknown caller's body is read. Where the caller is known to be none at once, it
// is dropped, so that the connection can stay; where the upstream is asked, it is kept.
enum { EXCHANGE_STRANGERS_BYTES = 64 << 10 };

enum caller_state {
    CALLER_UNASKED,
    CALLER_ASKED, // by x->call, which ended with an error unless it is under way
    CALLER_KNOWN,
};

struct stream_reply;

struct exchange {
    struct exchange_context *context;
    struct gateway_api *api; // a reference of its own
    struct reaper_entry *entry;
    struct slice client_address;      // the connection's
    bool is_of_trusted;               // likewise
    const struct slice *client_names; // of its certificate; likewise
    size_t client_name_count;
    struct exchange *next_spare;
    struct arena arena;
    enum exchange_state state;
    int64_t begin_us;

    const char *received_target; // where it was received; valid until the head was taken
    struct slice target;
    struct slice method;
    struct http_headers headers; // valid until the end
    struct request_facts facts;
    struct slice request_id;
    struct trace_span *span;   // NULL: the request is not sampled
    struct slice trace_parent; // what the upstream is told; empty: what the client sent
    struct routing routing;
    const struct error *error; // the answer, once the body is read
    bool is_overload;          // there was no room for the call
    enum http_refusal refusal; // of what, then
    enum caller_state caller;
    struct strbuf body;
    uint64_t body_bytes; // with those that were dropped
    size_t chunks_room;  // how much of a body in chunks is within hold

    struct MHD_Connection *connection;
    struct exchange *next_to_suspend;
    bool is_to_suspend; // by exchange_suspend_received
    struct rpc_task resume_task;
    struct rpc_client_call call;
    struct waiting waiting;
    struct byte_hold hold;
    size_t reserved_for_reply;
    struct readiness_waiter readiness;
    bool is_ready;               // what the check said
    size_t request_bytes;        // of memory, by the message, once it was made of a body
    struct stream_reply *stream; // NULL unless the route streams
    int64_t wait_ms;             // how long the call may wait by itself; 0: it does not
    struct admission *admission; // where the call is counted; NULL: nowhere
    struct reply reply;
};

// --- exchange.c: the object ---

extern const char exchange_error_domain[];

// Makes an exchange of the request that begins, or takes a spare one.
struct exchange *exchange_new(struct exchange_context *context,
                              const struct exchange_connection *client,
                              struct MHD_Connection *connection, const char *target);

// Keeps an exchange for the next request.
void exchange_spare(struct exchange *x);

// Frees an exchange whose end was left to others (exchange_stream.c).
void exchange_free(struct exchange *x);

// Goes into a state, which must be one that may come next.
void exchange_move(struct exchange *x, enum exchange_state state);

// Goes into a state in which the connection is suspended. Before whatever may resume it.
void exchange_suspend(struct exchange *x, struct MHD_Connection *connection,
                      enum exchange_state state);

// The same for a request that was received whole: exchange_suspend_received suspends it. Until
// then libmicrohttpd may call with it again, for nothing.
void exchange_suspend_soon(struct exchange *x, struct MHD_Connection *connection,
                           enum exchange_state state);

// The exchange ends: it is not suspended any more.
void exchange_suspend_never(struct exchange *x);

// Has the suspended connection go on. From another thread: afterwards the HTTP thread
// may end the exchange.
void exchange_resume(struct exchange *x);

bool exchange_is_stopping(const struct exchange *x);

// What there is for HTTP's status of a request whose client left.
enum { EXCHANGE_CLIENT_CLOSED_REQUEST = 499 };

// HTTP's status of the answer; EXCHANGE_CLIENT_CLOSED_REQUEST if there was none.
static inline int exchange_status(const struct exchange *x) {
    return x->reply.http_status != 0 ? x->reply.http_status : EXCHANGE_CLIENT_CLOSED_REQUEST;
}

// The template of what the request was routed to; NULL if to nothing.
static inline const char *exchange_route(const struct exchange *x) {
    switch (x->routing.kind) {
    case ROUTING_CALL:
        return transcoder_route_template(x->routing.match.route);
    case ROUTING_LOCAL:
        return x->routing.local->path;
    case ROUTING_NONE:
    case ROUTING_OPTIONS:
        break;
    }
    return NULL;
}

// The error of a request that the stop ends, in the exchange's arena: UNAVAILABLE, and
// SERVER_STOPPING if surely nothing was changed, else OUTCOME_UNKNOWN.
const struct error *exchange_stopping_error(struct exchange *x, bool nothing_changed);

struct reply_request exchange_reply_request(struct exchange *x);

// What the answer to an error is, logged as far as it concerns us. status_details is
// the upstream's, if the error came from there.
struct reply exchange_error_reply(struct exchange *x, const struct error *error,
                                  struct slice status_details);

// Hands x->reply to libmicrohttpd and goes into a state; the connection is then closed if
// close is true.
enum MHD_Result exchange_send_reply(struct exchange *x, struct MHD_Connection *connection,
                                    enum exchange_state state, bool close);

// The same for a request without a call, and it is ANSWERED.
enum MHD_Result exchange_answer(struct exchange *x, struct MHD_Connection *connection, bool close);
enum MHD_Result exchange_answer_error(struct exchange *x, struct MHD_Connection *connection,
                                      const struct error *error, bool close);

// --- exchange_trace.c: spans (docs/TRACES.md) ---

// Begins the request's span, once its headers are known, if it is sampled: as the client's
// traceparent says; without one, by chance. context->tracer is not NULL.
void exchange_trace_begin(struct exchange *x);

// Ends it. It is not NULL.
void exchange_trace_end(struct exchange *x);

// Writes the id of the trace that the request is part of: its span's, else the client's. Returns
// false if there is none.
bool exchange_trace_id(struct exchange *x, char ret_text[TRACE_ID_TEXT_SIZE]);

// --- exchange_log.c ---

// Logs an error's detail, which is not sent.
void exchange_log_detail(const struct exchange *x, const struct error *error);

// The access log's line, of a request that took so long.
void exchange_log_access(struct exchange *x, int64_t duration_us);

// --- exchange_metrics.c ---

// Counts a request that is over.
void exchange_metrics_count(const struct exchange *x, int64_t duration_us);

// --- exchange_upstream.c: what all calls have ---

// Whether there is room for the call of the request's route: NULL, or the error of
// admission_check.
const struct error *exchange_upstream_check_room(struct exchange *x);

// Takes the room that was there.
void exchange_upstream_enter_room(struct exchange *x);

// Gives the call's room back, once.
void exchange_upstream_leave_room(struct exchange *x);

// The metadata and, unless it may not begin, the right to call upstream, for which
// there is room: returns false when the exchange was answered instead, with *ret_result
// for libmicrohttpd.
bool exchange_upstream_begin_call(struct exchange *x, struct MHD_Connection *connection,
                                  const struct rpc_metadata **ret_metadata, int *ret_count,
                                  enum MHD_Result *ret_result);

// The metadata of any call for the request. Errors: those of request_metadata_make.
const struct error *exchange_upstream_metadata(struct exchange *x,
                                               const struct rpc_metadata **ret_metadata,
                                               int *ret_count);

// The method of the request's route.
struct rpc_client_method *exchange_upstream_method(const struct exchange *x);

// When a unary call of the request that begins now must have ended; what it may wait by itself is
// not counted in the gateway's own time.
int64_t exchange_upstream_deadline_us(const struct exchange *x, int64_t now_us);

// --- exchange_caller.c ---

// Whether the upstream is still to be asked who calls, before more than
// EXCHANGE_STRANGERS_BYTES of a body are kept.
bool exchange_caller_must_ask(const struct exchange *x);

// Whether that is due at the head: a body so long is on its way, or one in chunks whose client
// waits for leave to send it; or it is for a page that needs a token.
bool exchange_caller_must_ask_at_head(const struct exchange *x, struct MHD_Connection *connection);

// Suspends the connection and asks. exchange_caller_is_known is what comes next on the HTTP
// thread.
enum MHD_Result exchange_caller_ask(struct exchange *x, struct MHD_Connection *connection);

// Whether the upstream said that the caller is known, or cannot tell. If not, x->error says so,
// until exchange_caller_refuse.
bool exchange_caller_is_known(struct exchange *x);

// Answers what the upstream said, and has the connection end.
enum MHD_Result exchange_caller_refuse(struct exchange *x, struct MHD_Connection *connection);

// The call that asked is over, if there is one, and its results are not needed any more.
void exchange_caller_release(struct exchange *x);

// --- exchange_memory.c ---

// Takes what the request and its reply need of the budget, and goes into BODY. If there is no
// room, goes into WAITING until there is, or until x->error says that there was none.
enum MHD_Result exchange_memory_reserve(struct exchange *x, struct MHD_Connection *connection);

// Resumes the requests for which there is room now, and those that have waited too long; at a
// stop all.
void exchange_memory_give_room(struct exchange_context *context, int64_t now_us, bool is_stopping);

// A body in chunks goes beyond x->chunks_room: makes room for the largest one, or for what is
// kept of an unknown caller's. Returns OVERLOADED if there is none.
const struct error *exchange_memory_hold_chunks(struct exchange *x);

// Of a compressed body `inflated` bytes are made. Returns OVERLOADED if there is no room.
const struct error *exchange_memory_hold_inflated(struct exchange *x, size_t inflated);

// The body has become the message, and is not kept. Returns OVERLOADED if that is so much
// longer that there is no room.
const struct error *exchange_memory_hold_message(struct exchange *x, struct slice message);

// The call has ended and x->reply is there. Before exchange_call_release.
void exchange_memory_hold_reply(struct exchange *x);

// A stream has so many bytes ready to be sent.
void exchange_memory_hold_stream(struct exchange *x, size_t ready_bytes);

// All was sent, or nothing will be.
void exchange_memory_hold_nothing(struct exchange *x);

// --- exchange_call.c: a unary call ---

// Suspends the connection and calls upstream, once there is room in the window;
// exchange_call_finish is what comes next on the HTTP thread.
enum MHD_Result exchange_call_start(struct exchange *x, struct MHD_Connection *connection,
                                    struct slice message);
enum MHD_Result exchange_call_finish(struct exchange *x, struct MHD_Connection *connection);

// Calls upstream now. Only from here on is it noticed that the client is gone.
void exchange_call_go(struct exchange *x);

// The call is over and its results are not needed any more.
void exchange_call_release(struct exchange *x);

// --- exchange_stream.c: a call whose replies are a stream ---

// Suspends the connection and calls upstream; exchange_stream_begin is what comes next on the
// HTTP thread, with the first message or the end.
enum MHD_Result exchange_stream_start(struct exchange *x, struct MHD_Connection *connection,
                                      struct slice message);
enum MHD_Result exchange_stream_begin(struct exchange *x, struct MHD_Connection *connection);

// The HTTP side of a stream is over. Between the two the upstream loop's thread leaves the
// exchange alone. The first sets what the access log says of a stream. The second
// returns false if the upstream call is not over: then it is cancelled, and the exchange
// is freed when it ends.
void exchange_stream_begin_end(struct exchange *x);
bool exchange_stream_end(struct exchange *x);

// --- exchange_local.c: a page of the gateway's own ---

// Answers it, or suspends the connection until it is known whether calls are served;
// exchange_local_finish is what comes next on the HTTP thread then.
enum MHD_Result exchange_local_start(struct exchange *x, struct MHD_Connection *connection);
enum MHD_Result exchange_local_finish(struct exchange *x, struct MHD_Connection *connection);

// --- exchange_wait.c ---

// Answers with error, which exchange_upstream_check_room or the budget made, at once or in its
// time.
enum MHD_Result exchange_wait_refuse(struct exchange *x, struct MHD_Connection *connection,
                                     const struct error *error);

// --- exchange_head.c ---

// Takes the head, once it was received whole.
enum MHD_Result exchange_head_take(struct exchange *x, struct MHD_Connection *connection,
                                   const char *method, const char *version);

// The request is taken, and the upstream need not be asked: takes room for it, and then its body.
enum MHD_Result exchange_head_begin_body(struct exchange *x, struct MHD_Connection *connection);

// Whether a refused request's body is so short that reading it is worth a reply
// that surely arrives. A client that waits for "100 Continue" is answered at once.
bool exchange_head_is_worth_draining(const struct exchange *x, struct MHD_Connection *connection);

// --- exchange_body.c ---

// Whether so much more of a body would be kept that its caller must be known first.
bool exchange_body_must_ask(const struct exchange *x, size_t size);

// Takes a piece of the body, or drops it.
enum MHD_Result exchange_body_take(struct exchange *x, const char *data, size_t size);

// The request is whole: calls upstream, or answers.
enum MHD_Result exchange_body_finish(struct exchange *x, struct MHD_Connection *connection);

#endif
