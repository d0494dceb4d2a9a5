#ifndef RUNSD_GATEWAY_HTTP_LIBRARIES_H
#define RUNSD_GATEWAY_HTTP_LIBRARIES_H

#include "base/core/build_info.h"

// Adds the libraries that HTTP is served with: libmicrohttpd, GnuTLS (its TLS), zlib.
void http_libraries_add(struct build_libraries *libraries);

#endif
