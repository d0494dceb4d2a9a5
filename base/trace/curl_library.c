#include "base/trace/curl_library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define SONAME "libcurl.so.4"

// A function, and where the struct keeps it.
struct symbol {
    const char *name;
    size_t offset;
};

#define SYMBOL(member)                                                                             \
    { "curl_" #member, offsetof(struct curl_library, member) }

static const struct symbol symbols[] = {
    SYMBOL(global_init),     SYMBOL(version),          SYMBOL(easy_init),
    SYMBOL(easy_setopt),     SYMBOL(easy_getinfo),     SYMBOL(easy_strerror),
    SYMBOL(easy_cleanup),    SYMBOL(slist_append),     SYMBOL(slist_free_all),
    SYMBOL(multi_init),      SYMBOL(multi_add_handle), SYMBOL(multi_remove_handle),
    SYMBOL(multi_perform),   SYMBOL(multi_poll),       SYMBOL(multi_wakeup),
    SYMBOL(multi_info_read), SYMBOL(multi_cleanup),
};

const char *curl_library_load(struct curl_library *ret) {
    struct curl_library library = {.handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL)};
    if (library.handle == NULL) {
        return dlerror();
    }
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *found = dlsym(library.handle, symbols[i].name);
        if (found == NULL) {
            return dlerror();
        }
        memcpy((char *)&library + symbols[i].offset, &found, sizeof(found));
    }
    CURLcode code = library.global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) {
        return library.easy_strerror(code);
    }
    *ret = library;
    return NULL;
}
