#include "server/service/call_limit.h"

#include <inttypes.h>

#include "base/core/clock.h"
#include "base/core/strbuf.h"
#include "server/auth/token.h"

// Nobody knows when a stream of another call ends.
enum { STREAMS_RETRY_AFTER_MS = 1000 };

static const char *const names[LIMITS] = {
    [LIMIT_READS] = "reads",
    [LIMIT_CHANGES] = "changes",
    [LIMIT_BYTES] = "bytes",
    [LIMIT_STREAMS] = "streams",
};

// Of the quota units of draft-ietf-httpapi-ratelimit-headers; NULL: requests, the default.
static const char *const units[LIMITS] = {
    [LIMIT_BYTES] = "content-bytes",
    [LIMIT_STREAMS] = "concurrent-requests",
};

// --- who asks for what ---

// A token's own limit, where it has one, else everyone's.
static int64_t most_of(int64_t own, int64_t everyones, int64_t highest) {
    int64_t most = own == 0 ? everyones : own < 0 ? 0 : own;
    return most < highest ? most : highest;
}

static bool has_own(const struct token_limits *own) {
    return (own->reads_per_s | own->changes_per_s | own->bytes_per_s | own->streams) != 0;
}

static struct limit_asker asker_of(const struct limiter *limiter, const struct identity *identity) {
    const struct token_limits *own = &identity->limits;
    const int64_t *most = limiter_options_of(limiter)->most;
    return (struct limit_asker){
        .organization = slice_of_cstr(identity->organization),
        .token = has_own(own) ? slice_of_cstr(identity->name) : SLICE_EMPTY,
        .most =
            {
                [LIMIT_READS] = most_of(own->reads_per_s, most[LIMIT_READS], LIMIT_MOST_PER_S),
                [LIMIT_CHANGES] =
                    most_of(own->changes_per_s, most[LIMIT_CHANGES], LIMIT_MOST_PER_S),
                [LIMIT_BYTES] = most_of(own->bytes_per_s, most[LIMIT_BYTES], LIMIT_MOST_PER_S),
                [LIMIT_STREAMS] = most_of(own->streams, most[LIMIT_STREAMS], INT64_MAX),
            },
    };
}

// --- what is said of it ---

static int64_t seconds_up(int64_t us) {
    return us <= 1000000 ? 1 : (us + 999999) / 1000000;
}

// Both fields, as they are written.
struct texts {
    struct strbuf policy;
    struct strbuf state;
    int64_t window_s; // of the policies: as long as a bucket takes to fill, in whole seconds
};

// Adds the list member of a limit to both fields: RFC 9651, section 4.1.1.
static void put_limit(struct texts *t, const struct limit_asker *asker,
                      const struct limit_view *view, int limit) {
    if (view->holds[limit] == 0) {
        return;
    }
    const char *separator = t->policy.len > 0 ? ", " : "";
    bool is_rate = limit < LIMIT_RATES;
    int64_t quota = asker->most[limit] * (is_rate ? t->window_s : 1);
    strbuf_printf(&t->policy, "%s\"%s\";q=%" PRId64, separator, names[limit], quota);
    if (units[limit] != NULL) {
        strbuf_printf(&t->policy, ";qu=\"%s\"", units[limit]);
    }
    strbuf_printf(&t->state, "%s\"%s\";r=%" PRId64, separator, names[limit], view->left[limit]);
    if (is_rate) {
        strbuf_printf(&t->policy, ";w=%" PRId64, t->window_s);
        strbuf_printf(&t->state, ";t=%" PRId64, seconds_up(view->next_us[limit]));
    }
}

static struct slice keep(struct arena *a, struct strbuf *text) {
    struct slice kept = arena_copy(a, strbuf_slice(text));
    strbuf_release(text);
    return kept;
}

// Has the call's answer say how much is left of each limit that it counts for.
static void set_metadata(struct rpc_server_call *rpc, const struct limiter *limiter,
                         const struct limit_asker *asker, const struct limit_request *request,
                         const struct limit_view *view) {
    struct arena *a = rpc_server_call_arena(rpc);
    struct texts t = {STRBUF_INIT, STRBUF_INIT, seconds_up(limiter_options_of(limiter)->burst_us)};
    put_limit(&t, asker, view, (int)request->limit);
    put_limit(&t, asker, view, LIMIT_BYTES);
    if (request->is_stream) {
        put_limit(&t, asker, view, LIMIT_STREAMS);
    }
    if (t.policy.len == 0) {
        return;
    }
    struct rpc_metadata *pairs = ARENA_ARRAY(a, struct rpc_metadata, 2);
    pairs[0] = (struct rpc_metadata){"ratelimit-policy", keep(a, &t.policy)};
    pairs[1] = (struct rpc_metadata){"ratelimit", keep(a, &t.state)};
    rpc_server_call_set_head_metadata(rpc, pairs, 2);
}

static struct error *refusal(struct arena *a, const struct identity *identity, enum limit limit,
                             int64_t most, int64_t retry_after_ms) {
    bool is_own = has_own(&identity->limits);
    const char *of = is_own ? "token" : "organization";
    const char *name = is_own ? identity->name : identity->organization;
    struct error *e =
        limit == LIMIT_STREAMS
            ? error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_RATE_LIMITED,
                        "the %s \"%s\" has %" PRId64
                        " streams and calls that wait open, its limit; nothing was changed",
                        of, name, most)
            : error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_RATE_LIMITED,
                        "the %s \"%s\" has used up its limit of %" PRId64
                        " %s a second; nothing was changed; try again in %" PRId64 " ms",
                        of, name, most, names[limit], retry_after_ms);
    e->retry_after_ms = retry_after_ms;
    error_add_metadata(e, a, "limit", names[limit]);
    error_add_metadata(e, a, "most", arena_printf(a, "%" PRId64, most));
    error_add_metadata(e, a, "of", of);
    return e;
}

// --- the call ---

static struct limit_request request_of(struct rpc_server_call *rpc) {
    const struct rpc_method *method = rpc_server_call_method(rpc);
    return (struct limit_request){
        .limit = method->is_read ? LIMIT_READS : LIMIT_CHANGES,
        .bytes = (int64_t)rpc_server_call_request(rpc).len,
        .is_stream = method->kind != RPC_UNARY,
    };
}

// Counts a call that has limits, or refuses it.
static const struct error *enter(struct limiter *limiter, struct rpc_server_call *rpc,
                                 const struct identity *identity, const struct limit_asker *asker,
                                 struct call_limit *ret_limit) {
    const struct limit_request request = request_of(rpc);
    struct limit_view view;
    enum limit refused;
    int64_t wait_us;
    struct limit_share *share =
        limiter_enter(limiter, asker, &request, clock_monotonic_us(), &view, &refused, &wait_us);
    set_metadata(rpc, limiter, asker, &request, &view);
    if (share == NULL) {
        return refusal(rpc_server_call_arena(rpc), identity, refused, asker->most[refused],
                       refused == LIMIT_STREAMS ? STREAMS_RETRY_AFTER_MS : (wait_us + 999) / 1000);
    }
    *ret_limit = (struct call_limit){limiter, share, request.is_stream};
    return NULL;
}

const struct error *call_limit_enter(struct limiter *limiter, struct rpc_server_call *rpc,
                                     const struct identity *identity,
                                     struct call_limit *ret_limit) {
    if (limiter == NULL || (!limiter_is_on(limiter) && !has_own(&identity->limits))) {
        return NULL;
    }
    const struct limit_asker asker = asker_of(limiter, identity);
    bool is_admin = (identity->scopes & (SCOPE_TOKENS_ADMIN | SCOPE_ORGANIZATIONS_ADMIN)) != 0;
    return is_admin ? NULL : enter(limiter, rpc, identity, &asker, ret_limit);
}

bool call_limit_wait(struct call_limit *limit) {
    if (limit->share == NULL) {
        return true;
    }
    limit->has_stream = limiter_open_stream(limit->limiter, limit->share);
    return limit->has_stream;
}

const struct error *call_limit_streams_error(struct limiter *limiter, struct arena *a,
                                             const struct identity *identity) {
    return refusal(a, identity, LIMIT_STREAMS, asker_of(limiter, identity).most[LIMIT_STREAMS],
                   STREAMS_RETRY_AFTER_MS);
}

static int64_t bytes_of(const struct slice *parts, size_t count) {
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += (int64_t)parts[i].len;
    }
    return bytes;
}

void call_limit_charge(const struct call_limit *limit, const struct slice *parts, size_t count) {
    if (limit->share != NULL) {
        limiter_charge(limit->limiter, limit->share, bytes_of(parts, count), clock_monotonic_us());
    }
}

void call_limit_leave(struct call_limit *limit, const struct slice *parts, size_t count) {
    if (limit->share != NULL) {
        struct limit_share *share = limit->share;
        limit->share = NULL;
        limiter_leave(limit->limiter, share, limit->has_stream, bytes_of(parts, count),
                      clock_monotonic_us());
    }
}
