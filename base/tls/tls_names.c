#include "base/tls/tls_names.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <sys/socket.h>

enum {
    MOST_NAMES = 256,    // looked at
    LONGEST_NAME = 2048, // as a SPIFFE ID has at most
};

struct name {
    unsigned type; // gnutls_x509_subject_alt_name_t
    size_t len;
    char bytes[LONGEST_NAME];
};

// Reads the certificate's name of that index. Returns whether there may be more behind it; an empty
// *ret_name is too long, or unreadable.
static bool read_name(gnutls_x509_crt_t certificate, unsigned index, struct name *ret_name) {
    ret_name->len = sizeof(ret_name->bytes);
    int code = gnutls_x509_crt_get_subject_alt_name2(certificate, index, ret_name->bytes,
                                                     &ret_name->len, &ret_name->type, NULL);
    if (code < 0) {
        ret_name->len = 0;
    }
    return code != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE && index < MOST_NAMES;
}

static bool is_printable(const struct name *name) {
    for (size_t i = 0; i < name->len; i++) {
        if (name->bytes[i] <= ' ' || name->bytes[i] > '~') {
            return false;
        }
    }
    return name->len > 0;
}

static const char *kind_of(const struct name *name) {
    return name->type == GNUTLS_SAN_URI ? "uri" : name->type == GNUTLS_SAN_DNSNAME ? "dns" : NULL;
}

static void append_address(const struct name *name, struct strbuf *out) {
    char text[INET6_ADDRSTRLEN];
    int family = name->len == sizeof(struct in_addr) ? AF_INET : AF_INET6;
    if ((family == AF_INET || name->len == sizeof(struct in6_addr)) &&
        inet_ntop(family, name->bytes, text, sizeof(text)) != NULL) {
        strbuf_printf(out, "%sip:%s", out->len > 0 ? ", " : "", text);
    }
}

void tls_names_append(gnutls_x509_crt_t certificate, struct strbuf *out) {
    struct name name;
    for (unsigned i = 0; read_name(certificate, i, &name); i++) {
        const char *kind = kind_of(&name);
        if (name.type == GNUTLS_SAN_IPADDRESS) {
            append_address(&name, out);
        } else if (kind != NULL && is_printable(&name)) {
            strbuf_printf(out, "%s%s:%.*s", out->len > 0 ? ", " : "", kind, (int)name.len,
                          name.bytes);
        }
    }
}

size_t tls_names_of_client(struct arena *a, gnutls_x509_crt_t certificate, struct slice *ret_names,
                           size_t most) {
    static const unsigned types[] = {GNUTLS_SAN_URI, GNUTLS_SAN_DNSNAME};
    struct name name;
    size_t count = 0;
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        for (unsigned i = 0; count < most && read_name(certificate, i, &name); i++) {
            if (name.type == types[t] && is_printable(&name)) {
                ret_names[count++] = slice_of_cstr(
                    arena_printf(a, "%s:%.*s", kind_of(&name), (int)name.len, name.bytes));
            }
        }
    }
    return count;
}
