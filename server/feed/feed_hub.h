#ifndef RUNSD_SERVER_FEED_FEED_HUB_H
#define RUNSD_SERVER_FEED_FEED_HUB_H

#include "base/metrics/metrics.h"
#include "runs/v1/feed.pb-c.h"
#include "server/service/service_stream.h"
#include "storage/run_store.h"

// All watches (WatchRuns): each gets the changes of its organization's runs in the order of their
// commits, none left out and none twice, from where it asked for on.
//
// What a commit added is read from the store once for an organization, encoded once, and handed
// to the loops that have watches of it. A watch that has everything is sent it from there; one
// that is behind finds it in a bounded ring of its organization's newest changes, or reads the
// store by itself, some dozens of changes at a time and only when its stream takes a message. So
// nothing grows with how far a client is behind.
//
// What is held, at most: of each watch its place (360 bytes with all that belongs to it), the
// hashes of the runs that it asks for (8 bytes each), and, until its snapshot is over, their ids.
// Of each organization that is watched, for each loop, a ring of 1 MiB and four batches that the
// loop has not taken. Of all that was read and encoded together 64 MiB, and what each organization
// got last. What was read for a client that takes nothing for a second is dropped, and read again.
// With what gRPC core and rpc/ hold of a stream, a watch takes 15 KiB (10,000 on 40 connections).

enum { FEED_DEFAULT_MAX_WATCHES = 20000, FEED_DEFAULT_MAX_WATCHES_PER_TOKEN = 10000 };

struct feed_hub;

struct feed_options {
    int max_watches;           // 0: FEED_DEFAULT_MAX_WATCHES. More: RESOURCE_EXHAUSTED, QUEUE_FULL
    int max_watches_per_token; // 0: FEED_DEFAULT_MAX_WATCHES_PER_TOKEN. More: the same
    struct metrics *metrics;   // outlives the hub; NULL: nothing is counted
};

// service is borrowed; its store may be opened later.
struct feed_hub *feed_hub_new(const struct service *service, const struct feed_options *options);

// After the servers whose streams are watches were stopped and the store was closed; their loops
// still run. NULL is ignored.
void feed_hub_free(struct feed_hub *hub);

// What a store's on_commit is told. Thread safe; must not cross feed_hub_free.
void feed_hub_committed(struct feed_hub *hub, const struct store_commit *commits, int count);

// Has each watch of the organization that has everything send a bookmark, soon: before the floor is
// raised, so that no client that has come far enough is left with a cursor below it. Thread safe.
void feed_hub_bookmark(struct feed_hub *hub, struct slice organization);

// How many bytes of changes and runs are held that were read and encoded, of all watches. Thread
// safe.
size_t feed_hub_bytes(struct feed_hub *hub);

// The streams that are watches.
extern const struct service_stream_kind feed_watch_kind;

// Makes a watch of a stream that service_stream_open made for feed_watch_kind: begins it, or
// returns the error that refuses it, in the call's arena. The request is not used any more when it
// returns. On the loop's thread, in the method's handler.
const struct error *feed_hub_watch(struct feed_hub *hub, struct service_stream *stream,
                                   const Runs__V1__WatchRunsRequest *request);

#endif
