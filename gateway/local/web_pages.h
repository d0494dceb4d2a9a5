#ifndef RUNSD_GATEWAY_LOCAL_WEB_PAGES_H
#define RUNSD_GATEWAY_LOCAL_WEB_PAGES_H

#include "gateway/local/local_route.h"

// The reference page at /docs and the console at /console with their parts (web/assets.h), and the
// way to the first from "/". No page may load from, or send to, any other origin. Pure.

// A new table with the rows of others and those of the pages.
struct local_table *web_pages_added(const struct local_table *others);

// Frees what web_pages_added returned. NULL is ignored.
void web_pages_free(struct local_table *table);

#endif
