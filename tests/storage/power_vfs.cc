#include "tests/storage/power_vfs.h"

#include "tests/storage/pass_through_vfs.h"
#include "tests/storage/test_files.h"

namespace {

constexpr size_t kSector = 512;

PowerVfs *installed;

int Write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    installed->OnWrite(*Ours(f)->name, from, n, at);
    return Real(f)->pMethods->xWrite(Real(f), from, n, at);
}
int Truncate(sqlite3_file *f, sqlite3_int64 size) {
    installed->OnTruncate(*Ours(f)->name, size);
    return Real(f)->pMethods->xTruncate(Real(f), size);
}
int Sync(sqlite3_file *f, int) {
    installed->OnSync(*Ours(f)->name);
    return SQLITE_OK; // the machine stays on
}

sqlite3_io_methods PowerMethods() {
    sqlite3_io_methods methods = PassThroughMethods();
    methods.xWrite = Write;
    methods.xTruncate = Truncate;
    methods.xSync = Sync;
    return methods;
}

int OpenFile(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags) {
    static const sqlite3_io_methods methods = PowerMethods();
    int rc = PassThroughOpen(vfs, name, f, flags, out_flags, &methods);
    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_CREATE) != 0) {
        installed->OnCreate(*Ours(f)->name);
    }
    return rc;
}

int DeleteFile(sqlite3_vfs *vfs, const char *name, int sync_directory) {
    installed->OnDelete(name);
    return Real(vfs)->xDelete(Real(vfs), name, sync_directory);
}

void PutAt(std::string &content, size_t at, const char *bytes, size_t count) {
    if (content.size() < at + count) {
        content.resize(at + count, '\0');
    }
    content.replace(at, count, bytes, count);
}

} // namespace

PowerVfs &PowerVfs::Install() {
    if (installed == nullptr) {
        installed = new PowerVfs;
        static sqlite3_vfs vfs = PassThroughVfs("power");
        vfs.xOpen = OpenFile;
        vfs.xDelete = DeleteFile;
        InstallVfs(&vfs);
    }
    return *installed;
}

void PowerVfs::Watch(const std::string &prefix, std::function<void()> on_step) {
    std::lock_guard<std::mutex> guard(lock_);
    prefix_ = prefix;
    on_step_ = std::move(on_step);
    files_.clear();
    for (const char *end : {"", "-wal"}) {
        if (Exists(prefix + end)) {
            files_[end].synced = ReadFile(prefix + end);
            files_[end].was_synced = true;
        }
    }
}

void PowerVfs::Unwatch() {
    std::lock_guard<std::mutex> guard(lock_);
    prefix_.clear();
    files_.clear();
}

PowerVfs::File *PowerVfs::Find(const std::string &name) {
    if (prefix_.empty() || name.compare(0, prefix_.size(), prefix_) != 0) {
        return nullptr;
    }
    return &files_[name.substr(prefix_.size())];
}

std::map<std::string, std::string> PowerVfs::Cut(std::mt19937 &random) {
    std::lock_guard<std::mutex> guard(lock_);
    std::map<std::string, std::string> image;
    for (const auto &entry : files_) {
        const File &file = entry.second;
        if ((file.is_removed || !file.was_synced) && random() % 2 == 0) {
            continue;
        }
        std::string content = file.synced;
        const unsigned chance = random() % 5; // of 4: from nothing to all of it
        for (const Change &change : file.changes) {
            if (change.is_truncation) {
                if (random() % 4 < chance) {
                    content.resize(change.at, '\0');
                }
                continue;
            }
            for (size_t at = 0; at < change.bytes.size();) {
                size_t end = (change.at + at) / kSector * kSector + kSector - change.at;
                end = end < change.bytes.size() ? end : change.bytes.size();
                if (random() % 4 < chance) {
                    PutAt(content, change.at + at, change.bytes.data() + at, end - at);
                }
                at = end;
            }
        }
        image[entry.first] = content;
    }
    return image;
}

void PowerVfs::Step() {
    if (on_step_) {
        on_step_();
    }
}

void PowerVfs::OnWrite(const std::string &name, const void *bytes, int count, long long at) {
    {
        std::lock_guard<std::mutex> guard(lock_);
        File *file = Find(name);
        if (file == nullptr) {
            return;
        }
        file->changes.push_back(
            {false, static_cast<size_t>(at),
             std::string(static_cast<const char *>(bytes), static_cast<size_t>(count))});
    }
    Step();
}

void PowerVfs::OnTruncate(const std::string &name, long long size) {
    {
        std::lock_guard<std::mutex> guard(lock_);
        File *file = Find(name);
        if (file == nullptr) {
            return;
        }
        file->changes.push_back({true, static_cast<size_t>(size), ""});
    }
    Step();
}

void PowerVfs::OnSync(const std::string &name) {
    size_t end; // what another thread writes from here on is not of this sync
    {
        std::lock_guard<std::mutex> guard(lock_);
        File *file = Find(name);
        if (file == nullptr) {
            return;
        }
        end = file->first_change + file->changes.size();
    }
    Step(); // the cut may come before it is done
    std::lock_guard<std::mutex> guard(lock_);
    File *file = Find(name);
    for (; file->first_change < end && !file->changes.empty(); file->first_change++) {
        const Change &change = file->changes.front();
        if (change.is_truncation) {
            file->synced.resize(change.at, '\0');
        } else {
            PutAt(file->synced, change.at, change.bytes.data(), change.bytes.size());
        }
        file->changes.pop_front();
    }
    file->was_synced = true;
}

void PowerVfs::OnDelete(const std::string &name) {
    {
        std::lock_guard<std::mutex> guard(lock_);
        File *file = Find(name);
        if (file == nullptr) {
            return;
        }
        file->is_removed = true;
    }
    Step();
}

void PowerVfs::OnCreate(const std::string &name) {
    std::lock_guard<std::mutex> guard(lock_);
    File *file = Find(name);
    if (file != nullptr && file->is_removed) {
        *file = File();
    }
}
