#ifndef RUNSD_GATEWAY_TRANSCODE_MARKED_FIELD_H
#define RUNSD_GATEWAY_TRANSCODE_MARKED_FIELD_H

#include "base/core/arena.h"
#include "gateway/descriptor/schema.h"

// Finds the field of m that has the mark, which is called word and which can_be says a field may
// have. Returns NULL with *ret set, to NULL where no field has the mark; or what is wrong, in a:
// that more than one has it, or unfit. Pure.
const char *marked_field_find(struct arena *a, const struct schema_message *m,
                              enum schema_mark mark, const char *word,
                              bool (*can_be)(const struct schema_field *f), const char *unfit,
                              const struct schema_field **ret);

#endif
