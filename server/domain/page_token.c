#include "server/domain/page_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/core/base64.h"
#include "base/core/check.h"

// A token's bytes: version, started_at, id, and the MAC as the last MAC_BYTES.
enum { VERSION = 1, MAC_BYTES = 16, HEAD_BYTES = 1 + 8, LONGEST_TOKEN = 1024 };

// The length of body is signed too, so that no client can move the border between body and
// filters.
static void compute_mac(const uint8_t *secret, struct arena *a, struct slice body,
                        struct slice filters, uint8_t ret_mac[MAC_BYTES]) {
    uint64_t body_bytes = body.len;
    size_t size = sizeof(body_bytes) + body.len + filters.len;
    uint8_t *message = arena_alloc(a, size);
    memcpy(message, &body_bytes, sizeof(body_bytes));
    memcpy(message + sizeof(body_bytes), body.data, body.len);
    if (filters.len > 0) {
        memcpy(message + sizeof(body_bytes) + body.len, filters.data, filters.len);
    }
    uint8_t full[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    // Fails only out of memory, and then no MAC must pass for another.
    CHECK(HMAC(EVP_sha256(), secret, STORE_SECRET_BYTES, message, size, full, &length) != NULL);
    memcpy(ret_mac, full, MAC_BYTES);
}

// Base 64 in its URL-safe alphabet without padding (RFC 4648 section 5).
static const char *encode(struct arena *a, struct slice bytes) {
    size_t size = base64_encoded_size(bytes.len);
    uint8_t *text = arena_alloc(a, size + 1);
    base64_encode(bytes, text);
    while (size > 0 && text[size - 1] == '=') {
        size--;
    }
    for (size_t i = 0; i < size; i++) {
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }
    text[size] = '\0';
    return (const char *)text;
}

const char *page_token_make(struct arena *a, const uint8_t secret[STORE_SECRET_BYTES],
                            struct slice filters, const struct store_cursor *cursor) {
    size_t body_bytes = HEAD_BYTES + cursor->id.len;
    uint8_t *bytes = arena_alloc(a, body_bytes + MAC_BYTES);
    bytes[0] = VERSION;
    memcpy(bytes + 1, &cursor->started_at_us, 8);
    memcpy(bytes + HEAD_BYTES, cursor->id.data, cursor->id.len);
    compute_mac(secret, a, slice_of(bytes, body_bytes), filters, bytes + body_bytes);
    return encode(a, slice_of(bytes, body_bytes + MAC_BYTES));
}

bool page_token_open(struct arena *a, const uint8_t secret[STORE_SECRET_BYTES],
                     struct slice filters, const char *token, struct store_cursor *ret_cursor) {
    struct slice text = slice_of_cstr(token);
    if (text.len > LONGEST_TOKEN) {
        return false;
    }
    uint8_t *bytes = arena_alloc(a, text.len / 4 * 3 + 2);
    size_t size = 0;
    if (!base64_decode(text, bytes, &size) || size < HEAD_BYTES + MAC_BYTES ||
        bytes[0] != VERSION) {
        return false;
    }
    // Each token has one spelling; base64_decode takes the standard alphabet and padding too.
    if (!slice_equal_cstr(text, encode(a, slice_of(bytes, size)))) {
        return false;
    }
    size_t body_bytes = size - MAC_BYTES;
    uint8_t mac[MAC_BYTES];
    compute_mac(secret, a, slice_of(bytes, body_bytes), filters, mac);
    if (CRYPTO_memcmp(mac, bytes + body_bytes, MAC_BYTES) != 0) {
        return false;
    }
    memcpy(&ret_cursor->started_at_us, bytes + 1, 8);
    ret_cursor->id = slice_of(bytes + HEAD_BYTES, body_bytes - HEAD_BYTES);
    return true;
}
