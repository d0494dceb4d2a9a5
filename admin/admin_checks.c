#include "admin/admin_checks.h"

#include "base/core/check.h"

static const char *const stages[] = {
    [ADMIN_STARTING] = "starting",
    [ADMIN_SERVING] = "serving",
    [ADMIN_STOPPING] = "stopping",
};

void admin_checks_init(struct admin_checks *checks) {
    *checks = (struct admin_checks){.stage = ADMIN_STARTING};
    pthread_mutex_init(&checks->mutex, NULL);
}

void admin_checks_release(struct admin_checks *checks) {
    pthread_mutex_destroy(&checks->mutex);
}

void admin_checks_set_stage(struct admin_checks *checks, enum admin_stage stage) {
    pthread_mutex_lock(&checks->mutex);
    checks->stage = stage;
    pthread_mutex_unlock(&checks->mutex);
}

void admin_checks_add(struct admin_checks *checks, const struct admin_check *check) {
    pthread_mutex_lock(&checks->mutex);
    CHECK(checks->count < ADMIN_MOST_CHECKS);
    checks->items[checks->count++] = *check;
    pthread_mutex_unlock(&checks->mutex);
}

void admin_checks_remove(struct admin_checks *checks, void *context) {
    pthread_mutex_lock(&checks->mutex);
    size_t kept = 0;
    for (size_t i = 0; i < checks->count; i++) {
        if (checks->items[i].context != context) {
            checks->items[kept++] = checks->items[i];
        }
    }
    checks->count = kept;
    pthread_mutex_unlock(&checks->mutex);
}

void admin_checks_visit(struct admin_checks *checks,
                        void (*visit)(void *context, const char *name, bool is_ok), void *context) {
    char detail[ADMIN_DETAIL_SIZE];
    pthread_mutex_lock(&checks->mutex);
    visit(context, "stage", checks->stage == ADMIN_SERVING);
    for (size_t i = 0; i < checks->count; i++) {
        const struct admin_check *check = &checks->items[i];
        visit(context, check->name, check->is_ok(check->context, detail));
    }
    pthread_mutex_unlock(&checks->mutex);
}

static void append(struct strbuf *out, const char *name, bool is_ok, const char *detail) {
    strbuf_append_cstr(out, "{\"name\":");
    strbuf_append_json_string(out, slice_of_cstr(name));
    strbuf_append_cstr(out, is_ok ? ",\"ok\":true" : ",\"ok\":false");
    if (detail[0] != '\0') {
        strbuf_append_cstr(out, ",\"detail\":");
        strbuf_append_json_string(out, slice_of_cstr(detail));
    }
    strbuf_append_byte(out, '}');
}

bool admin_checks_ask(struct admin_checks *checks, struct strbuf *out) {
    struct strbuf list = STRBUF_INIT;
    pthread_mutex_lock(&checks->mutex);
    bool all_ok = checks->stage == ADMIN_SERVING;
    append(&list, "stage", all_ok, stages[checks->stage]);
    for (size_t i = 0; i < checks->count; i++) {
        const struct admin_check *check = &checks->items[i];
        char detail[ADMIN_DETAIL_SIZE] = "";
        bool is_ok = check->is_ok(check->context, detail);
        strbuf_append_byte(&list, ',');
        append(&list, check->name, is_ok, detail);
        all_ok = all_ok && (is_ok || check->is_told_only);
    }
    pthread_mutex_unlock(&checks->mutex);
    strbuf_append_cstr(out, all_ok ? "{\"status\":\"ok\"" : "{\"status\":\"unavailable\"");
    strbuf_append_cstr(out, ",\"checks\":[");
    strbuf_append_slice(out, strbuf_slice(&list));
    strbuf_append_cstr(out, "]}\n");
    strbuf_release(&list);
    return all_ok;
}
