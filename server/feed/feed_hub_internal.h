#ifndef RUNSD_SERVER_FEED_FEED_HUB_INTERNAL_H
#define RUNSD_SERVER_FEED_FEED_HUB_INTERNAL_H

#include "base/core/strbuf.h"
#include "server/feed/feed_list.h"
#include "server/feed/feed_metrics.h"
#include "server/feed/feed_quota.h"
#include "server/feed/feed_ring.h"
#include "server/feed/feed_source.h"
#include "server/service/service_stream.h"
#include "storage/op/find_revision.h"
#include "storage/op/list_runs.h"

// What the files of the hub share. Each needs only those before it:
//
//   feed_loop     what the watches of one loop share
//   feed_channel  what those of one organization share on it
//   feed_page     what one watch reads from the store by itself
//   feed_sender   what a watch sends next
//   feed_watch    a watch's life
//   feed_hub      the hub's life, and its clock

enum {
    FEED_CLOCK_MS = 100,
    // How often a watch says how far it is: at least every 5 s, also where a tick has more of them
    // to serve than it may.
    FEED_BOOKMARK_US = 3000 * 1000,
    FEED_BOOKMARKS_PER_TICK = 128, // and a 16th of the loop's watches
    // What was read for a stream that does not take it is dropped, and read again.
    FEED_STALL_US = 1000 * 1000,
    // A source is read that often without a hint.
    FEED_POLL_US = 5000 * 1000,
};

// All batches together: above it no watch reads by itself before others are done, and rings keep
// nothing.
#define FEED_MOST_BATCH_BYTES ((size_t)64 << 20)

struct feed_hub {
    struct feed_sources sources;
    struct feed_quota quota;
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t changed;
    struct feed_loop *loops[FEED_MOST_LOOPS];
    int loop_count;
    bool is_ending;
    pthread_t clock;
    atomic_int watches;
    struct feed_metrics metrics;
};

enum { FEED_CHANNEL_BUCKETS = 1024 };

// The watches of one loop. All but tick, is_ticking, has_ended and lag belongs to its thread.
struct feed_loop {
    struct feed_hub *hub;
    struct rpc_loop *loop;
    int index;
    struct rpc_task tick;
    atomic_bool is_ticking; // tick is on its way
    atomic_bool has_ended;  // secrets that open no more
    struct feed_lag lag;
    unsigned ticks;
    int64_t ticked_us; // when the last one was
    int watches;
    struct feed_list all;       // by all_link
    struct feed_list bookmarks; // whose bookmarks are not due yet, by time_link, the next one first
    struct feed_list pages;     // by page_link, the one that moved last at the end
    struct feed_list waiting;   // to read, by page_link
    struct feed_channel *channels[FEED_CHANNEL_BUCKETS];
};

// The watches of one organization on one loop. The loop's thread.
struct feed_channel {
    struct feed_member member;
    struct feed_loop *loop;
    struct feed_channel *next; // of its bucket
    uint64_t hash;
    int watches;
    int behind;            // of these, that are not in idle
    struct feed_list idle; // that have everything and take a message, by idle_link
    struct feed_ring ring; // for those behind
    int64_t end;           // of what arrived; -1: not known
    int64_t newest;        // the newest revision that was heard of; -1: none
    int64_t poll_us;
    struct strbuf bookmark; // the one that was made last, for these:
    int64_t bookmark_revision;
    int64_t bookmark_newest;
};

enum feed_phase {
    FEED_NEW,
    FEED_STARTING, // asks the store where it begins; the client has no status line yet
    FEED_SNAPSHOT,
    FEED_FOLLOWING,
    FEED_OVER,
};

// What one watch reads by itself.
struct feed_page {
    struct feed_watch *watch;
    bool is_of_runs;
    bool is_place; // only where the watch begins
    atomic_bool is_read;
    bool is_taken;
    int next; // of batch
    struct feed_batch *batch;
    struct arena arena; // while it is read
    union {
        struct store_op op;
        struct store_list_changes changes;
        struct store_list_runs runs;
        struct store_find_revision place;
    };
};

// What a watch needs until its snapshot is over.
struct feed_snapshot {
    struct arena arena; // of the ids
    struct slice *ids;
    int id_count;
    uint32_t status;
    bool has_place;
    bool has_more;
    struct store_cursor place; // of the run that was sent last; its id is in id
    char id[256];
    int64_t revision; // from before it was read
};

struct feed_watch {
    struct service_stream stream; // first
    struct feed_hub *hub;
    struct feed_channel *channel;
    struct feed_secret *secret;
    struct feed_filter filter;
    struct feed_snapshot *snapshot; // NULL: none, or over
    struct feed_page *page;         // NULL: none
    enum feed_phase phase;
    bool has_cursor; // or a place that since was found to be
    bool has_since;
    bool is_cut; // what since asks for may have been dropped, which the first bookmark says
    bool include_run;
    bool is_bookmark_due;
    int64_t since_us;
    int64_t position;    // everything up to it was sent, or is not asked for
    int64_t newest;      // the newest revision that it read of by itself
    int64_t bookmark_us; // when its next bookmark is due; clock_monotonic_us, as the next
    int64_t moved_us;    // when it took from its page last
    int64_t behind_us;   // since when it does not have everything; as ticked_us of its loop
    struct feed_link all_link;
    struct feed_link idle_link;
    struct feed_link time_link;
    struct feed_link page_link;
};

// --- feed_loop ---

// The loop's, which is made if it is not there yet; tick is what it calls. On the loop's thread.
struct feed_loop *feed_loop_of(struct feed_hub *hub, struct rpc_loop *loop,
                               void (*tick)(struct rpc_task *task));

// Looks how far the loop's watches are behind, once a second. With each tick.
void feed_loop_look_at_lag(struct feed_loop *loop);

// --- feed_channel ---

// The organization's channel on the loop; arrived is called as struct feed_member says.
struct feed_channel *feed_channel_join(struct feed_loop *loop, struct slice organization,
                                       void (*arrived)(struct rpc_task *task));

// Ends it, once it has no watch. May free it.
void feed_channel_leave(struct feed_channel *channel);
void feed_channel_free(struct feed_channel *channel);

// A watch that takes a message has everything, or is behind again.
void feed_channel_add_idle(struct feed_channel *channel, struct feed_watch *watch);
void feed_channel_remove_idle(struct feed_channel *channel, struct feed_watch *watch);

// A watch that is behind is no more of the channel's.
void feed_channel_forget(struct feed_channel *channel);

// The bookmark for who has come to revision; valid until the next call.
struct slice feed_channel_bookmark(struct feed_channel *channel, int64_t revision, int64_t newest);

// --- feed_page ---

// Begins to read what comes behind the watch's position, or the next runs of its snapshot, now or
// once others have done. The stream's more is called when it was read.
void feed_page_begin(struct feed_watch *watch);

// Begins for those who wait, as far as there is room.
void feed_page_begin_waiting(struct feed_loop *loop);

// Whether the watch has a page that is not read yet, or waits for one.
bool feed_page_is_coming(const struct feed_watch *watch);

// Frees the watch's page, which nobody reads any more.
void feed_page_end(struct feed_watch *watch);

// Frees those of streams that have not taken a message since before_us.
void feed_page_drop_stalled(struct feed_loop *loop, int64_t before_us);

// The watch takes from its page.
void feed_page_moved(struct feed_watch *watch);

// --- feed_sender ---

// Sends what comes next to a stream that takes a message, if there is something.
void feed_sender_next(struct feed_watch *watch);

// Ends the stream.
void feed_sender_fail(struct feed_watch *watch, const struct error *error);

#endif
