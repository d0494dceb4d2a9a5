#include "ctl/command_error.h"

#include <ctype.h>
#include <string.h>

#include "base/core/strbuf.h"
#include "base/log/stderr_print.h"
#include "ctl/error_json.h"
#include "ctl/exit_code.h"

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
        return "leave --name out to have one made up; a client name is free again once its token "
               "is revoked (runsctl tokens revoke)";
    case REASON_TOKEN_WITHOUT_SECRET:
        return "another certificate with that name needs no other token; runsctl tokens revoke "
               "ends what this one opens";
    case REASON_TOKEN_ENDED:
        return "runsctl tokens create makes another one; one that has expired can be rotated with "
               "--expires-in";
    case REASON_IDEMPOTENCY_KEY_REUSED:
        return "give another --request-id, or none";
    case REASON_RUN_CHANGED:
        return "runsctl runs events shows what has happened";
    case REASON_STORE_LOCKED:
        return "changes go on by themselves once that program ends; lsof on the server's machine "
               "shows which have the store's file open";
    case REASON_STORE_FROZEN:
        return "changes go on by themselves when the freeze ends; runsctl store thaw on the "
               "server's machine ends it";
    case REASON_STORE_UNREACHABLE:
        return "changes go on by themselves once the database does: its primary must be reachable, "
               "with as many standbys as --require-replicas says";
    case REASON_DISK_FULL:
        return "changes go on by themselves once there is room on that disk";
    case REASON_READ_ONLY:
        return "runsctl organizations unfreeze ends that";
    case REASON_RUN_NOT_FINISHED:
        return "runsctl runs cancel ends it";
    case REASON_BULK_CANCEL_NOT_FOUND:
        return "runsctl bulk-cancels list shows those that there are";
    case REASON_BULK_CANCEL_LIMIT:
        return "runsctl bulk-cancels list shows them, and runsctl bulk-cancels abort ends one, a "
               "plan too";
    case REASON_BULK_CANCEL_ENDED:
        return "runsctl bulk-cancels get shows it";
    case REASON_ORGANIZATION_NOT_FROZEN:
        return "runsctl organizations freeze does it";
    default:
        return NULL;
    }
}

static const char *hint_of_quota(const struct error *error) {
    for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
        if (strcmp(m->key, "quota") == 0 && strcmp(m->value, "storedBytes") == 0) {
            return "there is room again when runs are deleted";
        }
    }
    return "there is room again when runs end";
}

// What helps against an error that a server answered.
static const char *hint_of(const struct invocation *in, const struct error *error) {
    enum reason reason = error_reason_of(error);
    bool is_unknown = reason == REASON_OUTCOME_UNKNOWN || reason == REASON_STORE_UNAVAILABLE;
    if (is_unknown && in->unknown_hint != NULL) {
        return in->unknown_hint;
    }
    const char *hint =
        reason == REASON_QUOTA_EXCEEDED ? hint_of_quota(error) : hint_of_reason(reason);
    if (hint != NULL) {
        return hint;
    }
    switch (error->code) {
    case STATUS_UNAUTHENTICATED:
        return "give a token with --token, --token-file or RUNSCTL_TOKEN (runsctl tokens create "
               "makes one)";
    case STATUS_PERMISSION_DENIED:
        return "use a token that has the scope (runsctl tokens create --scopes)";
    case STATUS_UNAVAILABLE:
    case STATUS_DEADLINE_EXCEEDED:
        return "see whether the server runs and --server or RUNSCTL_SERVER names it";
    case STATUS_RESOURCE_EXHAUSTED:
        return strstr(error->message, "try again") != NULL ? NULL : "try again in a moment";
    case STATUS_UNIMPLEMENTED:
        return "use the runsctl of the server's version";
    case STATUS_INTERNAL:
        return in->request_id[0] == '\0'
                   ? "the server's log says more"
                   : arena_printf(in->arena, "the server's log says more of request %s",
                                  in->request_id);
    default:
        return NULL;
    }
}

// Whether message has word as a word of its own.
static bool says(const char *message, const char *word) {
    size_t length = strlen(word);
    for (const char *p = strstr(message, word); length > 0 && p != NULL; p = strstr(p + 1, word)) {
        bool begins = p == message || !isalnum((unsigned char)p[-1]);
        if (begins && !isalnum((unsigned char)p[length])) {
            return true;
        }
    }
    return length == 0;
}

// What the message says already, a finished run's status say, is not said again.
static void print_line(const struct error *error, const char *hint) {
    struct strbuf line = STRBUF_INIT;
    strbuf_append_cstr(&line, "runsctl: ");
    size_t length = strlen(error->message);
    // The gateway's messages are sentences with a full stop; more follows here.
    length -= length > 0 && error->message[length - 1] == '.';
    strbuf_append(&line, error->message, length);
    for (const struct field_violation *v = error->violations; v != NULL; v = v->next) {
        if (strstr(error->message, v->description) == NULL) {
            strbuf_printf(&line, "; %s: %s", v->field, v->description);
        }
    }
    for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
        if (!says(error->message, m->value)) {
            strbuf_printf(&line, "; %s: %s", m->key, m->value);
        }
    }
    if (hint != NULL) {
        strbuf_printf(&line, "; %s", hint);
    }
    stderr_print_line(strbuf_slice(&line));
    strbuf_release(&line);
}

int command_error(const struct invocation *in, const struct error *error, const char *hint) {
    if (hint == NULL) {
        hint = hint_of(in, error);
    } else if (hint[0] == '\0') {
        hint = NULL;
    }
    if (in->json) {
        error_json_print(error, in->request_id, hint);
    } else {
        print_line(error, hint);
    }
    return (int)exit_code_of(error);
}
