#include "ctl/page_walk.h"

#include <stdio.h>

#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"

// The server's most, for --all.
enum { LARGEST_PAGE = 1000 };

const struct cli_option page_options_rows[] = {
    {.name = "--all", CLI_FLAG_AT(struct page_options, all), .help = "all pages, not one"},
    {.name = "--page-size",
     .value = "N",
     CLI_NUMBER_AT(struct page_options, page_size),
     .least = 1,
     .most = LARGEST_PAGE,
     .default_help = "50", // the server's
     .help = "how many a page has at most"},
    {.name = "--page-token",
     .value = "TOKEN",
     CLI_TEXT_AT(struct page_options, page_token),
     .help = "what the previous page ended with; same filters"},
    {.name = NULL},
};

// A walk while it goes on.
struct walker {
    const struct page_walk *walk;
    struct table *table;
    struct json_printer *json; // NULL: for people
    bool has_begun;            // the JSON has
    int64_t printed;           // items
};

// Concatenated messages merge, the last value of a field counts.
static struct slice page_request(struct arena *a, const struct page_walk *walk,
                                 const struct page_options *options, struct slice request,
                                 const char *token) {
    struct strbuf b = STRBUF_INIT;
    strbuf_append_slice(&b, request);
    int size = options->page_size == 0 && options->all ? LARGEST_PAGE : options->page_size;
    if (size > 0) {
        wire_put_uint(&b, walk->size_field, (uint64_t)size);
    }
    if (token[0] != '\0') {
        wire_put_bytes(&b, walk->token_field, slice_of_cstr(token));
    }
    struct slice bytes = arena_copy(a, strbuf_slice(&b));
    strbuf_release(&b);
    return bytes;
}

static int print_item(const struct invocation *in, struct walker *w, struct slice item) {
    if (w->json == NULL) {
        w->printed++;
        return w->walk->add(in, w->table, item);
    }
    fputs(w->printed++ > 0 ? "," : "", stdout);
    return json_printer_print(w->json, in, item);
}

// Prints the items of a page; *ret_next lives in in->arena.
static int print_page(const struct invocation *in, struct walker *w, struct slice response,
                      const char **ret_next) {
    const uint8_t *p = response.data;
    const uint8_t *end = p + response.len;
    int code = EXIT_CODE_OK;
    struct wire_field field;
    *ret_next = "";
    if (w->json != NULL && !w->has_begun) {
        printf("{\"%s\":[", w->walk->items_name);
        w->has_begun = true;
    }
    while (code == EXIT_CODE_OK && p < end) {
        if (!wire_read_field(&p, end, &field)) {
            return command_error(
                in,
                error_new(in->arena, STATUS_INTERNAL, REASON_NONE, "the server's reply is no list"),
                NULL);
        }
        if (field.number == w->walk->items_field && field.type == WIRE_BYTES) {
            code = print_item(in, w, field.bytes);
        } else if (field.number == w->walk->next_token_field && field.type == WIRE_BYTES) {
            *ret_next = arena_cstr(in->arena, field.bytes);
        }
    }
    if (w->json == NULL && code == EXIT_CODE_OK && w->printed > 0) {
        table_print(w->table, stdout);
    }
    return code;
}

static int print_pages(const struct invocation *in, struct connection *connection,
                       const struct page_options *options, struct walker *w, struct slice request,
                       const char **next) {
    struct arena arena; // of a page
    arena_init(&arena);
    struct invocation page = *in;
    page.arena = &arena;
    int code;
    do {
        struct slice response;
        const char *token = "";
        struct slice bytes = page_request(&arena, w->walk, options, request, *next);
        code = client_options_call_again(&page, connection, w->walk->path, bytes, &response);
        if (code == EXIT_CODE_OK) {
            code = print_page(&page, w, response, &token);
        }
        *next = arena_cstr(in->arena, slice_of_cstr(token));
        arena_reset(&arena);
    } while (code == EXIT_CODE_OK && options->all && (*next)[0] != '\0');
    arena_release(&arena);
    return code;
}

static void print_end(const struct walker *w, const char *next) {
    if (w->json != NULL) {
        struct strbuf end = STRBUF_INIT;
        strbuf_append_json_string(&end, slice_of_cstr(next));
        printf("],\"nextPageToken\":%.*s}\n", SLICE_FMT(strbuf_slice(&end)));
        strbuf_release(&end);
    } else if (w->printed == 0) {
        puts(w->walk->none);
    } else if (next[0] != '\0') {
        fputs("\nMore: --all, or --page-token ", stdout);
        print_text(stdout, slice_of_cstr(next));
        putchar('\n');
    }
}

int page_walk_print(const struct invocation *in, const struct client_options *client,
                    const struct page_options *options, const struct page_walk *walk,
                    struct slice request, struct table *table) {
    struct connection connection;
    const struct error *error = client_options_open(in, client, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    struct walker w = {
        .walk = walk,
        .table = table,
        .json = in->json ? json_printer_new(walk->item_type) : NULL,
    };
    const char *next = options->page_token != NULL ? options->page_token : "";
    int code = print_pages(in, &connection, options, &w, request, &next);
    if (code == EXIT_CODE_OK) {
        print_end(&w, next);
    }
    if (w.json != NULL) {
        json_printer_free(w.json);
    }
    connection_close(&connection);
    return code;
}
