#include "tests/storage/power_vfs.h"

#include <dirent.h>
#include <fstream>
#include <sqlite3.h>
#include <sstream>
#include <stdlib.h>
#include <string.h>

namespace {

constexpr size_t kSector = 512;

PowerVfs *installed;

struct PowerFile {
    sqlite3_file base;
    std::string *name;
    sqlite3_file *real() {
        return reinterpret_cast<sqlite3_file *>(this + 1);
    }
};

PowerFile *Ours(sqlite3_file *f) {
    return reinterpret_cast<PowerFile *>(f);
}
sqlite3_file *Real(sqlite3_file *f) {
    return Ours(f)->real();
}

int Close(sqlite3_file *f) {
    delete Ours(f)->name;
    return Real(f)->pMethods->xClose(Real(f));
}
int Read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
    return Real(f)->pMethods->xRead(Real(f), to, n, at);
}
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
    PowerFile *file = Ours(f);
    file->base.pMethods = nullptr;
    int rc = real_vfs->xOpen(real_vfs, name, file->real(), flags, out_flags);
    if (rc == SQLITE_OK) {
        file->name = new std::string(name != nullptr ? name : "");
        file->base.pMethods = &kMethods;
        if ((flags & SQLITE_OPEN_CREATE) != 0) {
            installed->OnCreate(*file->name);
        }
    }
    return rc;
}

int DeleteFile(sqlite3_vfs *vfs, const char *name, int sync_directory) {
    auto *real_vfs = static_cast<sqlite3_vfs *>(vfs->pAppData);
    installed->OnDelete(name);
    return real_vfs->xDelete(real_vfs, name, sync_directory);
}

std::string Content(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
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
        sqlite3_vfs *real = sqlite3_vfs_find(nullptr);
        static sqlite3_vfs vfs = *real;
        vfs.zName = "power";
        vfs.szOsFile = static_cast<int>(sizeof(PowerFile)) + real->szOsFile;
        vfs.pAppData = real;
        vfs.pNext = nullptr;
        vfs.xOpen = OpenFile;
        vfs.xDelete = DeleteFile;
        if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK) {
            abort();
        }
    }
    return *installed;
}

void PowerVfs::Watch(const std::string &prefix, std::function<void()> on_step) {
    std::lock_guard<std::mutex> guard(lock_);
    prefix_ = prefix;
    on_step_ = std::move(on_step);
    files_.clear();
    for (const char *end : {"", "-wal"}) {
        std::ifstream in(prefix + end, std::ios::binary);
        if (in) {
            files_[end].synced = Content(prefix + end);
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
    {
        std::lock_guard<std::mutex> guard(lock_);
        if (Find(name) == nullptr) {
            return;
        }
    }
    Step(); // the cut may come before it is done
    std::lock_guard<std::mutex> guard(lock_);
    File *file = Find(name);
    for (const Change &change : file->changes) {
        if (change.is_truncation) {
            file->synced.resize(change.at, '\0');
        } else {
            PutAt(file->synced, change.at, change.bytes.data(), change.bytes.size());
        }
    }
    file->changes.clear();
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
