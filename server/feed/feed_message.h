#ifndef RUNSD_SERVER_FEED_FEED_MESSAGE_H
#define RUNSD_SERVER_FEED_FEED_MESSAGE_H

#include "base/core/arena.h"
#include "base/core/strbuf.h"
#include "storage/run_record.h"
#include "storage/run_store.h"

// The messages of WatchRuns, field by field. They take a little of the arena a.

// Field numbers of WatchRunsResponse: protos/runs/v1/feed.proto.
enum {
    FEED_RESPONSE_CHANGE = 1,
    FEED_RESPONSE_SNAPSHOT_RUN = 2,
    FEED_RESPONSE_SNAPSHOT_END = 3,
    FEED_RESPONSE_BOOKMARK = 4,
    FEED_RESPONSE_CURSOR = 5,
    FEED_RESPONSE_RUN = 6,
};

// Appends the cursor that goes on behind revision.
void feed_message_put_cursor(struct strbuf *b, struct arena *a, const struct run_store *store,
                             struct slice organization, int64_t revision);

// Appends field number: the run.
void feed_message_put_run(struct strbuf *b, struct arena *a, uint32_t number,
                          const struct run_record *run);

// Appends a whole bookmark. is_cut: what the watch asked for by `since` may not be kept.
void feed_message_put_bookmark(struct strbuf *b, struct arena *a, const struct run_store *store,
                               struct slice organization, int64_t revision, int64_t newest,
                               bool is_cut);

// Appends a run of the snapshot, and its end.
void feed_message_put_snapshot_run(struct strbuf *b, struct arena *a, const struct run_record *run);
void feed_message_put_snapshot_end(struct strbuf *b);

#endif
