#include "tests/storage/faulty_vfs.h"

#include <errno.h>

#include "tests/storage/pass_through_vfs.h"

namespace {

FaultyVfs *installed;

// A frame's header and its page are written apart: what is longer is room for later ones.
constexpr int kLongestOfAFrame = 4096;

FaultyVfs::File KindOf(sqlite3_file *f) {
    int flags = Ours(f)->flags;
    return (flags & SQLITE_OPEN_MAIN_DB) != 0 ? FaultyVfs::File::kMain
           : (flags & SQLITE_OPEN_WAL) != 0   ? FaultyVfs::File::kLog
                                              : FaultyVfs::File::kOther;
}

int Read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
    int rc = installed->OnRead(KindOf(f));
    return rc != SQLITE_OK ? rc : Real(f)->pMethods->xRead(Real(f), to, n, at);
}
int Write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    sqlite3_int64 size = 0;
    Real(f)->pMethods->xFileSize(Real(f), &size);
    bool half = false;
    int rc = installed->OnWrite(KindOf(f), at + n > size, &half);
    if (rc == SQLITE_OK && KindOf(f) == FaultyVfs::File::kLog && n > kLongestOfAFrame &&
        (rc = installed->OnRoom()) != SQLITE_OK) {
        half = true;
    }
    if (half) {
        Real(f)->pMethods->xWrite(Real(f), from, n / 2, at);
    }
    return rc != SQLITE_OK ? rc : Real(f)->pMethods->xWrite(Real(f), from, n, at);
}
int Sync(sqlite3_file *f, int flags) {
    bool do_it = true;
    int rc = installed->OnSync(KindOf(f), &do_it);
    int real_rc = do_it ? Real(f)->pMethods->xSync(Real(f), flags) : SQLITE_OK;
    return rc != SQLITE_OK ? rc : real_rc;
}
int FileControl(sqlite3_file *f, int op, void *arg) {
    if (op == SQLITE_FCNTL_LAST_ERRNO && installed->error_number() != 0) {
        *static_cast<int *>(arg) = installed->error_number();
        return SQLITE_OK;
    }
    return Real(f)->pMethods->xFileControl(Real(f), op, arg);
}
int ShmMap(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
    int rc = installed->OnShmMap(page, extend != 0);
    return rc != SQLITE_OK ? rc : Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
}

sqlite3_io_methods FaultyMethods() {
    sqlite3_io_methods methods = PassThroughMethods();
    methods.xRead = Read;
    methods.xWrite = Write;
    methods.xSync = Sync;
    methods.xFileControl = FileControl;
    methods.xShmMap = ShmMap;
    return methods;
}

int OpenFile(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags) {
    static const sqlite3_io_methods methods = FaultyMethods();
    return PassThroughOpen(vfs, name, f, flags, out_flags, &methods);
}

} // namespace

FaultyVfs &FaultyVfs::Install() {
    if (installed == nullptr) {
        installed = new FaultyVfs;
        static sqlite3_vfs vfs = PassThroughVfs("faulty");
        vfs.xOpen = OpenFile;
        InstallVfs(&vfs);
    }
    return *installed;
}

void FaultyVfs::Reset() {
    std::lock_guard<std::mutex> guard(lock_);
    fail_syncs_ = false;
    write_code_ = 0;
    error_number_ = 0;
    cut_ = false;
    read_code_ = 0;
    fail_log_growth_ = false;
    room_code_ = 0;
    fail_index_growth_ = false;
    gate_closed_ = false;
    gate_holds_ = false;
    log_syncs_ = 0;
    main_syncs_ = 0;
    writes_ = 0;
    room_writes_ = 0;
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

void FaultyVfs::CutWrites(int code, int after, int error_number) {
    FailWrites(code, after, error_number);
    std::lock_guard<std::mutex> guard(lock_);
    cut_ = true;
}

void FaultyVfs::FailLogGrowth() {
    std::lock_guard<std::mutex> guard(lock_);
    fail_log_growth_ = true;
}

void FaultyVfs::FailRoom(int code, int after) {
    std::lock_guard<std::mutex> guard(lock_);
    room_code_ = code;
    room_writes_left_ = after;
}

void FaultyVfs::FailReads(int code, bool of_log) {
    std::lock_guard<std::mutex> guard(lock_);
    fail_log_reads_ = of_log;
    read_code_ = code;
}

void FaultyVfs::FailIndexGrowth() {
    std::lock_guard<std::mutex> guard(lock_);
    fail_index_growth_ = true;
}

void FaultyVfs::CloseGate(File file) {
    std::lock_guard<std::mutex> guard(lock_);
    gate_file_ = file;
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
    }
    if (gate_closed_ && file == gate_file_) {
        gate_holds_ = true;
        changed_.notify_all();
        changed_.wait(guard, [this] { return !gate_closed_; });
    }
    if (fail_syncs_ && file == failing_file_ && syncs_left_-- <= 0) {
        *ret_do_it = done_all_the_same_;
        return SQLITE_IOERR_FSYNC;
    }
    return SQLITE_OK;
}

int FaultyVfs::OnWrite(File file, bool grows, bool *ret_half) {
    std::lock_guard<std::mutex> guard(lock_);
    writes_++;
    if (write_code_ != SQLITE_OK && writes_left_-- <= 0) {
        *ret_half = cut_;
        cut_ = false;
        return write_code_;
    }
    return fail_log_growth_ && file == File::kLog && grows ? SQLITE_FULL : SQLITE_OK;
}

int FaultyVfs::OnRoom() {
    std::lock_guard<std::mutex> guard(lock_);
    room_writes_++;
    return room_code_ != SQLITE_OK && room_writes_left_-- <= 0 ? room_code_ : SQLITE_OK;
}

int FaultyVfs::OnRead(File file) {
    std::lock_guard<std::mutex> guard(lock_);
    return file == File::kMain || (file == File::kLog && fail_log_reads_) ? read_code_ : SQLITE_OK;
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
