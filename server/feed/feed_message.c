#include "server/feed/feed_message.h"

#include "base/core/wire.h"
#include "server/domain/feed_cursor.h"
#include "server/domain/run_codec.h"

// Field numbers: protos/runs/v1/feed.proto.
enum { BOOKMARK_REVISION = 1, BOOKMARK_NEWEST = 2, BOOKMARK_IS_CUT = 3 };
enum { SNAPSHOT_RUN_RUN = 1, SNAPSHOT_RUN_SEQUENCE = 2 };

void feed_message_put_cursor(struct strbuf *b, struct arena *a, const struct run_store *store,
                             struct slice organization, int64_t revision) {
    const struct feed_position position = {.epoch = store->epoch, .revision = revision};
    const char *text = feed_cursor_make(a, store->secret, organization, position);
    wire_put_bytes(b, FEED_RESPONSE_CURSOR, slice_of(text, FEED_CURSOR_LENGTH));
}

void feed_message_put_run(struct strbuf *b, struct arena *a, uint32_t number,
                          const struct run_record *run) {
    struct slice parts[RUN_REPLY_PARTS];
    size_t count = run_reply_parts(a, run, parts);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += parts[i].len;
    }
    wire_put_tag(b, number, WIRE_BYTES);
    wire_put_varint(b, bytes);
    for (size_t i = 0; i < count; i++) {
        strbuf_append_slice(b, parts[i]);
    }
}

void feed_message_put_bookmark(struct strbuf *b, struct arena *a, const struct run_store *store,
                               struct slice organization, int64_t revision, int64_t newest,
                               bool is_cut) {
    static const uint8_t true_value[] = {0x08, 0x01}; // a google.protobuf.BoolValue
    struct strbuf bookmark = STRBUF_INIT;
    wire_put_uint(&bookmark, BOOKMARK_REVISION, (uint64_t)revision);
    wire_put_uint(&bookmark, BOOKMARK_NEWEST, (uint64_t)newest);
    if (is_cut) {
        wire_put_bytes(&bookmark, BOOKMARK_IS_CUT, slice_of(true_value, sizeof(true_value)));
    }
    wire_put_bytes(b, FEED_RESPONSE_BOOKMARK, strbuf_slice(&bookmark));
    strbuf_release(&bookmark);
    feed_message_put_cursor(b, a, store, organization, revision);
}

void feed_message_put_snapshot_run(struct strbuf *b, struct arena *a,
                                   const struct run_record *run) {
    struct strbuf item = STRBUF_INIT;
    feed_message_put_run(&item, a, SNAPSHOT_RUN_RUN, run);
    wire_put_uint(&item, SNAPSHOT_RUN_SEQUENCE, (uint64_t)run->sequence);
    wire_put_bytes(b, FEED_RESPONSE_SNAPSHOT_RUN, strbuf_slice(&item));
    strbuf_release(&item);
}

void feed_message_put_snapshot_end(struct strbuf *b) {
    wire_put_bytes(b, FEED_RESPONSE_SNAPSHOT_END, SLICE_EMPTY);
}
