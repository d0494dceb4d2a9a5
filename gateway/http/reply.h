#ifndef RUNSD_GATEWAY_HTTP_REPLY_H
#define RUNSD_GATEWAY_HTTP_REPLY_H

#include <microhttpd.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/strbuf.h"

// What a request is answered with: a status and an HTTP response, not sent yet.

struct reply {
    struct MHD_Response *response; // owned; NULL: none yet
    int http_status;
    int code; // of gRPC
    size_t body_bytes;
};

// A 200 with a complete JSON body; takes the bytes of body.
struct reply reply_success(struct strbuf *body, struct slice request_id);

// The reply of an error, with the headers that its status asks for. a is for
// temporary use.
struct reply reply_error(struct arena *a, const struct error *error, struct slice request_id);

// A 204 that tells the verbs of a path; allow is the list without OPTIONS.
struct reply reply_options(struct arena *a, const char *allow, struct slice request_id);

// Adds "Connection: close".
void reply_close_connection(struct reply *reply);

// Lets go of the response. Queueing keeps it alive by itself.
void reply_release(struct reply *reply);

#endif
