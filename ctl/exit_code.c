#include "ctl/exit_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/strbuf.h"
#include "base/log/stderr_print.h"
#include "ctl/print.h"

const char exit_code_help[] =
    "Exit codes: 0 done, 1 failed, 2 wrong usage or a refused value, 3 not found,\n"
    "4 conflict (already finished, already there), 5 no valid token or scope,\n"
    "6 server not available (nobody listens, busy, too slow).\n";

enum exit_code exit_code_of(const struct error *error) {
    if (error == NULL) {
        return EXIT_CODE_OK;
    }
    switch (error->code) {
    case STATUS_INVALID_ARGUMENT:
    case STATUS_OUT_OF_RANGE:
        return EXIT_CODE_USAGE;
    case STATUS_NOT_FOUND:
        return EXIT_CODE_NOT_FOUND;
    case STATUS_ALREADY_EXISTS:
    case STATUS_FAILED_PRECONDITION:
    case STATUS_ABORTED:
        return EXIT_CODE_CONFLICT;
    case STATUS_UNAUTHENTICATED:
    case STATUS_PERMISSION_DENIED:
        return EXIT_CODE_DENIED;
    case STATUS_UNAVAILABLE:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_RESOURCE_EXHAUSTED:
        return EXIT_CODE_UNAVAILABLE;
    default:
        return EXIT_CODE_FAILED;
    }
}

// What helps against an error of a reason that our server gives; NULL if nothing
// is known.
static const char *hint_of_reason(enum reason reason) {
    switch (reason) {
    case REASON_RUN_NOT_FOUND:
        return "runsctl runs list shows the runs that there are";
    case REASON_RUN_ALREADY_EXISTS:
        return "leave the id out to have one made up";
    case REASON_RUN_ALREADY_FINISHED:
        return "runsctl runs events shows who ended it";
    case REASON_TOKEN_NOT_FOUND:
        return "runsctl tokens list shows the tokens that there are";
    case REASON_TOKEN_ALREADY_EXISTS:
        return "leave --name out to have one made up";
    default:
        return NULL;
    }
}

// What helps against an error that a server answered.
static const char *hint_of(const struct error *error) {
    const char *hint = hint_of_reason(
        error->reason != NULL ? reason_find(slice_of_cstr(error->reason)) : REASON_NONE);
    if (hint != NULL) {
        return hint;
    }
    switch (error->code) {
    case STATUS_UNAUTHENTICATED:
        return "give a token with --token-file or RUNSCTL_TOKEN (runsctl tokens create makes one)";
    case STATUS_PERMISSION_DENIED:
        return "use a token that has the scope (runsctl tokens create --scopes)";
    case STATUS_UNAVAILABLE:
    case STATUS_DEADLINE_EXCEEDED:
        return "see whether the server runs and --server or RUNSCTL_SERVER names it";
    case STATUS_RESOURCE_EXHAUSTED:
        return "try again in a moment";
    case STATUS_UNIMPLEMENTED:
        return "use the runsctl of the server's version";
    case STATUS_INTERNAL:
        return "the server's log says more";
    default:
        return NULL;
    }
}

int exit_with_error(const struct error *error, const char *hint) {
    struct strbuf line = STRBUF_INIT;
    strbuf_append_cstr(&line, "runsctl: ");
    size_t length = strlen(error->message);
    // The gateway's messages are sentences with a full stop; more follows here.
    length -= length > 0 && error->message[length - 1] == '.';
    strbuf_append(&line, error->message, length);
    for (const struct field_violation *v = error->violations; v != NULL; v = v->next) {
        // One violation is often the message itself.
        if (strstr(error->message, v->description) == NULL) {
            strbuf_printf(&line, "; %s: %s", v->field, v->description);
        }
    }
    for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
        strbuf_printf(&line, "; %s: %s", m->key, m->value);
    }
    if (hint == NULL) {
        hint = hint_of(error);
    }
    if (hint != NULL) {
        strbuf_printf(&line, "; %s", hint);
    }
    stderr_print_line(strbuf_slice(&line));
    strbuf_release(&line);
    return exit_code_of(error);
}
