#ifndef RUNSD_STORAGE_STORE_HOLDER_H
#define RUNSD_STORAGE_STORE_HOLDER_H

#include <stdint.h>

// What a process that holds a store tells the other programs on its machine,
// through the file PATH.server beside a sqlite store (mode 0600: whoever can
// read it could read the store too). Lets `runsctl tokens ... --store URL` work
// while a server runs.
struct store_holder {
    int64_t pid;
    const char *grpc_address;
    const char *admin_token; // a token with scope tokens.admin, good while the holder lives
};

#endif
