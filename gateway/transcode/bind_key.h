#ifndef RUNSD_GATEWAY_TRANSCODE_BIND_KEY_H
#define RUNSD_GATEWAY_TRANSCODE_BIND_KEY_H

#include "gateway/transcode/bind.h"

// The keys of a query. Pure.
//
//   Key   = Name { "." Name | "[" Name "]" } [ List | Entry ]
//   List  = "[]" | "[" Index "]"     of a repeated field, as axios, PHP and qs write it
//   Entry = "[" Any "]"              of a map: Any is all up to the last byte, "]"
//   Index = "0" or up to 9 digits that do not begin with "0"
//
// Name is a JSON name or a proto name.

// Follows a decoded key from m to a field that text can set. Returns NULL, or why there is
// none, in a; ret then is undefined, and *ret_unknown says whether a name in it is that of no
// field.
const char *bind_key_resolve(struct arena *a, const struct schema_message *m, struct slice key,
                             struct bound_field *ret, bool *ret_unknown);

#endif
