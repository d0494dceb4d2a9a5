#include "base/net/peer_address.h"

#include <arpa/inet.h>
#include <string.h>

static void format_ipv6(const struct in6_addr *address, char ret_text[PEER_ADDRESS_SIZE]) {
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        inet_ntop(AF_INET, address->s6_addr + 12, ret_text, PEER_ADDRESS_SIZE);
    } else {
        inet_ntop(AF_INET6, address, ret_text, PEER_ADDRESS_SIZE);
    }
}

void peer_address_format(const struct sockaddr *address, char ret_text[PEER_ADDRESS_SIZE]) {
    ret_text[0] = '\0';
    if (address == NULL) {
        return;
    }
    switch (address->sa_family) {
    case AF_INET: {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, ret_text, PEER_ADDRESS_SIZE);
        break;
    }
    case AF_INET6:
        format_ipv6(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, ret_text);
        break;
    case AF_UNIX:
        strcpy(ret_text, PEER_ADDRESS_UNIX);
        break;
    default:
        break;
    }
}

bool peer_address_from_ipv6(struct slice text, char ret_text[PEER_ADDRESS_SIZE]) {
    ret_text[0] = '\0';
    if (text.len == 0) {
        return false;
    }
    const uint8_t *zone = memchr(text.data, '%', text.len);
    size_t length = zone != NULL ? (size_t)(zone - text.data) : text.len;
    char copy[PEER_ADDRESS_SIZE];
    if (length >= sizeof(copy) || memchr(text.data, '\0', length) != NULL) {
        return false;
    }
    memcpy(copy, text.data, length);
    copy[length] = '\0';
    struct in6_addr address;
    if (inet_pton(AF_INET6, copy, &address) != 1) {
        return false;
    }
    format_ipv6(&address, ret_text);
    return true;
}

bool peer_address_is_plausible(struct slice text) {
    if (slice_equal_cstr(text, PEER_ADDRESS_UNIX)) {
        return true;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f') && c != '.' && c != ':') {
            return false;
        }
    }
    return text.len > 0 && text.len < PEER_ADDRESS_SIZE;
}
