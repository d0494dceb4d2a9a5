#include "bench/watch/delivery_book.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"

static size_t changes_a_group(const struct delivery_book *b) {
    return (b->changes + b->groups - 1) / b->groups;
}

void delivery_book_init(struct delivery_book *b, size_t groups, size_t watchers, size_t changes) {
    CHECK(groups > 0 && changes > 0);
    *b = (struct delivery_book){.groups = groups, .watchers = watchers, .changes = changes};
    b->sent_ns = mem_zalloc(changes * sizeof(*b->sent_ns));
    b->acked_ns = mem_zalloc(changes * sizeof(*b->acked_ns));
    b->last_position = mem_zalloc((watchers + 1) * sizeof(*b->last_position));
    b->seen = mem_zalloc((watchers * changes_a_group(b) / 64 + 1) * sizeof(*b->seen));
}

void delivery_book_release(struct delivery_book *b) {
    free(b->sent_ns);
    free(b->acked_ns);
    free(b->last_position);
    free(b->seen);
    *b = (struct delivery_book){0};
}

void delivery_book_sent(struct delivery_book *b, size_t change, int64_t now_ns) {
    b->sent_ns[change] = now_ns;
}

void delivery_book_acked(struct delivery_book *b, size_t change, int64_t now_ns) {
    b->acked_ns[change] = now_ns;
    histogram_record(&b->ack_ns, (uint64_t)(now_ns - b->sent_ns[change]));
}

// Whether it is the first time.
static bool mark(struct delivery_book *b, size_t watcher, size_t change) {
    size_t place = watcher * changes_a_group(b) + change / b->groups;
    uint64_t bit = UINT64_C(1) << place % 64;
    bool is_first = (b->seen[place / 64] & bit) == 0;
    b->seen[place / 64] |= bit;
    return is_first;
}

void delivery_book_delivered(struct delivery_book *b, size_t watcher, uint64_t change,
                             int64_t position, int64_t now_ns) {
    if (change >= b->changes || b->sent_ns[change] == 0 ||
        change % b->groups != watcher % b->groups) {
        b->foreign++;
        return;
    }
    if (!mark(b, watcher, change)) {
        b->duplicated++;
        return;
    }
    if (position <= b->last_position[watcher]) {
        b->disordered++;
    }
    b->last_position[watcher] = position;
    b->deliveries++;
    b->last_delivery_ns = now_ns;
    bool is_acked = b->acked_ns[change] != 0;
    b->before_ack += !is_acked;
    histogram_record(&b->since_ack_ns, is_acked ? (uint64_t)(now_ns - b->acked_ns[change]) : 0);
    histogram_record(&b->since_sent_ns, (uint64_t)(now_ns - b->sent_ns[change]));
}

uint64_t delivery_book_expected(const struct delivery_book *b) {
    uint64_t expected = 0;
    for (size_t change = 0; change < b->changes; change++) {
        size_t group = change % b->groups;
        if (b->acked_ns[change] != 0 && group < b->watchers) {
            expected += (b->watchers - group - 1) / b->groups + 1;
        }
    }
    return expected;
}
