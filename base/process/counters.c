#include "base/process/counters.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/core/memory.h"

struct entry {
    struct counter counter;
    const struct counter_info *info;
    struct entry *next; // its name is the next one
};

struct counters {
    struct entry *first;
};

struct counters *counters_new(void) {
    return mem_zalloc(sizeof(struct counters));
}

void counters_free(struct counters *counters) {
    if (counters == NULL) {
        return;
    }
    for (struct entry *entry = counters->first; entry != NULL;) {
        struct entry *next = entry->next;
        free(entry);
        entry = next;
    }
    free(counters);
}

static bool is_name(const char *name) {
    return name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

struct counter *counters_add(struct counters *counters, const struct counter_info *info) {
    CHECK(is_name(info->name));
    struct entry **place = &counters->first;
    while (*place != NULL && strcmp((*place)->info->name, info->name) < 0) {
        place = &(*place)->next;
    }
    CHECK(*place == NULL || strcmp((*place)->info->name, info->name) != 0);
    struct entry *entry = mem_zalloc(sizeof(*entry));
    entry->info = info;
    entry->next = *place;
    *place = entry;
    return &entry->counter;
}

void counters_visit(const struct counters *counters,
                    void (*visit)(void *context, const struct counter_info *info, int64_t value),
                    void *context) {
    for (const struct entry *entry = counters->first; entry != NULL; entry = entry->next) {
        visit(context, entry->info, counter_get(&entry->counter));
    }
}

static void log_one(void *context, const struct counter_info *info, int64_t value) {
    LOG((const struct logger *)context, LOG_DEBUG, "counted", log_own_text("name", info->name),
        log_int("value", value), log_own_text("unit", info->unit));
}

void counters_log(const struct counters *counters, const struct logger *log) {
    counters_visit(counters, log_one, (void *)log);
}
