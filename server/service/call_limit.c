#include "server/service/call_limit.h"

#include <inttypes.h>
#include <string.h>

#include "base/core/clock.h"
#include "server/auth/token.h"

// Of structured fields: RFC 9651, section 3.3.1.
#define LARGEST_INTEGER INT64_C(999999999999999)

// Nobody knows when a stream of another call ends.
enum { STREAMS_RETRY_AFTER_MS = 1000 };

static const char *const names[LIMITS] = {
    [LIMIT_READS] = "reads",
    [LIMIT_CHANGES] = "changes",
    [LIMIT_BYTES] = "bytes",
    [LIMIT_STREAMS] = "streams",
};

// The parameter of a quota unit of draft-ietf-httpapi-ratelimit-headers; NULL: requests, the
// default.
static const char *const units[LIMITS] = {
    [LIMIT_BYTES] = ";qu=\"content-bytes\"",
    [LIMIT_STREAMS] = ";qu=\"concurrent-requests\"",
};

// --- who asks for what ---

// A token's own limit, where it has one, else everyone's.
static int64_t most_of(int64_t own, int64_t everyones, int64_t highest) {
    int64_t most = own == 0 ? everyones : own < 0 ? 0 : own;
    return most < highest ? most : highest;
}

static struct limit_asker asker_of(const struct limiter *limiter, const struct identity *identity) {
    const struct token_limits *own = &identity->limits;
    const int64_t *most = limiter_options_of(limiter)->most;
    return (struct limit_asker){
        .organization = slice_of_cstr(identity->organization),
        .token = token_limits_are_own(own) ? slice_of_cstr(identity->name) : SLICE_EMPTY,
        .most =
            {
                [LIMIT_READS] = most_of(own->reads_per_s, most[LIMIT_READS], LIMIT_MOST_PER_S),
                [LIMIT_CHANGES] =
                    most_of(own->changes_per_s, most[LIMIT_CHANGES], LIMIT_MOST_PER_S),
                [LIMIT_BYTES] = most_of(own->bytes_per_s, most[LIMIT_BYTES], LIMIT_MOST_PER_S),
                [LIMIT_STREAMS] = most_of(own->streams, most[LIMIT_STREAMS], LARGEST_INTEGER),
            },
    };
}

// --- what is said of it ---

static int64_t seconds_up(int64_t us) {
    return us <= 1000000 ? 1 : (us + 999999) / 1000000;
}

// A field's value while it is written: printf would take a sixth of what a call takes.
struct text {
    char *begin;
    char *end;
};

// What a limit takes in either field at most: its name and unit, and three numbers.
enum { MOST_MEMBER_BYTES = 128 };

static void put(struct text *t, const char *part) {
    size_t length = strlen(part);
    memcpy(t->end, part, length);
    t->end += length;
}

// Appends what is before a number, which is not below 0, and it.
static void put_number(struct text *t, const char *before, int64_t number) {
    char digits[20];
    char *digit = digits + sizeof(digits);
    do {
        *--digit = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(t, before);
    size_t length = (size_t)(digits + sizeof(digits) - digit);
    memcpy(t->end, digit, length);
    t->end += length;
}

static void put_name(struct text *t, int limit) {
    put(t, t->end == t->begin ? "\"" : ", \"");
    put(t, names[limit]);
}

// Both fields, and the window of the policies: as long as a bucket takes to fill, in whole seconds.
struct texts {
    struct text policy;
    struct text state;
    int64_t window_s;
};

// Adds the list member of a limit to both fields: RFC 9651, section 4.1.1.
static void put_limit(struct texts *t, const struct limit_asker *asker,
                      const struct limit_view *view, int limit) {
    if (view->holds[limit] == 0) {
        return;
    }
    bool is_rate = limit < LIMIT_RATES;
    put_name(&t->policy, limit);
    put_number(&t->policy, "\";q=", asker->most[limit] * (is_rate ? t->window_s : 1));
    if (units[limit] != NULL) {
        put(&t->policy, units[limit]);
    }
    put_name(&t->state, limit);
    put_number(&t->state, "\";r=", view->left[limit]);
    if (is_rate) {
        put_number(&t->policy, ";w=", t->window_s);
        put_number(&t->state, ";t=", seconds_up(view->next_us[limit]));
    }
}

static struct text new_text(struct arena *a) {
    char *begin = arena_alloc(a, 3 * MOST_MEMBER_BYTES);
    return (struct text){begin, begin};
}

static struct slice slice_of_text(const struct text *t) {
    return slice_of(t->begin, (size_t)(t->end - t->begin));
}

// Has the call's answer say how much is left of each limit that it counts for.
static void set_metadata(struct rpc_server_call *rpc, const struct limiter *limiter,
                         const struct limit_asker *asker, const struct limit_request *request,
                         const struct limit_view *view) {
    struct arena *a = rpc_server_call_arena(rpc);
    struct texts t = {new_text(a), new_text(a), seconds_up(limiter_options_of(limiter)->burst_us)};
    put_limit(&t, asker, view, (int)request->limit);
    put_limit(&t, asker, view, LIMIT_BYTES);
    if (request->is_stream) {
        put_limit(&t, asker, view, LIMIT_STREAMS);
    }
    if (t.policy.end == t.policy.begin) {
        return;
    }
    struct rpc_metadata *pairs = ARENA_ARRAY(a, struct rpc_metadata, 2);
    pairs[0] = (struct rpc_metadata){"ratelimit-policy", slice_of_text(&t.policy)};
    pairs[1] = (struct rpc_metadata){"ratelimit", slice_of_text(&t.state)};
    rpc_server_call_set_head_metadata(rpc, pairs, 2);
}

static struct error *refusal(struct arena *a, const struct identity *identity, enum limit limit,
                             int64_t most, int64_t retry_after_ms) {
    bool is_own = token_limits_are_own(&identity->limits);
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
    if (limiter == NULL || (!limiter_is_on(limiter) && !token_limits_are_own(&identity->limits))) {
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
