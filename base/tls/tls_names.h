#ifndef RUNSD_BASE_TLS_TLS_NAMES_H
#define RUNSD_BASE_TLS_TLS_NAMES_H

#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"

// Whom a certificate is for: the names of its extension subjectAltName. The common name of its
// subject is none (RFC 9525 section 2).

struct gnutls_x509_crt_int;

// As a person reads them: "dns:a.example, ip:192.0.2.1".
void tls_names_append(struct gnutls_x509_crt_int *certificate, struct strbuf *out);

// A client's, by which it may be known: "uri:spiffe://a/b" and behind them "dns:a.example", each in
// the order of the certificate and in a, at most so many: the same that gRPC finds
// (rpc/server_peer.h). Returns how many; others, and names with bytes that are not printable ASCII,
// are left out.
size_t tls_names_of_client(struct arena *a, struct gnutls_x509_crt_int *certificate,
                           struct slice *ret_names, size_t most);

#endif
