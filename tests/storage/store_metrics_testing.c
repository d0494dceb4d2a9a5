#include "tests/storage/store_metrics_testing.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/store_metrics.h"

struct store_metrics *store_metrics_testing_new(void) {
    struct store_metrics *m = mem_zalloc(sizeof(*m));
    store_metrics_init(m, NULL);
    return m;
}

void store_metrics_testing_free(struct store_metrics *m) {
    store_metrics_release(m);
    free(m);
}
