#ifndef RUNSD_GATEWAY_EDGE_PAGE_ORIGIN_H
#define RUNSD_GATEWAY_EDGE_PAGE_ORIGIN_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "gateway/edge/cors.h"
#include "gateway/edge/header.h"

// Which pages may have made a browser send a request that nothing but the client's certificate
// speaks for. A browser adds it to requests of any page, as it does cookies, so such a request may
// be one that its user knows nothing of.

// Allowed are pages that came from here themselves ("https://" and the value of Host), those of an
// origin that is named in the options, and what no page sent: programs, which send neither Origin
// nor Sec-Fetch-Site (https://w3c.github.io/webappsec-fetch-metadata/), and what the user typed.
// The origin "*" of the options names none: it is for pages that bring a token. PERMISSION_DENIED /
// ORIGIN_NOT_ALLOWED, in a, of the domain "gateway.v1". Pure.
const struct error *page_origin_check(struct arena *a, const struct cors *cors,
                                      struct http_headers headers);

#endif
