#include "storage/store_opener.h"

#include "storage/backends.h"
#include "storage/store_url.h"

const struct error *run_store_open(struct arena *a, const char *url,
                                   const struct run_store_options *options,
                                   struct run_store **ret_store) {
    const char *location;
    const struct store_backend *backend = store_url_backend(url, &location);
    if (backend == NULL) {
        return store_url_refuse(a, url);
    }
    const struct error *error = backend->open(a, location, options, ret_store);
    if (error == NULL && !(*ret_store)->is_shared && options->on_duty != NULL) {
        options->on_duty(options->context, true); // nobody else is there to do it
    }
    return error;
}

const char *run_store_describe(struct arena *a, const char *url) {
    const char *location;
    const struct store_backend *backend = store_url_backend(url, &location);
    return backend != NULL ? backend->describe(a, location) : "no store";
}

bool run_store_is_temporary(const char *url) {
    const char *location;
    const struct registered_backend *found = backends_find(url, &location);
    return found != NULL && !found->is_kept;
}

bool run_store_has_check(const char *url) {
    const char *location;
    const struct registered_backend *found = backends_find(url, &location);
    return found != NULL && found->backend->check != NULL;
}

const struct error *run_store_check(struct arena *a, const char *url, bool accept,
                                    struct store_check_report *ret) {
    const char *location;
    const struct store_backend *backend = store_url_backend(url, &location);
    if (backend == NULL) {
        return store_url_refuse(a, url);
    }
    if (backend->check == NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "only " STORE_URLS_CHECKED " can be checked, not %s",
                         backend->describe(a, location));
    }
    return backend->check(a, location, accept, ret);
}

bool run_store_has_migration(const char *url) {
    const char *location;
    const struct registered_backend *found = backends_find(url, &location);
    return found != NULL && found->backend->migrate != NULL;
}

const struct error *run_store_check_url(struct arena *a, const char *option, const char *url) {
    const char *location;
    if (store_url_backend(url, &location) != NULL) {
        return NULL;
    }
    const struct error *refused = store_url_refuse(a, url);
    return error_new(a, refused->code, REASON_NONE, "%s: %s", option, refused->message);
}

bool run_store_is_on_server(const char *url) {
    const char *location;
    const struct registered_backend *found = backends_find(url, &location);
    return found != NULL && found->backend->is_on_server;
}

const struct error *run_store_migrate(struct arena *a, const char *url,
                                      struct store_migration *ret) {
    const char *location;
    const struct store_backend *backend = store_url_backend(url, &location);
    if (backend == NULL) {
        return store_url_refuse(a, url);
    }
    if (backend->migrate == NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "the store \"%s\" needs no migration: it is made, and brought up to date, "
                         "as it is opened",
                         url);
    }
    return backend->migrate(a, location, ret);
}

const char *run_store_socket_path(struct arena *a, const char *url) {
    const char *location;
    const struct store_backend *backend = store_url_backend(url, &location);
    return backend != NULL && backend->socket_path != NULL ? backend->socket_path(a, location)
                                                           : NULL;
}

const struct error *store_holder_publish(struct arena *a, const char *url,
                                         const struct store_holder *holder) {
    const char *location;
    const struct store_backend *backend = store_url_backend(url, &location);
    return backend != NULL && backend->publish_holder != NULL
               ? backend->publish_holder(a, location, holder)
               : NULL;
}

void store_holder_withdraw(const char *url) {
    const char *location;
    const struct store_backend *backend = store_url_backend(url, &location);
    if (backend != NULL && backend->withdraw_holder != NULL) {
        backend->withdraw_holder(location);
    }
}

const struct error *store_holder_read(struct arena *a, const char *url,
                                      struct store_holder *ret_holder) {
    const char *location;
    const struct store_backend *backend = store_url_backend(url, &location);
    return backend != NULL && backend->read_holder != NULL
               ? backend->read_holder(a, location, ret_holder)
               : error_new(a, STATUS_NOT_FOUND, REASON_NONE, "no server holds the store \"%s\"",
                           url);
}

void store_libraries_add(struct build_libraries *libraries) {
    size_t count;
    const struct registered_backend *all = backends_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (all[i].backend->add_libraries != NULL) {
            all[i].backend->add_libraries(libraries);
        }
    }
}
