#ifndef RUNSD_SERVER_AUTH_CLIENT_NAME_H
#define RUNSD_SERVER_AUTH_CLIENT_NAME_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "storage/token_record.h"

// The names of clients' certificates (RFC 5280, section 4.2.1.6: subjectAltName) that tokens may
// have in place of secrets: "uri:" and a URI, "dns:" and a host's name.

// What is wrong with a token's client name, as the end of a sentence; NULL: nothing. In a. Hosts'
// names are in lower case and without a wildcard, so that one certificate's name is one text.
const char *client_name_problem(struct arena *a, struct slice name);

// What is stored of a client name and looked up: SHA-256 of it behind a line that no secret begins
// with. Capitals of a host's name, as a certificate may have them, count as lower case.
void client_name_hash(struct slice name, uint8_t ret_hash[TOKEN_HASH_BYTES]);

#endif
