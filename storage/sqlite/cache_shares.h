#ifndef RUNSD_STORAGE_SQLITE_CACHE_SHARES_H
#define RUNSD_STORAGE_SQLITE_CACHE_SHARES_H

#include <stdint.h>

// How the memory for cached pages is shared among a store's connections.

struct cache_shares {
    int64_t writer_bytes;
    int64_t first_reader_bytes; // the one that does nearly all while little comes from the disk
    int64_t other_reader_bytes; // each
};

// Returns the shares of cache_bytes (0: STORE_DEFAULT_CACHE_BYTES) with so many readers, at
// least 1. Together they are not more.
struct cache_shares cache_shares_of(int64_t cache_bytes, int readers);

#endif
