#ifndef RUNSD_BASE_CORE_CHECK_H
#define RUNSD_BASE_CORE_CHECK_H

// What must hold whatever came from outside: programming errors and memory that is used
// up. Checked in every build; a process that no longer knows what it does ends, and a
// restart recovers. Input is never checked by these.

// Ends the process with abort() unless condition holds, which is evaluated once.
#define CHECK(condition)                                                                           \
    (__builtin_expect(!!(condition), 1) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

// Ends the process: here it never is. why is a literal that says what happened.
#define CHECK_FAIL(why) check_failed(__FILE__, __LINE__, (why))

// Writes one line, as log_write's lines are, behind those that wait to be written
// (log_last_words), and aborts. It allocates nothing, and gives up a line that nobody takes
// for half a second.
void check_failed(const char *file, int line, const char *condition)
    __attribute__((noreturn, cold));

#endif
