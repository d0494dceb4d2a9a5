#include "gateway/http/routing.h"

#include <string.h>

#include "base/core/strbuf.h"

static const char *allowed_verbs(const struct error *error) {
    for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
        if (strcmp(m->key, "allow") == 0) {
            return m->value;
        }
    }
    return NULL;
}

static bool has_verb(struct slice verbs, const char *verb) {
    while (verbs.len > 0) {
        if (slice_equal_cstr(header_take_until(&verbs, ','), verb)) {
            return true;
        }
    }
    return false;
}

// RFC 9110 section 9.3.7.
static const char *all_verbs(struct arena *a, const struct transcoder *transcoder) {
    struct strbuf verbs = STRBUF_INIT;
    for (size_t i = 0; i < transcoder_route_count(transcoder); i++) {
        const char *verb = transcoder_route_verb(transcoder_route_at(transcoder, i));
        if (!has_verb(strbuf_slice(&verbs), verb)) {
            strbuf_append_cstr(&verbs, verbs.len > 0 ? ", " : "");
            strbuf_append_cstr(&verbs, verb);
        }
    }
    const char *text = arena_cstr(a, strbuf_slice(&verbs));
    strbuf_release(&verbs);
    return text;
}

static const struct error *find_options(struct arena *a, const struct transcoder *transcoder,
                                        const struct cors *cors,
                                        const struct routing_request *request,
                                        struct routing *ret) {
    if (slice_equal_cstr(request->path, "*")) {
        ret->options_allow = all_verbs(a, transcoder);
        return NULL;
    }
    const struct error *error =
        transcoder_match_route(transcoder, a, request->method, request->path, &ret->match);
    if (error != NULL) {
        ret->options_allow = allowed_verbs(error);
        return ret->options_allow != NULL ? NULL : error;
    }
    struct slice asked = cors_preflight_method(request->method, request->headers);
    if (asked.len > 0 && cors_allow_origin(cors, request->headers) != NULL) {
        error = transcoder_match_route(transcoder, a, asked, request->path, &ret->match);
        const char *verbs = error != NULL ? allowed_verbs(error) : NULL;
        ret->options_allow = verbs != NULL ? verbs : arena_cstr(a, asked);
    }
    return NULL;
}

const struct error *routing_find(struct arena *a, const struct transcoder *transcoder,
                                 const struct cors *cors, const struct routing_request *request,
                                 struct routing *ret_routing) {
    struct routing routing = {0};
    const struct error *error;
    if (slice_equal_cstr(request->method, "OPTIONS")) {
        error = find_options(a, transcoder, cors, request, &routing);
    } else {
        error =
            transcoder_match_route(transcoder, a, request->method, request->path, &routing.match);
        if (error != NULL && slice_equal_cstr(request->method, "HEAD")) {
            error = transcoder_match_route(transcoder, a, slice_of_cstr("GET"), request->path,
                                           &routing.match);
        }
    }
    if (error == NULL) {
        *ret_routing = routing;
    }
    return error;
}
