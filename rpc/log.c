#include "rpc/log.h"

#include <grpc/support/log.h>
#include <stdatomic.h>
#include <string.h>

static _Atomic(const struct logger *) target;

static void forward(gpr_log_func_args *args) {
    const struct logger *logger = atomic_load(&target);
    if (logger == NULL) {
        return;
    }
    const char *file = strrchr(args->file, '/');
    LOG(logger, LOG_WARN, "gRPC core", log_text("text", args->message),
        log_text("file", file != NULL ? file + 1 : args->file), log_int("line", args->line));
}

void rpc_log_redirect(const struct logger *logger) {
    atomic_store(&target, logger);
    gpr_set_log_function(forward);
    // Never more: at INFO gRPC core writes metadata out, and so tokens.
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}
