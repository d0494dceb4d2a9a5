#include "storage/postgres/conninfo.h"

#include <postgresql/libpq-fe.h>
#include <string.h>

static const char scheme[] = "postgres:";

static const char *to_conninfo(struct arena *a, const char *location) {
    return strncmp(location, "//", 2) == 0 ? arena_printf(a, "%s%s", scheme, location) : location;
}

// libpq marks what is not to be shown by an asterisk.
static bool is_secret(const PQconninfoOption *option) {
    return option->val != NULL && strchr(option->dispchar, '*') != NULL;
}

static const PQconninfoOption *find_secret(const PQconninfoOption *options) {
    for (; options->keyword != NULL; options++) {
        if (is_secret(options)) {
            return options;
        }
    }
    return NULL;
}

const struct error *conninfo_of_location(struct arena *a, const char *what, const char *location,
                                         const char **ret_conninfo) {
    const char *conninfo = to_conninfo(a, location);
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &message);
    PQfreemem(message); // may quote a password
    if (options == NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s is none that libpq can read; expected postgres://USER@HOST/DATABASE, "
                         "where other characters than letters and digits are written as %%XX, or "
                         "postgres: and libpq's keywords, as postgres:service=runsd",
                         what);
    }
    const PQconninfoOption *secret = find_secret(options);
    const struct error *error = NULL;
    if (secret != NULL) {
        error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                          "%s has a %s, which would stand in the list of processes; put it into a "
                          "file: ~/.pgpass, the one that passfile=PATH names, or libpq's service "
                          "file",
                          what, arena_printf(a, "%s", secret->keyword));
    } else {
        *ret_conninfo = conninfo;
    }
    PQconninfoFree(options);
    return error;
}

const struct error *conninfo_of_url(struct arena *a, const char *what, const char *url,
                                    const char **ret_conninfo) {
    if (strncmp(url, scheme, strlen(scheme)) != 0) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s does not begin with %s", what,
                         scheme);
    }
    return conninfo_of_location(a, what, url + strlen(scheme), ret_conninfo);
}

const char *conninfo_describe(struct arena *a, const char *location) {
    PQconninfoOption *options = PQconninfoParse(to_conninfo(a, location), NULL);
    if (options == NULL) {
        return "postgres: (unreadable)";
    }
    const char *text = "postgres:";
    if (find_secret(options) == NULL) {
        text = arena_printf(a, "%s%s", scheme, location);
    } else {
        const char *gap = "";
        for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
            if (o->val != NULL && !is_secret(o)) {
                text = arena_printf(a, "%s%s%s=%s", text, gap, o->keyword, o->val);
                gap = " ";
            }
        }
    }
    PQconninfoFree(options);
    return text;
}
