#ifndef RUNSD_CTL_EXIT_CODE_H
#define RUNSD_CTL_EXIT_CODE_H

#include "base/core/error.h"

// The exit codes of runsctl: part of its interface, listed by --help.
enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1,
    EXIT_CODE_USAGE = 2, // also a value that the server refuses
    EXIT_CODE_NOT_FOUND = 3,
    EXIT_CODE_CONFLICT = 4, // also a run that is already finished
    EXIT_CODE_DENIED = 5,
    EXIT_CODE_UNAVAILABLE = 6,
    EXIT_CODE_NOT_YET = 7,    // the time that --wait or --within gave is over
    EXIT_CODE_RUN_FAILED = 8, // of runs wait; likewise
    EXIT_CODE_RUN_CANCELLED = 9,
};

// The lines of --help about exit codes.
extern const char exit_code_help[];

enum exit_code exit_code_of(const struct error *error);

#endif
