#ifndef RUNSD_BASE_SERVER_PROCESS_H
#define RUNSD_BASE_SERVER_PROCESS_H

#include <signal.h>

// Makes the process fit to serve; call it before any thread is made. SIGTERM and
// SIGINT are blocked in all threads, for sigwait or signalfd, and come out in
// *ret_stop_signals; SIGPIPE is ignored, since a peer that has gone is an error of
// write; the limit on open files is raised as far as allowed, since each connection
// takes one.
void server_process_prepare(sigset_t *ret_stop_signals);

#endif
