#ifndef RUNSD_STORAGE_SQLITE_FILE_HEADER_H
#define RUNSD_STORAGE_SQLITE_FILE_HEADER_H

// The first bytes of a database: https://sqlite.org/fileformat2.html#the_database_header

enum {
    FILE_HEADER_BYTES = 100,
    // Where fields begin.
    FILE_HEADER_PAGE_SIZE = 16,
    FILE_HEADER_READ_VERSION = 19,
    FILE_HEADER_APPLICATION_ID = 68,
};

// How changes are kept, by the byte at FILE_HEADER_READ_VERSION.
enum {
    FILE_MODE_JOURNAL = 1, // in a rollback journal
    FILE_MODE_LOG = 2,     // in a write-ahead log
};

#endif
