#ifndef RUNSD_BASE_CORE_WELL_KNOWN_FIELDS_H
#define RUNSD_BASE_CORE_WELL_KNOWN_FIELDS_H

// Field numbers of the well-known messages that are read or written without generated
// code. Source: https://protobuf.dev/reference/protobuf/google.protobuf/, and for maps
// https://protobuf.dev/programming-guides/encoding/#maps. Pure.
enum {
    // An entry of any map
    MAP_KEY = 1,
    MAP_VALUE = 2,

    // google.protobuf.Timestamp and Duration
    TIME_SECONDS = 1,
    TIME_NANOS = 2,

    // google.protobuf.FieldMask
    MASK_PATHS = 1,

    // google.protobuf.Any
    ANY_TYPE_URL = 1,
    ANY_VALUE = 2,

    // google.protobuf.Int32Value and all other wrappers
    WRAPPER_VALUE = 1,

    // google.protobuf.Struct, Value and ListValue
    STRUCT_FIELDS = 1,
    VALUE_NULL = 1,
    VALUE_NUMBER = 2,
    VALUE_STRING = 3,
    VALUE_BOOL = 4,
    VALUE_STRUCT = 5,
    VALUE_LIST = 6,
    LIST_VALUES = 1,
};

#endif
