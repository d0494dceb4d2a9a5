#include "ctl/duration_option.h"

#include "ctl/time_option.h"

const struct error *duration_option_read(struct arena *a, const char *option, const char *text,
                                         Google__Protobuf__Duration *ret,
                                         Google__Protobuf__Duration **ret_field) {
    google__protobuf__duration__init(ret);
    if (text == NULL) {
        return NULL;
    }
    const struct error *error = time_option_read_span(a, option, text, &ret->seconds);
    if (error == NULL) {
        *ret_field = ret;
    }
    return error;
}
