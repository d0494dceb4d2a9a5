#ifndef RUNSD_STORAGE_POSTGRES_CHANGE_BATCH_H
#define RUNSD_STORAGE_POSTGRES_CHANGE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/op/store_op.h"

struct store_metrics;

// Operations of one transaction, in their order, until they are answered.
struct change_batch {
    struct store_op *first;
    struct store_op **end;
    int count;
    size_t bytes;
    int64_t begin_us; // when its transaction began
};

// Takes operations from *waiting, at most most_count, and answers those that are too late or too
// large.
void change_batch_fill(struct change_batch *b, struct store_op **waiting, int most_count,
                       struct store_metrics *metrics);

// Answers those whose deadline has passed; nothing of them is done.
void change_batch_drop_late(struct change_batch *b, struct store_metrics *metrics);

// Takes the first operation out of b into a batch of its own. Returns false if b is empty.
bool change_batch_split(struct change_batch *b, struct change_batch *ret_single);

// Until when an answer is of any use, but no later than end_us.
int64_t change_batch_deadline(const struct change_batch *b, int64_t end_us);

// Answers all, with the results that they have, or all with result; b is empty then.
void change_batch_answer(struct change_batch *b, struct store_metrics *metrics);
void change_batch_answer_all(struct change_batch *b, struct store_metrics *metrics,
                             enum store_result result, const char *detail);

#endif
