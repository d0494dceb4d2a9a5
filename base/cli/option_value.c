#include "base/cli/option_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli/did_you_mean.h"
#include "base/core/check.h"
#include "base/core/strbuf.h"
#include "base/log/log_mask.h"

// --- texts ---

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

static bool find_number(const struct cli_option *o, const char *text, int64_t *ret_number) {
    char *end;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    if (text[0] == '\0' || strspn(text, "-0123456789") != strlen(text) || *end != '\0' ||
        errno != 0 || number < o->least || number > o->most) {
        return false;
    }
    *ret_number = number;
    return true;
}

// Returns what is wrong with text; a number is what it stands for.
static const char *check_text(struct arena *a, const struct cli_option *o, const char *text,
                              int64_t *ret_number) {
    switch (o->kind) {
    case CLI_FLAG:
        *ret_number = strcmp(text, "true") == 0;
        return *ret_number == 1 || strcmp(text, "false") == 0
                   ? NULL
                   : arena_printf(a, "\"%s\" is neither true nor false", text);
    case CLI_NUMBER:
        return find_word(o, text, ret_number) || find_number(o, text, ret_number)
                   ? NULL
                   : arena_printf(a, "\"%s\" is no integer from %" PRId64 " to %" PRId64 "%s%s",
                                  text, o->least, o->most, o->words != NULL ? " and none of " : "",
                                  o->words != NULL ? list_words(a, o) : "");
    case CLI_WORD:
        return find_word(o, text, ret_number)
                   ? NULL
                   : arena_printf(a, "\"%s\" is none of %s%s", text, list_words(a, o),
                                  suggest_word(a, o, text));
    default:
        return NULL;
    }
}

// --- values ---

static void append(struct arena *a, struct option_value *v, const char *text) {
    // There is room until the count is a power of two less one.
    if ((v->count & (v->count + 1)) == 0) {
        const char **more = ARENA_ARRAY(a, const char *, 2 * (v->count + 1));
        memcpy(more, v->texts != NULL ? v->texts : more, v->count * sizeof(*more));
        v->texts = more;
    }
    v->texts[v->count++] = text;
}

const char *option_value_take(struct arena *a, struct option_value *value, const char *text) {
    const struct cli_option *o = value->row;
    if (o->kind == CLI_LIST && o->most != 0 && (int64_t)value->count >= o->most) {
        return arena_printf(a, "\"%s\" is one too many; it may be given %" PRId64 " times at most",
                            text, o->most);
    }
    const char *problem = check_text(a, o, text, &value->number);
    if (problem == NULL) {
        append(a, value, text);
    }
    return problem;
}

void option_value_take_default(struct arena *a, struct option_value *value) {
    const struct cli_option *o = value->row;
    value->origin = OPTION_BY_DEFAULT;
    if (o->fallback != NULL) {
        CHECK(option_value_take(a, value, o->fallback) == NULL);
    } else if (o->fallback_number != 0) {
        value->number = o->fallback_number;
        append(a, value, arena_printf(a, "%" PRId64, o->fallback_number));
    }
}

static void store(const struct option_value *v, const void *data, size_t size) {
    CHECK(size == v->row->size);
    memcpy(v->options + v->row->offset, data, size);
}

static void store_number(const struct option_value *v) {
    int small = (int)v->number;
    if (v->row->size == sizeof(small)) {
        CHECK(small == v->number); // else the row's range is not its member's
        store(v, &small, sizeof(small));
    } else {
        store(v, &v->number, sizeof(v->number));
    }
}

// A variable of the row's own is for all that are called in that environment, not for this call,
// and the file likewise.
static bool is_given(const struct option_value *v) {
    return v->origin == OPTION_BY_ARGUMENT ||
           (v->origin != OPTION_BY_DEFAULT && v->row->environment == NULL);
}

void option_value_store(const struct option_value *value) {
    const struct cli_option *o = value->row;
    if (o->given != 0 && is_given(value)) {
        *(bool *)(value->options + o->given - 1) = true;
    }
    if (value->count == 0 && o->kind != CLI_LIST) {
        return;
    }
    switch (o->kind) {
    case CLI_FLAG:
        store(value, &(bool){value->number != 0}, sizeof(bool));
        break;
    case CLI_TEXT:
        store(value, &value->texts[0], sizeof(value->texts[0]));
        break;
    case CLI_LIST:
        store(value, &(struct cli_list){value->texts, value->count}, sizeof(struct cli_list));
        break;
    default:
        store_number(value);
    }
}

// --- for people ---

const char *option_value_name(struct arena *a, const struct option_value *value) {
    switch (value->origin) {
    case OPTION_BY_FILE:
        return arena_printf(a, "%s: %s.%s", value->place, value->section,
                            value->row->name + strspn(value->row->name, "-"));
    case OPTION_BY_ENVIRONMENT:
        return value->variable;
    default:
        return value->row->name;
    }
}

static const char white[] = " \t\n\v\f\r";

// The secret that text has behind a "password", NULL if that has none: libpq takes "=" with white
// space around it.
static const char *find_secret(const char *text) {
    static const char password[] = "password";
    for (; (text = strstr(text, password)) != NULL; text += strlen(password)) {
        const char *equals = text + strlen(password);
        equals += strspn(equals, white);
        if (*equals == '=') {
            return equals + 1 + strspn(equals + 1, white);
        }
    }
    return NULL;
}

// Where a secret ends: in a URL with its parameter, else with the keyword's value, which may hold
// anything in quotes or behind a backslash.
static const char *end_of_secret(const char *secret, bool is_url) {
    if (is_url) {
        return secret + strcspn(secret, "&");
    }
    bool is_quoted = secret[0] == '\'' || strchr(secret, '\\') != NULL;
    return secret + (is_quoted ? strlen(secret) : strcspn(secret, white));
}

// Appends text without the passwords of URLs and of libpq's keywords.
static void append_masked(struct strbuf *out, const char *text) {
    const char *host = strstr(text, "://");
    // As libpq has it, for which "?" and "#" may stand in a password.
    const char *at = host != NULL ? host + 3 + strcspn(host + 3, "/") : text;
    while (at > text && *at != '@' && host != NULL && at > host + 3) {
        at--;
    }
    const char *colon =
        host != NULL && *at == '@' ? memchr(host + 3, ':', (size_t)(at - host - 3)) : NULL;
    if (colon != NULL) {
        strbuf_append(out, text, (size_t)(colon + 1 - text));
        strbuf_append_cstr(out, "***");
        text = at;
    }
    for (const char *secret; (secret = find_secret(text)) != NULL;) {
        strbuf_append(out, text, (size_t)(secret - text));
        strbuf_append_cstr(out, "***");
        text = end_of_secret(secret, host != NULL);
    }
    log_mask_tokens(slice_of_cstr(text), out);
}

const char *option_value_text(struct arena *a, const struct option_value *value) {
    if (value->row->is_secret && value->count > 0) {
        return "***";
    }
    struct strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < value->count; i++) {
        strbuf_append_cstr(&out, i > 0 ? ", " : "");
        append_masked(&out, value->texts[i]);
    }
    const char *text = arena_cstr(a, strbuf_slice(&out));
    strbuf_release(&out);
    return text;
}
