#ifndef RUNSD_CTL_ERROR_JSON_H
#define RUNSD_CTL_ERROR_JSON_H

#include "base/cli/command_line.h"
#include "base/core/error.h"

// Errors of commands that were given --json: one line of JSON on standard error, so that
// standard output has replies alone. Spelled as REST spells errors, and a hint:
//
//   {"code":409,"message":"...","requestId":"...","error":{"status":"FAILED_PRECONDITION",
//    "reason":"RUN_ALREADY_FINISHED","metadata":{...},"fieldViolations":[...]},"hint":"..."}
//
// reason is "" where no server gave one, requestId "" where none was called.

// Prints the line. request_id is not NULL; hint may be.
void error_json_print(const struct error *error, const char *request_id, const char *hint);

// Prints wrong usage so: what struct command_line's complain is.
void error_json_complain(const struct command_line *line, const char *text);

#endif
