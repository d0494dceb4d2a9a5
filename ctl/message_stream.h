#ifndef RUNSD_CTL_MESSAGE_STREAM_H
#define RUNSD_CTL_MESSAGE_STREAM_H

#include "ctl/connection.h"

// A call of a command whose reply is a stream of messages, which the command waits for one by
// one. One is read ahead, no more: a command that is slow keeps the server waiting.

struct message_stream;

// Calls "/package.Service/Method", which only reads, on the connection, which stays open until
// message_stream_close. The stream as a whole has no deadline.
struct message_stream *message_stream_open(struct connection *c, const char *path,
                                           struct slice request);

// Waits until the server has answered, be it by its initial metadata, a message or an end.
// Returns false once until_us (clock_monotonic_us) has passed.
bool message_stream_wait_answer(struct message_stream *s, int64_t until_us);

// Whether it has answered, and not by an end alone.
bool message_stream_is_accepted(struct message_stream *s);

enum message_stream_result {
    MESSAGE_STREAM_MESSAGE,
    MESSAGE_STREAM_END,     // with an error or without
    MESSAGE_STREAM_NOT_YET, // the time is over
};

// Waits for a message until until_us (clock_monotonic_us; 0: none). *ret_message is set for a
// message, and valid until the next call; *ret_error for an end (NULL: it ended OK), and valid
// until message_stream_close.
enum message_stream_result message_stream_next(struct message_stream *s, int64_t until_us,
                                               struct slice *ret_message,
                                               const struct error **ret_error);

// Ends the call, if it goes on, and frees the stream.
void message_stream_close(struct message_stream *s);

#endif
