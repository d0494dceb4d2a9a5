#include "base/net/listen_check.h"

#include <stdbool.h>
#include <string.h>

#include "base/net/inherited_socket.h"
#include "base/net/listen_socket.h"

static bool is_same(const struct address *a, const struct address *b) {
    if (a->kind != b->kind) {
        return false;
    }
    return a->kind == ADDRESS_UNIX
               ? strcmp(a->path, b->path) == 0
               : a->port == b->port && a->port != 0 && strcmp(a->host, b->host) == 0;
}

static const struct error *check_twice(struct arena *a, const struct listen_place *places,
                                       size_t index) {
    const struct listen_place *place = &places[index];
    for (size_t i = 0; i < index; i++) {
        if (is_same(places[i].address, place->address)) {
            return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                             "%s: \"%s\" is given twice, by %s too", place->option,
                             place->address->text, places[i].option);
        }
    }
    return NULL;
}

const struct error *listen_check(struct arena *a, const struct listen_place *places, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct error *error = inherited_socket_find(a, places[i].address);
        const struct error *twice = error == NULL ? check_twice(a, places, i) : NULL;
        if (twice != NULL) {
            return twice;
        }
        if (error == NULL) {
            error = listen_socket_check(a, places[i].address);
        }
        if (error != NULL) {
            return error_new(a, error->code, REASON_NONE, "%s: %s", places[i].option,
                             error->message);
        }
    }
    return NULL;
}
