#include "tests/storage/faulty_vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

namespace {

FaultyVfs *installed;

struct FaultyFile {
    sqlite3_file base;
    FaultyVfs::File kind;
    sqlite3_file *real() {
        return reinterpret_cast<sqlite3_file *>(this + 1);
    }
};

sqlite3_file *Real(sqlite3_file *f) {
    return reinterpret_cast<FaultyFile *>(f)->real();
}

int Close(sqlite3_file *f) {
    return Real(f)->pMethods->xClose(Real(f));
}
int Read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
    int rc = installed->OnRead(reinterpret_cast<FaultyFile *>(f)->kind);
    return rc != SQLITE_OK ? rc : Real(f)->pMethods->xRead(Real(f), to, n, at);
}
int Write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    sqlite3_int64 size = 0;
    Real(f)->pMethods->xFileSize(Real(f), &size);
    int rc = installed->OnWrite(reinterpret_cast<FaultyFile *>(f)->kind, at + n > size);
    return rc != SQLITE_OK ? rc : Real(f)->pMethods->xWrite(Real(f), from, n, at);
}
int Truncate(sqlite3_file *f, sqlite3_int64 size) {
    return Real(f)->pMethods->xTruncate(Real(f), size);
}
int Sync(sqlite3_file *f, int flags) {
    bool do_it = true;
    int rc = installed->OnSync(reinterpret_cast<FaultyFile *>(f)->kind, &do_it);
    int real_rc = do_it ? Real(f)->pMethods->xSync(Real(f), flags) : SQLITE_OK;
    return rc != SQLITE_OK ? rc : real_rc;
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
    if (op == SQLITE_FCNTL_LAST_ERRNO && installed->error_number() != 0) {
        *static_cast<int *>(arg) = installed->error_number();
        return SQLITE_OK;
    }
    return Real(f)->pMethods->xFileControl(Real(f), op, arg);
}
int SectorSize(sqlite3_file *f) {
    return Real(f)->pMethods->xSectorSize(Real(f));
}
int DeviceCharacteristics(sqlite3_file *f) {
    return Real(f)->pMethods->xDeviceCharacteristics(Real(f));
}
int ShmMap(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
    int rc = installed->OnShmMap(page, extend != 0);
    return rc != SQLITE_OK ? rc : Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
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

const sqlite3_io_methods kMethods = {
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

int OpenFile(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags) {
    auto *real_vfs = static_cast<sqlite3_vfs *>(vfs->pAppData);
    auto *file = reinterpret_cast<FaultyFile *>(f);
    file->base.pMethods = nullptr;
    file->kind = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? FaultyVfs::File::kMain
                 : (flags & SQLITE_OPEN_WAL) != 0   ? FaultyVfs::File::kLog
                                                    : FaultyVfs::File::kOther;
    int rc = real_vfs->xOpen(real_vfs, name, file->real(), flags, out_flags);
    if (rc == SQLITE_OK) {
        file->base.pMethods = &kMethods;
    }
    return rc;
}

} // namespace

FaultyVfs &FaultyVfs::Install() {
    if (installed == nullptr) {
        installed = new FaultyVfs;
        sqlite3_vfs *real = sqlite3_vfs_find(nullptr);
        static sqlite3_vfs vfs = *real;
        vfs.zName = "faulty";
        vfs.szOsFile = static_cast<int>(sizeof(FaultyFile)) + real->szOsFile;
        vfs.pAppData = real;
        vfs.pNext = nullptr;
        vfs.xOpen = OpenFile;
        if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK) {
            abort();
        }
    }
    return *installed;
}

void FaultyVfs::Reset() {
    std::lock_guard<std::mutex> guard(lock_);
    fail_syncs_ = false;
    write_code_ = 0;
    error_number_ = 0;
    read_code_ = 0;
    fail_log_growth_ = false;
    fail_index_growth_ = false;
    gate_closed_ = false;
    gate_holds_ = false;
    log_syncs_ = 0;
    main_syncs_ = 0;
    writes_ = 0;
    changed_.notify_all();
}

void FaultyVfs::FailSyncs(File file, bool done_all_the_same, int after) {
    std::lock_guard<std::mutex> guard(lock_);
    fail_syncs_ = true;
    failing_file_ = file;
    done_all_the_same_ = done_all_the_same;
    syncs_left_ = after;
}

void FaultyVfs::FailWrites(int code, int after, int error_number) {
    std::lock_guard<std::mutex> guard(lock_);
    write_code_ = code;
    writes_left_ = after;
    error_number_ = error_number;
}

void FaultyVfs::FailLogGrowth() {
    std::lock_guard<std::mutex> guard(lock_);
    fail_log_growth_ = true;
}

void FaultyVfs::FailReads(int code) {
    std::lock_guard<std::mutex> guard(lock_);
    read_code_ = code;
}

void FaultyVfs::FailIndexGrowth() {
    std::lock_guard<std::mutex> guard(lock_);
    fail_index_growth_ = true;
}

void FaultyVfs::CloseGate() {
    std::lock_guard<std::mutex> guard(lock_);
    gate_closed_ = true;
}

void FaultyVfs::WaitUntilGateHolds() {
    std::unique_lock<std::mutex> guard(lock_);
    changed_.wait(guard, [this] { return gate_holds_; });
}

void FaultyVfs::OpenGate() {
    std::lock_guard<std::mutex> guard(lock_);
    gate_closed_ = false;
    gate_holds_ = false;
    changed_.notify_all();
}

void FaultyVfs::FailIndex() {
    std::lock_guard<std::mutex> guard(lock_);
    fail_index_growth_ = true;
    index_blocks_ = 0;
}

int FaultyVfs::OnSync(File file, bool *ret_do_it) {
    std::unique_lock<std::mutex> guard(lock_);
    if (file == File::kMain) {
        main_syncs_++;
    }
    if (file == File::kLog) {
        log_syncs_++;
        if (gate_closed_) {
            gate_holds_ = true;
            changed_.notify_all();
            changed_.wait(guard, [this] { return !gate_closed_; });
        }
    }
    if (fail_syncs_ && file == failing_file_ && syncs_left_-- <= 0) {
        *ret_do_it = done_all_the_same_;
        return SQLITE_IOERR_FSYNC;
    }
    return SQLITE_OK;
}

int FaultyVfs::OnWrite(File file, bool grows) {
    std::lock_guard<std::mutex> guard(lock_);
    writes_++;
    if (write_code_ != SQLITE_OK && writes_left_-- <= 0) {
        return write_code_;
    }
    return fail_log_growth_ && file == File::kLog && grows ? SQLITE_FULL : SQLITE_OK;
}

int FaultyVfs::OnRead(File file) {
    std::lock_guard<std::mutex> guard(lock_);
    return file == File::kOther ? SQLITE_OK : read_code_;
}

int FaultyVfs::OnShmMap(int block, bool extend) {
    std::lock_guard<std::mutex> guard(lock_);
    if (extend && block >= index_blocks_) {
        if (fail_index_growth_) {
            errno = ENOSPC;
            return SQLITE_IOERR_SHMSIZE;
        }
        index_blocks_ = block + 1;
    }
    return SQLITE_OK;
}
