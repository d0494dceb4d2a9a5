#include "storage/store_copy_ends.h"

const struct error *store_copy_refuse_half(struct arena *a, const char *store) {
    return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                     "the store \"%s\" is half of a copy; finish it with the same runsctl store "
                     "copy, which goes on where it ended, or make the store anew",
                     store);
}

const struct error *store_copy_refuse_filled(struct arena *a, const char *store, int64_t runs,
                                             int64_t tokens) {
    return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                     "the store \"%s\" is not empty: it has %lld runs and %lld tokens, or traces "
                     "of some; a copy needs a store in which nothing was ever kept",
                     store, (long long)runs, (long long)tokens);
}
