#include "ctl/status_counts.h"

#include "ctl/count_text.h"
#include "ctl/run_print.h"

void status_counts_add_rows(struct table *table, struct arena *a,
                            Runs__V1__StatusCount *const *counts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        table_add(table, status_text((int)counts[i]->status));
        table_add(table, count_text(a, counts[i]->count));
    }
}

int64_t status_counts_find(Runs__V1__StatusCount *const *counts, size_t count, int status) {
    for (size_t i = 0; i < count; i++) {
        if ((int)counts[i]->status == status) {
            return counts[i]->count;
        }
    }
    return 0;
}
