#include "gateway/connection/client_hello.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TLS_1_2 = 0x0303,
    TLS_1_3 = 0x0304,
    RANDOM_BYTES = 32,
    EXTENSION_ALPN = 16,
    EXTENSION_SUPPORTED_VERSIONS = 43,
};

// Those of TLS_SESSION_PRIORITIES, by their numbers at IANA.
static const uint16_t suites[] = {
    0x1301, 0x1302, 0x1303, // TLS 1.3: AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305
    0xc02b, 0xc02c, 0xcca9, // ECDHE-ECDSA, the same
    0xc02f, 0xc030, 0xcca8, // ECDHE-RSA
};

// What is left of a message; a read beyond its end makes it bad, and empty.
struct reader {
    struct slice left;
    bool is_bad;
};

static struct slice take(struct reader *reader, size_t len) {
    if (len > reader->left.len) {
        *reader = (struct reader){SLICE_EMPTY, true};
        return SLICE_EMPTY;
    }
    struct slice taken = slice_of(reader->left.data, len);
    reader->left = slice_of(reader->left.data + len, reader->left.len - len);
    return taken;
}

// A number of so many bytes, at most 2.
static unsigned take_number(struct reader *reader, size_t bytes) {
    unsigned number = 0;
    struct slice taken = take(reader, bytes);
    for (size_t i = 0; i < taken.len; i++) {
        number = number << 8 | taken.data[i];
    }
    return number;
}

// What stands behind its length, which has so many bytes.
static struct reader take_vector(struct reader *reader, size_t length_bytes) {
    unsigned len = take_number(reader, length_bytes);
    return (struct reader){take(reader, len), false};
}

static bool has_ours(struct reader offered) {
    while (offered.left.len > 0) {
        unsigned suite = take_number(&offered, 2);
        for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
            if (suites[i] == suite) {
                return true;
            }
        }
    }
    return false;
}

static bool has_version(struct reader extension) {
    struct reader versions = take_vector(&extension, 1);
    while (versions.left.len > 0) {
        unsigned version = take_number(&versions, 2);
        if (version == TLS_1_2 || version == TLS_1_3) {
            return true;
        }
    }
    return false;
}

static bool has_http(struct reader extension) {
    struct reader protocols = take_vector(&extension, 2);
    while (protocols.left.len > 0) {
        if (slice_equal_cstr(take_vector(&protocols, 1).left, "http/1.1")) {
            return true;
        }
    }
    return false;
}

static void read_extensions(struct reader extensions, struct client_hello *hello) {
    while (extensions.left.len > 0) {
        unsigned type = take_number(&extensions, 2);
        struct reader extension = take_vector(&extensions, 2);
        if (type == EXTENSION_SUPPORTED_VERSIONS) {
            hello->has_version = has_version(extension);
        } else if (type == EXTENSION_ALPN) {
            hello->offers_protocols = true;
            hello->offers_http = has_http(extension);
        }
    }
}

bool client_hello_read(struct slice message, struct client_hello *ret_hello) {
    struct reader reader = {message, false};
    struct client_hello hello = {.has_version = take_number(&reader, 2) >= TLS_1_2};
    take(&reader, RANDOM_BYTES);
    take_vector(&reader, 1); // the session's id
    hello.has_suite = has_ours(take_vector(&reader, 2));
    take_vector(&reader, 1); // compression
    if (reader.left.len > 0) {
        read_extensions(take_vector(&reader, 2), &hello);
    }
    if (reader.is_bad) {
        return false;
    }
    *ret_hello = hello;
    return true;
}
