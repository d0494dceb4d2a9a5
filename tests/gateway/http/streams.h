#ifndef RUNSD_TESTS_GATEWAY_HTTP_STREAMS_H
#define RUNSD_TESTS_GATEWAY_HTTP_STREAMS_H

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

extern "C" {
#include "rpc/server.h"
#include "rpc/server_stream.h"
}

// The streaming methods of upstream.proto. Each writes the messages 0, 1, ... up to the
// request's number, then does what the request's text says:
//   count    ends
//   fail     ends with ABORTED, TEST_REASON
//   hold     stays open until it is cancelled, stopped, or the test ends it
//   mute     the same, and sends no initial metadata before a message
//   mute-fail  the same, and the test ends it with ABORTED, TEST_REASON
//   garbage  writes bytes that are no message, and stays open
//   flood    goes on with messages of 64 KiB each until it is cancelled
// "refuse" is answered with NOT_FOUND instead. "fail_gone" and "refuse_gone" have the reason GONE.
class Streams {
  public:
    std::vector<struct rpc_method> Methods();

    // Wait until so many streams were begun, or cancelled, since the start.
    bool AwaitBegun(int count);
    bool AwaitCancelled(int count);
    // The number of messages that floods have written, once it grows no more.
    int AwaitStandstill();
    // Ends the streams that are held, and those that come later.
    void EndAll();

  private:
    struct One;

    static void Watch(void *self, struct rpc_server_call *call);
    static void Download(void *self, struct rpc_server_call *call);
    static void Begin(Streams *self, struct rpc_server_call *call, bool is_body);
    static void Write(One *one);
    static void Finish(One *one, const struct error *error);
    static void FinishHeld(One *one);
    static void OnWritten(struct rpc_server_stream *stream, bool ok);
    static void OnCancelled(struct rpc_server_stream *stream);
    static void OnClosed(struct rpc_server_stream *stream);
    bool Await(const int &value, int count);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<One *> held_;
    int begun_ = 0;
    int cancelled_ = 0;
    int written_ = 0;
    bool is_ending_ = false;
};

#endif
