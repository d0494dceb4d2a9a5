#ifndef RUNSD_BASE_CLI_CLI_OPTION_H
#define RUNSD_BASE_CLI_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Options of programs as rows of tables. A row describes an option completely, except for
// the code that uses its value: how it is read and checked, its default, which member of a
// struct receives the value, and what --help prints (base/cli/command_line.h).

enum cli_kind {
    CLI_FLAG,   // bool: true once it is given; takes no value
    CLI_TEXT,   // const char *
    CLI_LIST,   // struct cli_list; may be given several times
    CLI_NUMBER, // int, int64_t or size_t: a decimal integer from least to most, or a word
    CLI_WORD,   // an enum: one of words
};

// The values of an option that may be given several times, in their order.
struct cli_list {
    const char *const *items;
    size_t count;
};

// One option. Immutable; a constant. Members that an initializer leaves out are 0.
struct cli_option {
    const char *name;     // "--store"; NULL ends a table
    const char *old_name; // read as if it were name, and not in --help; may be NULL
    const char *value;    // what the value is, for --help: "URL"; NULL for a flag
    // The text of --help, which breaks its lines. The default is appended automatically.
    const char *help;

    // The type, and the member of the program's struct that receives the value: CLI_..._AT.
    enum cli_kind kind;
    size_t offset;
    size_t size;
    // 1 plus the offset of a bool that is set if the option was given (CLI_GIVEN_AT); 0: none.
    size_t given;

    bool is_required;
    int64_t least; // NUMBER
    int64_t most;  // NUMBER; LIST: how often it may be given, 0: without limit
    // WORD: the words, ended by NULL; each stands for its index, words_from added. NUMBER:
    // NULL, or words that stand for numbers, likewise.
    const char *const *words;
    int64_t words_from;

    // The environment variable that is read where the option is not given, as its value
    // would be; an empty one counts as none. NULL: that of its section, if it has one
    // (base/cli/configuration.h).
    const char *environment;
    // The section of the configuration file where it may stand; NULL: the command line's.
    const char *section;
    bool is_secret; // stands in no configuration file, and its value is never printed
    bool reload;    // takes effect at SIGHUP, too: else only at the next start
    // The default: of TEXT and WORD, as it would be given, and of NUMBER. NULL and 0: none,
    // and the member is NULL or 0, which means what default_help says.
    const char *fallback;
    int64_t fallback_number;
    const char *default_help; // more about the default, for --help; may be NULL
};

// A table of rows whose members' offsets are relative to a struct that lies offset bytes
// within the program's own. So several programs can share a table. An entry whose rows is
// NULL ends the list.
struct cli_table {
    const struct cli_option *rows;
    size_t offset;
};

// Where a walk over the rows of all tables is; row is NULL at its end.
struct cli_walk {
    const struct cli_table *table;
    const struct cli_option *row;
};

// Begins at the first row; tables may be NULL, as if it had none.
struct cli_walk cli_option_first(const struct cli_table *tables);

// Goes on to the next row.
struct cli_walk cli_option_next(struct cli_walk walk);

// Initialize the members of a row that refer to a member of a struct. A member whose type
// does not fit the kind does not compile.
// clang-format off
// NOLINTBEGIN(bugprone-macro-parentheses): they are lists of initializers
#define CLI_MEMBER_(kind_, type_, member_, ...)                                                    \
    .kind = (kind_), .offset = offsetof(type_, member_),                                           \
    .size = _Generic(((type_ *)0)->member_, __VA_ARGS__)
#define CLI_FLAG_AT(type_, member_) CLI_MEMBER_(CLI_FLAG, type_, member_, bool: sizeof(bool))
#define CLI_TEXT_AT(type_, member_)                                                                \
    CLI_MEMBER_(CLI_TEXT, type_, member_, const char *: sizeof(const char *))
#define CLI_LIST_AT(type_, member_)                                                                \
    CLI_MEMBER_(CLI_LIST, type_, member_, struct cli_list: sizeof(struct cli_list))
#define CLI_NUMBER_AT(type_, member_)                                                              \
    CLI_MEMBER_(CLI_NUMBER, type_, member_, int: sizeof(int), int64_t: sizeof(int64_t),            \
                size_t: sizeof(size_t))
#define CLI_WORD_AT(type_, member_) /* an enum is one of these */                                  \
    CLI_MEMBER_(CLI_WORD, type_, member_, int: sizeof(int), unsigned: sizeof(unsigned))
#define CLI_GIVEN_AT(type_, member_)                                                               \
    .given = offsetof(type_, member_) + _Generic(((type_ *)0)->member_, bool: 1)
// NOLINTEND(bugprone-macro-parentheses)
// clang-format on

#endif
