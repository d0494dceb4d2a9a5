#include "base/cli/command_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli/cli_help.h"
#include "base/cli/did_you_mean.h"
#include "base/cli/standard_files.h"
#include "base/core/check.h"
#include "base/core/strbuf.h"
#include "base/log/stderr_print.h"

enum { NOT_WRITTEN = 1, WRONG_USAGE = 2 };

// An option while the arguments are read.
struct slot {
    const struct cli_option *row;
    char *options; // the struct that the row's offsets are of
    bool is_given;
    const char **items; // of a LIST
};

struct reader {
    struct arena *arena;
    const struct command_line *line;
    int count;
    char **arguments;
    struct slot *slots;
    size_t slot_count;
};

// --- printing ---

static const char *command_of(const struct command_line *line) {
    return line->command != NULL ? line->command : "";
}

static const char *space_before_command(const struct command_line *line) {
    return line->command != NULL ? " " : "";
}

void command_line_complain(const struct command_line *line, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (line->complain != NULL) {
        line->complain(line, text);
        return;
    }
    struct strbuf told = STRBUF_INIT;
    strbuf_printf(&told, "%s: %s; see %s%s%s --help", line->program, text, line->program,
                  space_before_command(line), command_of(line));
    stderr_print_line(strbuf_slice(&told));
    strbuf_release(&told);
}

static void print_help(const struct command_line *line) {
    bool has_options = cli_option_first(line->tables).row != NULL;
    printf("usage: %s%s%s%s%s%s\n\n%s\n", line->program, space_before_command(line),
           command_of(line), line->operands[0] != '\0' ? " " : "", line->operands,
           has_options ? " [options]" : "", line->summary);
    if (line->details != NULL) {
        printf("\n%s", line->details);
    }
    if (has_options) {
        printf("\nOptions:\n");
    }
    cli_help_print(line->tables);
    if (line->add_libraries != NULL) {
        printf("  --version, --help\n");
    }
    printf("\n%s", line->footer);
}

void command_line_print_version(const char *program,
                                void (*add_libraries)(struct build_libraries *libraries)) {
    struct build_libraries libraries = {.count = 0};
    add_libraries(&libraries);
    struct strbuf text = STRBUF_INIT;
    build_info_append_text(&text, program, &libraries);
    fwrite(text.data, 1, text.len, stdout);
    strbuf_release(&text);
}

// --- values; functions return false once wrong usage was printed ---

static const char *list_words(struct arena *a, const struct cli_option *o) {
    const char *list = o->words[0];
    for (size_t i = 1; o->words[i] != NULL; i++) {
        list = arena_printf(a, "%s, %s", list, o->words[i]);
    }
    return list;
}

static const char *suggest_word(struct arena *a, const struct cli_option *o, const char *text) {
    struct did_you_mean meant = {.given = text, .length = strlen(text)};
    for (size_t i = 0; o->words[i] != NULL; i++) {
        did_you_mean_consider(&meant, o->words[i]);
    }
    return did_you_mean_text(a, meant.best);
}

static bool find_word(const struct cli_option *o, const char *text, int64_t *ret_number) {
    for (size_t i = 0; o->words != NULL && o->words[i] != NULL; i++) {
        if (strcmp(text, o->words[i]) == 0) {
            *ret_number = o->words_from + (int64_t)i;
            return true;
        }
    }
    return false;
}

static void store(struct slot *slot, const void *value, size_t size) {
    CHECK(size == slot->row->size);
    memcpy(slot->options + slot->row->offset, value, size);
}

static void store_number(struct slot *slot, int64_t number) {
    int small = (int)number;
    if (slot->row->size == sizeof(small)) {
        CHECK(small == number); // else the row's range is not its member's
        store(slot, &small, sizeof(small));
    } else {
        store(slot, &number, sizeof(number));
    }
}

static bool read_number(struct reader *r, const struct cli_option *o, const char *name,
                        const char *text, int64_t *ret_number) {
    char *end;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    if (text[0] != '\0' && strspn(text, "-0123456789") == strlen(text) && *end == '\0' &&
        errno == 0 && number >= o->least && number <= o->most) {
        *ret_number = number;
        return true;
    }
    command_line_complain(r->line, "%s: \"%s\" is no integer from %" PRId64 " to %" PRId64 "%s%s",
                          name, text, o->least, o->most, o->words != NULL ? " and none of " : "",
                          o->words != NULL ? list_words(r->arena, o) : "");
    return false;
}

static bool add_to_list(struct reader *r, struct slot *slot, const char *name, const char *text) {
    struct cli_list list;
    memcpy(&list, slot->options + slot->row->offset, sizeof(list));
    if (slot->row->most != 0 && (int64_t)list.count == slot->row->most) {
        command_line_complain(
            r->line, "%s: \"%s\" is one too many; it may be given %" PRId64 " times at most", name,
            text, slot->row->most);
        return false;
    }
    if (slot->items == NULL) {
        slot->items = ARENA_ARRAY(r->arena, const char *, r->count);
    }
    slot->items[list.count] = text;
    list = (struct cli_list){slot->items, list.count + 1};
    store(slot, &list, sizeof(list));
    return true;
}

// Reads text as the option's value; name is what error messages call the option.
static bool set_value(struct reader *r, struct slot *slot, const char *name, const char *text) {
    const struct cli_option *o = slot->row;
    int64_t number = 0;
    switch (o->kind) {
    case CLI_FLAG:
        store(slot, &(bool){true}, sizeof(bool));
        return true;
    case CLI_TEXT:
        store(slot, &text, sizeof(text));
        return true;
    case CLI_LIST:
        return add_to_list(r, slot, name, text);
    case CLI_NUMBER:
        if (!find_word(o, text, &number) && !read_number(r, o, name, text, &number)) {
            return false;
        }
        break;
    case CLI_WORD:
        if (!find_word(o, text, &number)) {
            command_line_complain(r->line, "%s: \"%s\" is none of %s%s", name, text,
                                  list_words(r->arena, o), suggest_word(r->arena, o, text));
            return false;
        }
    }
    store_number(slot, number);
    return true;
}

static bool set_given(struct reader *r, struct slot *slot, const char *name, const char *text) {
    if (slot->is_given && slot->row->kind != CLI_LIST) {
        command_line_complain(r->line, "%s is given twice", name);
        return false;
    }
    slot->is_given = true;
    if (slot->row->given != 0) {
        *(bool *)(slot->options + slot->row->given - 1) = true;
    }
    return set_value(r, slot, name, text);
}

// Sets an option that was not given, from the environment or by its default.
static bool set_otherwise(struct reader *r, struct slot *slot) {
    const struct cli_option *o = slot->row;
    const char *text = o->environment != NULL ? getenv(o->environment) : NULL;
    if (text != NULL && text[0] != '\0') {
        return set_value(r, slot, o->environment, text);
    }
    if (o->is_required) {
        command_line_complain(r->line, "%s %s is missing", o->name, o->value);
        return false;
    }
    if (o->fallback_number != 0) {
        store_number(slot, o->fallback_number);
    }
    return o->fallback == NULL || set_value(r, slot, o->name, o->fallback);
}

// --- arguments; functions return false once wrong usage was printed ---

static bool is_name(const char *known, const char *name, size_t length) {
    return known != NULL && strlen(known) == length && memcmp(known, name, length) == 0;
}

static struct slot *find_slot(struct reader *r, const char *name, size_t length) {
    for (size_t i = 0; i < r->slot_count; i++) {
        const struct cli_option *o = r->slots[i].row;
        if (is_name(o->name, name, length) || is_name(o->old_name, name, length)) {
            return &r->slots[i];
        }
    }
    return NULL;
}

static const char *suggest_option(struct reader *r, const char *name, size_t length) {
    struct did_you_mean meant = {.given = name, .length = length};
    for (size_t i = 0; i < r->slot_count; i++) {
        did_you_mean_consider(&meant, r->slots[i].row->name);
        if (r->slots[i].row->old_name != NULL) {
            did_you_mean_consider(&meant, r->slots[i].row->old_name);
        }
    }
    did_you_mean_consider(&meant, "--help");
    if (r->line->add_libraries != NULL) {
        did_you_mean_consider(&meant, "--version");
    }
    return did_you_mean_text(r->arena, meant.best);
}

// Reads the option at arguments[*index]; moves *index to its last argument.
static bool read_option(struct reader *r, int *index) {
    const char *argument = r->arguments[*index];
    const char *equals = strchr(argument, '=');
    size_t length = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    struct slot *slot = find_slot(r, argument, length);
    if (slot == NULL) {
        command_line_complain(r->line, "there is no option %.*s%s", (int)length, argument,
                              suggest_option(r, argument, length));
        return false;
    }
    const struct cli_option *o = slot->row;
    const char *name = is_name(o->name, argument, length) ? o->name : o->old_name;
    const char *text = equals != NULL ? equals + 1 : NULL;
    if (o->kind == CLI_FLAG && text != NULL) {
        command_line_complain(r->line, "%s takes no value", name);
        return false;
    }
    if (o->kind != CLI_FLAG && text == NULL) {
        if (*index + 1 >= r->count) {
            command_line_complain(r->line, "%s needs a value: %s", name, o->value);
            return false;
        }
        text = r->arguments[++*index];
    }
    return set_given(r, slot, name, text);
}

// Whether the argument is the beginning of "a, b" that the shell took apart.
static bool ends_list_item(const char *argument) {
    size_t length = strlen(argument);
    return length > 1 && argument[length - 1] == ',';
}

static int most_operands(const struct command_line *line) {
    return line->operand_count + line->more_operands;
}

static bool read_arguments(struct reader *r, const char **operands) {
    int operand_count = 0;
    bool only_operands = false;
    for (int i = 0; i < r->count; i++) {
        const char *argument = r->arguments[i];
        if (!only_operands && strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
            if (!read_option(r, &i)) {
                return false;
            }
        } else if (operand_count == most_operands(r->line)) {
            command_line_complain(r->line, "\"%s\" is one argument too many%s", argument,
                                  i > 0 && ends_list_item(r->arguments[i - 1])
                                      ? ": quote a list that has blanks"
                                      : "");
            return false;
        } else {
            operands[operand_count++] = argument;
        }
    }
    if (operand_count < r->line->operand_count) {
        command_line_complain(r->line, "%s is missing", r->line->operands);
        return false;
    }
    for (size_t i = 0; i < r->slot_count; i++) {
        if (!r->slots[i].is_given && !set_otherwise(r, &r->slots[i])) {
            return false;
        }
    }
    return true;
}

static void make_slots(struct reader *r, char *options) {
    size_t count = 0;
    for (struct cli_walk w = cli_option_first(r->line->tables); w.row != NULL;
         w = cli_option_next(w)) {
        count++;
    }
    r->slots = ARENA_ARRAY(r->arena, struct slot, count + 1);
    for (struct cli_walk w = cli_option_first(r->line->tables); w.row != NULL;
         w = cli_option_next(w)) {
        r->slots[r->slot_count++] =
            (struct slot){.row = w.row, .options = options + w.table->offset};
    }
}

enum command_line_outcome command_line_read(struct arena *a, const struct command_line *line,
                                            int count, char **arguments, void *options,
                                            const char ***ret_operands) {
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++) {
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            print_help(line);
            return COMMAND_LINE_TOLD;
        }
        if (line->add_libraries != NULL && strcmp(arguments[i], "--version") == 0) {
            command_line_print_version(line->program, line->add_libraries);
            return COMMAND_LINE_TOLD;
        }
    }
    struct reader r = {.arena = a, .line = line, .count = count, .arguments = arguments};
    make_slots(&r, options);
    const char **operands = ARENA_ARRAY(a, const char *, most_operands(line) + 1);
    if (!read_arguments(&r, operands)) {
        return COMMAND_LINE_WRONG;
    }
    *ret_operands = operands;
    return COMMAND_LINE_READ;
}

// Returns whether all that was printed was written; else says why not.
static bool finish_output(const struct command_line *line) {
    const char *why = standard_output_finish();
    if (why == NULL) {
        return true;
    }
    struct strbuf told = STRBUF_INIT;
    strbuf_printf(&told, "%s: standard output: %s", line->program, why);
    stderr_print_line(strbuf_slice(&told));
    strbuf_release(&told);
    return false;
}

int command_line_main(const struct command_line *line, int argc, char **argv, void *options,
                      int (*run)(struct arena *a, void *options)) {
    standard_files_open();
    struct arena a;
    arena_init(&a);
    const char **operands;
    int status = WRONG_USAGE;
    switch (command_line_read(&a, line, argc - 1, argv + 1, options, &operands)) {
    case COMMAND_LINE_WRONG:
        break;
    case COMMAND_LINE_TOLD:
        status = finish_output(line) ? 0 : NOT_WRITTEN;
        break;
    case COMMAND_LINE_READ:
        status = run(&a, options);
    }
    arena_release(&a);
    return status;
}
