#ifndef RUNSD_GATEWAY_ADMISSION_BYTE_BUDGET_H
#define RUNSD_GATEWAY_ADMISSION_BYTE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How many bytes of bodies, messages and replies a gateway holds at once. A request
// takes all that it will need in one go, so that none that holds some waits for more; one that
// finds no room waits, first come first served, for BYTE_BUDGET_PATIENCE_US at most.
//
// A quarter of the budget is for requests that change something and are small: whatever
// others hold, a cancel finds room. One client address holds at most half of the budget,
// not counting what is up to BYTE_BUDGET_SMALL: a few hostile ones cannot have it all. So
// that no request waits for what can never be, one alone always has room.
//
// Used on the HTTP thread only. Times are those of clock_monotonic_us. Zero-initialize it
// but for the limit.

enum {
    BYTE_BUDGET_SMALL = 16 << 10,
    BYTE_BUDGET_PEER_BUCKETS = 256,
    BYTE_BUDGET_PATIENCE_US = 2 * 1000 * 1000,
};

struct byte_peer;

// What one request holds or waits for. Zero-initialize it.
struct byte_hold {
    struct byte_peer *peer; // where it is counted too; NULL: nowhere
    size_t bytes;
    bool is_change; // and small: may have all of the budget
    struct byte_hold *next;
    int64_t due_us;
};

struct byte_budget {
    size_t limit;
    size_t used;
    size_t used_by_others; // of it, by holds that may not have all
    bool has_news;         // one that waits may find room now
    struct byte_hold *first;
    struct byte_hold *last;
    struct byte_peer *peers[BYTE_BUDGET_PEER_BUCKETS];
};

// A client's address: all zero if it has none (a unix socket), which is no peer then.
struct byte_peer_key {
    uint8_t bytes[16];
};

// Counts what hold has, and will have, for the address too; once, for a hold of more than
// BYTE_BUDGET_SMALL.
void byte_budget_count_for(struct byte_budget *budget, struct byte_hold *hold,
                           const struct byte_peer_key *peer);

// Takes bytes for hold, whose is_change is set. Returns false if it waits for them
// instead: byte_budget_next or byte_budget_overdue returns it. Then the caller sets due_us,
// BYTE_BUDGET_PATIENCE_US from now.
bool byte_budget_enter(struct byte_budget *budget, struct byte_hold *hold, size_t bytes);

// Takes so many bytes in all instead of what hold has, if there is room or it is less.
bool byte_budget_try(struct byte_budget *budget, struct byte_hold *hold, size_t bytes);

// The same whether there is room or not: the bytes are there already.
void byte_budget_set(struct byte_budget *budget, struct byte_hold *hold, size_t bytes);

// Gives back all. Nothing happens if it holds nothing.
void byte_budget_leave(struct byte_budget *budget, struct byte_hold *hold);

// The next that waited and has its bytes now; NULL if there is none.
struct byte_hold *byte_budget_next(struct byte_budget *budget);

// One that has waited since before now_us and has nothing; NULL if there is none.
struct byte_hold *byte_budget_overdue(struct byte_budget *budget, int64_t now_us);

// When one of these two is to be asked again: 0 at once, INT64_MAX never.
int64_t byte_budget_due_us(const struct byte_budget *budget);

#endif
