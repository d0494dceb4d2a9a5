#ifndef RUNSD_CTL_TIMESTAMP_OPTION_H
#define RUNSD_CTL_TIMESTAMP_OPTION_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "google/protobuf/timestamp.pb-c.h"

// Reads an option whose value is a time (ctl/time_option.h) into a field of a request: *ret is
// initialized, and *ret_field points to it if the option was given; text NULL says that it was
// not, and leaves *ret_field as it is. INVALID_ARGUMENT, in a, naming the option and what was
// given.
const struct error *timestamp_option_read(struct arena *a, const char *option, const char *text,
                                          int64_t now_us, Google__Protobuf__Timestamp *ret,
                                          Google__Protobuf__Timestamp **ret_field);

// INVALID_ARGUMENT, in a, if both are given and the first is not before the second, so that
// nothing can be between them. The texts are what was given for the options.
const struct error *timestamp_option_check_order(struct arena *a, const char *after_option,
                                                 const char *after_text,
                                                 const Google__Protobuf__Timestamp *after,
                                                 const char *before_option, const char *before_text,
                                                 const Google__Protobuf__Timestamp *before);

#endif
