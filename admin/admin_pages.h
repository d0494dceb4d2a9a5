#ifndef RUNSD_ADMIN_ADMIN_PAGES_H
#define RUNSD_ADMIN_ADMIN_PAGES_H

#include "admin/admin_checks.h"
#include "base/core/build_info.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "base/metrics/metrics.h"

// What the admin listener answers.

struct admin_request {
    struct slice path;
    struct slice method;
    struct slice accept; // the values of Accept, joined by commas
};

struct admin_page {
    int http_status;
    const char *media_type;
    const char *allow; // of a 405; else NULL
    struct strbuf body;
};

// What the pages are made of.
struct admin_source {
    const char *program;
    struct metrics *metrics;
    const struct build_libraries *libraries;
    struct admin_checks *checks;
};

// Makes the page: 404 for another path, 405 for another method than GET and HEAD. The caller
// releases the body.
void admin_pages_make(const struct admin_source *source, const struct admin_request *request,
                      struct admin_page *ret_page);

#endif
