#ifndef RUNSD_SERVER_DOMAIN_RUN_CODEC_H
#define RUNSD_SERVER_DOMAIN_RUN_CODEC_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "storage/run_record.h"

// How a run is stored and replied: the immutable fields as one run of bytes, the
// mutable ones added behind it. Concatenated protobuf messages merge, so a reply
// needs no decoding (https://protobuf.dev/programming-guides/encoding/#last-one-wins).

// What CreateRun adds to the run it was given.
struct run_provenance {
    struct slice id;
    struct slice organization;
    int64_t started_at_us;
    struct slice trigger_source;
    struct slice triggered_by;
};

// Makes the immutable bytes of a run of the bytes received, which were checked by
// message_unpack and validated: the known immutable fields as they were given
// (free-form objects to the byte), then those of provenance. What executionState
// was given comes out apart. Everything lives in a.
struct slice run_spec_encode(struct arena *a, struct slice run_message,
                             const struct run_provenance *provenance,
                             struct slice *ret_execution_state);

enum { RUN_REPLY_PARTS = 3 };

// Makes a serialized runs.v1.Run in parts to be concatenated; returns their number.
// The parts borrow from run, and from a.
size_t run_reply_parts(struct arena *a, const struct run_record *run,
                       struct slice ret_parts[RUN_REPLY_PARTS]);

// A serialized google.protobuf.Timestamp.
struct slice run_timestamp_encode(struct arena *a, int64_t us);

// Microseconds of t, its nanoseconds cut. Returns false if it is no instant of the
// years 1 to 9999.
bool timestamp_from_message(const Google__Protobuf__Timestamp *t, int64_t *ret_us);

#endif
