#ifndef RUNSD_BASE_CORE_CHECK_H
#define RUNSD_BASE_CORE_CHECK_H

// Assertions that hold whatever the input is: they catch programming errors and exhausted
// memory. Checked in every build; on failure the process aborts, and a restart recovers.
// Never use them to validate input.

// Ends the process with abort() unless condition holds, which is evaluated once.
#define CHECK(condition)                                                                           \
    (__builtin_expect(!!(condition), 1) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

// Ends the process with abort(), for code that must be unreachable. why is a literal that
// says what happened.
#define CHECK_FAIL(why) check_failed(__FILE__, __LINE__, (why))

// Logs one line, in the format of log_write, after the lines that wait to be written
// (log_last_words), and aborts. Allocates nothing; gives up on a log that accepts nothing
// for half a second.
void check_failed(const char *file, int line, const char *condition)
    __attribute__((noreturn, cold));

#endif
