#ifndef RUNSD_GATEWAY_TRANSCODE_JSON_OPTIONS_H
#define RUNSD_GATEWAY_TRANSCODE_JSON_OPTIONS_H

#include <stdbool.h>

// How JSON is spelled and read where the options in the protos leave it open. Pure.
struct json_options {
    bool round_numbers;    // of free-form objects, to 64-bit floats; else they are refused
    bool emit_defaults;    // print every field without presence, list and map
    bool proto_names;      // print fields by their proto names
    bool enums_as_numbers; // print enums as numbers, but those with words of their own
};

#endif
