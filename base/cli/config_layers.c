#include "base/cli/config_layers.h"

#include <stdlib.h>
#include <string.h>

#include "base/cli/config_file.h"
#include "base/cli/did_you_mean.h"
#include "base/cli/option_value.h"

static const char blanks[] = " \t\r\n";

static const struct cli_option file_rows[] = {
    {.name = "--config",
     .value = "FILE",
     CLI_TEXT_AT(struct config_flags, file),
     .environment = "RUNSD_CONFIG",
     .help = "YAML with options, a section for each program"},
    {.name = NULL},
};

static const struct cli_option check_rows[] = {
    {.name = "--check-config",
     CLI_FLAG_AT(struct config_flags, is_check),
     .help = "starts nothing: checks all as a start would, and prints each option's value and "
             "where it comes from"},
    {.name = NULL},
};

static bool is_own(const struct cli_option *row) {
    return row == &file_rows[0] || row == &check_rows[0];
}

const char *config_layers_section(const struct cli_option *row, const char *section) {
    return is_own(row) ? NULL : row->section != NULL ? row->section : section;
}

bool config_layers_has_any(const struct cli_table *tables, const char *section) {
    for (struct cli_walk w = cli_option_first(tables); w.row != NULL; w = cli_option_next(w)) {
        if (config_layers_section(w.row, section) != NULL) {
            return true;
        }
    }
    return false;
}

const struct cli_table *config_layers_tables(struct arena *a, const struct cli_table *tables,
                                             const char *section) {
    size_t count = 0;
    while (tables != NULL && tables[count].rows != NULL) {
        count++;
    }
    struct cli_table *all = ARENA_ARRAY(a, struct cli_table, count + 3);
    memcpy(all, count > 0 ? tables : all, count * sizeof(*all));
    if (config_layers_has_any(tables, section)) {
        all[count++].rows = file_rows;
        all[count].rows = section != NULL ? check_rows : NULL;
    }
    return all;
}

const char *config_layers_variable(struct arena *a, const struct cli_option *row,
                                   const char *section) {
    if (row->environment != NULL || section == NULL) {
        return row->environment;
    }
    bool is_client = strcmp(section, "runsctl") == 0;
    char *name = arena_printf(a, "%s_%s", is_client ? "RUNSCTL" : "RUNSD",
                              row->name + strspn(row->name, "-"));
    for (char *c = name; *c != '\0'; c++) {
        *c = (char)(*c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? *c - ('a' - 'A') : *c);
    }
    return name;
}

void config_layers_make(struct arena *a, const struct cli_table *tables, const char *section,
                        char *options, struct config_flags *flags,
                        struct configuration *ret_configuration) {
    const struct cli_table *all = config_layers_tables(a, tables, section);
    size_t count = 0;
    for (struct cli_walk w = cli_option_first(all); w.row != NULL; w = cli_option_next(w)) {
        count++;
    }
    struct option_value *values = ARENA_ARRAY(a, struct option_value, count + 1);
    struct option_value *value = values;
    for (struct cli_walk w = cli_option_first(all); w.row != NULL; w = cli_option_next(w)) {
        const char *own = config_layers_section(w.row, section);
        *value++ = (struct option_value){
            .row = w.row,
            .options = is_own(w.row) ? (char *)flags : options + w.table->offset,
            .section = own,
            .variable = config_layers_variable(a, w.row, own),
        };
    }
    ret_configuration->values = values;
    ret_configuration->count = count;
}

// --- the environment ---

static const char *of_variable(struct arena *a, const struct option_value *v, const char *problem) {
    return problem == NULL ? NULL : arena_printf(a, "%s: %s", v->variable, problem);
}

// Takes the words of text; a variable of the row's own is one value, as it always was.
static const char *take_words(struct arena *a, struct option_value *v, const char *text) {
    if (v->row->kind != CLI_LIST || v->row->environment != NULL) {
        return option_value_take(a, v, text);
    }
    const char *problem = NULL;
    for (text += strspn(text, blanks); problem == NULL && *text != '\0';) {
        size_t length = strcspn(text, blanks);
        problem = option_value_take(a, v, arena_cstr(a, slice_of(text, length)));
        text += length;
        text += strspn(text, blanks);
    }
    return problem;
}

// Takes the option's variable, if it is set and not empty.
static const char *take_variable(struct arena *a, struct option_value *v) {
    const char *text = v->variable != NULL ? getenv(v->variable) : NULL;
    bool is_list = v->row->kind == CLI_LIST && v->row->environment == NULL;
    if (text == NULL || text[is_list ? strspn(text, blanks) : 0] == '\0') {
        return NULL;
    }
    v->origin = OPTION_BY_ENVIRONMENT;
    return of_variable(a, v, take_words(a, v, text));
}

// --- the file ---

static const char *place_of(struct arena *a, const struct config_file *file,
                            struct config_mark mark) {
    return arena_printf(a, "%s:%d:%d", file->path, mark.line, mark.column);
}

static struct option_value *find(const struct configuration *c, const char *section,
                                 const char *name) {
    for (size_t i = 0; i < c->count; i++) {
        struct option_value *v = &c->values[i];
        if (v->section != NULL && strcmp(v->section, section) == 0 &&
            strcmp(v->row->name + strspn(v->row->name, "-"), name) == 0) {
            return v;
        }
    }
    return NULL;
}

static const char *refuse_name(struct arena *a, const struct configuration *c,
                               const struct config_file *file, const char *section,
                               const struct config_text *name) {
    const char *given = name->text + strspn(name->text, "-");
    struct did_you_mean meant = {.given = given, .length = strlen(given)};
    if (find(c, section, given) != NULL) {
        meant.best = given; // it was written with its dashes
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct option_value *v = &c->values[i];
        if (v->section != NULL && strcmp(v->section, section) == 0) {
            did_you_mean_consider(&meant, v->row->name + strspn(v->row->name, "-"));
        }
    }
    return arena_printf(a, "%s: %s has no option %s%s", place_of(a, file, name->mark), section,
                        name->text, did_you_mean_text(a, meant.best));
}

// Takes an entry's values: for what counts, or, where something else does, only to check them.
static const char *take_entry(struct arena *a, const struct config_file *file, const char *section,
                              const struct config_entry *entry, struct option_value *v) {
    const char *name = entry->name.text;
    bool is_one = !entry->is_list;
    const char *place = place_of(a, file, is_one ? entry->values[0].mark : entry->name.mark);
    if (v->row->is_secret) {
        return arena_printf(a, "%s: %s.%s: a secret cannot stand in the file; $%s may have it",
                            place, section, name, v->variable);
    }
    if (entry->is_list && v->row->kind != CLI_LIST) {
        return arena_printf(a, "%s: %s.%s: it takes one value, not a list", place, section, name);
    }
    struct option_value taken = *v;
    taken.texts = NULL;
    taken.count = 0;
    taken.origin = OPTION_BY_FILE;
    taken.place = place;
    for (size_t i = 0; i < entry->count; i++) {
        const char *problem = option_value_take(a, &taken, entry->values[i].text);
        if (problem != NULL) {
            return arena_printf(a, "%s: %s.%s: %s", place_of(a, file, entry->values[i].mark),
                                section, name, problem);
        }
    }
    if (v->origin == OPTION_BY_DEFAULT) {
        *v = taken;
    }
    return NULL;
}

static const char *take_section(struct arena *a, const struct configuration *c,
                                const struct config_file *file,
                                const struct config_section *section) {
    const char *problem = NULL;
    for (size_t i = 0; section != NULL && problem == NULL && i < section->count; i++) {
        const struct config_entry *entry = &section->entries[i];
        struct option_value *v = find(c, section->name.text, entry->name.text);
        problem = v == NULL ? refuse_name(a, c, file, section->name.text, &entry->name)
                            : take_entry(a, file, section->name.text, entry, v);
    }
    return problem;
}

// Takes the sections that any option of the command line belongs to.
static const char *take_file(struct arena *a, struct configuration *c, const char *name) {
    struct config_file file;
    const struct error *error = config_file_read(a, name, c->file, &file);
    if (error != NULL) {
        return error->message;
    }
    const char *problem = NULL;
    for (size_t s = 0; problem == NULL && config_file_sections[s] != NULL; s++) {
        bool is_ours = false;
        for (size_t i = 0; i < c->count; i++) {
            const char *section = c->values[i].section;
            is_ours = is_ours || (section != NULL && strcmp(section, config_file_sections[s]) == 0);
        }
        if (is_ours) {
            problem =
                take_section(a, c, &file, config_file_section(&file, config_file_sections[s]));
        }
    }
    return problem;
}

// --- all of them ---

static const char *take_variables(struct arena *a, const struct configuration *c) {
    const char *problem = NULL;
    for (size_t i = 0; problem == NULL && i < c->count; i++) {
        struct option_value *v = &c->values[i];
        if (v->origin == OPTION_BY_DEFAULT) {
            problem = take_variable(a, v);
        }
    }
    return problem;
}

static const char *take_defaults(struct arena *a, const struct configuration *c) {
    for (size_t i = 0; i < c->count; i++) {
        struct option_value *v = &c->values[i];
        if (v->origin != OPTION_BY_DEFAULT) {
            continue;
        }
        if (v->row->is_required) {
            return arena_printf(a, "%s %s is missing", v->row->name, v->row->value);
        }
        option_value_take_default(a, v);
    }
    return NULL;
}

const char *config_layers_fill(struct arena *a, struct configuration *configuration) {
    const char *problem = take_variables(a, configuration);
    for (size_t i = 0; problem == NULL && i < configuration->count; i++) {
        const struct option_value *v = &configuration->values[i];
        if (v->row == &file_rows[0] && v->count > 0 && v->texts[0][0] != '\0') {
            configuration->file = v->texts[0];
            problem = take_file(a, configuration, option_value_name(a, v));
        } else if (v->row == &check_rows[0] && v->count > 0) {
            configuration->is_check = v->number != 0;
        }
    }
    if (problem == NULL) {
        problem = take_defaults(a, configuration);
    }
    for (size_t i = 0; problem == NULL && i < configuration->count; i++) {
        option_value_store(&configuration->values[i]);
    }
    return problem;
}
