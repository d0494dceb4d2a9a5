#ifndef RUNSD_TESTS_STORAGE_POWER_VFS_H
#define RUNSD_TESTS_STORAGE_POWER_VFS_H

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>

// A SQLite VFS over the system's that knows what of each file a power cut would
// leave: what was synced, and of what was written since any sectors, in any order.
// A file that is removed may come back, one that was never synced may be missing.
class PowerVfs {
  public:
    // Makes it SQLite's default VFS for the rest of the process.
    static PowerVfs &Install();

    // Watches the files whose paths begin with prefix, as they are now. on_step is
    // called before each write, truncation, sync and removal, on the thread that
    // does it, of which there may be two at once; it must use no SQLite.
    void Watch(const std::string &prefix, std::function<void()> on_step);
    void Unwatch();

    // What the watched files would be after a power cut now: the ends of their
    // paths behind the prefix, and their bytes.
    std::map<std::string, std::string> Cut(std::mt19937 &random);

    // For the VFS's own functions; name is empty for files without one.
    void OnWrite(const std::string &name, const void *bytes, int count, long long at);
    void OnTruncate(const std::string &name, long long size);
    void OnSync(const std::string &name);
    void OnDelete(const std::string &name);
    void OnCreate(const std::string &name);

  private:
    struct Change {
        bool is_truncation;
        size_t at;
        std::string bytes;
    };
    struct File {
        std::string synced;
        std::deque<Change> changes; // since the last sync, in order
        size_t first_change = 0;    // how many there were before them
        bool was_synced = false;
        bool is_removed = false;
    };
    File *Find(const std::string &name);
    void Step();

    std::mutex lock_;
    std::string prefix_;
    std::function<void()> on_step_;
    std::map<std::string, File> files_;
};

#endif
