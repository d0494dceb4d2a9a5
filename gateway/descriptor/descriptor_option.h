#ifndef RUNSD_GATEWAY_DESCRIPTOR_DESCRIPTOR_OPTION_H
#define RUNSD_GATEWAY_DESCRIPTOR_DESCRIPTOR_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// Fields found in the wire bytes of descriptors and their options. Pure.

// Returns the payload of the message field `number` within message bytes: all
// occurrences concatenated, as the wire format merges them. Empty if there is
// none; ret_found may be NULL.
struct slice descriptor_option_message(struct arena *a, struct slice bytes, uint32_t number,
                                       bool *ret_found);

// Returns the last value of the varint field `number` within message bytes; 0 if unset.
uint64_t descriptor_option_varint(struct slice bytes, uint32_t number);

// As descriptor_option_varint; returns false, with *ret untouched, if the field is unset.
bool descriptor_option_find_varint(struct slice bytes, uint32_t number, uint64_t *ret);

// Returns the last value of the string or bytes field `number` within message bytes,
// borrowed; empty if unset.
struct slice descriptor_option_last(struct slice bytes, uint32_t number);

#endif
