#include "base/core/build_info.h"

#include <string.h>

void build_libraries_add(struct build_libraries *libraries, const char *name, const char *version) {
    for (size_t i = 0; i < libraries->count; i++) {
        if (strcmp(libraries->items[i].name, name) == 0) {
            return;
        }
    }
    if (libraries->count < BUILD_MOST_LIBRARIES) {
        libraries->items[libraries->count++] = (struct build_library){name, version};
    }
}

void build_info_append_text(struct strbuf *out, const char *program,
                            const struct build_libraries *libraries) {
    strbuf_printf(out, "%s %s\ncommit %s\ndate %s\n", program, build_info.version,
                  build_info.commit, build_info.date);
    for (size_t i = 0; i < libraries->count; i++) {
        const struct build_library *l = &libraries->items[i];
        strbuf_printf(out, "%s %s\n", l->name, l->version);
    }
}

static void append_member(struct strbuf *out, const char *before, const char *name,
                          const char *value) {
    strbuf_append_cstr(out, before);
    strbuf_append_json_string(out, slice_of_cstr(name));
    strbuf_append_byte(out, ':');
    strbuf_append_json_string(out, slice_of_cstr(value));
}

void build_info_append_json(struct strbuf *out, const char *program,
                            const struct build_libraries *libraries) {
    append_member(out, "{", "program", program);
    append_member(out, ",", "version", build_info.version);
    append_member(out, ",", "commit", build_info.commit);
    append_member(out, ",", "date", build_info.date);
    strbuf_append_cstr(out, ",\"libraries\":{");
    for (size_t i = 0; i < libraries->count; i++) {
        const struct build_library *l = &libraries->items[i];
        append_member(out, i > 0 ? "," : "", l->name, l->version);
    }
    strbuf_append_cstr(out, "}}");
}
