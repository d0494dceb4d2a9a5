#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "base/cli/config_file.h"
#include "base/cli/did_you_mean.h"
#include "base/core/utf8.h"

// The YAML of a configuration file: libyaml's events, of which few are taken.

const char *const config_file_sections[] = {"runsd", "runs-gateway", "runsctl serve", "runsctl",
                                            NULL};

struct parse {
    struct arena *arena;
    const char *path;
    struct slice text;
    yaml_parser_t parser;
    yaml_event_t event; // the one at hand; zeroed before the first
    const struct error *error;
};

void config_file_libraries_add(struct build_libraries *libraries) {
    build_libraries_add(libraries, "libyaml", yaml_get_version_string());
}

const struct config_section *config_file_section(const struct config_file *file, const char *name) {
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->sections[i].name.text, name) == 0) {
            return &file->sections[i];
        }
    }
    return NULL;
}

// --- errors; functions return false once there is one ---

__attribute__((format(printf, 3, 4))) static bool fail(struct parse *p, struct config_mark mark,
                                                       const char *format, ...) {
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(p->arena, format, args);
    va_end(args);
    p->error = error_new(p->arena, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s:%d:%d: %s", p->path,
                         mark.line, mark.column, text);
    return false;
}

// Of the byte at offset, in text that is UTF-8 before it.
static struct config_mark mark_of_offset(struct slice text, size_t offset) {
    struct config_mark mark = {1, 1};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.data[i] == '\n') {
            mark = (struct config_mark){mark.line + 1, 1};
        } else if ((text.data[i] & 0xC0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static struct config_mark mark_of(yaml_mark_t mark) {
    return (struct config_mark){(int)mark.line + 1, (int)mark.column + 1};
}

static bool fail_of_yaml(struct parse *p) {
    const yaml_parser_t *parser = &p->parser;
    struct config_mark mark = parser->error == YAML_READER_ERROR
                                  ? mark_of_offset(p->text, parser->problem_offset)
                                  : mark_of(parser->problem_mark);
    const char *context = parser->context != NULL ? parser->context : "";
    return fail(p, mark, "this is no YAML: %s%s%s%s",
                parser->problem != NULL ? parser->problem : "it cannot be read",
                context[0] != '\0' ? " (" : "", context, context[0] != '\0' ? ")" : "");
}

static const char *list_sections(struct arena *a) {
    const char *list = config_file_sections[0];
    for (size_t i = 1; config_file_sections[i] != NULL; i++) {
        bool is_last = config_file_sections[i + 1] == NULL;
        list = arena_printf(a, "%s%s%s", list, is_last ? " and " : ", ", config_file_sections[i]);
    }
    return list;
}

// --- events ---

static bool next(struct parse *p) {
    yaml_event_delete(&p->event);
    if (!yaml_parser_parse(&p->parser, &p->event)) {
        memset(&p->event, 0, sizeof(p->event));
        return fail_of_yaml(p);
    }
    return true;
}

static struct config_mark mark_here(const struct parse *p) {
    return mark_of(p->event.start_mark);
}

// Refuses what YAML has beyond plain values at the event, which is where what stands.
static bool check_plain(struct parse *p, const char *what) {
    const yaml_event_t *e = &p->event;
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (e->type == YAML_ALIAS_EVENT) {
        return fail(p, mark_here(p), "%s: an alias (*%s) cannot stand here: write the value itself",
                    what, (const char *)e->data.alias.anchor);
    }
    if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
    }
    if (anchor != NULL) {
        return fail(p, mark_here(p), "%s: an anchor (&%s) cannot stand here", what,
                    (const char *)anchor);
    }
    return tag == NULL ||
           fail(p, mark_here(p), "%s: a tag (%s) cannot stand here: every value is text", what,
                (const char *)tag);
}

// Whether the scalar is YAML's "no value": in quotes it would be text.
static bool is_null(const yaml_event_t *e) {
    const char *text = (const char *)e->data.scalar.value;
    return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

// Takes the scalar at hand.
static bool take_text(struct parse *p, const char *what, struct config_text *ret) {
    const yaml_event_t *e = &p->event;
    struct slice text = slice_of(e->data.scalar.value, e->data.scalar.length);
    if (memchr(text.data, '\0', text.len) != NULL) {
        return fail(p, mark_here(p), "%s: there is a NUL in it", what);
    }
    *ret = (struct config_text){arena_cstr(p->arena, text), mark_here(p)};
    return true;
}

// Returns items with room for one more behind the count that there are.
static void *with_room(struct arena *a, void *items, size_t count, size_t size) {
    if ((count & (count + 1)) != 0) {
        return items; // there is room until count is a power of two less one
    }
    char *more = arena_alloc(a, 2 * (count + 1) * size);
    if (count > 0) {
        memcpy(more, items, count * size);
    }
    return more;
}

// --- the shape ---

static bool read_scalar(struct parse *p, const char *name, struct config_entry *entry) {
    if (is_null(&p->event)) {
        return fail(p, mark_here(p), "%s: there is no value; leave the line out for the default",
                    name);
    }
    entry->values = with_room(p->arena, entry->values, entry->count, sizeof(*entry->values));
    return take_text(p, name, &entry->values[entry->count]) && ++entry->count > 0;
}

static bool read_sequence(struct parse *p, const char *name, struct config_entry *entry) {
    entry->is_list = true;
    while (next(p) && p->event.type != YAML_SEQUENCE_END_EVENT) {
        if (!check_plain(p, name)) {
            return false;
        }
        if (p->event.type != YAML_SCALAR_EVENT) {
            return fail(p, mark_here(p), "%s: a list holds values, no lists and no tables", name);
        }
        if (entry->count == CONFIG_FILE_MOST_VALUES) {
            return fail(p, mark_here(p), "%s: a list has %d values at most", name,
                        CONFIG_FILE_MOST_VALUES);
        }
        if (!read_scalar(p, name, entry)) {
            return false;
        }
    }
    return p->error == NULL;
}

static bool read_value(struct parse *p, const char *name, struct config_entry *entry) {
    if (!next(p) || !check_plain(p, name)) {
        return false;
    }
    switch (p->event.type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(p, name, entry);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(p, name, entry);
    default:
        return fail(p, mark_here(p), "%s: a value is text or a list of texts, no table", name);
    }
}

// Whether the name at hand may be taken.
static bool take_name(struct parse *p, const char *what, struct config_text *ret) {
    if (!check_plain(p, what)) {
        return false;
    }
    if (p->event.type != YAML_SCALAR_EVENT) {
        return fail(p, mark_here(p), "%s: a name is one word, no list and no table", what);
    }
    return take_text(p, what, ret);
}

static bool check_new(struct parse *p, const char *name, struct config_mark mark,
                      struct config_mark before) {
    return fail(p, mark, "%s is there twice; the first is in line %d", name, before.line);
}

static bool read_entry(struct parse *p, struct config_section *section) {
    struct config_entry entry = {.name = {.text = ""}};
    const char *in = section->name.text;
    if (section->count == CONFIG_FILE_MOST_OPTIONS) {
        return fail(p, mark_here(p), "%s: a section has %d options at most", in,
                    CONFIG_FILE_MOST_OPTIONS);
    }
    if (!take_name(p, in, &entry.name)) {
        return false;
    }
    const char *name = arena_printf(p->arena, "%s.%s", in, entry.name.text);
    for (size_t i = 0; i < section->count; i++) {
        if (strcmp(section->entries[i].name.text, entry.name.text) == 0) {
            return check_new(p, name, entry.name.mark, section->entries[i].name.mark);
        }
    }
    if (!read_value(p, name, &entry)) {
        return false;
    }
    section->entries =
        with_room(p->arena, section->entries, section->count, sizeof(*section->entries));
    section->entries[section->count++] = entry;
    return true;
}

static bool read_entries(struct parse *p, struct config_section *section) {
    const char *name = section->name.text;
    if (!next(p) || !check_plain(p, name)) {
        return false;
    }
    if (p->event.type == YAML_SCALAR_EVENT && is_null(&p->event)) {
        return true; // all of its lines are comments
    }
    if (p->event.type != YAML_MAPPING_START_EVENT) {
        return fail(p, mark_here(p), "%s: a section holds options, as in \"log-level: info\"",
                    name);
    }
    while (next(p) && p->event.type != YAML_MAPPING_END_EVENT) {
        if (!read_entry(p, section)) {
            return false;
        }
    }
    return p->error == NULL;
}

static bool fail_of_section(struct parse *p, const struct config_text *name) {
    struct did_you_mean meant = {.given = name->text, .length = strlen(name->text)};
    for (size_t i = 0; config_file_sections[i] != NULL; i++) {
        did_you_mean_consider(&meant, config_file_sections[i]);
    }
    return fail(p, name->mark, "there is no section \"%s\"%s: the sections are %s", name->text,
                did_you_mean_text(p->arena, meant.best), list_sections(p->arena));
}

static bool read_section(struct parse *p, struct config_file *file) {
    struct config_section section = {.name = {.text = ""}};
    if (!take_name(p, "the name of a section", &section.name)) {
        return false;
    }
    bool is_known = false;
    for (size_t i = 0; config_file_sections[i] != NULL; i++) {
        is_known = is_known || strcmp(config_file_sections[i], section.name.text) == 0;
    }
    if (!is_known) {
        return fail_of_section(p, &section.name);
    }
    const struct config_section *before = config_file_section(file, section.name.text);
    if (before != NULL) {
        return check_new(p, section.name.text, section.name.mark, before->name.mark);
    }
    if (!read_entries(p, &section)) {
        return false;
    }
    file->sections = with_room(p->arena, file->sections, file->count, sizeof(*file->sections));
    file->sections[file->count++] = section;
    return true;
}

static bool read_document(struct parse *p, struct config_file *file) {
    static const char top[] = "the file";
    if (!next(p) || !check_plain(p, top)) {
        return false;
    }
    if (p->event.type == YAML_SCALAR_EVENT && is_null(&p->event)) {
        return next(p); // to the document's end
    }
    if (p->event.type != YAML_MAPPING_START_EVENT) {
        return fail(p, mark_here(p), "the file holds sections: %s", list_sections(p->arena));
    }
    while (next(p) && p->event.type != YAML_MAPPING_END_EVENT) {
        if (!read_section(p, file)) {
            return false;
        }
    }
    return p->error == NULL && next(p);
}

static bool read_stream(struct parse *p, struct config_file *file) {
    if (!next(p)) { // the stream's start
        return false;
    }
    if (!next(p)) {
        return false;
    }
    if (p->event.type == YAML_STREAM_END_EVENT) {
        return true;
    }
    if (!read_document(p, file) || !next(p)) {
        return false;
    }
    return p->event.type == YAML_STREAM_END_EVENT ||
           fail(p, mark_here(p), "a second document begins here; there can be one only");
}

// Where text is no UTF-8; its length if it is.
static size_t valid_length(struct slice text) {
    size_t i = 0;
    while (i < text.len) {
        size_t length = utf8_sequence_length(text.data + i, text.len - i);
        if (length == 0) {
            break;
        }
        i += length;
    }
    return i;
}

const struct error *config_file_parse(struct arena *a, const char *path, struct slice text,
                                      struct config_file *ret_file) {
    struct parse p = {.arena = a, .path = path, .text = text};
    size_t valid = valid_length(text);
    if (valid < text.len) {
        fail(&p, mark_of_offset(text, valid), "this byte is no UTF-8");
        return p.error;
    }
    struct config_file file = {.path = path};
    if (!yaml_parser_initialize(&p.parser)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: there is no memory", path);
    }
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    const uint8_t *bytes = text.len > 0 ? text.data : (const uint8_t *)""; // which may be NULL
    yaml_parser_set_input_string(&p.parser, bytes, text.len);
    if (read_stream(&p, &file)) {
        *ret_file = file;
    }
    yaml_event_delete(&p.event);
    yaml_parser_delete(&p.parser);
    return p.error;
}
