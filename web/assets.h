#ifndef RUNSD_WEB_ASSETS_H
#define RUNSD_WEB_ASSETS_H

#include <stddef.h>

#include "base/core/slice.h"

// The reference page and its parts, compiled in: what web/build.mjs made of this folder's
// sources and of web/package-lock.json. Constants, as long as the process lives.

struct web_asset {
    const char *path; // "/docs" is the page; all others have a hash of their content in theirs
    const char *media_type;
    const char *etag;   // weak, since it is the same however the content is compressed
    struct slice gzip;  // the content, compressed (RFC 1952)
    size_t plain_bytes; // as it was before
};

// The page first. A program that was built without web/dist, which script/run and script/test
// make, has none: count is 0.
struct web_assets {
    const struct web_asset *assets;
    size_t count;
};

struct web_assets web_assets(void);

#endif
