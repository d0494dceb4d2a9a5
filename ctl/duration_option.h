#ifndef RUNSD_CTL_DURATION_OPTION_H
#define RUNSD_CTL_DURATION_OPTION_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "google/protobuf/duration.pb-c.h"

// Reads an option whose value is a length of time (ctl/time_option.h) into a field of a request:
// *ret is initialized, and *ret_field points to it if the option was given; text NULL says that
// it was not, and leaves *ret_field as it is. The server checks the field's range.
// INVALID_ARGUMENT, in a, naming the option and what was given.
const struct error *duration_option_read(struct arena *a, const char *option, const char *text,
                                         Google__Protobuf__Duration *ret,
                                         Google__Protobuf__Duration **ret_field);

#endif
