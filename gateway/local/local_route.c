#include "gateway/local/local_route.h"

const struct local_route *local_table_find(const struct local_table *table, struct slice path) {
    for (size_t i = 0; i < table->count; i++) {
        if (slice_equal_cstr(path, table->routes[i].path)) {
            return &table->routes[i];
        }
    }
    return NULL;
}

bool local_route_takes(const struct local_route *route, struct slice method) {
    struct slice verbs = slice_of_cstr(route->verbs);
    return header_list_has(verbs, method) ||
           (slice_equal_cstr(method, "HEAD") && header_list_has(verbs, slice_of_cstr("GET")));
}
