#ifndef RUNSD_BENCH_WATCH_DELIVERY_BOOK_H
#define RUNSD_BENCH_WATCH_DELIVERY_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load/histogram.h"

// Who has been told of which change, when, and in which order. Watchers and changes are numbers
// from 0; both are dealt out to groups in turn: watcher w and change c are of the groups
// w % groups and c % groups. Pure.

struct delivery_book {
    size_t groups, watchers, changes;
    int64_t *sent_ns;       // of each change; 0: not sent yet
    int64_t *acked_ns;      // 0: not acknowledged yet
    uint64_t *seen;         // a bit for each watcher and change of its group
    int64_t *last_position; // of each watcher
    uint64_t deliveries;    // each counted once
    uint64_t duplicated;
    uint64_t disordered; // position not above the one before
    uint64_t foreign;    // of no change that was sent, or of another group
    uint64_t before_ack; // deliveries that came before the acknowledgement; it counts as 0 ns
    int64_t last_delivery_ns;
    struct histogram since_ack_ns, since_sent_ns, ack_ns;
};

// Both counts are 1 at least.
void delivery_book_init(struct delivery_book *b, size_t groups, size_t watchers, size_t changes);
void delivery_book_release(struct delivery_book *b);

// A change is sent, or was acknowledged. Each once for a change.
void delivery_book_sent(struct delivery_book *b, size_t change, int64_t now_ns);
void delivery_book_acked(struct delivery_book *b, size_t change, int64_t now_ns);

// A watcher was told of a change. position: of the change in the order in which the server says
// that they happened.
void delivery_book_delivered(struct delivery_book *b, size_t watcher, uint64_t change,
                             int64_t position, int64_t now_ns);

// How many deliveries there are when every watcher was told of every change that was
// acknowledged; fewer than that are lost.
uint64_t delivery_book_expected(const struct delivery_book *b);

#endif
