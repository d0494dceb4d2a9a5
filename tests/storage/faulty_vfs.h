#ifndef RUNSD_TESTS_STORAGE_FAULTY_VFS_H
#define RUNSD_TESTS_STORAGE_FAULTY_VFS_H

#include <atomic>
#include <condition_variable>
#include <mutex>

// A SQLite VFS over the system's that fails or stops where a test says so.
// Install once, before the first file is opened; one at a time.
class FaultyVfs {
  public:
    enum class File { kMain, kLog, kOther };

    // Makes it SQLite's default VFS for the rest of the process.
    static FaultyVfs &Install();

    // Takes all faults away and sets the counters to 0.
    void Reset();

    // Syncs of file fail with SQLITE_IOERR_FSYNC after the next `after` of them (one that
    // waits at the gate included), after having been done or without: a failed fsync
    // tells neither.
    void FailSyncs(File file, bool done_all_the_same, int after = 0);

    // Writes to any file fail with code after the next `after` of them; error_number is
    // what the system says of it.
    void FailWrites(int code, int after, int error_number = 0);

    // As FailWrites, but half of the bytes of the first one that fails are written.
    void CutWrites(int code, int after, int error_number = 0);

    // The log's file can only be written where it has been before: the disk is full.
    void FailLogGrowth();

    // Room that is made in the log ahead of its frames: the write after the next `after` is done by
    // half and fails with code.
    void FailRoom(int code, int after);

    // Reads of the database and, where asked for, of the log fail.
    void FailReads(int code, bool of_log = true);

    // The index of the log that connections share grows no more, or cannot even be made: the
    // disk is full.
    void FailIndexGrowth();
    void FailIndex();

    // The next sync of file waits in the VFS until OpenGate.
    void CloseGate(File file = File::kLog);
    void WaitUntilGateHolds();
    void OpenGate();

    int log_syncs() const {
        return log_syncs_;
    }
    int main_syncs() const {
        return main_syncs_;
    }
    int writes() const {
        return writes_;
    }
    int room_writes() const {
        return room_writes_;
    }

    // For the VFS's own functions.
    int OnSync(File file, bool *ret_do_it);
    int OnWrite(File file, bool grows, bool *ret_half);
    int OnRoom();
    int OnRead(File file);
    int OnShmMap(int block, bool extend);
    int error_number() const {
        return error_number_;
    }

  private:
    std::atomic<int> log_syncs_{0};
    std::atomic<int> main_syncs_{0};
    std::atomic<int> writes_{0};
    std::atomic<int> room_writes_{0};
    std::mutex lock_;
    std::condition_variable changed_;
    bool fail_syncs_ = false;
    File failing_file_ = File::kOther;
    bool done_all_the_same_ = false;
    int syncs_left_ = 0;
    int write_code_ = 0;
    int writes_left_ = 0;
    bool cut_ = false;
    std::atomic<int> error_number_{0};
    int read_code_ = 0;
    bool fail_log_reads_ = false;
    bool fail_log_growth_ = false;
    int room_code_ = 0;
    int room_writes_left_ = 0;
    bool fail_index_growth_ = false;
    int index_blocks_ = 0;
    File gate_file_ = File::kLog;
    bool gate_closed_ = false;
    bool gate_holds_ = false;
};

#endif
