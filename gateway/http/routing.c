#include "gateway/http/routing.h"

#include <string.h>

#include "base/core/strbuf.h"
#include "gateway/json/scalar.h"

// --- lists of verbs ---

static const char *allowed_verbs(const struct error *error) {
    for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
        if (strcmp(m->key, "allow") == 0) {
            return m->value;
        }
    }
    return NULL;
}

// Appends those that verbs has not.
static void add_verbs(struct strbuf *verbs, struct slice more) {
    while (more.len > 0) {
        struct slice verb = header_take_until(&more, ',');
        if (!header_list_has(strbuf_slice(verbs), verb)) {
            strbuf_append_cstr(verbs, verbs->len > 0 ? ", " : "");
            strbuf_append_slice(verbs, verb);
        }
    }
}

static const char *take_text(struct arena *a, struct strbuf *verbs) {
    const char *text = arena_cstr(a, strbuf_slice(verbs));
    strbuf_release(verbs);
    return text;
}

// RFC 9110 section 9.3.7.
static const char *all_verbs(struct arena *a, const struct routing_rules *rules) {
    struct strbuf verbs = STRBUF_INIT;
    for (size_t i = 0; i < transcoder_route_count(rules->transcoder); i++) {
        const struct transcoder_route *route = transcoder_route_at(rules->transcoder, i);
        add_verbs(&verbs, slice_of_cstr(transcoder_route_verb(route)));
    }
    for (size_t i = 0; i < rules->local->count; i++) {
        add_verbs(&verbs, slice_of_cstr(rules->local->routes[i].verbs));
    }
    return take_text(a, &verbs);
}

// Those of the path of a page: error says what the API has there.
static const char *verbs_of_page(struct arena *a, const struct error *error,
                                 const struct local_route *page) {
    struct strbuf verbs = STRBUF_INIT;
    const char *of_api = allowed_verbs(error);
    add_verbs(&verbs, of_api != NULL ? slice_of_cstr(of_api) : SLICE_EMPTY);
    add_verbs(&verbs, slice_of_cstr(page->verbs));
    return take_text(a, &verbs);
}

// --- pages of the gateway's own ---

// The page of the request's path, for which the API has no route: error says why.
static const struct local_route *page_of(const struct routing_rules *rules,
                                         const struct routing_request *request,
                                         const struct error *error) {
    bool is_free =
        error->reason_id == REASON_ROUTE_NOT_FOUND || error->reason_id == REASON_METHOD_NOT_ALLOWED;
    const struct local_route *page = is_free ? local_table_find(rules->local, request->path) : NULL;
    bool is_there = page != NULL && (!page->needs_token || rules->knows_callers) &&
                    local_route_is_for(page, request->headers);
    return is_there ? page : NULL;
}

static const struct error *find_page(struct arena *a, const struct routing_rules *rules,
                                     const struct routing_request *request,
                                     const struct error *error, struct routing *ret) {
    const struct local_route *page = page_of(rules, request, error);
    if (page == NULL) {
        return error;
    }
    if (local_route_takes(page, request->method)) {
        *ret = (struct routing){.kind = ROUTING_LOCAL, .local = page};
        return NULL;
    }
    const char *verbs = verbs_of_page(a, error, page);
    struct error *e =
        error_new(a, STATUS_UNIMPLEMENTED, REASON_METHOD_NOT_ALLOWED,
                  "Method %s is not allowed at path %s; allowed: %s.",
                  scalar_quote(a, request->method), scalar_quote(a, request->path), verbs);
    error_add_metadata(e, a, "allow", verbs);
    e->domain = REASON_DOMAIN_GATEWAY;
    return e;
}

// --- OPTIONS ---

static const struct error *find_options(struct arena *a, const struct routing_rules *rules,
                                        const struct routing_request *request,
                                        struct routing *ret) {
    if (slice_equal_cstr(request->path, "*")) {
        *ret = (struct routing){ROUTING_OPTIONS, .options_allow = all_verbs(a, rules)};
        return NULL;
    }
    const struct error *error =
        transcoder_match_route(rules->transcoder, a, request->method, request->path, &ret->match);
    if (error != NULL) {
        const struct local_route *page = page_of(rules, request, error);
        ret->options_allow = page != NULL ? verbs_of_page(a, error, page) : allowed_verbs(error);
        ret->kind = ROUTING_OPTIONS;
        return ret->options_allow != NULL ? NULL : error;
    }
    ret->kind = ROUTING_CALL;
    struct slice asked = cors_preflight_method(request->method, request->headers);
    if (asked.len > 0 && cors_allow_origin(rules->cors, request->headers) != NULL) {
        error = transcoder_match_route(rules->transcoder, a, asked, request->path, &ret->match);
        const char *verbs = error != NULL ? allowed_verbs(error) : NULL;
        ret->options_allow = verbs != NULL ? verbs : arena_cstr(a, asked);
        ret->kind = ROUTING_OPTIONS;
    }
    return NULL;
}

const struct error *routing_find(struct arena *a, const struct routing_rules *rules,
                                 const struct routing_request *request,
                                 struct routing *ret_routing) {
    struct routing routing = {.kind = ROUTING_CALL};
    const struct error *error;
    if (slice_equal_cstr(request->method, "OPTIONS")) {
        error = find_options(a, rules, request, &routing);
    } else {
        error = transcoder_match_route(rules->transcoder, a, request->method, request->path,
                                       &routing.match);
        if (error != NULL && slice_equal_cstr(request->method, "HEAD")) {
            error = transcoder_match_route(rules->transcoder, a, slice_of_cstr("GET"),
                                           request->path, &routing.match);
        }
        if (error != NULL) {
            error = find_page(a, rules, request, error, &routing);
        }
    }
    if (error == NULL) {
        *ret_routing = routing;
    }
    return error;
}
