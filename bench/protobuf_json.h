#ifndef RUNSD_BENCH_PROTOBUF_JSON_H
#define RUNSD_BENCH_PROTOBUF_JSON_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// libprotobuf's JSON writer, to hold ours against.
struct protobuf_json;

// Makes a writer of the message type "package.Name" of a serialized
// FileDescriptorSet; ends the process if there is none.
struct protobuf_json *protobuf_json_new(const void *set, size_t set_size, const char *type);
void protobuf_json_free(struct protobuf_json *p);

// Parses the message and writes it as MessageToJsonString does, but the types are
// resolved once for all calls. Returns the length of the JSON; 0 on failure.
size_t protobuf_json_write(struct protobuf_json *p, const void *message, size_t size);

#ifdef __cplusplus
}
#endif

#endif
