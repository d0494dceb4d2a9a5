#ifndef RUNSD_GATEWAY_DESCRIPTOR_FEATURES_H
#define RUNSD_GATEWAY_DESCRIPTOR_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"

// google.protobuf.FeatureSet: what the editions of protobuf, proto2 and proto3 among them,
// say about the elements of a file (https://protobuf.dev/editions/features/). Only features
// that decide about the wire format or JSON are kept; those about names, visibility, limits
// and languages are skipped. Pure.

// Numbered as google.protobuf.Edition.
enum edition {
    EDITION_PROTO2 = 998,
    EDITION_PROTO3 = 999,
    EDITION_2023 = 1000,
    EDITION_2024 = 1001,
    EDITION_2026 = 1002,
};

// Numbered as the fields of google.protobuf.FeatureSet; the values are enums of it.
enum feature {
    FEATURE_FIELD_PRESENCE = 1,
    FEATURE_ENUM_TYPE = 2,
    FEATURE_REPEATED_FIELD_ENCODING = 3,
    FEATURE_UTF8_VALIDATION = 4,
    FEATURE_MESSAGE_ENCODING = 5,
    FEATURE_JSON_FORMAT = 6,
    FEATURE_LAST = FEATURE_JSON_FORMAT,
};

enum { PRESENCE_EXPLICIT = 1, PRESENCE_IMPLICIT = 2, PRESENCE_LEGACY_REQUIRED = 3 };
enum { ENUM_OPEN = 1, ENUM_CLOSED = 2 };
enum { ENCODING_PACKED = 1, ENCODING_EXPANDED = 2 };
enum { UTF8_VERIFY = 2, UTF8_NONE = 3 };
enum { MESSAGE_LENGTH_PREFIXED = 1, MESSAGE_DELIMITED = 2 };
enum { JSON_ALLOW = 1, JSON_LEGACY_BEST_EFFORT = 2 };

struct features {
    uint8_t values[FEATURE_LAST + 1]; // by enum feature
};

// The editions that features_defaults knows, with their numbers, for messages.
extern const char features_known_editions[];

// Sets the features that hold in a file of that edition where it overrides none. Returns
// false if the edition is not known.
bool features_defaults(uint64_t edition, struct features *ret);

// Overrides features with those that the bytes of a FeatureSet set. Returns NULL, or why
// the bytes are none that can be used, a C string in a: malformed, or a value that is not
// known.
const char *features_override(struct arena *a, struct slice feature_set, struct features *features);

// Appends the bytes of a FeatureSet that sets all of them.
void features_put(const struct features *features, struct strbuf *out);

// Reads what features_put wrote; a feature that is not there is 0.
struct features features_read(struct slice feature_set);

#endif
