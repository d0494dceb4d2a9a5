#include "rpc/log.h"

#include <grpc/support/log.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; // guards what follows
static struct logger target;
static bool has_target;

// What gRPC core says only for debugging, of a client that pings too often.
static const char pings_refused[] = ": Sending goaway err=UNKNOWN:too_many_pings";

// Its beginning is followed by a reason of OpenSSL's, which are constants.
static const char handshake_failed[] = "Handshake failed with fatal error ";

// gRPC core's lines hold what peers sent, in hex and other spellings. So of a line that
// is known our own text is logged, of another only where it comes from.
static const struct known_line {
    const char *holds; // part of the line that gRPC core does not fill in
    enum log_level level;
    const char *text;
} known_lines[] = {
    {"validate_metadata: ", LOG_WARN, "metadata to be sent has a key or value that is not allowed"},
    {"Error parsing metadata: ", LOG_WARN, "a peer sent metadata that cannot be parsed"},
    {"\"too_many_pings\"", LOG_WARN, "the server finds that it is pinged too often: GOAWAY"},
    {pings_refused, LOG_WARN,
     "a client pings more often than --min-ping-interval-ms allows: its connection is ended"},
    {"Keepalive watchdog fired", LOG_WARN, "a peer answers no ping: the connection is closed"},
    {handshake_failed, LOG_INFO, "a TLS handshake failed"},
    {"No match found for server name: ", LOG_WARN, "a server's certificate is for other names"},
    {"Handshaker factory creation failed", LOG_ERROR,
     "OpenSSL refuses a certificate, its key or the authorities: those before, if any, stay"},
    {"Handshaking failed: ", LOG_WARN, "a peer's handshake failed"},
    {"Too many open files", LOG_ERROR, "no file descriptor is left (EMFILE); raise ulimit -n"},
    {"No file descriptors available", LOG_ERROR,
     "no file descriptor is left (EMFILE); raise ulimit -n"},
    {"Failed accept4: ", LOG_ERROR, "a connection cannot be accepted"},
    {"Failed getpeername: ", LOG_INFO, "a peer was gone when its connection was accepted"},
    {"No address added out of total ", LOG_ERROR, "an address cannot be listened at"},
    {" addresses added out of total ", LOG_WARN, "some addresses cannot be listened at"},
    {"Address already in use", LOG_ERROR, "an address is in use already"},
    {"Permission denied", LOG_ERROR, "an address may not be listened at"},
    {"Cannot assign requested address", LOG_ERROR, "an address is none of this machine"},
    {"dns resolution failed", LOG_WARN, "a name cannot be resolved"},
    {"C-ares status is not ARES_SUCCESS", LOG_WARN, "a name cannot be resolved"},
    {"Connection reset by peer", LOG_WARN, "a peer reset the connection"},
    {"Broken pipe", LOG_WARN, "a peer closed the connection"},
    {"assertion failed: ", LOG_ERROR, "an assertion failed"},
};

static const struct known_line *find_known(const char *line) {
    for (size_t i = 0; i < sizeof(known_lines) / sizeof(known_lines[0]); i++) {
        if (strstr(line, known_lines[i].holds) != NULL) {
            return &known_lines[i];
        }
    }
    return NULL;
}

static enum log_level level_of(gpr_log_severity severity) {
    switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
        return LOG_DEBUG;
    case GPR_LOG_SEVERITY_INFO:
        return LOG_INFO;
    case GPR_LOG_SEVERITY_ERROR:
        break;
    }
    return LOG_WARN;
}

// The address as gRPC core has it, "ipv4:127.0.0.1:50123", which no peer chooses.
static struct slice peer_of(const char *line) {
    const char *end = strstr(line, ": ");
    return slice_of(line, end != NULL ? (size_t)(end - line) : 0);
}

// What is behind "error:0A0000C7:SSL routines::".
static struct slice reason_of(const char *line) {
    const char *routines = strstr(line, " routines:");
    const char *reason = routines != NULL ? strchr(routines + strlen(" routines:"), ':') : NULL;
    if (reason == NULL) {
        return SLICE_EMPTY;
    }
    size_t length = strlen(reason + 1);
    return slice_of(reason + 1, length > 0 && reason[length] == '.' ? length - 1 : length);
}

static void log_line(const struct logger *logger, const gpr_log_func_args *args) {
    const struct known_line *known = find_known(args->message);
    enum log_level level = known != NULL ? known->level : level_of(args->severity);
    const char *slash = strrchr(args->file, '/');
    const char *file = slash != NULL ? slash + 1 : args->file;
    if (known != NULL && known->holds == pings_refused) {
        LOG(logger, level, "gRPC core", log_own_text("text", known->text),
            log_slice("peer", peer_of(args->message)), log_own_text("file", file),
            log_int("line", args->line));
    } else if (known != NULL && known->holds == handshake_failed) {
        LOG(logger, level, "gRPC core", log_own_text("text", known->text),
            log_slice("reason", reason_of(args->message)), log_own_text("file", file),
            log_int("line", args->line));
    } else if (known != NULL) {
        LOG(logger, level, "gRPC core", log_own_text("text", known->text),
            log_own_text("file", file), log_int("line", args->line));
    } else {
        LOG(logger, level, "gRPC core", log_own_text("file", file), log_int("line", args->line));
    }
}

static void forward(gpr_log_func_args *args) {
    if (args->severity != GPR_LOG_SEVERITY_ERROR && strstr(args->message, pings_refused) == NULL) {
        return;
    }
    // Held while the line is written, so that nothing is logged once the logger was taken away.
    pthread_mutex_lock(&mutex);
    if (has_target) {
        log_line(&target, args);
    }
    pthread_mutex_unlock(&mutex);
}

void rpc_log_redirect(const struct logger *logger) {
    pthread_mutex_lock(&mutex);
    has_target = logger != NULL;
    if (has_target) {
        target = *logger;
    }
    pthread_mutex_unlock(&mutex);
    gpr_set_log_function(forward);
    // So that pings_refused is among what is forwarded; else few lines are below errors.
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_DEBUG);
}
