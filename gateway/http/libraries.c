#include "gateway/http/libraries.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <zlib.h>

void http_libraries_add(struct build_libraries *libraries) {
    build_libraries_add(libraries, "libmicrohttpd", MHD_get_version());
    build_libraries_add(libraries, "GnuTLS", gnutls_check_version(NULL));
    build_libraries_add(libraries, "zlib", zlibVersion());
}
