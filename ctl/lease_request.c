#include "ctl/lease_request.h"

#include "ctl/duration_option.h"

const struct error *lease_request_read(struct arena *a, const char *holder, const char *duration,
                                       struct lease_request *ret) {
    runs__v1__lease_request__init(&ret->message);
    ret->message.holder = (char *)holder;
    return duration_option_read(a, "--lease", duration, &ret->duration, &ret->message.duration);
}
