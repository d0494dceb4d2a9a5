#include "gateway/http/accept_encoding.h"

enum { UNSET = -1, WHOLE = 1000 };

// qvalue = 0 with up to three decimals, or 1 with up to three zeros; in thousandths.
static bool read_qvalue(struct slice s, int *ret_thousandths) {
    if (s.len == 0 || s.len > 5 || (s.data[0] != '0' && s.data[0] != '1') ||
        (s.len > 1 && s.data[1] != '.')) {
        return false;
    }
    int value = (s.data[0] - '0') * WHOLE;
    int unit = 100;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        value += (s.data[i] - '0') * unit;
    }
    *ret_thousandths = value;
    return value <= WHOLE;
}

// member = coding [ ";" "q=" qvalue ]
static bool read_member(struct slice member, struct slice *ret_coding, int *ret_quality) {
    *ret_coding = header_take_until(&member, ';');
    if (!header_is_token(*ret_coding)) {
        return false;
    }
    *ret_quality = WHOLE;
    struct slice weight = header_trim(member);
    if (weight.len == 0) {
        return true;
    }
    return weight.len > 2 && header_equal(slice_of(weight.data, 2), "q=") &&
           read_qvalue(slice_of(weight.data + 2, weight.len - 2), ret_quality);
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
