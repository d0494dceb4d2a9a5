#include "base/core/request_id.h"

#include "base/core/clock.h"
#include "base/core/hex.h"
#include "base/core/random_id.h"

static bool is_allowed(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._~:/+=@-", c) != NULL);
}

bool request_id_valid(struct slice text) {
    if (text.len == 0 || text.len > REQUEST_ID_LONGEST) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_allowed(text.data[i])) {
            return false;
        }
    }
    return true;
}

void uuid_make(char ret_text[UUID_TEXT_SIZE]) {
    uint8_t bytes[UUID_BYTES];
    random_id_bytes(bytes + 6, UUID_BYTES - 6);
    uint64_t ms = (uint64_t)(clock_now_us(&clock_system) / 1000);
    for (int i = 0; i < 6; i++) {
        bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    }
    bytes[6] = (uint8_t)(0x70 | (bytes[6] & 0x0F));
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3F));
    uuid_print(bytes, ret_text);
}

void uuid_print(const uint8_t bytes[UUID_BYTES], char ret_text[UUID_TEXT_SIZE]) {
    char *p = ret_text;
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }
        *p++ = hex_digit(bytes[i] >> 4);
        *p++ = hex_digit(bytes[i]);
    }
    *p = '\0';
}
