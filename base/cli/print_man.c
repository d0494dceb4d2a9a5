#include "base/cli/print_man.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cli/command_options.h"

// mandoc(1) wants lines of 80 bytes at most, and a sentence to begin one.
enum { MOST_COLUMNS = 78 };

// --- text ---

// Prints a word as text: no macro, no escape.
static void print_word(struct slice word, bool begins_line) {
    if (begins_line && word.len > 0 && (word.data[0] == '.' || word.data[0] == '\'')) {
        fputs("\\&", stdout);
    }
    for (size_t i = 0; i < word.len; i++) {
        fputs(word.data[i] == '\\' ? "\\e" : (char[]){(char)word.data[i], '\0'}, stdout);
    }
}

static bool ends_sentence(struct slice word) {
    return word.len > 0 && word.data[word.len - 1] == '.';
}

// Prints text in lines.
static void print_text(struct slice text) {
    size_t column = 0;
    bool is_end = false;
    for (size_t i = 0; i < text.len;) {
        size_t length = 0;
        while (i + length < text.len && text.data[i + length] != ' ' &&
               text.data[i + length] != '\n') {
            length++;
        }
        struct slice word = slice_of(text.data + i, length);
        i += length + 1;
        if (length == 0) {
            continue;
        }
        if (column > 0 && (is_end || column + 1 + length > MOST_COLUMNS)) {
            putchar('\n');
            column = 0;
        }
        fputs(column > 0 ? " " : "", stdout);
        print_word(word, column == 0);
        column += length + (column > 0);
        is_end = ends_sentence(word);
    }
    if (column > 0) {
        putchar('\n');
    }
}

// Prints lines: paragraphs between empty ones, and as they are those that begin with a blank.
static void print_lines(const char *text) {
    const char *begin = text;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        bool is_last = text[length] == '\0' || text[length + 1] == '\0';
        bool is_literal = text[0] == ' ';
        if (is_literal || length == 0) {
            print_text(slice_of(begin, (size_t)(text - begin)));
            begin = text + length + (text[length] == '\n');
        }
        if (is_literal) {
            printf(".Dl ");
            size_t blanks = strspn(text, " ");
            print_word(slice_of(text + blanks, length - blanks), false);
            putchar('\n');
        } else if (length == 0 && !is_last) {
            printf(".Pp\n");
        }
        text += length + (text[length] == '\n');
    }
    print_text(slice_of_cstr(begin));
}

// --- pages ---

// The day that the program was built from; of one that does not know it today.
static void print_date(void) {
    struct tm day = {0};
    if (strptime(build_info.date, "%Y-%m-%d", &day) == NULL) {
        time_t now = time(NULL);
        gmtime_r(&now, &day);
    }
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    printf(".Dd %s %d, %d\n", months[day.tm_mon], day.tm_mday, day.tm_year + 1900);
}

// "runsctl-runs-get", in capitals if so.
static void print_page_name(const struct command_line *line, bool is_upper) {
    char name[128];
    snprintf(name, sizeof(name), "%s%s%s", line->program, line->command != NULL ? "-" : "",
             line->command != NULL ? line->command : "");
    for (char *c = name; *c != '\0'; c++) {
        putchar(*c == ' ' ? '-' : is_upper ? toupper((unsigned char)*c) : *c);
    }
}

// A summary as the page's one line: not a sentence.
static void print_summary(const char *summary) {
    size_t length = strlen(summary);
    length -= length > 0 && summary[length - 1] == '.';
    printf(".Nd ");
    bool is_word = isupper((unsigned char)summary[0]) && !isupper((unsigned char)summary[1]);
    putchar(is_word ? tolower((unsigned char)summary[0]) : summary[0]);
    print_word(slice_of(summary + 1, length - 1), false);
    putchar('\n');
}

static void print_head(const struct command_line *line, int section, const char *summary) {
    print_date();
    printf(".Dt ");
    print_page_name(line, true);
    printf(" %d\n.Os\n.Sh NAME\n.Nm ", section);
    print_page_name(line, false);
    putchar('\n');
    print_summary(summary);
}

static void print_option(struct arena *a, const struct told_option *o) {
    printf(".It Fl -%s%s%s\n", o->name, o->value != NULL ? " Ar " : "",
           o->value != NULL ? o->value : "");
    const char *more = o->is_required ? " It is required." : "";
    if (o->fallback != NULL) {
        more = arena_printf(a, " The default is %s.", o->fallback);
    }
    print_text(slice_of_cstr(arena_printf(a, "%s.%s%s%s", o->help,
                                          o->is_list ? " It may be given several times." : "", more,
                                          o->reload ? " It takes effect at SIGHUP, too." : "")));
    if (o->variable != NULL) {
        printf("Variable:\n.Ev %s .\n", o->variable);
    }
}

static void print_configuration(const struct command_line *line) {
    if (line->section == NULL) {
        return;
    }
    printf(".Sh FILES\nThe file that\n.Fl -config\nor\n.Ev RUNSD_CONFIG\n"
           "names is YAML.\n");
    print_text(slice_of_cstr("It has a section for each program, in which options stand by their "
                             "names without dashes, a list as a sequence or as one value:"));
    printf(".Bd -literal -offset indent\n%s:\n  log-level: info\n.Ed\n.Pp\n", line->section);
    print_text(slice_of_cstr("The command line comes before the environment, and that before the "
                             "file."));
    printf("At SIGHUP the file is read again.\n");
}

static void print_exit_status(const struct command_line *line) {
    printf(".Sh EXIT STATUS\n");
    print_lines(line->footer);
}

void print_man(const struct command_line *line) {
    struct arena a;
    arena_init(&a);
    bool is_server = line->command == NULL;
    print_head(line, is_server ? 8 : 1, line->summary);
    printf(".Sh SYNOPSIS\n.Nm %s\n", line->program);
    if (line->command != NULL) {
        printf(".Cm %s\n", line->command);
    }
    if (line->operands[0] != '\0') {
        printf(".Ar %s\n", line->operands);
    }
    printf(".Op Ar options\n.Sh DESCRIPTION\n");
    print_text(slice_of_cstr(line->summary));
    if (line->details != NULL) {
        printf(".Pp\n");
        print_lines(line->details);
    }
    printf(".Pp\nThe options are as follows:\n.Bl -tag -width Ds\n");
    struct told_options told = command_options_of(&a, line);
    for (size_t i = 0; i < told.count; i++) {
        print_option(&a, &told.items[i]);
    }
    printf(".El\n");
    print_configuration(line);
    print_exit_status(line);
    arena_release(&a);
}

void print_man_list(const char *summary, const struct command_line *const *lines, size_t count) {
    struct command_line program = *lines[0];
    program.command = NULL;
    print_head(&program, 1, summary);
    printf(".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar options\n.Sh DESCRIPTION\n");
    print_text(slice_of_cstr(summary));
    printf(".Pp\nThe commands are as follows, each with a page of its own:\n"
           ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < count; i++) {
        printf(".It Cm %s%s%s\n", lines[i]->command, lines[i]->operands[0] != '\0' ? " Ar " : "",
               lines[i]->operands);
        print_text(slice_of_cstr(lines[i]->summary));
    }
    printf(".El\n");
    print_exit_status(lines[0]);
}
