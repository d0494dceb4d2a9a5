#include "base/trace/trace_export.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"
#include "base/trace/curl_library.h"

enum {
    LINGER_MS = 1000,
    CONNECT_TIMEOUT_MS = 5000,
    TIMEOUT_MS = 10000, // of a request, OTLP's default
    STOP_MS = 500,
    JOIN_MS = 500,         // beyond STOP_MS
    POLL_MS = 60000,       // it is woken
    TELL_AFTER_MS = 60000, // of failures that go on
    MOST_REPLY_BYTES = 1 << 14,
    US_PER_MS = 1000,
    MS_PER_S = 1000,
};

struct trace_export {
    struct trace_export_options options;
    struct curl_library curl;
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    pthread_t thread;

    pthread_mutex_t mutex; // guards is_over
    pthread_cond_t changed;
    bool is_over;

    atomic_int_least64_t stop_us; // clock_monotonic_us: stops then; 0: not asked to
    atomic_bool is_well;          // the collector took what it was sent last

    // The thread's.
    struct strbuf request;
    struct strbuf reply;
    int64_t told_us;       // when a failure was logged last; 0: not since it was well
    bool has_exported;     // something, once
    uint64_t told_dropped; // of the ring, already logged
    uint64_t failed;       // spans of batches that the collector did not take
    uint64_t lost_at_stop; // of these
    int64_t told_dropped_us;
};

// --- what is logged ---

static void tell_failure(struct trace_export *e, const struct otlp_outcome *outcome,
                         const char *why) {
    int64_t now_us = clock_monotonic_us();
    if (e->told_us != 0 && now_us - e->told_us < (int64_t)TELL_AFTER_MS * US_PER_MS) {
        return;
    }
    e->told_us = now_us;
    LOG(e->options.log, LOG_WARN, "traces cannot be exported",
        log_text("endpoint", e->options.settings->endpoint_shown),
        log_int("status", outcome->http_status), log_text("detail", why),
        log_int("lost", (int64_t)e->failed));
}

static void tell_success(struct trace_export *e) {
    if (!e->has_exported || e->told_us != 0) {
        LOG(e->options.log, LOG_INFO,
            e->has_exported ? "traces are exported again" : "traces are exported",
            log_text("endpoint", e->options.settings->endpoint_shown),
            log_int("lost", (int64_t)e->failed));
    }
    e->has_exported = true;
    e->told_us = 0;
}

// Logs how many spans found no room since this was last logged.
static void tell_dropped(struct trace_export *e, bool is_last) {
    uint64_t dropped = trace_ring_dropped(e->options.ring);
    int64_t now_us = clock_monotonic_us();
    bool is_due = e->told_dropped_us == 0 ||
                  now_us - e->told_dropped_us >= (int64_t)TELL_AFTER_MS * US_PER_MS;
    if (dropped == e->told_dropped || !(is_due || is_last)) {
        return;
    }
    LOG(e->options.log, LOG_WARN, "spans dropped",
        log_int("count", (int64_t)(dropped - e->told_dropped)));
    e->told_dropped = dropped;
    e->told_dropped_us = now_us;
}

// --- one request ---

static size_t take_reply(char *data, size_t size, size_t count, void *context) {
    struct trace_export *e = context;
    size_t room = MOST_REPLY_BYTES - e->reply.len;
    strbuf_append(&e->reply, data, size * count < room ? size * count : room);
    return size * count;
}

// Milliseconds until the thread is to stop, at least 0; POLL_MS if it is not.
static int left_ms(struct trace_export *e) {
    int64_t stop_us = atomic_load(&e->stop_us);
    if (stop_us == 0) {
        return POLL_MS;
    }
    int64_t left_us = stop_us - clock_monotonic_us();
    return left_us > 0 ? (int)(left_us / US_PER_MS) + 1 : 0;
}

static bool is_time_to_stop(struct trace_export *e) {
    return left_ms(e) == 0;
}

// Sends the request and waits for the reply's end. *ret_why is why there is none.
static struct otlp_outcome attempt(struct trace_export *e, const char **ret_why) {
    const struct curl_library *curl = &e->curl;
    e->reply.len = 0;
    curl->easy_setopt(e->easy, CURLOPT_POSTFIELDS, e->request.data);
    curl->easy_setopt(e->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)e->request.len);
    struct otlp_outcome outcome = {0};
    *ret_why = "the program stops";
    CURLMcode code = curl->multi_add_handle(e->multi, e->easy);
    int running = 1;
    while (code == CURLM_OK && running > 0 && !is_time_to_stop(e)) {
        code = curl->multi_perform(e->multi, &running);
        if (code == CURLM_OK && running > 0) {
            code = curl->multi_poll(e->multi, NULL, 0, left_ms(e), NULL);
        }
    }
    int left;
    const struct CURLMsg *message = curl->multi_info_read(e->multi, &left);
    if (message != NULL && message->msg == CURLMSG_DONE) {
        *ret_why =
            message->data.result != CURLE_OK ? curl->easy_strerror(message->data.result) : NULL;
    }
    if (*ret_why == NULL) {
        long status = 0;
        curl_off_t retry_after_s = 0;
        curl->easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &status);
        curl->easy_getinfo(e->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        outcome.http_status = (int)status;
        outcome.retry_after_ms = retry_after_s < OTLP_LONGEST_WAIT_MS / MS_PER_S
                                     ? (int64_t)retry_after_s * MS_PER_S
                                     : OTLP_LONGEST_WAIT_MS;
    }
    curl->multi_remove_handle(e->multi, e->easy);
    return outcome;
}

static void finish_batch(struct trace_export *e, size_t count) {
    int64_t rejected = otlp_read_rejected(strbuf_slice(&e->reply));
    rejected = rejected < (int64_t)count ? rejected : (int64_t)count;
    if (rejected > 0) {
        LOG(e->options.log, LOG_WARN, "the collector refused spans", log_int("count", rejected),
            log_text("endpoint", e->options.settings->endpoint_shown));
    }
    tell_success(e);
}

static uint32_t random_number(void) {
    uint32_t number = 0;
    // Without one all wait equally long.
    ssize_t got = getrandom(&number, sizeof(number), GRND_NONBLOCK);
    return got == (ssize_t)sizeof(number) ? number : 0;
}

// Sends a batch until the collector has taken or refused it.
static void send_batch(struct trace_export *e, struct trace_span *const *spans, size_t count) {
    e->request.len = 0;
    otlp_append_request(&e->request, &e->options.resource, spans, count);
    for (int number = 1; !is_time_to_stop(e); number++) {
        const char *why;
        struct otlp_outcome outcome = attempt(e, &why);
        int64_t wait_ms;
        enum otlp_verdict verdict = otlp_judge(&outcome, number, random_number(), &wait_ms);
        atomic_store(&e->is_well, verdict == OTLP_DONE);
        if (verdict == OTLP_DONE) {
            finish_batch(e, count);
            return;
        }
        if (atomic_load(&e->stop_us) == 0) {
            tell_failure(e, &outcome, why);
        }
        if (verdict != OTLP_RETRY ||
            trace_ring_pause(e->options.ring, clock_monotonic_us() + wait_ms * US_PER_MS)) {
            break;
        }
    }
    e->failed += count;
    e->lost_at_stop += atomic_load(&e->stop_us) != 0 ? count : 0;
}

static void *run(void *context) {
    struct trace_export *e = context;
    struct trace_span *spans[TRACE_EXPORT_BATCH];
    size_t count;
    while ((count = trace_ring_take(e->options.ring, (int64_t)LINGER_MS * US_PER_MS, spans,
                                    TRACE_EXPORT_BATCH)) > 0) {
        send_batch(e, spans, count);
        for (size_t i = 0; i < count; i++) {
            free(spans[i]);
        }
        tell_dropped(e, false);
    }
    tell_dropped(e, true);
    int64_t lost = (int64_t)e->failed;
    if (lost > 0) {
        LOG(e->options.log, LOG_WARN, "spans were lost", log_int("count", (int64_t)e->lost_at_stop),
            log_int("lost", lost));
    }
    pthread_mutex_lock(&e->mutex);
    e->is_over = true;
    pthread_mutex_unlock(&e->mutex);
    pthread_cond_signal(&e->changed);
    return NULL;
}

// --- start and stop ---

static bool add_header(struct trace_export *e, const char *header) {
    struct curl_slist *longer = e->curl.slist_append(e->headers, header);
    e->headers = longer != NULL ? longer : e->headers;
    return longer != NULL;
}

// Sets what all requests have in common; returns whether libcurl takes it.
static bool set_up(struct trace_export *e) {
    const struct trace_settings *settings = e->options.settings;
    char agent[64];
    snprintf(agent, sizeof(agent), "User-Agent: %s/%s", e->options.resource.service_name,
             e->options.resource.service_version);
    bool ok = e->easy != NULL && e->multi != NULL;
    ok = ok && add_header(e, agent);
    ok = ok && add_header(e, "Content-Type: application/x-protobuf");
    ok = ok && add_header(e, "Expect:"); // no round trip before the body
    for (size_t i = 0; ok && i < settings->header_count; i++) {
        ok = add_header(e, settings->headers[i]);
    }
    if (!ok) {
        return false;
    }
    __typeof__(e->curl.easy_setopt) set = e->curl.easy_setopt;
    // Redirects are not followed: a header would go to another host.
    return set(e->easy, CURLOPT_URL, settings->endpoint) == CURLE_OK &&
           set(e->easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           set(e->easy, CURLOPT_POST, 1L) == CURLE_OK &&
           set(e->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           set(e->easy, CURLOPT_HTTPHEADER, e->headers) == CURLE_OK &&
           set(e->easy, CURLOPT_WRITEFUNCTION, take_reply) == CURLE_OK &&
           set(e->easy, CURLOPT_WRITEDATA, e) == CURLE_OK &&
           set(e->easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           set(e->easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           set(e->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) == CURLE_OK &&
           set(e->easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS) == CURLE_OK;
}

static void release(struct trace_export *e) {
    if (e->easy != NULL) {
        e->curl.easy_cleanup(e->easy);
    }
    if (e->multi != NULL) {
        e->curl.multi_cleanup(e->multi);
    }
    if (e->headers != NULL) {
        e->curl.slist_free_all(e->headers);
    }
    strbuf_release(&e->request);
    strbuf_release(&e->reply);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

const struct error *trace_export_start(struct arena *a, const struct trace_export_options *options,
                                       struct trace_export **ret) {
    struct curl_library curl;
    const char *why = curl_library_load(&curl);
    if (why != NULL) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "traces are exported by libcurl (Debian's package libcurl4), which cannot "
                         "be loaded: %s",
                         why);
    }
    struct trace_export *e = mem_zalloc(sizeof(*e));
    e->options = *options;
    e->curl = curl;
    e->easy = curl.easy_init();
    e->multi = curl.multi_init();
    atomic_init(&e->is_well, true);
    pthread_mutex_init(&e->mutex, NULL);
    condition_init(&e->changed);
    if (!set_up(e) || !thread_try_start("traces", run, e, &e->thread)) {
        release(e);
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "traces cannot be exported: %s cannot be set up, or there is no thread",
                         curl.version());
    }
    LOG(options->log, LOG_INFO, "traces will be sent",
        log_text("endpoint", options->settings->endpoint_shown), log_text("by", curl.version()));
    *ret = e;
    return NULL;
}

bool trace_export_stop(struct trace_export *e) {
    int64_t now_us = clock_monotonic_us();
    int64_t patience_us = atomic_load(&e->is_well) ? (int64_t)STOP_MS * US_PER_MS : 0;
    atomic_store(&e->stop_us, now_us + patience_us);
    trace_ring_stop(e->options.ring);
    e->curl.multi_wakeup(e->multi);
    int64_t end_us = now_us + patience_us + (int64_t)JOIN_MS * US_PER_MS;
    pthread_mutex_lock(&e->mutex);
    while (!e->is_over && condition_wait(&e->changed, &e->mutex, end_us)) {
    }
    bool is_over = e->is_over;
    pthread_mutex_unlock(&e->mutex);
    if (!is_over) {
        pthread_detach(e->thread);
        return false;
    }
    thread_join(e->thread);
    release(e);
    return true;
}
