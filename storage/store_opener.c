#include "storage/store_opener.h"

#include <string.h>

#include "storage/memory/memory_store.h"
#include "storage/sqlite/holder_file.h"
#include "storage/sqlite/sqlite_check.h"
#include "storage/sqlite/sqlite_store.h"

const char *run_store_file(const char *url) {
    static const char scheme[] = "sqlite:";
    return strncmp(url, scheme, strlen(scheme)) == 0 ? url + strlen(scheme) : NULL;
}

const struct error *run_store_open(struct arena *a, const char *url,
                                   const struct run_store_options *options,
                                   struct run_store **ret_store) {
    const char *path = run_store_file(url);
    if (path != NULL && path[0] == '\0') {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "the store \"%s\" names no file; expected sqlite:PATH", url);
    }
    if (path != NULL) {
        return sqlite_store_open(a, path, options, ret_store);
    }
    if (strcmp(url, "memory:") == 0) {
        *ret_store = memory_store_new(options);
        return NULL;
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "\"%s\" is no kind of store; expected sqlite:PATH or memory:", url);
}

const struct error *run_store_check(struct arena *a, const char *url, bool accept,
                                    struct store_check_report *ret) {
    const char *path = run_store_file(url);
    if (path == NULL || path[0] == '\0') {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "the store \"%s\" names no file; expected sqlite:PATH", url);
    }
    return sqlite_store_check(a, path, accept, ret);
}

const struct error *store_holder_publish(struct arena *a, const char *url,
                                         const struct store_holder *holder) {
    const char *path = run_store_file(url);
    return path != NULL ? holder_file_write(a, path, holder) : NULL;
}

void store_holder_withdraw(const char *url) {
    const char *path = run_store_file(url);
    if (path != NULL) {
        holder_file_withdraw(path);
    }
}

const struct error *store_holder_read(struct arena *a, const char *url,
                                      struct store_holder *ret_holder) {
    const char *path = run_store_file(url);
    if (path == NULL) {
        return error_new(a, STATUS_NOT_FOUND, REASON_NONE, "no server holds the store \"%s\"", url);
    }
    return holder_file_read(a, path, ret_holder);
}
