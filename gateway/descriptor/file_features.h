#ifndef RUNSD_GATEWAY_DESCRIPTOR_FILE_FEATURES_H
#define RUNSD_GATEWAY_DESCRIPTOR_FILE_FEATURES_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "gateway/descriptor/features.h"

// The features of a file's elements, resolved. The upb that is linked knows neither
// editions nor features: it is given a file of an edition as one of proto2, and in the
// options of each field and enum stands what holds there, whatever the file's syntax. Pure.

// Rewrites the bytes of a google.protobuf.FileDescriptorProto so. Features are inherited
// from file to message to oneof to field, and to enums and nested messages likewise, and
// overridden at each; what the specification fixes for an element is set: a message or a
// field of a oneof tracks presence, a map is length-prefixed. Returns false if they cannot
// be resolved: *ret_fault, in a, then says why, to follow the file's name ("is of edition
// ..."). The result lives in a.
bool file_features_resolve(struct arena *a, struct slice file, struct slice *ret_file,
                           const char **ret_fault);

// What holds for a field, from the bytes of its options.
struct features file_features_of_field(struct arena *a, struct slice options);

// The field's JSON name from the same bytes; empty if it is the one that upb gives.
struct slice file_features_json_name(struct slice options);

// What holds for an enum, from the bytes of its options.
struct features file_features_of_enum(struct arena *a, struct slice options);

#endif
