#ifndef RUNSD_TESTS_STORAGE_PASS_THROUGH_VFS_H
#define RUNSD_TESTS_STORAGE_PASS_THROUGH_VFS_H

#include <sqlite3.h>
#include <string>

// A SQLite VFS over the system's that passes every call on: what a test's VFS takes a copy of, to
// replace the calls that it is about. https://sqlite.org/vfs.html

// A file of such a VFS. The system's file lies behind it.
struct PassThroughFile {
    sqlite3_file base;
    std::string *name; // its path; empty if SQLite gave it none
    int flags;         // SQLITE_OPEN_..., as it was opened with
};

inline PassThroughFile *Ours(sqlite3_file *f) {
    return reinterpret_cast<PassThroughFile *>(f);
}
inline sqlite3_file *Real(sqlite3_file *f) {
    return reinterpret_cast<sqlite3_file *>(Ours(f) + 1);
}
inline sqlite3_vfs *Real(sqlite3_vfs *vfs) {
    return static_cast<sqlite3_vfs *>(vfs->pAppData);
}

// The calls on a file, all passed on.
sqlite3_io_methods PassThroughMethods();

// Opens the file by the system's VFS; methods, which must outlive it, are the calls on it.
int PassThroughOpen(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags,
                    const sqlite3_io_methods *methods);

// Returns a VFS over the one that is the default now, whose calls are all passed on, xOpen as it
// is without methods: it is to be replaced.
sqlite3_vfs PassThroughVfs(const char *name);

// Makes vfs, which must outlive all use of SQLite, the default.
void InstallVfs(sqlite3_vfs *vfs);

#endif
