#ifndef RUNSD_SERVER_DOMAIN_RUN_CODEC_H
#define RUNSD_SERVER_DOMAIN_RUN_CODEC_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/violations.h"
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
// (free-form objects to the byte), then those of provenance. The fields that reports replace
// come out apart, those that were given. Everything lives in a, or borrows from run_message.
struct slice run_spec_encode(struct arena *a, struct slice run_message,
                             const struct run_provenance *provenance,
                             struct run_fields *ret_fields);

// Checks what a run to be created gives of the fields that reports replace, as run_spec_encode
// took it: how long each may be. INVALID_ARGUMENT / FIELD_INVALID.
const struct error *run_fields_check_new(struct arena *a, const struct run_fields *fields);

// Adds a violation for each field that reports alone set and that run, which is to be created,
// has.
void run_fields_check_output_only(struct violations *v, const Runs__V1__Run *run);

// Reads and checks what a report replaces: the message, and the bytes that it was unpacked from,
// from which the result borrows. Adds the RUN_FIELD_BITs of what it gives to *ret_given.
// INVALID_ARGUMENT / FIELD_INVALID; *ret_fields and *ret_given are of no use then.
const struct error *run_fields_read_report(struct arena *a,
                                           const Runs__V1__ReportRunRequest *report,
                                           struct slice bytes, struct run_fields *ret_fields,
                                           uint32_t *ret_given);

enum { RUN_REPLY_PARTS = 2 + 2 * RUN_FIELD_COUNT };

// Makes a serialized runs.v1.Run in parts to be concatenated; returns their number.
// The parts borrow from run, and from a.
size_t run_reply_parts(struct arena *a, const struct run_record *run,
                       struct slice ret_parts[RUN_REPLY_PARTS]);

// A serialized google.protobuf.Timestamp.
struct slice run_timestamp_encode(struct arena *a, int64_t us);

// Microseconds of t, its nanoseconds cut. Returns false if it is no instant of the
// years 1 to 9999.
bool run_timestamp_decode(const Google__Protobuf__Timestamp *t, int64_t *ret_us);

#endif
