#include "ctl/timestamp_option.h"

#include "ctl/time_option.h"

const struct error *timestamp_option_read(struct arena *a, const char *option, const char *text,
                                          int64_t now_us, Google__Protobuf__Timestamp *ret,
                                          Google__Protobuf__Timestamp **ret_field) {
    google__protobuf__timestamp__init(ret);
    if (text == NULL) {
        return NULL;
    }
    *ret_field = ret;
    return time_option_read(a, option, text, now_us, &ret->seconds, &ret->nanos);
}

const struct error *timestamp_option_check_order(struct arena *a, const char *after_option,
                                                 const char *after_text,
                                                 const Google__Protobuf__Timestamp *after,
                                                 const char *before_option, const char *before_text,
                                                 const Google__Protobuf__Timestamp *before) {
    if (after == NULL || before == NULL || after->seconds < before->seconds ||
        (after->seconds == before->seconds && after->nanos < before->nanos)) {
        return NULL;
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "%s %s is not before %s %s, so no run is between them", after_option,
                     after_text, before_option, before_text);
}
