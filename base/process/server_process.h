#ifndef RUNSD_BASE_PROCESS_SERVER_PROCESS_H
#define RUNSD_BASE_PROCESS_SERVER_PROCESS_H

#include <signal.h>
#include <stdbool.h>

// Makes the process fit to serve; call it before any thread is made. SIGTERM, SIGINT
// and SIGHUP are blocked in all threads, for sigwait or signalfd, and come out in
// *ret_signals; SIGPIPE is ignored, since a peer that has gone is an error of write;
// the limit on open files is raised as far as allowed, since each connection takes one.
void server_process_prepare(sigset_t *ret_signals);

// Whether a signal of that set asks for a stop; SIGHUP asks to read configuration
// again.
bool server_process_is_stop(int signal);

// Whether a stop was asked for that nobody has taken from the set yet.
bool server_process_stop_pending(void);

#endif
