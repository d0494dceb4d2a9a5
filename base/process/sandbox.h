#ifndef RUNSD_BASE_PROCESS_SANDBOX_H
#define RUNSD_BASE_PROCESS_SANDBOX_H

#include <stdbool.h>

#include "base/log/log.h"

// The sandbox of a server: from here on the kernel lets the process make the system calls of
// base/process/sandbox_calls.h alone, in all of its threads, until it ends. It starts no program
// and no process, looks into no other one, changes neither its user nor its privileges
// (no_new_privs). A call that it may not make fails as if the kernel did not know it (ENOSYS), and
// those of sandbox_fatal end it (SIGSYS); the kernel's log tells of either.
//
// Under a sanitizer, whose run time needs more, and where the kernel filters no calls, there is
// none.
struct sandbox {
    bool is_wanted;
    bool is_on;
    char text[128]; // "on", or why it is off
};

// Enters it, if it is wanted, with all threads that there are; a warning in the log if it cannot be
// had. Call it once all options are read and before anything is taken from outside.
void sandbox_enter(const struct logger *log, bool is_wanted, struct sandbox *ret_sandbox);

#endif
