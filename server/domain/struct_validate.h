#ifndef RUNSD_SERVER_DOMAIN_STRUCT_VALIDATE_H
#define RUNSD_SERVER_DOMAIN_STRUCT_VALIDATE_H

#include "google/protobuf/struct.pb-c.h"
#include "server/domain/violations.h"

// Free-form objects. Refuses what protobuf allows and JSON cannot express: a key that occurs
// twice, a number that is not finite. What is accepted can be returned exactly as it was
// given.

// The entries of an object by key, for lookups that do not slow down with its size.
struct sorted_entries {
    Google__Protobuf__Struct__FieldsEntry **entries;
    size_t count;
};

// Sorts the entries of object, which may be NULL. Borrows from it, lives in a.
struct sorted_entries sorted_entries_of(struct arena *a, const Google__Protobuf__Struct *object);

// Returns the value of key, NULL if there is none.
const Google__Protobuf__Value *sorted_entries_find(const struct sorted_entries *sorted,
                                                   const char *key);

// Checks all of the object at path; NULL is fine. Its depth must be bounded, as
// message_unpack does.
void struct_validate(struct violations *v, const char *path,
                     const Google__Protobuf__Struct *object);

#endif
