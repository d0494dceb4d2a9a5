#include "bench/load/load_options.h"

#include <stdio.h>

#include "base/core/strbuf.h"
#include "bench/load/option_number.h"

bool load_options_take(struct load_options *o, int option, const char *value) {
    switch (option) {
    case LOAD_OPTION_CONNECT:
        o->connect = value;
        return true;
    case LOAD_OPTION_TARGETS:
        o->targets_file = value;
        return true;
    case LOAD_OPTION_FIRST:
        return option_number(o->program, "--first", value, 0, 1e12, &o->first);
    case LOAD_OPTION_ONCE:
        o->once = true;
        return true;
    case LOAD_OPTION_SECONDS:
        return option_number(o->program, "--seconds", value, 0.001, 1e6, &o->seconds);
    case LOAD_OPTION_COUNT:
        return option_number(o->program, "--count", value, 1, 1e12, &o->count);
    case LOAD_OPTION_HELP:
        o->help = true;
        return true;
    default:
        return false;
    }
}

bool load_options_complete(const struct load_options *o) {
    return o->connect != NULL && o->targets_file != NULL &&
           (o->seconds > 0 || o->count > 0 || o->once);
}

const struct error *load_options_open(struct arena *a, struct load_options *o) {
    const struct error *error = address_parse(a, "--connect", o->connect, &o->server);
    if (error == NULL) {
        error = targets_read(a, o->targets_file, &o->targets);
    }
    if (error == NULL && (uint64_t)o->first >= o->targets.count) {
        error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                          "--first must be below the number of targets, %zu, is %.0f",
                          o->targets.count, o->first);
    }
    return error;
}

void load_options_close(struct load_options *o) {
    targets_release(&o->targets);
}

int load_options_tell(const struct load_options *o, const struct error *error,
                      const struct load_report *report) {
    if (error != NULL) {
        (void)fprintf(stderr, "%s: %s\n", o->program, error->message);
        return 1;
    }
    struct strbuf out = STRBUF_INIT;
    load_report_write(report, &out);
    printf("%.*s\n", SLICE_FMT(strbuf_slice(&out)));
    strbuf_release(&out);
    return 0;
}
