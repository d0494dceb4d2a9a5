#include "base/cli/configuration.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cli/did_you_mean.h"
#include "base/core/strbuf.h"
#include "base/log/stderr_print.h"

// --- errors ---

// Whether message begins with the name, as a word.
static bool begins_with(const char *message, const char *name) {
    size_t length = name != NULL ? strlen(name) : 0;
    if (length == 0 || strncmp(message, name, length) != 0) {
        return false;
    }
    char c = message[length];
    return c == ':' || c == ' ' || c == ',';
}

const struct error *configuration_explain(struct arena *a,
                                          const struct configuration *configuration,
                                          const struct error *error) {
    for (size_t i = 0; i < configuration->count; i++) {
        const struct option_value *v = &configuration->values[i];
        const char *name = begins_with(error->message, v->row->name)  ? v->row->name
                           : begins_with(error->message, v->variable) ? v->variable
                                                                      : NULL;
        if (name != NULL && v->origin != OPTION_BY_DEFAULT) {
            struct error *told = ARENA_NEW(a, struct error);
            *told = *error;
            told->message =
                arena_printf(a, "%s%s", option_value_name(a, v), error->message + strlen(name));
            return told;
        }
    }
    return error;
}

// --- --check-config ---

// Where the value comes from.
static const char *origin_of(struct arena *a, const struct option_value *v) {
    switch (v->origin) {
    case OPTION_BY_FILE:
        return v->place;
    case OPTION_BY_ENVIRONMENT:
        return arena_printf(a, "$%s", v->variable);
    case OPTION_BY_ARGUMENT:
        return "the command line";
    default:
        return "the default";
    }
}

static void print_value(struct arena *a, const struct option_value *v) {
    const char *text = option_value_text(a, v);
    const struct cli_option *o = v->row;
    if (text[0] == '\0' && v->origin == OPTION_BY_DEFAULT) {
        text = o->kind == CLI_FLAG ? "false" : o->default_help != NULL ? o->default_help : "none";
    }
    printf("%s = %s  (%s)\n", o->name + strspn(o->name, "-"), text, origin_of(a, v));
}

// --- variables that nobody reads ---

static bool is_read(const struct configuration *c, const char *name) {
    for (size_t i = 0; i < c->count; i++) {
        const char *variable = c->values[i].variable;
        if (variable != NULL && strcmp(variable, name) == 0) {
            return true;
        }
    }
    return false;
}

static void warn_of(struct arena *a, const struct configuration *c, const char *program,
                    const char *name) {
    struct did_you_mean meant = {.given = name, .length = strlen(name)};
    for (size_t i = 0; i < c->count; i++) {
        if (c->values[i].variable != NULL) {
            did_you_mean_consider(&meant, c->values[i].variable);
        }
    }
    struct strbuf line = STRBUF_INIT;
    strbuf_printf(&line, "%s: warning: %s is set, and no option of it%s", program, name,
                  did_you_mean_text(a, meant.best));
    stderr_print_line(strbuf_slice(&line));
    strbuf_release(&line);
}

static void warn_of_variables(struct arena *a, const struct configuration *c, const char *program) {
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
        if (strncmp(*variable, "RUNSD_", strlen("RUNSD_")) == 0) {
            const char *name = arena_cstr(a, slice_of(*variable, strcspn(*variable, "=")));
            if (!is_read(c, name)) {
                warn_of(a, c, program, name);
            }
        }
    }
}

void configuration_print(const struct configuration *configuration, const char *program) {
    struct arena a;
    arena_init(&a);
    warn_of_variables(&a, configuration, program);
    printf("ok\n");
    for (size_t i = 0; i < configuration->count; i++) {
        if (configuration->values[i].section != NULL) {
            print_value(&a, &configuration->values[i]);
        }
    }
    arena_release(&a);
}
