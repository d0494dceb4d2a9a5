#ifndef RUNSD_GATEWAY_JSON_JSON_STRUCT_FIELDS_H
#define RUNSD_GATEWAY_JSON_JSON_STRUCT_FIELDS_H

// Field numbers of google.protobuf.Struct, of an entry of its map, of Value and ListValue.
// Source: google/protobuf/struct.proto. Pure.
enum {
    STRUCT_FIELDS = 1,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    VALUE_NULL = 1,
    VALUE_NUMBER = 2,
    VALUE_STRING = 3,
    VALUE_BOOL = 4,
    VALUE_STRUCT = 5,
    VALUE_LIST = 6,
    LIST_VALUES = 1,
};

#endif
