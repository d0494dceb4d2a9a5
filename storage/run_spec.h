#ifndef RUNSD_STORAGE_RUN_SPEC_H
#define RUNSD_STORAGE_RUN_SPEC_H

#include "base/core/wire.h"

// The one thing that stores read in a run's spec, which is a runs.v1.Run: which run it was replayed
// or forked from. Nothing else keeps it. Pure.

enum { RUN_SPEC_SOURCE_RUN_ID = 10 }; // number of the field source_run_id

// Returns the id of the run that spec's was made of; empty: of none. Borrows from spec.
static inline struct slice run_spec_source(struct slice spec) {
    struct wire_field field;
    return wire_find_last(spec, RUN_SPEC_SOURCE_RUN_ID, WIRE_BYTES, &field) ? field.bytes
                                                                            : SLICE_EMPTY;
}

#endif
