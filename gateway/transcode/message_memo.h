#ifndef RUNSD_GATEWAY_TRANSCODE_MESSAGE_MEMO_H
#define RUNSD_GATEWAY_TRANSCODE_MESSAGE_MEMO_H

#include "gateway/transcode/transcoder.h"

// The JSON of messages that came lately, by their bytes: what many streams get at once is
// transcoded for the first two of them, and copied for the others. Of a message that comes once,
// only its hash is kept. Pure. Used by one thread at a time.

enum {
    MESSAGE_MEMO_SLOTS = 64,
    // What a slot holds at most, of message, JSON and id together.
    MESSAGE_MEMO_SLOT_BYTES = 32 << 10,
};

struct message_memo;

struct message_memo *message_memo_new(void);

// NULL is ignored.
void message_memo_free(struct message_memo *memo);

// What a message became. Valid until the memo is used again.
struct message_memo_text {
    struct slice json;
    struct slice id; // as transcoder_event_id makes it
};

// Whether the JSON of a message of the route is there. Of the routes of one transcoder.
bool message_memo_find(struct message_memo *memo, const struct transcoder_route *route,
                       struct slice message, struct message_memo_text *ret_text);

// Notes that message_memo_find, right before, found nothing, and that text is what the message
// became: it is kept if the message came before.
void message_memo_note(struct message_memo *memo, const struct transcoder_route *route,
                       struct slice message, const struct message_memo_text *text);

#endif
