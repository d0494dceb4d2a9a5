#ifndef RUNSD_BASE_CORE_REQUEST_ID_H
#define RUNSD_BASE_CORE_REQUEST_ID_H

#include <stdbool.h>

#include "base/core/slice.h"

enum { REQUEST_ID_LONGEST = 128, UUID_BYTES = 16, UUID_TEXT_SIZE = 37 };

// Whether text may be passed on and logged as a request id: 1 to 128 of
// A-Z a-z 0-9 . _ ~ : / + = @ -.
bool request_id_valid(struct slice text);

// Writes a fresh UUID of version 7 (RFC 9562): sortable by time, 74 random bits.
// The text ends with NUL. Thread safe.
void uuid_make(char ret_text[UUID_TEXT_SIZE]);

// Writes the text form of a UUID (RFC 9562), in lower case. It ends with NUL.
void uuid_print(const uint8_t bytes[UUID_BYTES], char ret_text[UUID_TEXT_SIZE]);

#endif
