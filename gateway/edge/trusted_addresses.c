#include "gateway/edge/trusted_addresses.h"

#include <arpa/inet.h>
#include <string.h>

enum { IPV4_OFFSET = 12, IPV4_BITS = 32, ALL_BITS = 128, MAPPED_BITS = ALL_BITS - IPV4_BITS };

static const uint8_t mapped[IPV4_OFFSET] = {[10] = 0xFF, [11] = 0xFF};
static const char unix_word[] = "unix";

// --- addresses ---

static bool is_ipv4(const struct ip_address *address) {
    return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

// Reads an address without port, brackets and zone.
static bool read_plain(struct slice text, struct ip_address *ret) {
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    struct ip_address address;
    if (inet_pton(AF_INET6, copy, address.bytes) != 1) {
        memcpy(address.bytes, mapped, sizeof(mapped));
        if (inet_pton(AF_INET, copy, address.bytes + IPV4_OFFSET) != 1) {
            return false;
        }
    }
    *ret = address;
    return true;
}

static struct slice copy_text(struct arena *a, const struct ip_address *address) {
    char text[INET6_ADDRSTRLEN];
    if (is_ipv4(address)) {
        inet_ntop(AF_INET, address->bytes + IPV4_OFFSET, text, sizeof(text));
    } else {
        inet_ntop(AF_INET6, address->bytes, text, sizeof(text));
    }
    return arena_copy(a, slice_of_cstr(text));
}

// Whether text is a decimal number from 0 to most, which has at most five digits.
static bool read_number(struct slice text, int most, int *ret) {
    int number = 0;
    if (text.len == 0 || text.len > 5) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (text.data[i] - '0');
    }
    *ret = number;
    return number <= most;
}

static struct slice behind(struct slice text, const uint8_t *at) {
    return slice_of(at, (size_t)(text.data + text.len - at));
}

static struct slice before(struct slice text, const uint8_t *at) {
    return slice_of(text.data, (size_t)(at - text.data));
}

static bool is_port(struct slice text) {
    int port;
    return read_number(text, UINT16_MAX, &port);
}

// Takes brackets and port off: "[ADDRESS]", "[ADDRESS]:PORT", "IPV4:PORT". Returns false if what
// is there beside the address is none of it.
static bool take_port(struct slice *text) {
    if (text->len > 0 && text->data[0] == '[') {
        const uint8_t *close = memchr(text->data, ']', text->len);
        if (close == NULL) {
            return false;
        }
        struct slice rest = behind(*text, close + 1);
        *text = slice_of(text->data + 1, (size_t)(close - text->data) - 1);
        return memchr(text->data, ':', text->len) != NULL && // only IPv6 has brackets
               (rest.len == 0 || (rest.data[0] == ':' && is_port(behind(rest, rest.data + 1))));
    }
    const uint8_t *colon = text->len > 0 ? memchr(text->data, ':', text->len) : NULL;
    const uint8_t *last = text->len > 0 ? memrchr(text->data, ':', text->len) : NULL;
    if (colon == NULL || colon != last) {
        return true; // IPv4, or IPv6 alone
    }
    struct slice port = behind(*text, colon + 1);
    *text = before(*text, colon);
    return is_port(port);
}

// Reads an address as proxies write it.
static bool read_element(struct slice text, struct ip_address *ret) {
    if (!take_port(&text)) {
        return false;
    }
    const uint8_t *zone = text.len > 0 ? memchr(text.data, '%', text.len) : NULL;
    if (zone != NULL) {
        text = before(text, zone);
        return read_plain(text, ret) && !is_ipv4(ret);
    }
    return read_plain(text, ret);
}

// --- ranges ---

static bool bits_equal(const struct ip_address *a, const struct ip_address *b, int bits) {
    size_t bytes = (size_t)bits / 8;
    int mask = 0xFF00 >> bits % 8 & 0xFF;
    return memcmp(a->bytes, b->bytes, bytes) == 0 &&
           (mask == 0 || ((a->bytes[bytes] ^ b->bytes[bytes]) & mask) == 0);
}

static struct ip_address prefix_of(const struct ip_address *address, int bits) {
    struct ip_address prefix = *address;
    for (int i = bits; i < ALL_BITS; i++) {
        prefix.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    }
    return prefix;
}

static bool has_address(const struct trusted_addresses *trusted, const struct ip_address *address) {
    for (size_t i = 0; i < trusted->count; i++) {
        const struct trusted_range *range = &trusted->ranges[i];
        if (is_ipv4(&range->prefix) == is_ipv4(address) &&
            bits_equal(&range->prefix, address, range->bits)) {
            return true;
        }
    }
    return false;
}

static const struct error *refuse(struct arena *a, struct slice text, const char *why) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "\"%.*s\" %s", SLICE_FMT(text), why);
}

// Reads the number of bits behind the slash; they are of IPv4 if the text of the address is.
static const struct error *read_bits(struct arena *a, struct slice text, struct slice number,
                                     bool is_dotted, int *ret_bits) {
    int most = is_dotted ? IPV4_BITS : ALL_BITS;
    int bits;
    if (!read_number(number, most, &bits)) {
        return refuse(a, text,
                      is_dotted ? "has a prefix that is no number of bits from 1 to 32"
                                : "has a prefix that is no number of bits from 1 to 128");
    }
    if (bits == 0) {
        return refuse(a, text,
                      "is every address there is: any client could say that it is another one");
    }
    *ret_bits = is_dotted ? bits + MAPPED_BITS : bits;
    return NULL;
}

static const struct error *read_range(struct arena *a, struct slice text,
                                      struct trusted_range *ret) {
    const uint8_t *slash = memchr(text.data, '/', text.len);
    struct slice plain = slash != NULL ? before(text, slash) : text;
    *ret = (struct trusted_range){.bits = ALL_BITS};
    if (!read_plain(plain, &ret->prefix)) {
        return refuse(a, text,
                      "is no IP address, no range of them such as 10.0.0.0/8, and not \"unix\"");
    }
    if (slash == NULL) {
        return NULL;
    }
    bool is_dotted = memchr(plain.data, ':', plain.len) == NULL;
    const struct error *error = read_bits(a, text, behind(text, slash + 1), is_dotted, &ret->bits);
    if (error != NULL) {
        return error;
    }
    struct ip_address prefix = prefix_of(&ret->prefix, ret->bits);
    if (memcmp(&prefix, &ret->prefix, sizeof(prefix)) != 0) {
        struct slice begin = copy_text(a, &prefix);
        return refuse(a, text,
                      arena_printf(a, "has bits behind its prefix: did you mean %.*s%.*s?",
                                   SLICE_FMT(begin), SLICE_FMT(behind(text, slash))));
    }
    return ret->bits == MAPPED_BITS && is_ipv4(&ret->prefix)
               ? refuse(a, text,
                        "is every address of IPv4: any client could say that it is another "
                        "one")
               : NULL;
}

static const struct error *read_item(struct arena *a, const char *list, struct slice item,
                                     struct trusted_range *ranges, struct trusted_addresses *all) {
    if (item.len == 0) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "\"%s\" has an empty element",
                         list);
    }
    if (slice_equal_cstr(item, unix_word)) {
        all->has_unix = true;
        return NULL;
    }
    if (all->count == TRUSTED_MOST) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "\"%s\": more than %d addresses and ranges", list, TRUSTED_MOST);
    }
    return read_range(a, item, &ranges[all->count++]);
}

const struct error *trusted_addresses_parse(struct arena *a, const char *const *lists, size_t count,
                                            struct trusted_addresses *ret) {
    struct trusted_range *ranges = ARENA_ARRAY(a, struct trusted_range, TRUSTED_MOST);
    struct trusted_addresses all = {.ranges = ranges};
    const struct error *error = NULL;
    for (size_t i = 0; i < count && error == NULL; i++) {
        struct slice rest = slice_of_cstr(lists[i]);
        bool has_more = true;
        while (has_more && error == NULL) {
            has_more = rest.len > 0 && memchr(rest.data, ',', rest.len) != NULL;
            struct slice item = header_take_until(&rest, ',');
            error = read_item(a, lists[i], item, ranges, &all);
        }
    }
    if (error == NULL) {
        *ret = all;
    }
    return error;
}

// --- clients ---

bool trusted_addresses_have(const struct trusted_addresses *trusted, struct slice text) {
    struct ip_address address;
    return slice_equal_cstr(text, unix_word)
               ? trusted->has_unix
               : read_plain(text, &address) && has_address(trusted, &address);
}

// Whether a proxy of a unix socket, which is trusted, was named: "unix", or "unix:" as nginx has
// it.
static bool is_trusted_unix(const struct trusted_addresses *trusted, struct slice text) {
    return trusted->has_unix &&
           (slice_equal_cstr(text, unix_word) || slice_equal_cstr(text, "unix:"));
}

struct slice trusted_addresses_client(struct arena *a, const struct trusted_addresses *trusted,
                                      struct http_headers headers, struct slice connection) {
    // Read from its beginning, the list has the client in the last address that is not trusted, or
    // in the first one since something that is no address.
    struct ip_address client;
    bool has_client = false;
    struct header_list list = header_list_of(headers, "x-forwarded-for");
    for (struct slice element; header_list_next(&list, &element);) {
        struct ip_address address;
        if (read_element(element, &address)) {
            if (!has_client || !has_address(trusted, &address)) {
                client = address;
                has_client = true;
            }
        } else if (!is_trusted_unix(trusted, element)) {
            has_client = false;
        }
    }
    return has_client ? copy_text(a, &client) : connection;
}
