#ifndef RUNSD_GATEWAY_TRANSCODE_ROUTE_TABLE_H
#define RUNSD_GATEWAY_TRANSCODE_ROUTE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "gateway/transcode/template.h"

// Path templates compiled to a trie of segments. Finding a path costs a hash
// lookup a segment, however many routes there are. At each segment a literal
// is preferred to "*", "*" to "**"; a route that matches the path but not the
// HTTP method gives way to one further down that matches both. Immutable once
// all routes are added; pure.
//
// Paths are split while they are raw, so "%2F" never separates; literals are
// compared decoded. "*" takes a segment of at least one byte, "**" any number
// of segments, none too.

struct route_node;

struct route_table {
    struct arena *arena; // owns the trie
    struct route_node *root;
};

// Makes an empty table whose memory comes from a, which must outlive it.
void route_table_init(struct route_table *table, struct arena *a);

// Adds a route; method is "GET", or "*" for any. Both are borrowed for as long
// as the table lives. Returns false if an earlier route matches the same
// requests; *ret_other is then that route's number.
bool route_table_add(struct route_table *table, const struct path_template *t, struct slice method,
                     size_t route, size_t *ret_other);

enum route_result {
    ROUTE_FOUND,
    ROUTE_NO_PATH,
    ROUTE_NO_METHOD, // ret_allow holds the methods that the path has
};

struct route_match {
    size_t route;
    // Raw bytes of each segment of the path as the template sees it: a verb is
    // cut off the last one. Only valid if found.
    struct slice *segments;
    size_t segment_count;
    const char *allow; // "GET, POST"
};

// Finds the route of a raw path; memory of the result comes from a.
enum route_result route_table_find(const struct route_table *table, struct arena *a,
                                   struct slice method, struct slice path,
                                   struct route_match *ret_match);

#endif
