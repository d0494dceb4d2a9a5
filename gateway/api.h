#ifndef RUNSD_GATEWAY_API_H
#define RUNSD_GATEWAY_API_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/openapi/openapi_document.h"
#include "gateway/transcode/message_memo.h"
#include "gateway/transcode/transcoder.h"
#include "rpc/client.h"

// What the gateway serves at one moment: the routes of its descriptor sets, the
// upstream's methods behind them, and the OpenAPI document of both. A reload replaces the whole;
// requests in flight keep the one that they began with.

// Immutable once made, but for the references, reply_bytes and memo: thread safe.
struct gateway_api {
    struct transcoder *transcoder;
    struct rpc_client_method **methods; // by transcoder_route_method_index
    // By the same index: estimated bytes of memory that a reply takes, from earlier replies.
    // Used on the HTTP thread only.
    size_t *reply_bytes;
    struct message_memo *memo; // of streams; used on the thread of the upstream's loop only
    // The method that checks whether a caller is known; NULL if there is none.
    struct rpc_client_method *caller_method;
    struct openapi_document openapi; // GET /openapi.json
    atomic_size_t references;
};

struct gateway_api_options {
    struct rpc_channel *upstream; // must outlive the last reference
    bool ignore_unknown;
    bool unbound_methods;
    bool ignore_unknown_query; // as struct transcoder_options has it
    const char *const *ignored_query;
    size_t ignored_query_count;
    struct json_options json;
    struct openapi_options openapi; // what it points to must outlive the last reload
    size_t gzip_min_bytes;          // the document is compressed from this size on
};

// Compiles descriptor sets. Errors, in a: those of transcoder_new; INVALID_ARGUMENT
// if none of their methods has a route. *ret_api has one reference, the caller's.
const struct error *gateway_api_new(struct arena *a, const struct gateway_api_options *options,
                                    const struct slice *descriptor_sets, size_t count,
                                    struct gateway_api **ret_api);

// Appends the OpenAPI document of descriptor sets without serving them; options->upstream
// may be NULL. Errors: those of gateway_api_new.
const struct error *gateway_api_print(struct arena *a, const struct gateway_api_options *options,
                                      const struct slice *descriptor_sets, size_t count,
                                      struct strbuf *out);

// Adds a reference; returns api. Thread safe.
struct gateway_api *gateway_api_ref(struct gateway_api *api);

// Drops a reference; the last one frees. NULL is ignored. Thread safe.
void gateway_api_unref(struct gateway_api *api);

// Holds the API that new requests are served by. Thread safe.
struct gateway_api_slot {
    pthread_mutex_t mutex;
    struct gateway_api *api;
};

// Makes the slot; takes over the caller's reference.
void gateway_api_slot_init(struct gateway_api_slot *slot, struct gateway_api *api);
// Drops the slot's reference and destroys the mutex; no other thread may use the slot.
void gateway_api_slot_release(struct gateway_api_slot *slot);

// The current API with a reference of the caller's own, who drops it with
// gateway_api_unref.
struct gateway_api *gateway_api_slot_get(struct gateway_api_slot *slot);

// Replaces the current API; takes over the caller's reference.
void gateway_api_slot_set(struct gateway_api_slot *slot, struct gateway_api *api);

#endif
