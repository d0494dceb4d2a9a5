#include "storage/sqlite/cache_shares.h"

#include "storage/run_store.h"

// Of 16 parts. Readers other than the first read what the system itself has to read from the
// disk, where a page more of its memory costs little.
enum { PARTS = 16, WRITER_PARTS = 6, OTHER_READERS_PARTS = 2 };

struct cache_shares cache_shares_of(int64_t cache_bytes, int readers) {
    int64_t all = cache_bytes > 0 ? cache_bytes : STORE_DEFAULT_CACHE_BYTES;
    int64_t part = all / PARTS;
    struct cache_shares shares = {.writer_bytes = part * WRITER_PARTS};
    if (readers > 1) {
        shares.other_reader_bytes = part * OTHER_READERS_PARTS / (readers - 1);
    }
    shares.first_reader_bytes =
        all - shares.writer_bytes - shares.other_reader_bytes * (readers - 1);
    return shares;
}
