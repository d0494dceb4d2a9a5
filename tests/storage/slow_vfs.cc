#include "tests/storage/slow_vfs.h"

#include <chrono>

#include "tests/storage/pass_through_vfs.h"

namespace {

SlowVfs *installed;

int Read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
    if ((Ours(f)->flags & SQLITE_OPEN_MAIN_DB) != 0) {
        installed->OnRead();
    }
    return Real(f)->pMethods->xRead(Real(f), to, n, at);
}

int OpenFile(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags) {
    static const sqlite3_io_methods methods = [] {
        sqlite3_io_methods m = PassThroughMethods();
        m.xRead = Read;
        return m;
    }();
    return PassThroughOpen(vfs, name, f, flags, out_flags, &methods);
}

} // namespace

SlowVfs &SlowVfs::Install() {
    if (installed == nullptr) {
        installed = new SlowVfs;
        static sqlite3_vfs vfs = PassThroughVfs("slow");
        vfs.xOpen = OpenFile;
        InstallVfs(&vfs);
    }
    return *installed;
}

void SlowVfs::HoldUntilTogether(int count) {
    std::lock_guard<std::mutex> guard(lock_);
    until_together_ = count;
    most_held_ = 0;
}

void SlowVfs::HoldFirst(int threads) {
    std::lock_guard<std::mutex> guard(lock_);
    first_ = static_cast<size_t>(threads);
    most_held_ = 0;
}

bool SlowVfs::WaitUntilHeld(int count) {
    std::unique_lock<std::mutex> guard(lock_);
    return changed_.wait_for(guard, std::chrono::minutes(1), [&] { return held_ >= count; });
}

void SlowVfs::Release() {
    std::lock_guard<std::mutex> guard(lock_);
    until_together_ = 0;
    first_ = 0;
    held_threads_.clear();
    changed_.notify_all();
}

int SlowVfs::most_held() {
    std::lock_guard<std::mutex> guard(lock_);
    return most_held_;
}

int SlowVfs::reads() {
    std::lock_guard<std::mutex> guard(lock_);
    return reads_;
}

bool SlowVfs::Holds(std::thread::id thread) {
    if (held_threads_.size() < first_) {
        held_threads_.insert(thread);
    }
    return until_together_ > 0 || (first_ > 0 && held_threads_.count(thread) > 0);
}

void SlowVfs::OnRead() {
    std::unique_lock<std::mutex> guard(lock_);
    reads_++;
    if (!Holds(std::this_thread::get_id())) {
        return;
    }
    held_++;
    most_held_ = held_ > most_held_ ? held_ : most_held_;
    if (until_together_ > 0 && held_ >= until_together_) {
        until_together_ = 0;
    }
    changed_.notify_all();
    changed_.wait(guard, [&] { return until_together_ == 0 && first_ == 0; });
    held_--;
}
