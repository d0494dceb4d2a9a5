#include "gateway/edge/header.h"

const struct http_header *header_find(struct http_headers headers, const char *name) {
    for (size_t i = 0; i < headers.count; i++) {
        if (header_equal(headers.items[i].name, name)) {
            return &headers.items[i];
        }
    }
    return NULL;
}

bool header_list_next(struct header_list *list, struct slice *ret_element) {
    for (;;) {
        while (list->rest.len > 0) {
            struct slice element = header_take_until(&list->rest, ',');
            if (element.len > 0) {
                *ret_element = element;
                return true;
            }
        }
        if (list->next == list->headers.count) {
            return false;
        }
        const struct http_header *h = &list->headers.items[list->next++];
        if (header_equal(h->name, list->name)) {
            list->rest = h->value;
        }
    }
}

bool header_list_has(struct slice list, struct slice element) {
    while (list.len > 0) {
        if (slice_equal(header_take_until(&list, ','), element)) {
            return true;
        }
    }
    return false;
}
