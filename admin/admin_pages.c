#include "admin/admin_pages.h"

#include "base/metrics/metrics_format.h"

static const char json[] = "application/json";

static void make_metrics(const struct admin_source *source, const struct admin_request *request,
                         struct admin_page *page) {
    enum metrics_format format = metrics_format_choose(request->accept);
    struct arena a;
    arena_init(&a);
    const struct metrics_snapshot snapshot = metrics_take(source->metrics, &a);
    page->media_type = metrics_format_type(format);
    metrics_format_append(&page->body, format, &snapshot);
    arena_release(&a);
}

// Says nothing of what the program waits for: who restarts it for that would only make it worse.
static void make_alive(const struct admin_source *source, const struct admin_request *request,
                       struct admin_page *page) {
    (void)source;
    (void)request;
    page->media_type = json;
    strbuf_append_cstr(&page->body, "{\"status\":\"ok\"}\n");
}

static void make_ready(const struct admin_source *source, const struct admin_request *request,
                       struct admin_page *page) {
    (void)request;
    page->media_type = json;
    page->http_status = admin_checks_ask(source->checks, &page->body) ? 200 : 503;
}

static void make_version(const struct admin_source *source, const struct admin_request *request,
                         struct admin_page *page) {
    (void)request;
    page->media_type = json;
    build_info_append_json(&page->body, source->program, source->libraries);
    strbuf_append_byte(&page->body, '\n');
}

static const struct {
    const char *path;
    void (*make)(const struct admin_source *source, const struct admin_request *request,
                 struct admin_page *page);
} pages[] = {
    {"/metrics", make_metrics},
    {"/healthz", make_alive},
    {"/readyz", make_ready},
    {"/version", make_version},
};

static void make_error(struct admin_page *page, int http_status, const char *text) {
    page->http_status = http_status;
    page->media_type = "text/plain; charset=utf-8";
    strbuf_append_cstr(&page->body, text);
}

void admin_pages_make(const struct admin_source *source, const struct admin_request *request,
                      struct admin_page *ret_page) {
    *ret_page = (struct admin_page){.http_status = 200};
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (!slice_equal_cstr(request->path, pages[i].path)) {
            continue;
        }
        if (slice_equal_cstr(request->method, "GET") || slice_equal_cstr(request->method, "HEAD")) {
            pages[i].make(source, request, ret_page);
        } else {
            make_error(ret_page, 405, "Only GET and HEAD are served here.\n");
            ret_page->allow = "GET, HEAD";
        }
        return;
    }
    make_error(ret_page, 404, "There are /metrics, /healthz, /readyz and /version here.\n");
}
