#include "rpc/metadata_array_internal.h"
#include "rpc/slice_internal.h"

bool rpc_metadata_array_find(const grpc_metadata_array *metadata, const char *key,
                             struct slice *ret_value) {
    struct slice wanted = slice_of_cstr(key);
    for (size_t i = 0; i < metadata->count; i++) {
        if (slice_equal(rpc_slice_view(&metadata->metadata[i].key), wanted)) {
            *ret_value = rpc_slice_view(&metadata->metadata[i].value);
            return true;
        }
    }
    return false;
}

int rpc_metadata_array_count(const grpc_metadata_array *metadata, const char *key) {
    int count = 0;
    struct slice wanted = slice_of_cstr(key);
    for (size_t i = 0; i < metadata->count; i++) {
        count += slice_equal(rpc_slice_view(&metadata->metadata[i].key), wanted);
    }
    return count;
}

void rpc_metadata_array_each(const grpc_metadata_array *metadata, rpc_metadata_visitor *each,
                             void *context) {
    for (size_t i = 0; i < metadata->count; i++) {
        each(context, rpc_slice_view(&metadata->metadata[i].key),
             rpc_slice_view(&metadata->metadata[i].value));
    }
}
