#ifndef RUNSD_BASE_LOG_LOG_CRASH_H
#define RUNSD_BASE_LOG_LOG_CRASH_H

#include "base/log/log_sink.h"

// The log of a process that dies.
//
// The exception to "no global variables": a signal handler has no context, and whoever
// finds that the program is wrong has no logger at hand, so the sink is kept in a global.

// From now on the lines that wait in sink are written, within half a second, when the
// process ends by SIGABRT, SIGSEGV, SIGBUS, SIGFPE or SIGILL; a handler that somebody
// (a sanitizer) has installed for one of them stays instead. program is for the lines of
// log_last_words and must live on. NULL for sink: no more, before it is freed.
void log_crash_watch(struct log_sink *sink, const char *program);

// Writes a last line of level error, behind those that wait; to standard error if there
// is no sink, in the name of the program that runs. For who then aborts. Async-signal-safe; takes
// half a second at most.
void log_last_words(const char *message, const struct log_field *fields, int count);

#endif
