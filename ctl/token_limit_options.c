#include "ctl/token_limit_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX INT64_C(1000000000000000)

const struct cli_option token_limit_options_rows[] = {
    {.name = "--limit-reads",
     .value = "N",
     CLI_TEXT_AT(struct token_limit_options, reads),
     .help = "calls a second that only read; off: no limit; server: what its options say"},
    {.name = "--limit-changes",
     .value = "N",
     CLI_TEXT_AT(struct token_limit_options, changes),
     .help = "calls a second that change something, likewise"},
    {.name = "--limit-bytes",
     .value = "N",
     CLI_TEXT_AT(struct token_limit_options, bytes),
     .help = "bytes a second of requests and replies, likewise"},
    {.name = "--limit-streams",
     .value = "N",
     CLI_TEXT_AT(struct token_limit_options, streams),
     .help = "watches and calls that wait, at once, likewise"},
    {.name = NULL},
};

// NULL: not given.
static const struct error *read_one(struct arena *a, const char *option, const char *text,
                                    int64_t *ret_limit) {
    if (text == NULL || strcmp(text, "server") == 0) {
        *ret_limit = 0;
        return NULL;
    }
    if (strcmp(text, "off") == 0) {
        *ret_limit = -1;
        return NULL;
    }
    errno = 0;
    int64_t limit = strtoll(text, NULL, 10);
    bool is_number = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
    if (!is_number || errno != 0 || limit < 1 || limit > LIMIT_MAX) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s must be a number from 1 to %" PRId64 ", off or server, got \"%.200s\"",
                         option, LIMIT_MAX, text);
    }
    *ret_limit = limit;
    return NULL;
}

const struct error *token_limit_options_read(struct arena *a,
                                             const struct token_limit_options *options,
                                             Runs__V1__TokenLimits *limits,
                                             Runs__V1__TokenLimits **ret_limits) {
    runs__v1__token_limits__init(limits);
    const struct {
        const char *option;
        const char *text;
        int64_t *limit;
    } rows[] = {
        {"--limit-reads", options->reads, &limits->reads_per_second},
        {"--limit-changes", options->changes, &limits->changes_per_second},
        {"--limit-bytes", options->bytes, &limits->bytes_per_second},
        {"--limit-streams", options->streams, &limits->streams},
    };
    bool is_given = false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct error *error = read_one(a, rows[i].option, rows[i].text, rows[i].limit);
        if (error != NULL) {
            return error;
        }
        is_given = is_given || rows[i].text != NULL;
    }
    *ret_limits = is_given ? limits : NULL;
    return NULL;
}

const char *token_limit_text(struct arena *a, const Runs__V1__TokenLimits *limits) {
    if (limits == NULL) {
        return "";
    }
    const struct {
        int64_t limit;
        const char *what;
        const char *unit;
    } rows[] = {
        {limits->reads_per_second, "reads", "reads/s"},
        {limits->changes_per_second, "changes", "changes/s"},
        {limits->bytes_per_second, "bytes", "bytes/s"},
        {limits->streams, "streams", "streams"},
    };
    const char *text = "";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *comma = text[0] != '\0' ? ", " : "";
        if (rows[i].limit > 0) {
            text = arena_printf(a, "%s%s%" PRId64 " %s", text, comma, rows[i].limit, rows[i].unit);
        } else if (rows[i].limit < 0) {
            text = arena_printf(a, "%s%sno limit of %s", text, comma, rows[i].what);
        }
    }
    return text;
}
