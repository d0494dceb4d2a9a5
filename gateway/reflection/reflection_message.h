#ifndef RUNSD_GATEWAY_REFLECTION_REFLECTION_MESSAGE_H
#define RUNSD_GATEWAY_REFLECTION_REFLECTION_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// The messages of server reflection, the same in v1 and v1alpha
// (grpc/reflection/v1/reflection.proto). Pure.

// The kind of a request; the value is the field number in ServerReflectionRequest.
enum reflection_question {
    REFLECTION_FILE_BY_NAME = 3,
    REFLECTION_FILE_WITH_SYMBOL = 4,
    REFLECTION_LIST_SERVICES = 7,
};

// The bytes of a ServerReflectionRequest, in a.
struct slice reflection_request(struct arena *a, enum reflection_question question,
                                struct slice argument);

enum reflection_answer_kind {
    REFLECTION_ANSWER_NONE, // no field that is known
    REFLECTION_ANSWER_FILES,
    REFLECTION_ANSWER_SERVICES,
    REFLECTION_ANSWER_ERROR,
};

struct reflection_answer {
    enum reflection_answer_kind kind;
    struct slice *items; // FILES: FileDescriptorProtos; SERVICES: names
    size_t count;
    int error_code; // ERROR: a gRPC status code
    struct slice error_message;
};

// Reads a ServerReflectionResponse; the answer borrows from it and from a. Returns
// false if it is malformed.
bool reflection_answer_read(struct arena *a, struct slice response, struct reflection_answer *ret);

// Reads the name and the imports of a FileDescriptorProto; they borrow from it and
// from a. Returns false if it is malformed or has no name.
bool reflection_file_read(struct arena *a, struct slice file, struct slice *ret_name,
                          struct slice **ret_imports, size_t *ret_count);

#endif
