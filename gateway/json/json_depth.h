#ifndef RUNSD_GATEWAY_JSON_JSON_DEPTH_H
#define RUNSD_GATEWAY_JSON_JSON_DEPTH_H

// How deep JSON may be nested. Pure.
enum {
    JSON_READ_DEPTH = 100, // nested objects and arrays
    // More than JSON_READ_DEPTH, so that what was read can also be printed within a list
    // of it.
    JSON_WRITE_DEPTH = 128,
};

#endif
