#include "storage/store_url.h"

#include <string.h>

#include "storage/backends.h"

const struct store_backend *store_url_backend(const char *url, const char **ret_location) {
    const struct registered_backend *found = backends_find(url, ret_location);
    bool wants_location = found != NULL && found->backend->place != NULL;
    bool has_location = found != NULL && (*ret_location)[0] != '\0';
    return found != NULL && wants_location == has_location ? found->backend : NULL;
}

// Returns url, which is nobody's, without what may be a password in it.
static const char *without_password(struct arena *a, const char *url) {
    const char *user = strstr(url, "://");
    const char *host = user != NULL ? strrchr(user, '@') : NULL;
    if (strstr(url, "password") != NULL) {
        return arena_printf(a, "%.*s...", (int)strcspn(url, ":") + 1, url);
    }
    return host != NULL && memchr(user + 3, ':', (size_t)(host - user - 3)) != NULL
               ? arena_printf(a, "%.*s...%s", (int)(user + 3 - url), url, host)
               : url;
}

const struct error *store_url_refuse(struct arena *a, const char *url) {
    const char *location;
    const struct registered_backend *found = backends_find(url, &location);
    if (found != NULL && found->backend->place != NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "the store \"%s\" names no %s; expected %s", url, found->backend->place,
                         found->url);
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "\"%s\" is no kind of store; expected " STORE_URLS, without_password(a, url));
}
