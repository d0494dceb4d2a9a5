#ifndef RUNSD_WEB_ASSETS_H
#define RUNSD_WEB_ASSETS_H

#include <stddef.h>

#include "base/core/slice.h"

// The reference page and the console with their parts, compiled in: what web/build.mjs made of this
// folder's sources and of the packages of its lock files. Constants, as long as the process lives.

struct web_asset {
    // "/docs" and "/console" are pages; all others have a hash of their content in theirs.
    const char *path;
    const char *media_type;
    const char *etag;   // weak, since it is the same however the content is compressed
    struct slice gzip;  // the content, compressed (RFC 1952)
    size_t plain_bytes; // as it was before
};

// The reference page first. A program that was built without web/dist, which script/run and
// script/test make, has none: count is 0.
struct web_assets {
    const struct web_asset *assets;
    size_t count;
};

struct web_assets web_assets(void);

#endif
