#ifndef RUNSD_BASE_TRACE_CURL_LIBRARY_H
#define RUNSD_BASE_TRACE_CURL_LIBRARY_H

// The setters check types at compile time by macros that need the names of libcurl's functions.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo

// libcurl, loaded when traces are exported. Linked, its forty libraries (LDAP, Kerberos, SSH, ...)
// would be loaded by every command of runsctl: 2 MiB and a tenth of the time that a command takes
// to start.

// Its functions that are used. Immutable.
struct curl_library {
    void *handle;
    __typeof__(&curl_global_init) global_init;
    __typeof__(&curl_version) version;
    __typeof__(&curl_easy_init) easy_init;
    __typeof__(&curl_easy_setopt) easy_setopt;
    __typeof__(&curl_easy_getinfo) easy_getinfo;
    __typeof__(&curl_easy_strerror) easy_strerror;
    __typeof__(&curl_easy_cleanup) easy_cleanup;
    __typeof__(&curl_slist_append) slist_append;
    __typeof__(&curl_slist_free_all) slist_free_all;
    __typeof__(&curl_multi_init) multi_init;
    __typeof__(&curl_multi_add_handle) multi_add_handle;
    __typeof__(&curl_multi_remove_handle) multi_remove_handle;
    __typeof__(&curl_multi_perform) multi_perform;
    __typeof__(&curl_multi_poll) multi_poll;
    __typeof__(&curl_multi_wakeup) multi_wakeup;
    __typeof__(&curl_multi_info_read) multi_info_read;
    __typeof__(&curl_multi_cleanup) multi_cleanup;
};

// Loads and initializes it, for good: it has threads and state that outlive who used it. Returns
// NULL, else why it cannot be loaded. Before the process has threads that use OpenSSL.
const char *curl_library_load(struct curl_library *ret);

#endif
