#ifndef RUNSD_BASE_PROCESS_SERVER_PROCESS_H
#define RUNSD_BASE_PROCESS_SERVER_PROCESS_H

#include <signal.h>
#include <stdbool.h>

// Prepares the process to serve; call it before any thread is made. SIGTERM, SIGINT
// and SIGHUP are blocked in all threads and returned in *ret_signals, for sigwait or
// signalfd; SIGPIPE is ignored, since write reports a peer that has gone; the soft limit
// on open files is raised to the hard one, since each connection takes one.
void server_process_prepare(sigset_t *ret_signals);

// Whether a signal of that set asks for a stop; SIGHUP asks to read configuration
// again.
bool server_process_is_stop(int signal);

// Whether a signal that asks for a stop is pending, not yet taken by sigwait or signalfd.
bool server_process_stop_pending(void);

#endif
