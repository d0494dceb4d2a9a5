#ifndef RUNSD_TESTS_STORAGE_SLOW_VFS_H
#define RUNSD_TESTS_STORAGE_SLOW_VFS_H

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

// A SQLite VFS over the system's whose reads of the database wait in it for as long as a test
// wants, as those of a slow disk do. Install once, before the first file is opened.
class SlowVfs {
  public:
    // Makes it SQLite's default VFS for the rest of the process.
    static SlowVfs &Install();

    // From now on reads wait until so many do at once; then all go on, and none waits any more.
    void HoldUntilTogether(int count);

    // From now on the threads that come to read first, so many of them since Release, wait until
    // Release; others do not.
    void HoldFirst(int threads);

    // Waits until so many reads wait. Returns false after a minute without.
    bool WaitUntilHeld(int count);

    // Lets all go on.
    void Release();

    // The most reads that waited at once since the last HoldUntilTogether or HoldFirst.
    int most_held();

    // How often the database was read so far.
    int reads();

    // For the VFS's own function.
    void OnRead();

  private:
    bool Holds(std::thread::id thread);

    std::mutex lock_;
    std::condition_variable changed_;
    int until_together_ = 0;
    size_t first_ = 0;
    std::set<std::thread::id> held_threads_;
    int held_ = 0;
    int most_held_ = 0;
    int reads_ = 0;
};

#endif
