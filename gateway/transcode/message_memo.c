#include "gateway/transcode/message_memo.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/core/memory.h"

struct memo_slot {
    const struct transcoder_route *route; // NULL: nothing came yet
    uint64_t hash;
    uint8_t *bytes; // message, JSON, id; NULL: the message came once
    size_t message_bytes;
    size_t json_bytes;
    size_t id_bytes;
};

struct message_memo {
    struct memo_slot slots[MESSAGE_MEMO_SLOTS];
    uint64_t hash; // of what was looked for last
};

struct message_memo *message_memo_new(void) {
    return mem_zalloc(sizeof(struct message_memo));
}

void message_memo_free(struct message_memo *memo) {
    if (memo == NULL) {
        return;
    }
    for (size_t i = 0; i < MESSAGE_MEMO_SLOTS; i++) {
        free(memo->slots[i].bytes);
    }
    free(memo);
}

static struct memo_slot *slot_of(struct message_memo *memo) {
    return &memo->slots[memo->hash % MESSAGE_MEMO_SLOTS];
}

bool message_memo_find(struct message_memo *memo, const struct transcoder_route *route,
                       struct slice message, struct message_memo_text *ret_text) {
    memo->hash = XXH3_64bits(message.data, message.len);
    const struct memo_slot *slot = slot_of(memo);
    // The hash is no proof: whoever chooses the messages may make two of one hash.
    if (slot->bytes == NULL || slot->hash != memo->hash || slot->route != route ||
        !slice_equal(slice_of(slot->bytes, slot->message_bytes), message)) {
        return false;
    }
    const uint8_t *json = slot->bytes + slot->message_bytes;
    ret_text->json = slice_of(json, slot->json_bytes);
    ret_text->id = slice_of(json + slot->json_bytes, slot->id_bytes);
    return true;
}

static uint8_t *put(uint8_t *end, struct slice s) {
    if (s.len > 0) {
        memcpy(end, s.data, s.len);
    }
    return end + s.len;
}

void message_memo_note(struct message_memo *memo, const struct transcoder_route *route,
                       struct slice message, const struct message_memo_text *text) {
    struct memo_slot *slot = slot_of(memo);
    bool came_before = slot->route == route && slot->hash == memo->hash;
    free(slot->bytes);
    *slot = (struct memo_slot){.route = route, .hash = memo->hash};
    size_t bytes = message.len + text->json.len + text->id.len;
    if (!came_before || bytes > MESSAGE_MEMO_SLOT_BYTES) {
        return;
    }
    slot->bytes = mem_alloc(bytes);
    put(put(put(slot->bytes, message), text->json), text->id);
    slot->message_bytes = message.len;
    slot->json_bytes = text->json.len;
    slot->id_bytes = text->id.len;
}
