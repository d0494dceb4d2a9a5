#include "storage/sqlite/log_index.h"

#include <errno.h>
#include <stddef.h>

// https://sqlite.org/walformat.html#the_wal_index_file_format: a block has 4096 pages
// (the first of 34 less) and has 32 KiB.
enum { BLOCK_PAGES = 4096, BLOCK_BYTES = 32768 };

// More than the pages that the largest batch changes.
enum { BLOCKS_AHEAD = 4 };

void log_index_init(struct log_index *x, sqlite3 *db) {
    *x = (struct log_index){.db = db};
}

int log_index_reserve(struct log_index *x, int log_pages) {
    const int needed = log_pages / BLOCK_PAGES + 1 + BLOCKS_AHEAD;
    while (x->blocks < needed) {
        sqlite3_file *file = NULL;
        sqlite3_file_control(x->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
        volatile void *block;
        errno = 0;
        int rc = file->pMethods->xShmMap(file, x->blocks, BLOCK_BYTES, 1, &block);
        if (rc != SQLITE_OK) {
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SQLITE_FULL : rc;
        }
        x->blocks++;
    }
    return SQLITE_OK;
}
