#include "base/cli/config_reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"

// What was read once, for as long as something may refer to it.
struct generation {
    struct generation *before;
    struct arena arena;
    struct configuration configuration;
};

struct config_reload {
    struct config_reload_options options;
    struct generation *newest; // NULL: that of the start
};

struct config_reload *config_reload_new(const struct config_reload_options *options) {
    struct config_reload *reload = mem_zalloc(sizeof(*reload));
    reload->options = *options;
    return reload;
}

static void release(struct generation *generation) {
    arena_release(&generation->arena);
    free(generation);
}

void config_reload_free(struct config_reload *reload) {
    if (reload == NULL) {
        return;
    }
    for (struct generation *g = reload->newest, *before; g != NULL; g = before) {
        before = g->before;
        release(g);
    }
    free(reload);
}

static bool is_same(const struct option_value *a, const struct option_value *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->texts[i], b->texts[i]) == 0;
    }
    return same;
}

static const char *shown(struct arena *a, const struct option_value *value) {
    const char *text = option_value_text(a, value);
    return text[0] != '\0' ? text : "none";
}

// Logs what has changed; returns how many options have, and of these how many change now.
static int log_changes(const struct config_reload *reload, const struct configuration *before,
                       struct generation *now, int *ret_live) {
    int changes = 0;
    for (size_t i = 0; i < now->configuration.count; i++) {
        const struct option_value *value = &now->configuration.values[i];
        const struct option_value *old = &before->values[i];
        if (is_same(old, value)) {
            continue;
        }
        changes++;
        *ret_live += value->row->reload;
        LOG(reload->options.log, value->row->reload ? LOG_INFO : LOG_WARN,
            value->row->reload ? "an option has changed"
                               : "an option has changed in the file: it takes effect at the next "
                                 "start",
            log_text("option", value->row->name), log_text("from", shown(&now->arena, old)),
            log_text("to", shown(&now->arena, value)));
    }
    return changes;
}

static const char *read_again(const struct config_reload *reload,
                              const struct configuration *before, struct generation *now,
                              void *options) {
    const struct config_reload_options *o = &reload->options;
    const char *problem = NULL;
    if (!command_line_read_again(&now->arena, o->line, before, options, &now->configuration,
                                 &problem)) {
        return problem;
    }
    const struct error *error = o->check(o->context, &now->arena, options);
    return error != NULL ? configuration_explain(&now->arena, &now->configuration, error)->message
                         : NULL;
}

bool config_reload_run(struct config_reload *reload) {
    const struct config_reload_options *o = &reload->options;
    if (o->configuration->file == NULL) {
        return false;
    }
    const struct configuration *before =
        reload->newest != NULL ? &reload->newest->configuration : o->configuration;
    struct generation *now = mem_zalloc(sizeof(*now));
    arena_init(&now->arena);
    void *options = arena_zalloc(&now->arena, o->options_size);
    const char *problem = read_again(reload, before, now, options);
    int changes = 0;
    int live = 0;
    if (problem != NULL) {
        LOG(o->log, LOG_ERROR, "the configuration was not read again: all options stay",
            log_text("error", problem));
    } else {
        changes = log_changes(reload, before, now, &live);
        if (live > 0) {
            o->apply(o->context, options);
        }
        LOG(o->log, LOG_INFO, "the configuration was read again",
            log_text("file", o->configuration->file), log_int("changed", live),
            log_int("atNextStart", changes - live));
    }
    if (changes > 0) {
        now->before = reload->newest;
        reload->newest = now;
    } else {
        release(now);
    }
    return true;
}
