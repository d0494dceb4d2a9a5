#ifndef RUNSD_TESTS_STORAGE_POSTGRES_PROXY_H
#define RUNSD_TESTS_STORAGE_POSTGRES_PROXY_H

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace store_testing {

// Stands between a store and its PostgreSQL server and decides about each message of the protocol
// that one sends the other, from the client's first one (Startup) on.
class PostgresProxy {
  public:
    struct Message {
        int connection; // 0, 1, 2 and so on, as they came
        bool from_client;
        char type; // 0: Startup
        std::string body;
        // Whether the client has the statement of that name carried out.
        bool Runs(const std::string &statement) const {
            return from_client && type == 'B' &&
                   body.compare(0, statement.size() + 2,
                                std::string("\0", 1) + statement + std::string("\0", 1)) == 0;
        }
        bool IsCommitted() const {
            return !from_client && type == 'C' && body == std::string("COMMIT\0", 7);
        }
    };
    enum class Verdict {
        kPass,
        kCut,  // the connection ends at both sides; the message is lost
        kHold, // what this side sends waits from this message on, until Release, even if it is gone
    };
    // Called with one message at a time.
    using Rule = std::function<Verdict(const Message &)>;

    // server is the host of the server (PostgresCluster::host).
    explicit PostgresProxy(const std::string &server);
    ~PostgresProxy();
    PostgresProxy(const PostgresProxy &) = delete;
    PostgresProxy &operator=(const PostgresProxy &) = delete;

    // Where its own socket is.
    const std::string &host() const {
        return host_;
    }
    // From the next message on.
    void SetRule(Rule rule);
    // Lets what is held go on.
    void Release();

  private:
    struct Side;
    void Accept();
    void Serve(int client, int number);
    int Connect() const;
    bool Forward(Side &from, int to, int number, bool from_client);
    Verdict Judge(const Message &message);

    std::string server_;
    std::string host_;
    int listener_ = -1;
    int end_[2] = {-1, -1}; // readable once the proxy ends
    std::mutex mutex_;
    Rule rule_;
    int released_ = 0; // how often
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

} // namespace store_testing

#endif
