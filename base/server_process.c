#include "base/server_process.h"

#include <sys/resource.h>

static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void server_process_prepare(sigset_t *ret_stop_signals) {
    sigemptyset(ret_stop_signals);
    sigaddset(ret_stop_signals, SIGTERM);
    sigaddset(ret_stop_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_stop_signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
}
