#ifndef RUNSD_BASE_LOG_LOG_CRASH_H
#define RUNSD_BASE_LOG_LOG_CRASH_H

#include "base/log/log_sink.h"

// Logging while the process crashes.
//
// The exception to "no global variables": neither a signal handler nor a failed CHECK has
// a logger at hand, so the sink is kept in a global.

// From now on the lines that wait in sink are written, within half a second, when the
// process ends by SIGABRT, SIGSEGV, SIGBUS, SIGFPE or SIGILL; a handler that is already
// installed for one of them (a sanitizer's) is kept. program is the name in the lines of
// log_last_words; it is borrowed for good. A NULL sink ends the watch: call it so before
// the sink is freed.
void log_crash_watch(struct log_sink *sink, const char *program);

// Writes a last line of level error, after those that wait; to standard error, with the
// name of the running executable, if no sink is watched. The caller aborts afterwards.
// Async-signal-safe; takes half a second at most.
void log_last_words(const char *message, const struct log_field *fields, int count);

#endif
