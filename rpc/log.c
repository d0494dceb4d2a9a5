#include "rpc/log.h"

#include <grpc/support/log.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; // guards what follows
static struct logger target;
static bool has_target;

static void forward(gpr_log_func_args *args) {
    pthread_mutex_lock(&mutex);
    struct logger copy = target;
    const struct logger *logger = has_target ? &copy : NULL;
    pthread_mutex_unlock(&mutex);
    if (logger == NULL) {
        return;
    }
    const char *file = strrchr(args->file, '/');
    LOG(logger, LOG_WARN, "gRPC core", log_text("text", args->message),
        log_text("file", file != NULL ? file + 1 : args->file), log_int("line", args->line));
}

void rpc_log_redirect(const struct logger *logger) {
    pthread_mutex_lock(&mutex);
    has_target = logger != NULL;
    if (has_target) {
        target = *logger;
    }
    pthread_mutex_unlock(&mutex);
    gpr_set_log_function(forward);
    // Never more: at INFO gRPC core writes metadata out, and so tokens.
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}
