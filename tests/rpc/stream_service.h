#ifndef RUNSD_TESTS_RPC_STREAM_SERVICE_H
#define RUNSD_TESTS_RPC_STREAM_SERVICE_H

#include <atomic>

#include "tests/rpc/fixture.h"

extern "C" {
#include "rpc/server_stream.h"
}

// Streaming methods that behave as their names say:
//   /test.Stream/Count   request "N SIZE": N messages of SIZE bytes, each begins with
//                        its number and a space; then OK
//   /test.Stream/Break   request "N": N messages, then FAILED_PRECONDITION, BROKEN
//   /test.Stream/Thread  as Count, but another thread writes
//   /test.Stream/Open    stays open until the test does something with it; finishes
//                        with the stopping error when told to stop, unless deaf
//   /test.Stream/Taken   the same, and sends its initial metadata at once
//   /test.Stream/Refuse  fails before it begins
//   /test.Stream/Chat    bidi: sends each message back; OK at the client's end
//   /test.Stream/Talk    bidi: one message at once, then OK, whatever the client sends
class StreamService {
  public:
    // One open stream.
    struct Open {
        struct rpc_server_stream stream; // first
        StreamService *service;
        size_t left;
        size_t size;
        size_t sent;
        bool breaks;
        bool is_threaded;
    };

    StreamService();
    ~StreamService();

    std::vector<struct rpc_method> Methods();

    // Open streams do not answer the stop.
    void SetDeaf() {
        is_deaf_ = true;
    }

    // Waits until count streams of Open are there and gives the last; NULL if not.
    struct rpc_server_stream *AwaitOpen(size_t count);
    // Waits until count of these events have come; returns whether they have.
    bool AwaitCancelled(int count);
    bool AwaitStopping(int count);
    bool AwaitWritten(int count);
    bool AwaitClosed(int count);
    // Waits until nothing was written for a while; returns how much was till then.
    int AwaitStandstill();

    std::atomic<int> written{0};
    std::atomic<int> written_not_ok{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> stopping{0};
    std::atomic<int> closed{0};
    std::atomic<int> begun{0};

  private:
    Open *Begin(struct rpc_server_call *call);
    void WriteNext(Open *open);
    void Notify();
    bool AwaitCount(const std::atomic<int> &value, int count);
    void WriteInThread();

    static void Count(void *self, struct rpc_server_call *call);
    static void Break(void *self, struct rpc_server_call *call);
    static void Thread(void *self, struct rpc_server_call *call);
    static void OpenMethod(void *self, struct rpc_server_call *call);
    static void Taken(void *self, struct rpc_server_call *call);
    static void Refuse(void *self, struct rpc_server_call *call);
    static void Chat(void *self, struct rpc_server_call *call);
    static void Talk(void *self, struct rpc_server_call *call);

    std::atomic<bool> is_deaf_{false};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<struct rpc_server_stream *> open_;
    std::deque<Open *> to_write_;
    bool ending_ = false;
    std::thread thread_;
};

#endif
