#include <grpc/slice.h>

#include "rpc/slice_internal.h"

grpc_slice rpc_slice_copy(struct slice bytes) {
    return bytes.len == 0 ? grpc_empty_slice()
                          : grpc_slice_from_copied_buffer((const char *)bytes.data, bytes.len);
}

struct slice rpc_slice_view(const grpc_slice *s) {
    return slice_of(GRPC_SLICE_START_PTR(*s), GRPC_SLICE_LENGTH(*s));
}
