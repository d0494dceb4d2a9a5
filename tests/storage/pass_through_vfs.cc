#include "tests/storage/pass_through_vfs.h"

#include <stdlib.h>

namespace {

int Close(sqlite3_file *f) {
    delete Ours(f)->name;
    return Real(f)->pMethods->xClose(Real(f));
}
int Read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
    return Real(f)->pMethods->xRead(Real(f), to, n, at);
}
int Write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    return Real(f)->pMethods->xWrite(Real(f), from, n, at);
}
int Truncate(sqlite3_file *f, sqlite3_int64 size) {
    return Real(f)->pMethods->xTruncate(Real(f), size);
}
int Sync(sqlite3_file *f, int flags) {
    return Real(f)->pMethods->xSync(Real(f), flags);
}
int FileSize(sqlite3_file *f, sqlite3_int64 *size) {
    return Real(f)->pMethods->xFileSize(Real(f), size);
}
int Lock(sqlite3_file *f, int level) {
    return Real(f)->pMethods->xLock(Real(f), level);
}
int Unlock(sqlite3_file *f, int level) {
    return Real(f)->pMethods->xUnlock(Real(f), level);
}
int CheckReservedLock(sqlite3_file *f, int *out) {
    return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
}
int FileControl(sqlite3_file *f, int op, void *arg) {
    return Real(f)->pMethods->xFileControl(Real(f), op, arg);
}
int SectorSize(sqlite3_file *f) {
    return Real(f)->pMethods->xSectorSize(Real(f));
}
int DeviceCharacteristics(sqlite3_file *f) {
    return Real(f)->pMethods->xDeviceCharacteristics(Real(f));
}
int ShmMap(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
    return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
}
int ShmLock(sqlite3_file *f, int offset, int n, int flags) {
    return Real(f)->pMethods->xShmLock(Real(f), offset, n, flags);
}
void ShmBarrier(sqlite3_file *f) {
    Real(f)->pMethods->xShmBarrier(Real(f));
}
int ShmUnmap(sqlite3_file *f, int remove) {
    return Real(f)->pMethods->xShmUnmap(Real(f), remove);
}

} // namespace

sqlite3_io_methods PassThroughMethods() {
    return {
        2,
        Close,
        Read,
        Write,
        Truncate,
        Sync,
        FileSize,
        Lock,
        Unlock,
        CheckReservedLock,
        FileControl,
        SectorSize,
        DeviceCharacteristics,
        ShmMap,
        ShmLock,
        ShmBarrier,
        ShmUnmap,
        nullptr,
        nullptr,
    };
}

int PassThroughOpen(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags,
                    const sqlite3_io_methods *methods) {
    f->pMethods = nullptr; // SQLite closes no file that has none
    int rc = Real(vfs)->xOpen(Real(vfs), name, Real(f), flags, out_flags);
    if (rc == SQLITE_OK) {
        Ours(f)->name = new std::string(name != nullptr ? name : "");
        Ours(f)->flags = flags;
        f->pMethods = methods;
    }
    return rc;
}

sqlite3_vfs PassThroughVfs(const char *name) {
    sqlite3_vfs *real = sqlite3_vfs_find(nullptr);
    sqlite3_vfs vfs = *real;
    vfs.zName = name;
    vfs.szOsFile = static_cast<int>(sizeof(PassThroughFile)) + real->szOsFile;
    vfs.pAppData = real;
    vfs.pNext = nullptr;
    return vfs;
}

void InstallVfs(sqlite3_vfs *vfs) {
    if (sqlite3_vfs_register(vfs, 1) != SQLITE_OK) {
        abort();
    }
}
