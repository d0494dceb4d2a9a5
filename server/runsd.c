#include "server/runsd.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "base/process/service_manager.h"
#include "protos/served_descriptor_set.h"
#include "rpc/loop.h"
#include "server/bulk/bulk_runner.h"
#include "server/duty/duty.h"
#include "server/feed/feed_hub.h"
#include "server/open/descriptor_index.h"
#include "server/open/health_service.h"
#include "server/open/reflection_service.h"
#include "server/service/service_call.h"
#include "server/service/service_method.h"
#include "server/service/token_refresh.h"
#include "server/service/token_use.h"
#include "server/sweep/feed_trim.h"
#include "server/sweep/housekeeping.h"
#include "server/sweep/retention.h"
#include "storage/op/create_token.h"
#include "storage/op/list_tokens.h"
#include "storage/store_opener.h"

struct runsd {
    struct service service;
    struct duty *duty;
    struct token_use *token_use;
    struct token_refresh *token_refresh; // NULL: nobody else serves the store
    atomic_bool listens;                 // to what others commit: all is there for it
    struct feed_trim *feed_trim;
    struct retention *retention; // NULL: final runs were always kept
    struct retention_options retention_options;
    struct housekeeping *housekeeping;
    struct health_service *health;
    struct descriptor_index *descriptors;
    struct reflection_service reflection;
    struct rpc_method *methods; // the product's, then what is open to all
    size_t method_count;
    struct service_binding *bindings; // of the product's
    struct rpc_loop *loop;
    struct rpc_server_metrics *rpc_metrics;
    struct rpc_server *server;
    struct rpc_server_credentials *tls; // of TCP listeners; NULL: plain text
    struct rpc_server *in_process;      // on a loop of its caller's; NULL if not asked for
    size_t max_request_bytes;
    size_t max_buffered_bytes;
    int max_connections;
    int max_anonymous_streams;
    int max_long_polls;
    int64_t min_ping_interval_ms;
    struct listener_guard *guard;
    char *store_url;
    char admin_token[TOKEN_TEXT_SIZE]; // for programs of this machine
    char *grpc_address;                // where they reach the server; "" if nowhere
    atomic_bool is_unpublished;        // that could not be written yet
    int64_t drain_ms;
    int64_t drained_us; // by when a stop has drained; 0: none has begun
    int *ports;
    size_t port_count;
    void (*on_failure)(void *context);
    void *context;
};

size_t runsd_default_listeners(struct arena *a, const char *store_url,
                               const char *ret_texts[RUNSD_DEFAULT_LISTENERS],
                               const char **ret_unfit) {
    *ret_unfit = NULL;
    ret_texts[0] = RUNSD_DEFAULT_ADDRESS;
    const char *socket = run_store_socket_path(a, store_url);
    if (socket == NULL) {
        return 1;
    }
    ret_texts[1] = arena_printf(a, "unix:%s", socket);
    struct address address;
    if (address_parse(a, "--listen", ret_texts[1], &address) == NULL) {
        return 2;
    }
    *ret_unfit = ret_texts[1];
    return 1;
}

static void store_failed(void *context, const char *detail) {
    struct runsd *runsd = context;
    LOG(runsd->service.log, LOG_ERROR, "the store failed; restart to recover",
        log_text("detail", detail));
    health_service_fail(runsd->health);
    if (runsd->on_failure != NULL) {
        runsd->on_failure(runsd->context);
    }
}

// Writes down for other programs of this machine where the server is. If the disk is full it is
// done again once there is room: serving must not depend on it.
static const struct error *publish_holder(struct arena *a, struct runsd *runsd) {
    const struct store_holder holder = {
        .grpc_address = runsd->grpc_address,
        .admin_token = runsd->admin_token,
    };
    const struct error *error = store_holder_publish(a, runsd->store_url, &holder);
    atomic_store(&runsd->is_unpublished, error != NULL);
    if (error != NULL) {
        LOG(runsd->service.log, LOG_WARN,
            "other programs of this machine cannot administer tokens until there is room",
            log_text("detail", error->message));
    }
    return error;
}

static void publish_again(struct runsd *runsd) {
    struct arena a;
    arena_init(&a);
    publish_holder(&a, runsd);
    arena_release(&a);
}

static void store_health_changed(void *context, enum store_part part, bool works) {
    struct runsd *runsd = context;
    if (part == STORE_READS) {
        health_service_set_reads(runsd->health, works);
    } else {
        health_service_set_changes(runsd->health, works);
        if (works && atomic_load(&runsd->is_unpublished)) {
            publish_again(runsd);
        }
    }
}

static void store_committed(void *context, const struct store_commit *commits, int count) {
    struct runsd *runsd = context;
    feed_hub_committed(runsd->service.feed, commits, count);
    if (atomic_load(&runsd->listens)) {
        lease_keeper_committed(runsd->service.leases, commits, count);
    }
}

// A start that goes on within this time is not ended by the service manager.
enum { OPENING_STEP_MS = 60000 };

static void store_opening(void *context, const char *step) {
    (void)context;
    service_manager_starting(step, OPENING_STEP_MS);
}

static void duty_changed(void *context, bool is_on_duty) {
    struct runsd *runsd = context;
    duty_set(runsd->duty, is_on_duty);
}

static void tokens_changed(void *context) {
    struct runsd *runsd = context;
    if (atomic_load(&runsd->listens)) {
        token_refresh_want(runsd->token_refresh);
    }
}

static const struct error *load_tokens(struct arena *a, struct runsd *runsd) {
    struct store_list_tokens list = {.op = {.kind = &store_list_tokens_kind, .arena = a}};
    store_op_submit_and_wait(runsd->service.store, &list.op);
    if (list.op.result != STORE_OK) {
        struct error *e = error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                                    "the tokens cannot be read from the store");
        e->detail = list.op.detail;
        return e;
    }
    for (int i = 0; i < list.ret_count; i++) {
        token_table_put(runsd->service.tokens, &list.ret_tokens[i]);
    }
    return NULL;
}

static const struct error *load_leases(struct arena *a, struct runsd *runsd) {
    const char *detail;
    if (lease_keeper_load(runsd->service.leases, a, &detail)) {
        return NULL;
    }
    struct error *e =
        error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "the leases cannot be read from the store");
    e->detail = detail;
    return e;
}

static void set_methods(struct runsd *runsd) {
    size_t count = service_methods_count;
    runsd->method_count = count + HEALTH_SERVICE_METHODS + REFLECTION_SERVICE_METHODS;
    runsd->methods = mem_zalloc(runsd->method_count * sizeof(*runsd->methods));
    runsd->bindings = mem_zalloc(count * sizeof(*runsd->bindings));
    for (size_t i = 0; i < count; i++) {
        runsd->methods[i] =
            service_method_bind(service_methods[i], &runsd->service, &runsd->bindings[i]);
    }
    health_service_methods(runsd->health, runsd->methods + count);
    runsd->descriptors = descriptor_index_new(served_descriptor_set());
    CHECK(runsd->descriptors != NULL); // else what is compiled in is not what protoc made
    runsd->reflection = (struct reflection_service){.service = &runsd->service,
                                                    .index = runsd->descriptors,
                                                    .methods = runsd->methods,
                                                    .method_count = runsd->method_count};
    reflection_service_methods(&runsd->reflection, runsd->methods + count + HEALTH_SERVICE_METHODS);
}

// Who may use a unix socket says its file.
static const struct rpc_server_credentials *credentials_of(const struct runsd *runsd,
                                                           const struct address *address) {
    return runsd->tls != NULL && address->kind == ADDRESS_TCP ? runsd->tls
                                                              : rpc_credentials_insecure_server();
}

static const struct error *listen_all(struct arena *a, struct runsd *runsd,
                                      const struct runsd_options *options) {
    runsd->ports = mem_zalloc(options->listen_count * sizeof(*runsd->ports));
    runsd->port_count = options->listen_count;
    for (size_t i = 0; i < options->listen_count; i++) {
        const struct rpc_listen_options listen = {
            .address = &options->listen[i],
            .credentials = credentials_of(runsd, &options->listen[i]),
        };
        const struct error *error = rpc_server_listen(runsd->server, a, &listen, &runsd->ports[i]);
        if (error != NULL) {
            return error;
        }
        if (runsd->tls == NULL && !address_is_local(&options->listen[i])) {
            LOG(options->log, LOG_WARN,
                "gRPC listens beyond this machine, in plain text: give --tls-cert, or put a proxy "
                "with TLS before it",
                log_text("listen", options->listen[i].text));
        }
    }
    return NULL;
}

// How other programs reach a listener.
static const char *address_text(struct arena *a, const struct address *address, int port) {
    if (address->kind == ADDRESS_UNIX) {
        return address_absolute_text(a, address);
    }
    bool is_ipv6 = strchr(address->host, ':') != NULL;
    return arena_printf(a, is_ipv6 ? "[%s]:%d" : "%s:%d", address->host, port);
}

// Where other programs of this machine reach the server, "" if nowhere: at its first listener, or,
// where that speaks TLS, at one that takes no certificates.
static const char *local_address(struct arena *a, const struct runsd *runsd,
                                 const struct runsd_options *options) {
    if (options->listen_count == 0) {
        return "";
    }
    for (size_t i = 0; runsd->tls != NULL && i < options->listen_count; i++) {
        if (options->listen[i].kind == ADDRESS_UNIX) {
            return address_text(a, &options->listen[i], 0);
        }
    }
    const char *first = address_text(a, &options->listen[0], runsd->ports[0]);
    return runsd->tls == NULL ? first : arena_printf(a, "tls:%s", first);
}

// Makes the token by which other programs of this machine that can read the
// store's folder administer tokens and organizations while we hold the store.
static void make_admin_token(struct runsd *runsd) {
    token_make(runsd->admin_token);
    struct token_record record = {
        .organization = slice_of_cstr("runsd"),
        .name = slice_of_cstr("local-admin"),
        .scopes = SCOPE_TOKENS_ADMIN | SCOPE_ORGANIZATIONS_ADMIN,
    };
    token_hash(slice_of_cstr(runsd->admin_token), record.hash);
    token_table_put_unstored(runsd->service.tokens, &record);
}

static struct limiter_options limits_of(const struct runsd_options *options) {
    int64_t burst_ms =
        options->limit_burst_ms != 0 ? options->limit_burst_ms : RUNSD_DEFAULT_LIMIT_BURST_MS;
    return (struct limiter_options){
        .most =
            {
                [LIMIT_READS] = options->limit_reads,
                [LIMIT_CHANGES] = options->limit_changes,
                [LIMIT_BYTES] = options->limit_bytes,
                [LIMIT_STREAMS] = options->limit_streams,
            },
        .burst_us = burst_ms * 1000,
    };
}

static struct rpc_server *new_server(struct runsd *runsd, struct rpc_loop *loop, size_t methods) {
    const struct rpc_server_options options = {
        .log = runsd->service.log,
        .methods = runsd->methods,
        .method_count = methods,
        .max_request_bytes = runsd->max_request_bytes,
        .max_buffered_bytes = runsd->max_buffered_bytes,
        .max_connections = runsd->max_connections,
        .max_anonymous_streams = runsd->max_anonymous_streams,
        .max_long_polls = runsd->max_long_polls,
        .min_ping_interval_ms = runsd->min_ping_interval_ms,
        .metrics = runsd->rpc_metrics,
        .guard = runsd->guard,
        .error_domain = REASON_DOMAIN_RUNS,
    };
    return rpc_server_new(loop, &options);
}

static void send_bookmarks(void *context, struct slice organization) {
    feed_hub_bookmark(context, organization);
}

static int64_t feed_age_us(const struct runsd_options *options) {
    return INT64_C(1000000) *
           (options->feed_max_age_s != 0 ? options->feed_max_age_s : RUNSD_DEFAULT_FEED_MAX_AGE_S);
}

static int64_t feed_events(const struct runsd_options *options) {
    return options->feed_max_events != 0 ? options->feed_max_events : RUNSD_DEFAULT_FEED_MAX_EVENTS;
}

static int64_t key_ttl_us(const struct runsd_options *options) {
    int64_t ttl_s = options->idempotency_ttl_s;
    return INT64_C(1000000) * (ttl_s != 0 ? ttl_s : RUNSD_DEFAULT_IDEMPOTENCY_TTL_S);
}

// A bulk cancel takes its key along: it stays for as long as that counts.
static int64_t bulk_age_us(const struct runsd_options *options) {
    int64_t age_us = options->bulk_max_age_s * INT64_C(1000000);
    return age_us < key_ttl_us(options) ? key_ttl_us(options) : age_us;
}

// The thread is started once there is something to do.
static void set_retention(struct runsd *runsd, int64_t retain_us) {
    if (runsd->retention != NULL) {
        retention_set(runsd->retention, retain_us);
    } else if (retain_us > 0) {
        runsd->retention_options.retain_us = retain_us;
        runsd->retention = retention_start(&runsd->retention_options);
    }
}

// What works beside the calls, which need some of it.
static void start_threads(struct runsd *runsd, const struct runsd_options *options) {
    struct service *service = &runsd->service;
    service->deadlines =
        deadline_sweep_start(options->log, options->clock, service->store,
                             lease_keeper_table(service->leases), runsd->duty, options->metrics);
    const struct feed_trim_options trim = {
        .log = options->log,
        .clock = options->clock,
        .store = service->store,
        .max_age_us = feed_age_us(options),
        .max_events = feed_events(options),
        .interval_ms = options->feed_trim_ms,
        .duty = runsd->duty,
        .before = send_bookmarks,
        .context = service->feed,
        .metrics = options->metrics,
    };
    runsd->feed_trim = feed_trim_start(&trim);
    runsd->retention_options = (struct retention_options){
        .log = options->log,
        .clock = options->clock,
        .store = service->store,
        .interval_ms = options->retention_ms,
        .duty = runsd->duty,
        .metrics = options->metrics,
    };
    set_retention(runsd, options->retain_finished_s * 1000000);
    const struct housekeeping_options housekeeping = {
        .log = options->log,
        .clock = options->clock,
        .store = service->store,
        .key_ttl_us = service->idempotency_ttl_us,
        .bulk_age_us = bulk_age_us(options),
        .interval_ms = options->housekeeping_ms,
        .duty = runsd->duty,
        .metrics = options->metrics,
    };
    runsd->housekeeping = housekeeping_start(&housekeeping);
    service->bulks =
        bulk_runner_start(options->log, options->clock, service->store,
                          lease_keeper_table(service->leases), runsd->duty, options->metrics);
    runsd->token_use = token_use_start(service, options->token_use_ms);
    if (service->store->is_shared) {
        runsd->token_refresh = token_refresh_start(service);
    }
    atomic_store(&runsd->listens, true);
}

static const struct error *start(struct arena *a, struct runsd *runsd,
                                 const struct runsd_options *options) {
    const struct run_store_options store_options = {
        .log = options->log,
        .queue_limit = options->queue_limit,
        .must_exist = options->store_must_exist,
        .cache_bytes = options->cache_bytes,
        .require_replicas = options->require_replicas,
        .direct_url = options->store_direct_url,
        .on_failure = store_failed,
        .on_health = store_health_changed,
        .on_commit = store_committed,
        .on_opening = store_opening,
        .on_duty = duty_changed,
        .on_tokens = tokens_changed,
        .context = runsd,
        .metrics = options->metrics,
    };
    const struct error *error =
        options->open_store != NULL
            ? options->open_store(a, options->store_url, &store_options, &runsd->service.store)
            : run_store_open(a, options->store_url, &store_options, &runsd->service.store);
    if (error == NULL) {
        error = load_tokens(a, runsd);
    }
    if (error != NULL) {
        return error;
    }
    if (runsd->service.store->is_shared) {
        duty_share(runsd->duty);
    }
    runsd->service.leases = lease_keeper_new(options->log, options->clock, runsd->service.store,
                                             runsd->duty, options->metrics);
    runsd->service.idempotency_ttl_us = key_ttl_us(options);
    error = load_leases(a, runsd);
    if (error != NULL) {
        return error;
    }
    set_methods(runsd);
    runsd->server = new_server(runsd, runsd->loop, runsd->method_count);
    error = listen_all(a, runsd, options);
    if (error != NULL) {
        return error;
    }
    start_threads(runsd, options);
    rpc_server_start(runsd->server);
    lease_keeper_start(runsd->service.leases);
    make_admin_token(runsd);
    runsd->grpc_address = mem_strdup(local_address(a, runsd, options));
    error = publish_holder(a, runsd);
    if (error != NULL && options->listen_count == 0) {
        return error; // then nobody could reach the server
    }
    health_service_set_serving(runsd->health, true);
    return NULL;
}

const struct error *runsd_start(struct arena *a, const struct runsd_options *options,
                                struct runsd **ret_runsd) {
    struct runsd *runsd = mem_zalloc(sizeof(*runsd));
    runsd->service.log = options->log;
    runsd->service.tracer = options->tracer;
    runsd->service.clock = options->clock;
    runsd->service.tokens = token_table_new();
    token_table_tell(runsd->service.tokens, options->metrics, options->clock);
    runsd->rpc_metrics = rpc_server_metrics_new(options->metrics);
    const struct limiter_options limits = limits_of(options);
    runsd->service.limiter = limiter_new(&limits);
    runsd->service.quota =
        (struct store_quota){options->quota_open_runs, options->quota_stored_bytes};
    atomic_init(&runsd->listens, false);
    // Before the store: it tells who is on duty, and its failure is reported on the loop.
    runsd->duty = duty_new(options->log, options->metrics);
    runsd->loop = rpc_loop_new("runsd-rpc");
    runsd->health = health_service_new(&runsd->service);
    runsd->service.feed =
        feed_hub_new(&runsd->service,
                     &(struct feed_options){.max_watches = options->max_watches,
                                            .max_watches_per_token = options->max_watches_per_token,
                                            .metrics = options->metrics});
    runsd->store_url = mem_strdup(options->store_url);
    runsd->drain_ms = options->drain_ms;
    runsd->max_request_bytes = options->max_request_bytes;
    runsd->max_buffered_bytes = options->max_buffered_bytes;
    runsd->max_connections = options->max_connections;
    runsd->max_anonymous_streams = options->max_anonymous_streams;
    runsd->max_long_polls = options->max_long_polls;
    runsd->min_ping_interval_ms = options->min_ping_interval_ms;
    runsd->guard = options->guard;
    runsd->tls = options->tls != NULL
                     ? rpc_credentials_tls_server_new(options->tls, options->client_auth)
                     : NULL;
    runsd->on_failure = options->on_failure;
    runsd->context = options->context;
    const struct error *error = start(a, runsd, options);
    if (error != NULL) {
        runsd_stop(runsd);
        return error;
    }
    *ret_runsd = runsd;
    return NULL;
}

void runsd_log_ready(struct arena *a, const struct runsd *runsd,
                     const struct runsd_options *options) {
    for (size_t i = 0; i < options->listen_count; i++) {
        LOG(runsd->service.log, LOG_INFO, "listening",
            log_text("listen", address_text(a, &options->listen[i], runsd->ports[i])),
            log_int("port", runsd->ports[i]));
    }
    if (options->unfit_socket != NULL) {
        LOG(runsd->service.log, LOG_WARN,
            "the unix socket beside the store is left out: its path is too long for one",
            log_text("listen", options->unfit_socket));
    }
    LOG(runsd->service.log, LOG_INFO, "ready",
        log_text("store", run_store_describe(a, options->store_url)),
        log_int("port", options->listen_count > 0 ? runsd->ports[options->listen_count - 1] : 0));
}

const struct error *runsd_make_demo_token(struct runsd *runsd, struct arena *a,
                                          const char **ret_text) {
    char *text = arena_alloc(a, TOKEN_TEXT_SIZE);
    token_make(text);
    struct store_create_token create = {
        .op = {.kind = &store_create_token_kind, .arena = a},
        .in =
            {
                .organization = slice_of_cstr("demo"),
                .name = slice_of_cstr("demo"),
                .scopes = ((1U << SCOPE_COUNT) - 1) & ~(uint32_t)SCOPE_TOKENS_ADMIN_OWN, // implied
                .created_at_us = clock_now_us(runsd->service.clock),
            },
    };
    token_hash(slice_of_cstr(text), create.in.hash);
    store_op_submit_and_wait(runsd->service.store, &create.op);
    if (create.op.result != STORE_OK) {
        struct error *e =
            error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "the demo token cannot be stored");
        e->detail = create.op.detail;
        return e;
    }
    token_table_put(runsd->service.tokens, &create.in);
    *ret_text = text;
    return NULL;
}

struct rpc_server *runsd_rpc_server(struct runsd *runsd) {
    return runsd->server;
}

const char *runsd_admin_token(const struct runsd *runsd) {
    return runsd->admin_token;
}

struct rpc_loop *runsd_loop(struct runsd *runsd) {
    return runsd->loop;
}

struct rpc_server *runsd_serve_in_process(struct runsd *runsd, struct rpc_loop *loop) {
    runsd->in_process = new_server(runsd, loop, service_methods_count);
    rpc_server_start(runsd->in_process);
    return runsd->in_process;
}

const struct error *runsd_check_caller(struct runsd *runsd, struct arena *a,
                                       const struct slice *authorization,
                                       const struct slice *client_names, size_t client_name_count) {
    struct identity identity;
    struct token_table *tokens = runsd->service.tokens;
    int64_t now_us = clock_now_us(runsd->service.clock);
    const struct error *refusal =
        authorization != NULL
            ? authenticate(tokens, a, *authorization, 1, SCOPE_NONE, now_us, &identity)
            : authenticate_client(tokens, a, client_names, client_name_count, SCOPE_NONE, now_us,
                                  &identity);
    if (refusal == NULL) {
        return NULL;
    }
    struct error *error = ARENA_NEW(a, struct error);
    *error = *refusal;
    error->domain = REASON_DOMAIN_RUNS; // which a reply gets from the gRPC server
    return error;
}

bool runsd_is_serving(struct runsd *runsd) {
    return health_service_is_serving(runsd->health);
}

struct runsd_health runsd_look_at_health(struct runsd *runsd) {
    bool holds[HEALTH_CHECKS];
    health_service_look(runsd->health, holds);
    return (struct runsd_health){
        .is_started = holds[HEALTH_STARTED],
        .is_store_alive = holds[HEALTH_STORE_ALIVE],
        .can_read = holds[HEALTH_STORE_READS],
        .can_change = holds[HEALTH_STORE_CHANGES],
    };
}

int runsd_port(const struct runsd *runsd, size_t index) {
    return runsd->ports[index];
}

void runsd_set_options(struct runsd *runsd, const struct runsd_options *options) {
    const struct limiter_options limits = limits_of(options);
    limiter_set(runsd->service.limiter, &limits);
    __atomic_store_n(&runsd->service.idempotency_ttl_us, key_ttl_us(options), __ATOMIC_RELAXED);
    housekeeping_set(runsd->housekeeping, key_ttl_us(options), bulk_age_us(options));
    feed_trim_set(runsd->feed_trim, feed_age_us(options), feed_events(options));
    set_retention(runsd, options->retain_finished_s * INT64_C(1000000));
    runsd->drain_ms = options->drain_ms;
}

void runsd_begin_stop(struct runsd *runsd) {
    if (runsd->drained_us != 0) {
        return;
    }
    runsd->drained_us = clock_monotonic_us() + runsd->drain_ms * 1000;
    health_service_set_serving(runsd->health, false);
    if (runsd->service.store != NULL) {
        store_holder_withdraw(runsd->store_url);
    }
    if (runsd->service.leases != NULL) {
        lease_keeper_end_waits(runsd->service.leases);
    }
    if (runsd->service.bulks != NULL) {
        bulk_waits_stop(bulk_runner_waits(runsd->service.bulks));
    }
    if (runsd->server != NULL) {
        rpc_server_begin_stop(runsd->server);
    }
}

static int64_t drain_left_ms(const struct runsd *runsd) {
    int64_t left_us = runsd->drained_us - clock_monotonic_us();
    return left_us > 0 ? left_us / 1000 : 0;
}

void runsd_stop(struct runsd *runsd) {
    if (runsd == NULL) {
        return;
    }
    // 1. Health says NOT_SERVING, and other programs' new calls are refused.
    runsd_begin_stop(runsd);
    // 2. Calls in flight end while the store still works.
    if (runsd->server != NULL) {
        rpc_server_stop(runsd->server, drain_left_ms(runsd));
    }
    if (runsd->in_process != NULL) {
        rpc_server_stop(runsd->in_process, drain_left_ms(runsd));
    }
    // 3. The store finishes its queue. What was acknowledged is on the disk already; the last
    // uses of tokens are not.
    token_refresh_stop(runsd->token_refresh);
    token_use_stop(runsd->token_use);
    housekeeping_stop(runsd->housekeeping);
    feed_trim_stop(runsd->feed_trim);
    retention_stop(runsd->retention);
    deadline_sweep_stop(runsd->service.deadlines);
    bulk_runner_stop(runsd->service.bulks);
    if (runsd->service.leases != NULL) {
        lease_keeper_stop(runsd->service.leases);
    }
    run_store_close(runsd->service.store);
    feed_hub_free(runsd->service.feed);
    lease_keeper_free(runsd->service.leases);
    bulk_runner_free(runsd->service.bulks);
    token_refresh_free(runsd->token_refresh);
    duty_free(runsd->duty);
    rpc_server_free(runsd->server);
    rpc_server_free(runsd->in_process);
    rpc_server_metrics_free(runsd->rpc_metrics);
    rpc_credentials_tls_server_free(runsd->tls);
    rpc_loop_free(runsd->loop);
    token_table_free(runsd->service.tokens);
    limiter_free(runsd->service.limiter);
    health_service_free(runsd->health);
    descriptor_index_free(runsd->descriptors);
    free(runsd->methods);
    free(runsd->bindings);
    free(runsd->ports);
    free(runsd->store_url);
    free(runsd->grpc_address);
    free(runsd);
}
