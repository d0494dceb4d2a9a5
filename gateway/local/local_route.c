#include "gateway/local/local_route.h"

// Most paths differ from a row's in the first bytes.
static bool is_path(const char *row, struct slice path) {
    for (size_t i = 0; i < path.len; i++) {
        if (row[i] == '\0' || (uint8_t)row[i] != path.data[i]) {
            return false;
        }
    }
    return row[path.len] == '\0';
}

const struct local_route *local_table_find(const struct local_table *table, struct slice path) {
    for (size_t i = 0; i < table->count; i++) {
        if (is_path(table->routes[i].path, path)) {
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

// Whether Accept (RFC 9110 section 12.5.1) names the type itself; ranges as "*/*", which every
// client sends, do not count.
static bool accepts_type(struct http_headers headers, const char *type) {
    struct header_list list = header_list_of(headers, "accept");
    struct slice element;
    while (header_list_next(&list, &element)) {
        if (header_equal(header_take_until(&element, ';'), type)) {
            return true;
        }
    }
    return false;
}

bool local_route_is_for(const struct local_route *route, struct http_headers headers) {
    return !route->is_for_browsers || accepts_type(headers, "text/html");
}
