#ifndef RUNSD_TESTS_RPC_TLS_ENDS_H
#define RUNSD_TESTS_RPC_TLS_ENDS_H

#include "tests/rpc/certificates.h"
#include "tests/rpc/fixture.h"

extern "C" {
#include "base/tls/tls_source.h"
#include "rpc/credentials.h"
}

// The two ends of TLS, with files of a test's own.

// The files of one end, and what looks after them when it is asked.
class Source {
  public:
    // Each may be empty: none.
    Source(const Pair &pair, const std::string &authorities);
    ~Source() {
        tls_source_stop(source_);
    }
    // Has other contents taken, if they are good.
    void Replace(const Pair &pair, const std::string &authorities);
    struct tls_source *get() {
        return source_;
    }

  private:
    void Write(const Pair &pair, const std::string &authorities);

    TempDir dir_;
    std::string cert_ = dir_.Path("cert.pem");
    std::string key_ = dir_.Path("key.pem");
    std::string ca_ = dir_.Path("ca.pem");
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    struct tls_source *source_ = nullptr;
};

// A server's credentials or a channel's, with the files that they are of.
class ServerTls {
  public:
    ServerTls(const Pair &pair, const std::string &authorities, enum tls_client_auth client_auth)
        : source(pair, authorities),
          credentials(rpc_credentials_tls_server_new(source.get(), client_auth)) {}
    ~ServerTls() {
        rpc_credentials_tls_server_free(credentials);
    }
    Source source;
    struct rpc_server_credentials *credentials;
};

class ChannelTls {
  public:
    explicit ChannelTls(const std::string &authorities, const Pair &pair = {},
                        const char *server_name = nullptr)
        : source(pair, authorities),
          credentials(rpc_credentials_tls_channel_new(source.get(), server_name)) {}
    ~ChannelTls() {
        rpc_credentials_tls_channel_free(credentials);
    }
    Source source;
    struct rpc_channel_credentials *credentials;
};

#endif
