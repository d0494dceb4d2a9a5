#include "base/tls/tls_source.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "base/core/timestamp.h"
#include "base/thread/periodic.h"

enum {
    MOST_BYTES = 1 << 20, // of a file
    DIGEST_BYTES = 32,    // SHA-256
};

enum { FILE_CERT, FILE_KEY, FILE_CA, FILE_COUNT };

// What is shown of a source; shared by those of one registry.
struct source_families {
    const struct metrics_family *end;
    const struct metrics_family *loads;
    const struct metrics_family *not_taken;
};

struct tls_source {
    const struct logger *log;
    struct tls_file files[FILE_COUNT];
    enum tls_use use;
    struct periodic thread;
    bool has_thread;
    pthread_mutex_t load_mutex; // one load at a time; guards what follows
    // Of what the files held when they were loaded last, well or not.
    unsigned char digest[DIGEST_BYTES];
    bool is_expiry_logged; // of the identity of now
    // When files that were not taken for their time alone are to be looked at again, though they
    // have not changed; 0: there are none such.
    int64_t put_off_until_us;
    struct metrics *metrics; // NULL: nobody looks
    struct source_families families;
    pthread_mutex_t mutex; // held for moments; guards what follows
    struct tls_identity *identity;
    struct tls_source_state state;
};

struct tls_source_options tls_source_options_of(const struct tls_options *options) {
    return (struct tls_source_options){
        .cert = {"--tls-cert", options->cert},
        .key = {"--tls-key", options->key},
        .ca = {"--tls-client-ca", options->client_ca},
    };
}

// --- the files ---

// One look at the files. Each has its bytes, or a reason why there are none.
struct look {
    struct strbuf bytes[FILE_COUNT];
    const char *problems[FILE_COUNT]; // constants, or of strerror_l; NULL: none
    unsigned char digest[DIGEST_BYTES];
};

static void look_release(struct look *look) {
    for (int i = 0; i < FILE_COUNT; i++) {
        if (look->bytes[i].len > 0) {
            explicit_bzero(look->bytes[i].data, look->bytes[i].len);
        }
        strbuf_release(&look->bytes[i]);
    }
}

static const char *read_all(int fd, struct strbuf *out) {
    strbuf_grow(out, MOST_BYTES + 1); // once, so that no copy of a key is left behind
    for (;;) {
        ssize_t n = read(fd, out->data + out->len, out->capacity - out->len);
        if (n < 0 && errno != EINTR) {
            return strerrordesc_np(errno);
        }
        if (n == 0) {
            return NULL;
        }
        out->len += n > 0 ? (size_t)n : 0;
        if (out->len > MOST_BYTES) {
            return "has more than 1048576 bytes";
        }
    }
}

// Waits for nobody: a pipe at the path holds nothing.
static const char *read_file(const char *path, struct strbuf *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return strerrordesc_np(errno);
    }
    struct stat status;
    const char *problem = fstat(fd, &status) != 0    ? strerrordesc_np(errno)
                          : !S_ISREG(status.st_mode) ? "is no regular file"
                                                     : read_all(fd, out);
    close(fd);
    return problem;
}

static void take_look(const struct tls_source *source, struct look *look) {
    *look = (struct look){0};
    gnutls_hash_hd_t hash;
    gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
    for (int i = 0; i < FILE_COUNT; i++) {
        if (source->files[i].path != NULL) {
            look->problems[i] = read_file(source->files[i].path, &look->bytes[i]);
        }
        const char *problem = look->problems[i] != NULL ? look->problems[i] : "";
        uint64_t len = look->bytes[i].len;
        gnutls_hash(hash, &len, sizeof(len));
        gnutls_hash(hash, look->bytes[i].data, look->bytes[i].len);
        gnutls_hash(hash, problem, strlen(problem) + 1);
    }
    gnutls_hash_deinit(hash, look->digest);
}

static const char *what_of(struct arena *a, const struct tls_file *file) {
    return arena_printf(a, "%s: \"%s\"", file->option, file->path);
}

static struct slice text_of(const struct look *look, const struct tls_source *source, int file) {
    if (source->files[file].path == NULL) {
        return SLICE_EMPTY;
    }
    // An empty file is one.
    return slice_of(look->bytes[file].len > 0 ? (const char *)look->bytes[file].data : "",
                    look->bytes[file].len);
}

static const struct error *make_identity(struct arena *a, const struct tls_source *source,
                                         const struct look *look,
                                         struct tls_identity **ret_identity) {
    for (int i = 0; i < FILE_COUNT; i++) {
        if (look->problems[i] != NULL) {
            return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s",
                             what_of(a, &source->files[i]), look->problems[i]);
        }
    }
    const struct tls_texts texts = {
        .cert = text_of(look, source, FILE_CERT),
        .key = text_of(look, source, FILE_KEY),
        .ca = text_of(look, source, FILE_CA),
        .cert_what = what_of(a, &source->files[FILE_CERT]),
        .key_what = what_of(a, &source->files[FILE_KEY]),
        .ca_what = what_of(a, &source->files[FILE_CA]),
    };
    uint64_t number = source->identity != NULL ? source->identity->number + 1 : 1;
    return tls_identity_new(a, &texts, number, ret_identity);
}

// --- what is said ---

static void warn_of_mode(const struct tls_source *source) {
    const char *path = source->files[FILE_KEY].path;
    struct stat status;
    if (path != NULL && stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0) {
        LOG(source->log, LOG_WARN, "other users of this machine may read the private key",
            log_text("file", path), log_text("help", "chmod o-rwx"));
    }
}

static void log_loaded(const struct tls_source *source, const struct tls_identity *identity) {
    if (identity->cert_pem == NULL) {
        LOG(source->log, LOG_INFO, "authorities loaded",
            log_text("file", source->files[FILE_CA].path));
        return;
    }
    char not_after[TIMESTAMP_TEXT_SIZE] = "";
    timestamp_format_us(identity->not_after_us, not_after);
    LOG(source->log, LOG_INFO, "certificate loaded",
        log_text("file", source->files[FILE_CERT].path), log_text("names", identity->names),
        log_own_text("notAfter", not_after));
}

// Whether the identity's certificate, if it has one, is valid now.
static bool is_of_now(const struct tls_identity *identity, int64_t now_us) {
    return identity->not_after_us == 0 ||
           (identity->not_before_us <= now_us && identity->not_after_us > now_us);
}

static const char *warning_of(const struct tls_source *source, bool is_early) {
    if (source->use == TLS_USE_UPSTREAM) {
        return is_early ? "the certificate is not valid yet: the server refuses it"
                        : "the certificate has expired: the server refuses it";
    }
    return is_early ? "the certificate is not valid yet: clients refuse it"
                    : "the certificate has expired: clients refuse it";
}

// Once for an identity, when its time is over or has not come.
static void warn_of_time(struct tls_source *source, const struct tls_identity *identity) {
    int64_t now_us = clock_now_us(&clock_system);
    if (source->is_expiry_logged || is_of_now(identity, now_us)) {
        return;
    }
    source->is_expiry_logged = true;
    bool is_early = identity->not_before_us > now_us;
    char text[TIMESTAMP_TEXT_SIZE] = "";
    timestamp_format_us(is_early ? identity->not_before_us : identity->not_after_us, text);
    LOG(source->log, LOG_WARN, warning_of(source, is_early),
        log_text("file", source->files[FILE_CERT].path),
        log_own_text(is_early ? "notBefore" : "notAfter", text));
}

// --- loading ---

static void set_identity(struct tls_source *source, struct tls_identity *identity) {
    pthread_mutex_lock(&source->mutex);
    struct tls_identity *old = source->identity;
    source->identity = identity;
    source->state.not_after_us = identity->not_after_us;
    source->state.loads++;
    source->state.is_stale = false;
    pthread_mutex_unlock(&source->mutex);
    tls_identity_release(old);
}

static void note_failure(struct tls_source *source) {
    pthread_mutex_lock(&source->mutex);
    source->state.failures++;
    source->state.is_stale = true;
    pthread_mutex_unlock(&source->mutex);
}

// A certificate whose time is over, or has not come, takes the place of none that is valid.
static const struct error *check_time(struct arena *a, struct tls_source *source,
                                      const struct tls_identity *next) {
    int64_t now_us = clock_now_us(&clock_system);
    const struct tls_identity *old = source->identity;
    if (old == NULL || old->cert_pem == NULL || !is_of_now(old, now_us) ||
        is_of_now(next, now_us)) {
        return NULL;
    }
    bool is_early = next->not_before_us > now_us;
    source->put_off_until_us = is_early && next->not_before_us < old->not_after_us
                                   ? next->not_before_us
                                   : old->not_after_us;
    char text[TIMESTAMP_TEXT_SIZE] = "";
    timestamp_format_us(is_early ? next->not_before_us : next->not_after_us, text);
    text[strlen("2026-11-30")] = '\0'; // more would look like a secret, which the log masks
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s %s",
                     what_of(a, &source->files[FILE_CERT]),
                     is_early ? "is not valid before" : "has expired on", text);
}

// With the load_mutex held.
static const struct error *load(struct arena *a, struct tls_source *source,
                                const struct look *look) {
    memcpy(source->digest, look->digest, sizeof(source->digest));
    source->put_off_until_us = 0;
    struct tls_identity *identity = NULL;
    const struct error *error = make_identity(a, source, look, &identity);
    if (error != NULL) {
        return error;
    }
    CHECK(identity != NULL);
    error = check_time(a, source, identity);
    if (error != NULL) {
        tls_identity_release(identity);
        return error;
    }
    source->is_expiry_logged = false;
    set_identity(source, identity);
    log_loaded(source, identity);
    warn_of_mode(source);
    warn_of_time(source, identity);
    return NULL;
}

static bool is_due(const struct tls_source *source) {
    return source->put_off_until_us != 0 && source->put_off_until_us <= clock_now_us(&clock_system);
}

static void load_again(struct tls_source *source, bool is_asked) {
    struct look look;
    struct arena a;
    arena_init(&a);
    pthread_mutex_lock(&source->load_mutex);
    take_look(source, &look);
    if (is_asked || is_due(source) ||
        memcmp(look.digest, source->digest, sizeof(look.digest)) != 0) {
        const struct error *error = load(&a, source, &look);
        if (error != NULL) {
            note_failure(source);
            LOG(source->log, LOG_ERROR, "certificate not loaded, the old one stays",
                log_text("error", error->message));
        }
    } else {
        warn_of_time(source, source->identity);
    }
    pthread_mutex_unlock(&source->load_mutex);
    look_release(&look);
    arena_release(&a);
}

static void turn(void *context) {
    load_again(context, false);
}

void tls_source_reload(struct tls_source *source) {
    load_again(source, true);
}

// --- the life of a source ---

static struct tls_file copy_file(struct tls_file file) {
    return (struct tls_file){file.option, file.path != NULL ? mem_strdup(file.path) : NULL};
}

static void free_source(struct tls_source *source) {
    tls_identity_release(source->identity);
    for (int i = 0; i < FILE_COUNT; i++) {
        free((char *)source->files[i].path);
    }
    pthread_mutex_destroy(&source->mutex);
    pthread_mutex_destroy(&source->load_mutex);
    free(source);
}

const struct error *tls_source_start(struct arena *a, const struct tls_source_options *options,
                                     struct tls_source **ret_source) {
    struct tls_source *source = mem_zalloc(sizeof(*source));
    source->log = options->log;
    source->use = options->use;
    source->files[FILE_CERT] = copy_file(options->cert);
    source->files[FILE_KEY] = copy_file(options->key);
    source->files[FILE_CA] = copy_file(options->ca);
    pthread_mutex_init(&source->load_mutex, NULL);
    pthread_mutex_init(&source->mutex, NULL);
    struct look look;
    take_look(source, &look);
    const struct error *error = load(a, source, &look);
    look_release(&look);
    if (error != NULL) {
        free_source(source);
        return error;
    }
    source->has_thread = options->look_ms >= 0;
    if (source->has_thread) {
        periodic_start(&source->thread, "tls-files",
                       options->look_ms > 0 ? options->look_ms : TLS_SOURCE_LOOK_MS, turn, source);
    }
    *ret_source = source;
    return NULL;
}

const struct error *tls_source_open(struct arena *a, const struct logger *log,
                                    const struct tls_options *options,
                                    struct tls_source **ret_source) {
    if (options->cert == NULL) {
        *ret_source = NULL;
        return NULL;
    }
    struct tls_source_options source = tls_source_options_of(options);
    source.log = log;
    return tls_source_start(a, &source, ret_source);
}

void tls_source_stop(struct tls_source *source) {
    if (source == NULL) {
        return;
    }
    metrics_remove_collectors(source->metrics, source);
    if (source->has_thread) {
        periodic_stop(&source->thread);
    }
    free_source(source);
}

struct tls_identity *tls_source_take(struct tls_source *source) {
    pthread_mutex_lock(&source->mutex);
    struct tls_identity *identity = tls_identity_ref(source->identity);
    pthread_mutex_unlock(&source->mutex);
    return identity;
}

uint64_t tls_source_number(struct tls_source *source) {
    pthread_mutex_lock(&source->mutex);
    uint64_t number = source->identity->number;
    pthread_mutex_unlock(&source->mutex);
    return number;
}

void tls_source_look(struct tls_source *source, struct tls_source_state *ret_state) {
    pthread_mutex_lock(&source->mutex);
    *ret_state = source->state;
    pthread_mutex_unlock(&source->mutex);
}

// --- metrics ---

static const struct metrics_info end_info = {
    .name = "runsd_tls_certificate_end_timestamp_seconds",
    .unit = "seconds",
    .help = "When the certificate that new connections are shown stops to be valid, since 1970",
    .kind = METRICS_GAUGE,
    .labels = {"use"},
};

static const struct metrics_info loads_info = {
    .name = "runsd_tls_certificate_loads",
    .help = "Changes of the certificate files that were looked at, by what came of them",
    .kind = METRICS_COUNTER,
    .labels = {"use", "result"},
};

static const struct metrics_info not_taken_info = {
    .name = "runsd_tls_certificate_not_taken",
    .help = "1 while the certificate files hold what was not taken, so that the old is in use",
    .kind = METRICS_GAUGE,
    .labels = {"use"},
};

static void collect(void *context, struct metrics_collection *collection) {
    struct tls_source *source = context;
    const struct source_families *families = &source->families;
    const char *const use = source->use == TLS_USE_UPSTREAM ? "upstream" : "listener";
    const char *const taken[] = {use, "ok"};
    const char *const failed[] = {use, "failed"};
    struct tls_source_state state;
    tls_source_look(source, &state);
    if (state.not_after_us != 0) { // authorities alone have no end that is looked at
        metrics_collect(collection, families->end, &use, (double)state.not_after_us / 1e6);
    }
    metrics_collect(collection, families->loads, taken, (double)state.loads);
    metrics_collect(collection, families->loads, failed, (double)state.failures);
    metrics_collect(collection, families->not_taken, &use, state.is_stale ? 1 : 0);
}

void tls_sources_add_metrics(struct tls_source *const sources[], size_t count,
                             struct metrics *metrics) {
    if (metrics == NULL) {
        return;
    }
    struct source_families families = {0};
    for (size_t i = 0; i < count; i++) {
        if (sources[i] == NULL) {
            continue;
        }
        if (families.end == NULL) { // the first one
            families.end = metrics_add_family(metrics, &end_info);
            families.loads = metrics_add_family(metrics, &loads_info);
            families.not_taken = metrics_add_family(metrics, &not_taken_info);
        }
        sources[i]->metrics = metrics;
        sources[i]->families = families;
        metrics_add_collector(metrics, collect, sources[i]);
    }
}

void tls_source_add_metrics(struct tls_source *source, struct metrics *metrics) {
    tls_sources_add_metrics(&source, 1, metrics);
}
