#include "gateway/local/web_pages.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"
#include "web/assets.h"

#define REFERENCE "/docs"
#define CONSOLE   "/console"

// Names with a hash in them: another content has another name.
#define FOREVER "public, max-age=31536000, immutable"

// What a browser lets the pages do (CSP level 3, https://www.w3.org/TR/CSP3/): nothing but load
// from, and send to, this origin. The reference's library puts its style sheets into the page.
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "     \
    "data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "        \
    "form-action 'none'"

// clang-format off
#define ALL_PAGES                                                                                  \
    {"Content-Security-Policy", POLICY},                                                           \
    {"Referrer-Policy", "no-referrer"},                                                            \
    {"X-Content-Type-Options", "nosniff"}
// clang-format on

static const struct local_header page_headers[] = {ALL_PAGES};
// Relative, so that they hold below a path of a proxy's, too.
static const struct local_header from_root[] = {ALL_PAGES, {"Location", "docs"}};
static const struct local_header from_slash[] = {ALL_PAGES, {"Location", "../docs"}};
static const struct local_header from_console_slash[] = {ALL_PAGES, {"Location", "../console"}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_page(const struct web_asset *asset) {
    return strcmp(asset->path, REFERENCE) == 0 || strcmp(asset->path, CONSOLE) == 0;
}

static void answer_asset(const struct local_request *request, struct arena *arena,
                         struct local_reply *ret_reply) {
    (void)arena;
    const struct web_asset *asset = request->data;
    *ret_reply = (struct local_reply){
        .http_status = 200,
        .code = STATUS_OK,
        .media_type = asset->media_type,
        .cache_control = is_page(asset) ? "no-cache" : FOREVER,
        .is_static = true,
        .gzip = asset->gzip,
        .gzip_plain_bytes = asset->plain_bytes,
        .etag = asset->etag,
        .headers = page_headers,
        .header_count = COUNT(page_headers),
    };
}

static void answer_absent(const struct local_request *request, struct arena *arena,
                          struct local_reply *ret_reply) {
    (void)request;
    (void)arena;
    *ret_reply = (struct local_reply){
        .http_status = 404,
        .code = STATUS_NOT_FOUND,
        .media_type = "text/plain; charset=utf-8",
        .body = slice_of_cstr("This program was built without its pages, which script/run "
                              "builds. /openapi.json describes the API.\n"),
        .is_static = true,
        .headers = page_headers,
        .header_count = COUNT(page_headers),
    };
}

static void lead(struct local_reply *ret_reply, const struct local_header *headers, size_t count) {
    *ret_reply = (struct local_reply){
        .http_status = 303,
        .code = STATUS_OK,
        .is_static = true,
        .headers = headers,
        .header_count = count,
    };
}

static void answer_root(const struct local_request *request, struct arena *arena,
                        struct local_reply *ret_reply) {
    (void)request;
    (void)arena;
    lead(ret_reply, from_root, COUNT(from_root));
}

static void answer_slash(const struct local_request *request, struct arena *arena,
                         struct local_reply *ret_reply) {
    (void)request;
    (void)arena;
    lead(ret_reply, from_slash, COUNT(from_slash));
}

static void answer_console_slash(const struct local_request *request, struct arena *arena,
                                 struct local_reply *ret_reply) {
    (void)request;
    (void)arena;
    lead(ret_reply, from_console_slash, COUNT(from_console_slash));
}

// docs/HTTP.md lists the same rows; tests/gateway/local/web_pages_test.cc compares.
static const struct local_route ways[] = {
    {
        .path = "/",
        .verbs = "GET",
        .answer = answer_root,
        .is_for_browsers = true,
        .help = "303 to the reference page, for `Accept: text/html` alone",
    },
    {
        .path = REFERENCE "/",
        .verbs = "GET",
        .answer = answer_slash,
        .help = "303 to the reference page",
    },
    {
        .path = CONSOLE "/",
        .verbs = "GET",
        .answer = answer_console_slash,
        .help = "303 to the console",
    },
};

static const struct local_route absent[] = {
    {
        .path = REFERENCE,
        .verbs = "GET",
        .answer = answer_absent,
        .help = "the reference page, which is not in this program",
    },
    {
        .path = CONSOLE,
        .verbs = "GET",
        .answer = answer_absent,
        .help = "the console, which is not in this program",
    },
};

static const char *help_of(const struct web_asset *asset) {
    bool is_console = strncmp(asset->path, CONSOLE, sizeof(CONSOLE) - 1) == 0;
    if (is_page(asset)) {
        return is_console ? "the console" : "the reference page";
    }
    return is_console ? "a part of the console" : "a part of the reference page";
}

static struct local_route row_of(const struct web_asset *asset) {
    return (struct local_route){
        .path = asset->path,
        .verbs = "GET",
        .answer = answer_asset,
        .data = asset,
        .help = help_of(asset),
    };
}

struct local_table *web_pages_added(const struct local_table *others) {
    struct web_assets assets = web_assets();
    size_t most = others->count + COUNT(ways) + COUNT(absent) + assets.count;
    struct local_route *routes = mem_zalloc(most * sizeof(*routes));
    size_t count = 0;
    for (size_t i = 0; i < others->count; i++) {
        routes[count++] = others->routes[i];
    }
    for (size_t i = 0; i < COUNT(ways); i++) {
        routes[count++] = ways[i];
    }
    for (size_t i = 0; assets.count == 0 && i < COUNT(absent); i++) {
        routes[count++] = absent[i];
    }
    for (size_t i = 0; i < assets.count; i++) {
        routes[count++] = row_of(&assets.assets[i]);
    }
    struct local_table *table = mem_zalloc(sizeof(*table));
    *table = (struct local_table){routes, count};
    return table;
}

void web_pages_free(struct local_table *table) {
    if (table != NULL) {
        free((void *)(uintptr_t)table->routes);
        free(table);
    }
}
