#ifndef RUNSD_SERVER_FEED_FEED_SOURCE_H
#define RUNSD_SERVER_FEED_FEED_SOURCE_H

#include <pthread.h>

#include "rpc/loop.h"
#include "server/feed/feed_batch.h"
#include "server/service/service_call.h"
#include "storage/op/list_changes.h"

// The feed of one organization that is watched: reads what each commit added from the store,
// once, and hands it to its members, one on each loop that has watches of it. A commit is only a
// hint that there is something to be read: what is handed on is what the store says.

enum { FEED_SOURCE_BUCKETS = 4096, FEED_DETAIL_SIZE = 160 };

// All sources; one there is for each organization that has a member. Thread safe.
struct feed_sources {
    const struct service *service; // log, and the store once it is open
    pthread_mutex_t mutex;         // guards the next two, and how many users a source has
    int count;
    struct feed_source *buckets[FEED_SOURCE_BUCKETS];
    atomic_int any;            // count, for those who look without the mutex
    atomic_size_t batch_bytes; // of all batches that there are
};

struct feed_source;

// Where changes arrive on one loop. The user embeds it and fills the first part.
struct feed_member {
    struct rpc_loop *loop;
    int loop_index; // below FEED_MOST_LOOPS
    // Something arrived: runs on the loop's thread, and calls feed_member_take.
    struct rpc_task arrived;

    // The source's.
    struct feed_source *source;
    struct feed_batch *inbox;
    struct feed_batch **inbox_end;
    int inbox_count;
    bool is_posted; // arrived is on its way
    bool is_reset;
    bool wants_bookmarks;
    enum store_result failure;
    char detail[FEED_DETAIL_SIZE];
};

// What arrived at a member.
struct feed_arrival {
    struct feed_batch *batches;    // by next[loop_index], each with a reference
    bool is_reset;                 // there is a gap before end: who is not beyond reads by itself
    int64_t end;                   // what was read; -1: not known
    int64_t newest;                // the newest revision that was heard of; -1: none
    bool wants_bookmarks;          // feed_sources_want_bookmarks
    enum store_result failure;     // not STORE_OK: the store could not be read
    char detail[FEED_DETAIL_SIZE]; // for the log then
};

void feed_sources_init(struct feed_sources *sources, const struct service *service);

// No member may be left, and the store must be closed.
void feed_sources_destroy(struct feed_sources *sources);

// What a store's on_commit is told. On any thread; may submit an operation.
void feed_sources_committed(struct feed_sources *sources, const struct store_commit *commits,
                            int count);

// Has each watch of the organization say how far it is, soon. Thread safe.
void feed_sources_want_bookmarks(struct feed_sources *sources, struct slice organization);

// Has arrivals of the organization come to member. Returns what was read already: arrivals begin
// behind it; -1: not known. On the loop's thread, as the following.
int64_t feed_member_join(struct feed_member *member, struct feed_sources *sources,
                         struct slice organization);

// Takes what arrived. Returns false if the member has left meanwhile: it is not in use any more.
bool feed_member_take(struct feed_member *member, struct feed_arrival *ret_arrival);

// Ends it. Returns true if it is not in use any more, else once feed_member_take says so.
bool feed_member_leave(struct feed_member *member);

// A reader of its own found newest to be the organization's newest revision. Returns up to where
// the source has read: what is before and did not arrive is to be read by who needs it.
int64_t feed_member_learn(struct feed_member *member, int64_t newest);

// How many watches of the member's organization need runs, or workflows, more than before.
void feed_member_want(struct feed_member *member, int runs, int workflows);

// Reads the store unless it was read in the last idle_us: in case that a hint was lost.
void feed_member_poll(struct feed_member *member, int64_t idle_us);

struct slice feed_member_organization(const struct feed_member *member);

#endif
