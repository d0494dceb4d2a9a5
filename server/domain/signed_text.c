#include "server/domain/signed_text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/core/base64.h"
#include "base/core/check.h"

// That of a page token with the longest id of a workflow, 1,024 bytes, has 1,399.
enum { LONGEST_TEXT = 2048 };

// The length of body is signed too, so that no client can move the border between body and
// context.
static void compute_mac(const uint8_t *secret, struct arena *a, struct slice body,
                        struct slice context, uint8_t ret_mac[SIGNED_TEXT_MAC_BYTES]) {
    uint64_t body_bytes = body.len;
    size_t size = sizeof(body_bytes) + body.len + context.len;
    uint8_t *message = arena_alloc(a, size);
    memcpy(message, &body_bytes, sizeof(body_bytes));
    memcpy(message + sizeof(body_bytes), body.data, body.len);
    if (context.len > 0) {
        memcpy(message + sizeof(body_bytes) + body.len, context.data, context.len);
    }
    uint8_t full[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    // Fails only out of memory, and then no MAC must pass for another.
    CHECK(HMAC(EVP_sha256(), secret, SIGNED_TEXT_SECRET_BYTES, message, size, full, &length) !=
          NULL);
    memcpy(ret_mac, full, SIGNED_TEXT_MAC_BYTES);
}

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

const char *signed_text_make(struct arena *a, const uint8_t secret[SIGNED_TEXT_SECRET_BYTES],
                             struct slice context, struct slice body) {
    uint8_t *bytes = arena_alloc(a, body.len + SIGNED_TEXT_MAC_BYTES);
    memcpy(bytes, body.data, body.len);
    compute_mac(secret, a, body, context, bytes + body.len);
    return encode(a, slice_of(bytes, body.len + SIGNED_TEXT_MAC_BYTES));
}

bool signed_text_open(struct arena *a, const uint8_t secret[SIGNED_TEXT_SECRET_BYTES],
                      struct slice context, struct slice text, struct slice *ret_body) {
    if (text.len > LONGEST_TEXT) {
        return false;
    }
    uint8_t *bytes = arena_alloc(a, text.len / 4 * 3 + 2);
    size_t size = 0;
    if (!base64_decode(text, bytes, &size) || size <= SIGNED_TEXT_MAC_BYTES) {
        return false;
    }
    // base64_decode takes the standard alphabet and padding too.
    if (!slice_equal_cstr(text, encode(a, slice_of(bytes, size)))) {
        return false;
    }
    struct slice body = slice_of(bytes, size - SIGNED_TEXT_MAC_BYTES);
    uint8_t mac[SIGNED_TEXT_MAC_BYTES];
    compute_mac(secret, a, body, context, mac);
    if (CRYPTO_memcmp(mac, bytes + body.len, SIGNED_TEXT_MAC_BYTES) != 0) {
        return false;
    }
    *ret_body = body;
    return true;
}
