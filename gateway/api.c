#include "gateway/api.h"

#include <stdlib.h>

#include "base/core/memory.h"

enum { FIRST_REPLY_BYTES = 8 << 10 }; // before there was one

static struct rpc_client_method **prepare_methods(const struct transcoder *transcoder,
                                                  struct rpc_channel *upstream) {
    size_t count = transcoder_route_count(transcoder);
    struct rpc_client_method **methods = mem_zalloc(sizeof(struct rpc_client_method *) * count);
    for (size_t i = 0; i < count; i++) {
        const struct transcoder_route *route = transcoder_route_at(transcoder, i);
        size_t method = transcoder_route_method_index(route);
        if (methods[method] == NULL) {
            methods[method] = rpc_channel_method(upstream, transcoder_route_rpc(route));
        }
    }
    return methods;
}

static const struct error *compile(struct arena *a, const struct gateway_api_options *options,
                                   const struct slice *descriptor_sets, size_t count,
                                   struct transcoder **ret_transcoder) {
    struct transcoder *transcoder;
    const struct transcoder_options rules = {
        .ignore_unknown = options->ignore_unknown,
        .unbound_methods = options->unbound_methods,
        .ignore_unknown_query = options->ignore_unknown_query,
        .ignored_query = options->ignored_query,
        .ignored_query_count = options->ignored_query_count,
        .json = options->json,
    };
    const struct error *error = transcoder_new(a, descriptor_sets, count, &rules, &transcoder);
    if (error != NULL) {
        return error;
    }
    if (transcoder_route_count(transcoder) == 0) {
        transcoder_free(transcoder);
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID, "%s",
                         options->unbound_methods
                             ? "there is no method, so there is no route"
                             : "no method has a google.api.http annotation, so there is no "
                               "route; --unbound-methods serves methods without");
    }
    *ret_transcoder = transcoder;
    return NULL;
}

const struct error *gateway_api_print(struct arena *a, const struct gateway_api_options *options,
                                      const struct slice *descriptor_sets, size_t count,
                                      struct strbuf *out) {
    struct transcoder *transcoder = NULL;
    const struct error *error = compile(a, options, descriptor_sets, count, &transcoder);
    if (error == NULL) {
        openapi_write(transcoder, descriptor_sets, count, &options->openapi, out);
        transcoder_free(transcoder);
    }
    return error;
}

const struct error *gateway_api_new(struct arena *a, const struct gateway_api_options *options,
                                    const struct slice *descriptor_sets, size_t count,
                                    struct gateway_api **ret_api) {
    struct transcoder *transcoder = NULL;
    const struct error *error = compile(a, options, descriptor_sets, count, &transcoder);
    if (error != NULL) {
        return error;
    }
    struct gateway_api *api = mem_zalloc(sizeof(*api));
    api->transcoder = transcoder;
    openapi_document_make(transcoder, descriptor_sets, count, &options->openapi,
                          options->gzip_min_bytes, &api->openapi);
    api->methods = prepare_methods(transcoder, options->upstream);
    const char *caller_rpc = transcoder_caller_rpc(transcoder);
    if (caller_rpc != NULL) {
        api->caller_method = rpc_channel_method(options->upstream, caller_rpc);
    }
    size_t routes = transcoder_route_count(transcoder);
    api->reply_bytes = mem_zalloc(routes * sizeof(*api->reply_bytes));
    for (size_t i = 0; i < routes; i++) {
        api->reply_bytes[i] = FIRST_REPLY_BYTES;
    }
    api->memo = message_memo_new();
    atomic_init(&api->references, 1);
    *ret_api = api;
    return NULL;
}

struct gateway_api *gateway_api_ref(struct gateway_api *api) {
    atomic_fetch_add(&api->references, 1);
    return api;
}

void gateway_api_unref(struct gateway_api *api) {
    if (api != NULL && atomic_fetch_sub(&api->references, 1) == 1) {
        size_t count = transcoder_route_count(api->transcoder);
        for (size_t i = 0; i < count; i++) {
            if (api->methods[i] != NULL) {
                rpc_channel_method_release(api->methods[i]);
            }
        }
        if (api->caller_method != NULL) {
            rpc_channel_method_release(api->caller_method);
        }
        transcoder_free(api->transcoder);
        free(api->methods);
        free(api->reply_bytes);
        message_memo_free(api->memo);
        openapi_document_release(&api->openapi);
        free(api);
    }
}

void gateway_api_slot_init(struct gateway_api_slot *slot, struct gateway_api *api) {
    pthread_mutex_init(&slot->mutex, NULL);
    slot->api = api;
}

void gateway_api_slot_release(struct gateway_api_slot *slot) {
    gateway_api_unref(slot->api);
    pthread_mutex_destroy(&slot->mutex);
}

struct gateway_api *gateway_api_slot_get(struct gateway_api_slot *slot) {
    // The mutex, because between reading the pointer and counting the reference a
    // set could free what it points to.
    pthread_mutex_lock(&slot->mutex);
    struct gateway_api *api = gateway_api_ref(slot->api);
    pthread_mutex_unlock(&slot->mutex);
    return api;
}

void gateway_api_slot_set(struct gateway_api_slot *slot, struct gateway_api *api) {
    pthread_mutex_lock(&slot->mutex);
    struct gateway_api *old = slot->api;
    slot->api = api;
    pthread_mutex_unlock(&slot->mutex);
    gateway_api_unref(old);
}
