#include "server/domain/feed_cursor.h"

// Not the version of any page token: both are signed with the same secret.
enum { VERSION = 2, BODY_BYTES = 1 + 8 + 8 };

static void put_big_endian(uint8_t *p, uint64_t value) {
    for (int i = 0; i < 8; i++) {
        p[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

static uint64_t big_endian_at(const uint8_t *p) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | p[i];
    }
    return value;
}

const char *feed_cursor_make(struct arena *a, const uint8_t secret[SIGNED_TEXT_SECRET_BYTES],
                             struct slice organization, struct feed_position position) {
    uint8_t body[BODY_BYTES] = {VERSION};
    put_big_endian(body + 1, position.epoch);
    put_big_endian(body + 9, (uint64_t)position.revision);
    return signed_text_make(a, secret, organization, slice_of(body, sizeof(body)));
}

enum feed_cursor_standing feed_cursor_open(struct arena *a,
                                           const uint8_t secret[SIGNED_TEXT_SECRET_BYTES],
                                           struct slice organization, uint64_t epoch,
                                           const char *text, int64_t *ret_revision) {
    struct slice body;
    if (!signed_text_open(a, secret, organization, slice_of_cstr(text), &body) ||
        body.len != BODY_BYTES || body.data[0] != VERSION) {
        return FEED_CURSOR_FORGED;
    }
    if (big_endian_at(body.data + 1) != epoch) {
        return FEED_CURSOR_OTHER_EPOCH;
    }
    *ret_revision = (int64_t)big_endian_at(body.data + 9);
    return FEED_CURSOR_GOOD;
}
