#include "gateway/admission/byte_budget.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/core/memory.h"

// A client address that holds bytes, or waits for some.
struct byte_peer {
    struct byte_peer *next;
    struct byte_peer **link;
    struct byte_peer_key key;
    size_t bytes;
    size_t references; // holds
};

// --- peers ---

static struct byte_peer **bucket_of(struct byte_budget *budget, const struct byte_peer_key *key) {
    uint32_t hash =
        2166136261u; // FNV-1a: a client that picks addresses to collide only slows itself
    for (size_t i = 0; i < sizeof(key->bytes); i++) {
        hash = (hash ^ key->bytes[i]) * 16777619u;
    }
    return &budget->peers[hash % BYTE_BUDGET_PEER_BUCKETS];
}

static struct byte_peer *get_peer(struct byte_budget *budget, const struct byte_peer_key *key) {
    static const struct byte_peer_key none;
    if (memcmp(key, &none, sizeof(none)) == 0) {
        return NULL;
    }
    struct byte_peer **link = bucket_of(budget, key);
    struct byte_peer *peer = *link;
    while (peer != NULL && memcmp(&peer->key, key, sizeof(*key)) != 0) {
        peer = peer->next;
    }
    if (peer == NULL) {
        peer = mem_zalloc(sizeof(*peer));
        peer->key = *key;
        peer->next = *link;
        peer->link = link;
        if (peer->next != NULL) {
            peer->next->link = &peer->next;
        }
        *link = peer;
    }
    peer->references++;
    return peer;
}

static void put_peer(struct byte_peer *peer) {
    if (peer == NULL || --peer->references > 0) {
        return;
    }
    CHECK(peer->bytes == 0);
    *peer->link = peer->next;
    if (peer->next != NULL) {
        peer->next->link = peer->link;
    }
    free(peer);
}

// --- room ---

// Whether hold, which has taken held bytes, may take more.
static bool has_room(const struct byte_budget *budget, const struct byte_hold *hold, size_t held,
                     size_t more) {
    if (hold->is_change) {
        return budget->used + more <= budget->limit;
    }
    return budget->used_by_others == held ||
           budget->used + more <= budget->limit - budget->limit / 4;
}

static bool peer_has_room(const struct byte_budget *budget, const struct byte_hold *hold,
                          size_t held, size_t more) {
    const struct byte_peer *peer = hold->peer;
    return peer == NULL || peer->bytes == held || peer->bytes + more <= budget->limit / 2;
}

static void take(struct byte_budget *budget, struct byte_hold *hold, size_t bytes) {
    hold->bytes += bytes;
    budget->used += bytes;
    budget->used_by_others += hold->is_change ? 0 : bytes;
    if (hold->peer != NULL) {
        hold->peer->bytes += bytes;
    }
}

static void give(struct byte_budget *budget, struct byte_hold *hold, size_t bytes) {
    hold->bytes -= bytes;
    budget->used -= bytes;
    budget->used_by_others -= hold->is_change ? 0 : bytes;
    if (hold->peer != NULL) {
        hold->peer->bytes -= bytes;
    }
    budget->has_news = budget->has_news || budget->first != NULL;
}

void byte_budget_count_for(struct byte_budget *budget, struct byte_hold *hold,
                           const struct byte_peer_key *peer) {
    CHECK(hold->peer == NULL);
    hold->peer = get_peer(budget, peer);
    if (hold->peer != NULL) {
        hold->peer->bytes += hold->bytes;
    }
}

bool byte_budget_enter(struct byte_budget *budget, struct byte_hold *hold, size_t bytes) {
    CHECK(hold->bytes == 0);
    // Only changes overtake those that wait.
    bool is_first = budget->first == NULL || hold->is_change;
    if (is_first && has_room(budget, hold, 0, bytes) && peer_has_room(budget, hold, 0, bytes)) {
        take(budget, hold, bytes);
        return true;
    }
    hold->bytes = bytes;
    hold->next = NULL;
    if (budget->last != NULL) {
        budget->last->next = hold;
    } else {
        budget->first = hold;
    }
    budget->last = hold;
    // Those before it may wait only for their address's share.
    budget->has_news = true;
    return false;
}

bool byte_budget_try(struct byte_budget *budget, struct byte_hold *hold, size_t bytes) {
    size_t more = bytes > hold->bytes ? bytes - hold->bytes : 0;
    if (more > 0 && !(has_room(budget, hold, hold->bytes, more) &&
                      peer_has_room(budget, hold, hold->bytes, more))) {
        return false;
    }
    byte_budget_set(budget, hold, bytes);
    return true;
}

void byte_budget_set(struct byte_budget *budget, struct byte_hold *hold, size_t bytes) {
    if (bytes >= hold->bytes) {
        take(budget, hold, bytes - hold->bytes);
    } else {
        give(budget, hold, hold->bytes - bytes);
    }
}

void byte_budget_leave(struct byte_budget *budget, struct byte_hold *hold) {
    if (hold->bytes > 0) {
        give(budget, hold, hold->bytes);
    }
    put_peer(hold->peer);
    hold->peer = NULL;
}

// --- waiting ---

static void unlink_waiting(struct byte_budget *budget, struct byte_hold *before,
                           struct byte_hold *hold) {
    if (before != NULL) {
        before->next = hold->next;
    } else {
        budget->first = hold->next;
    }
    if (budget->last == hold) {
        budget->last = before;
    }
    hold->next = NULL;
}

struct byte_hold *byte_budget_next(struct byte_budget *budget) {
    bool is_full = false; // for all but changes
    struct byte_hold *before = NULL;
    for (struct byte_hold *hold = budget->has_news ? budget->first : NULL; hold != NULL;
         before = hold, hold = hold->next) {
        if (hold->is_change || !is_full) {
            bool fits = has_room(budget, hold, 0, hold->bytes);
            if (fits && peer_has_room(budget, hold, 0, hold->bytes)) {
                unlink_waiting(budget, before, hold);
                size_t bytes = hold->bytes;
                hold->bytes = 0;
                take(budget, hold, bytes);
                return hold;
            }
            // One that waits for its address's share does not hold up others.
            is_full = is_full || (!fits && !hold->is_change);
        }
    }
    budget->has_news = false;
    return NULL;
}

struct byte_hold *byte_budget_overdue(struct byte_budget *budget, int64_t now_us) {
    struct byte_hold *hold = budget->first;
    if (hold == NULL || hold->due_us > now_us) {
        return NULL;
    }
    unlink_waiting(budget, NULL, hold);
    hold->bytes = 0;
    put_peer(hold->peer);
    hold->peer = NULL;
    budget->has_news = budget->first != NULL;
    return hold;
}

int64_t byte_budget_due_us(const struct byte_budget *budget) {
    if (budget->first == NULL) {
        return INT64_MAX;
    }
    return budget->has_news ? 0 : budget->first->due_us;
}
