#include "gateway/descriptor/features.h"

#include "base/core/wire.h"

enum { MOST_VALUES = 3 };

// The names of each feature and its values; a value without a name is none.
static const struct {
    const char *name;
    const char *values[MOST_VALUES + 1];
} feature_names[FEATURE_LAST + 1] = {
    [FEATURE_FIELD_PRESENCE] = {"field_presence",
                                {NULL, "EXPLICIT", "IMPLICIT", "LEGACY_REQUIRED"}},
    [FEATURE_ENUM_TYPE] = {"enum_type", {NULL, "OPEN", "CLOSED", NULL}},
    [FEATURE_REPEATED_FIELD_ENCODING] = {"repeated_field_encoding",
                                         {NULL, "PACKED", "EXPANDED", NULL}},
    [FEATURE_UTF8_VALIDATION] = {"utf8_validation", {NULL, NULL, "VERIFY", "NONE"}},
    [FEATURE_MESSAGE_ENCODING] = {"message_encoding", {NULL, "LENGTH_PREFIXED", "DELIMITED", NULL}},
    [FEATURE_JSON_FORMAT] = {"json_format", {NULL, "ALLOW", "LEGACY_BEST_EFFORT", NULL}},
};

// The edition_defaults of descriptor.proto; editions after 2023 changed none of these.
static const struct {
    enum edition edition;
    struct features defaults;
} editions[] = {
    {EDITION_PROTO2,
     {{0, PRESENCE_EXPLICIT, ENUM_CLOSED, ENCODING_EXPANDED, UTF8_NONE, MESSAGE_LENGTH_PREFIXED,
       JSON_LEGACY_BEST_EFFORT}}},
    {EDITION_PROTO3,
     {{0, PRESENCE_IMPLICIT, ENUM_OPEN, ENCODING_PACKED, UTF8_VERIFY, MESSAGE_LENGTH_PREFIXED,
       JSON_ALLOW}}},
    {EDITION_2023,
     {{0, PRESENCE_EXPLICIT, ENUM_OPEN, ENCODING_PACKED, UTF8_VERIFY, MESSAGE_LENGTH_PREFIXED,
       JSON_ALLOW}}},
    {EDITION_2024,
     {{0, PRESENCE_EXPLICIT, ENUM_OPEN, ENCODING_PACKED, UTF8_VERIFY, MESSAGE_LENGTH_PREFIXED,
       JSON_ALLOW}}},
    {EDITION_2026,
     {{0, PRESENCE_EXPLICIT, ENUM_OPEN, ENCODING_PACKED, UTF8_VERIFY, MESSAGE_LENGTH_PREFIXED,
       JSON_ALLOW}}},
};

const char features_known_editions[] =
    "proto2 (998), proto3 (999), 2023 (1000), 2024 (1001) and 2026 (1002)";

bool features_defaults(uint64_t edition, struct features *ret) {
    for (size_t i = 0; i < sizeof(editions) / sizeof(editions[0]); i++) {
        if (editions[i].edition == edition) {
            *ret = editions[i].defaults;
            return true;
        }
    }
    return false;
}

static const char *list_values(struct arena *a, uint32_t feature) {
    const char *list = "";
    for (int i = 0; i <= MOST_VALUES; i++) {
        const char *name = feature_names[feature].values[i];
        if (name != NULL) {
            list = arena_printf(a, "%s%s%s (%d)", list, list[0] == '\0' ? "" : ", ", name, i);
        }
    }
    return list;
}

const char *features_override(struct arena *a, struct slice feature_set,
                              struct features *features) {
    const uint8_t *p = feature_set.data;
    const uint8_t *end = p + feature_set.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            return "its features are no google.protobuf.FeatureSet";
        }
        if (field.number > FEATURE_LAST) {
            continue;
        }
        if (field.type != WIRE_VARINT) {
            return arena_printf(a, "its feature %s is malformed", feature_names[field.number].name);
        }
        if (field.value > MOST_VALUES || feature_names[field.number].values[field.value] == NULL) {
            return arena_printf(a, "its feature %s has the value %lld, which is none of %s",
                                feature_names[field.number].name, (long long)field.value,
                                list_values(a, field.number));
        }
        features->values[field.number] = (uint8_t)field.value;
    }
    return NULL;
}

void features_put(const struct features *features, struct strbuf *out) {
    for (uint32_t i = 1; i <= FEATURE_LAST; i++) {
        wire_put_uint(out, i, features->values[i]);
    }
}

struct features features_read(struct slice feature_set) {
    struct features features = {{0}};
    const uint8_t *p = feature_set.data;
    const uint8_t *end = p + feature_set.len;
    struct wire_field field;
    while (p < end && wire_read_field(&p, end, &field)) {
        if (field.number <= FEATURE_LAST && field.type == WIRE_VARINT) {
            features.values[field.number] = (uint8_t)field.value;
        }
    }
    return features;
}
