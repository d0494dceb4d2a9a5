#include "gateway/edge/accept_encoding.h"

#include "base/core/http_token.h"

enum { UNSET = -1 };

// member = coding [ ";" "q=" qvalue ]
static bool read_member(struct slice member, struct slice *ret_coding, int *ret_quality) {
    *ret_coding = header_take_until(&member, ';');
    if (!http_token_valid(*ret_coding)) {
        return false;
    }
    *ret_quality = HEADER_QUALITY_MOST;
    struct slice weight = header_trim(member);
    if (weight.len == 0) {
        return true;
    }
    return weight.len > 2 && header_equal(slice_of(weight.data, 2), "q=") &&
           header_quality(slice_of(weight.data + 2, weight.len - 2), ret_quality);
}

enum accept_encoding accept_encoding_read(struct http_headers headers) {
    int gzip = UNSET;
    int identity = UNSET;
    int others = UNSET;
    struct header_list list = header_list_of(headers, "accept-encoding");
    for (struct slice member; header_list_next(&list, &member);) {
        struct slice coding;
        int quality;
        if (!read_member(member, &coding, &quality)) {
            continue;
        }
        // RFC 9110 section 8.4.1.3: x-gzip is gzip.
        if (header_equal(coding, "gzip") || header_equal(coding, "x-gzip")) {
            gzip = quality > gzip ? quality : gzip;
        } else if (header_equal(coding, "identity")) {
            identity = quality;
        } else if (header_equal(coding, "*")) {
            others = quality;
        }
    }
    // "*" is every coding that is not listed, identity too only if its weight is 0.
    gzip = gzip == UNSET ? others : gzip;
    identity = identity == UNSET && others == 0 ? 0 : identity;
    if (gzip <= 0 || gzip < identity) {
        return ACCEPT_IDENTITY;
    }
    return identity == 0 ? ACCEPT_GZIP_ONLY : ACCEPT_GZIP;
}
