#ifndef RUNSD_TESTS_GATEWAY_HTTP_TLS_H
#define RUNSD_TESTS_GATEWAY_HTTP_TLS_H

#include <string>
#include <sys/types.h>
#include <vector>

#include "tests/base/certificate.h"

struct gnutls_certificate_credentials_st;
struct gnutls_session_int;

// TLS for tests.

// A client's end of a connection; it does not own the socket. It shakes hands with the first byte
// that it sends or waits for, as a client does that has nothing to say yet.
class TlsClient {
  public:
    explicit TlsClient(int fd, const Certificate *certificate = nullptr,
                       const std::string &priorities = "NORMAL");
    ~TlsClient();
    TlsClient(const TlsClient &) = delete;
    TlsClient &operator=(const TlsClient &) = delete;

    // 0, or GnuTLS' error.
    int Shake();
    // As send(2) and recv(2): an end without "close notify" is ECONNRESET.
    ssize_t Send(const char *bytes, size_t size);
    ssize_t Receive(char *bytes, size_t size);
    // Says "close notify".
    void EndSending();
    // What may be spoken over it (ALPN); before the handshake.
    void Offer(const std::vector<std::string> &protocols);
    // What was received and not asked for yet.
    size_t Pending() const;
    // The first name of the server's certificate.
    std::string ServerName() const;

  private:
    struct gnutls_session_int *session_ = nullptr;
    struct gnutls_certificate_credentials_st *credentials_ = nullptr;
    bool has_shaken_ = false;
    int failure_ = 0;
};

#endif
