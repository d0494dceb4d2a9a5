#include "ctl/exit_code.h"

const char exit_code_help[] =
    "Exit codes: 0 done, 1 failed, 2 wrong usage or a refused value, 3 not found,\n"
    "4 conflict (already finished, already there, a quota is used up), 5 no valid\n"
    "token or scope,\n"
    "6 server not available (nobody listens, busy, too slow), 7 not yet (the time of\n"
    "--wait or --within is over), 8 the run that was waited for failed, 9 it was\n"
    "cancelled.\n";

enum exit_code exit_code_of(const struct error *error) {
    if (error == NULL) {
        return EXIT_CODE_OK;
    }
    if (error_reason_of(error) == REASON_QUOTA_EXCEEDED) {
        return EXIT_CODE_CONFLICT; // nothing is overloaded
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
