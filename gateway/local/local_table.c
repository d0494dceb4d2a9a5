#include "gateway/local/local_table.h"

#include "gateway/local/health_pages.h"
#include "gateway/local/openapi_page.h"

// docs/HTTP.md lists the same rows; tests/gateway/local/local_table_test.cc compares.
static const struct local_route routes[] = {
    {
        .path = "/healthz",
        .verbs = "GET",
        .answer = health_pages_alive,
        .is_probe = true,
        .help = "200 as long as the process serves HTTP",
    },
    {
        .path = "/readyz",
        .verbs = "GET",
        .answer = health_pages_ready,
        .is_probe = true,
        .needs_readiness = true,
        .help = "200 while calls are served, else 503",
    },
    {
        .path = "/openapi.json",
        .verbs = "GET",
        .answer = openapi_page_answer,
        .help = "the OpenAPI 3.1 document of what is served",
    },
};

const struct local_table local_table_default = {routes, sizeof(routes) / sizeof(routes[0])};
