#include "base/log/log_crash.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/log/log_file.h"

enum { PATIENCE_MS = 500 };

static _Atomic(struct log_sink *) watched;
static _Atomic(const char *) watched_program;

static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

// The handler is reset before it is called and the signal blocked within: once it
// returns, the process ends where the signal found it, as it would have.
static void on_deadly_signal(int number) {
    struct log_sink *sink = atomic_load(&watched);
    if (sink != NULL) {
        log_sink_flush_dying(sink, NULL, 0);
    }
    raise(number);
}

static void install(int number) {
    struct sigaction old;
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
        struct sigaction action = {.sa_handler = on_deadly_signal,
                                   .sa_flags = (int)SA_RESETHAND | SA_ONSTACK};
        sigaction(number, &action, NULL);
    }
}

void log_crash_watch(struct log_sink *sink, const char *program) {
    atomic_store(&watched_program, program);
    atomic_store(&watched, sink);
    for (size_t i = 0; sink != NULL && i < sizeof(deadly) / sizeof(deadly[0]); i++) {
        install(deadly[i]);
    }
}

void log_last_words(const char *message, const struct log_field *fields, int count) {
    const char *program = atomic_load(&watched_program);
    struct log_sink *sink = atomic_load(&watched);
    char line[LOG_LONGEST_LINE];
    size_t length = log_line_format(sink != NULL ? log_sink_format(sink) : LOG_FORMAT_JSON,
                                    program != NULL ? program : program_invocation_short_name,
                                    LOG_ERROR, message, fields, count, line);
    if (sink != NULL) {
        log_sink_flush_dying(sink, line, length);
    } else {
        log_file_write_within(STDERR_FILENO, line, length, PATIENCE_MS);
    }
}
