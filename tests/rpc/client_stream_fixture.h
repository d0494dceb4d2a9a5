#ifndef RUNSD_TESTS_RPC_CLIENT_STREAM_FIXTURE_H
#define RUNSD_TESTS_RPC_CLIENT_STREAM_FIXTURE_H

#include "tests/rpc/fixture.h"

extern "C" {
#include "rpc/client_stream.h"
}

// One stream of replies and what came of it.
class Stream {
  public:
    Stream(Channel &channel, const std::string &method, std::string request);
    // Cancels, waits for the end and releases.
    ~Stream();

    Stream &Metadata(const std::string &key, const std::string &value);
    Stream &DeadlineIn(int64_t us);
    // Asks for each message as soon as the last one was taken.
    Stream &ReadAll();
    // Releases from within done; then nothing but messages() and code() is left.
    Stream &ReleaseInDone();
    // Called in message, on the loop's thread.
    Stream &OnMessage(std::function<void(Stream &)> f);
    // The same, with the message's bytes where they are.
    Stream &OnBytes(std::function<void(struct slice)> f);

    Stream &Start();
    Stream &Next();
    Stream &Cancel();
    // Waits for the end of a started stream.
    Stream &Await();
    // Waits until count messages have come; returns whether they have.
    bool AwaitMessages(size_t count);

    std::vector<std::string> messages();
    bool is_done();
    // Wants the head event; AwaitHead waits for it.
    Stream &WantHead();
    bool AwaitHead();
    int head_count();
    int done_count();
    int code();
    std::string message(); // the error's
    std::string reason();
    std::string detail();
    std::string status_details();
    // "(none)" if it is not there.
    std::string metadata(const std::string &key);
    std::vector<std::pair<std::string, std::string>> all_metadata();

  private:
    struct Bound { // finds the Stream of a rpc_client_stream
        struct rpc_client_stream stream;
        Stream *self;
    };
    static void Head(struct rpc_client_stream *stream);
    static void Message(struct rpc_client_stream *stream, struct slice message);
    static void Done(struct rpc_client_stream *stream);

    Arena arena_;
    std::string request_;
    std::vector<std::pair<std::string, std::string>> metadata_;
    std::vector<struct rpc_metadata> metadata_views_;
    Bound bound_ = {};
    struct rpc_client_stream &stream_ = bound_.stream;
    std::function<void(Stream &)> on_message_;
    std::function<void(struct slice)> on_bytes_;
    bool started_ = false;
    bool read_all_ = false;
    bool release_in_done_ = false;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> messages_;
    int head_count_ = 0;
    int done_count_ = 0;
    int code_ = -1;
    std::string message_;
    std::string reason_;
    std::string detail_;
};

#endif
