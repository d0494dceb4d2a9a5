#ifndef RUNSD_SERVER_OPEN_DESCRIPTOR_INDEX_H
#define RUNSD_SERVER_OPEN_DESCRIPTOR_INDEX_H

#include "base/core/arena.h"
#include "base/core/slice.h"

// A google.protobuf.FileDescriptorSet by its names, for reflection. Files are
// numbered as they stand in the set. Immutable.

struct descriptor_index;

enum { DESCRIPTOR_NO_FILE = -1 };

// Indexes set, which is borrowed. Returns NULL if the bytes are malformed, or a file
// imports one that is not in the set.
struct descriptor_index *descriptor_index_new(struct slice set);

// NULL is ignored.
void descriptor_index_free(struct descriptor_index *index);

// The file of that name, or DESCRIPTOR_NO_FILE; so the functions below.
int descriptor_index_file(const struct descriptor_index *index, struct slice name);

// The file that declares the full name (no leading dot) of a message, enum, service,
// method, field, extension, oneof or enum value (which is a sibling of its enum).
int descriptor_index_symbol(const struct descriptor_index *index, struct slice name);

// The file that declares the extension of a message type by number.
int descriptor_index_extension(const struct descriptor_index *index, struct slice type,
                               int32_t number);

// Whether the full name is a message's.
bool descriptor_index_is_message(const struct descriptor_index *index, struct slice name);

// The numbers of all extensions of a message type, ascending, in a. Returns how many.
size_t descriptor_index_extension_numbers(const struct descriptor_index *index, struct arena *a,
                                          struct slice type, const int32_t **ret_numbers);

// The serialized FileDescriptorProto of file and of all that it imports, directly or
// not: each once, importers first. The array is in a, the bytes are the set's. Returns
// how many.
size_t descriptor_index_closure(const struct descriptor_index *index, struct arena *a, int file,
                                const struct slice **ret_files);

#endif
