#ifndef RUNSD_BASE_CLI_CONFIG_FILE_H
#define RUNSD_BASE_CLI_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/build_info.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// The configuration file: YAML of one shape, a section for each program, in it options by their
// long names without dashes:
//
//     runsd:
//       store: sqlite:/var/lib/runsd/runs.db
//       listen: [127.0.0.1:50051, unix:/run/runsd/runsd.sock]
//
// A value is text, whatever YAML's types would make of it: the option's own reader checks it. What
// is ambiguous or cannot be meant is refused: anchors, aliases, tags, several documents, a name
// twice, values that are tables, values that are empty.

enum {
    CONFIG_FILE_MOST_BYTES = 1 << 20,
    CONFIG_FILE_MOST_OPTIONS = 1000, // of a section
    CONFIG_FILE_MOST_VALUES = 10000, // of a list
};

// The sections that there may be, ended by NULL: "runsd", "runs-gateway", "runsctl serve",
// "runsctl".
extern const char *const config_file_sections[];

// A place in the file, from 1 on; columns are characters.
struct config_mark {
    int line;
    int column;
};

// A value as text.
struct config_text {
    const char *text;
    struct config_mark mark;
};

// An option of a section.
struct config_entry {
    struct config_text name; // "log-level"
    struct config_text *values;
    size_t count;
    bool is_list; // a sequence, which may be empty; else there is one value
};

struct config_section {
    struct config_text name; // one of config_file_sections
    struct config_entry *entries;
    size_t count;
};

struct config_file {
    const char *path;
    struct config_section *sections; // in their order; each name once
    size_t count;
};

// Reads the file at path, which the option or variable called name gave. INVALID_ARGUMENT, in a:
// what cannot be read, is no regular file or is too large ("NAME: ..."), and those of
// config_file_parse. All texts live in a.
const struct error *config_file_read(struct arena *a, const char *name, const char *path,
                                     struct config_file *ret_file);

// Reads the text of a file. INVALID_ARGUMENT, in a: "PATH:LINE:COLUMN: ..." for what has not that
// shape. Linear in text, but for the options of a section, which are few.
const struct error *config_file_parse(struct arena *a, const char *path, struct slice text,
                                      struct config_file *ret_file);

// The section of that name; NULL if the file has none.
const struct config_section *config_file_section(const struct config_file *file, const char *name);

// Adds the library by which files are read.
void config_file_libraries_add(struct build_libraries *libraries);

#endif
