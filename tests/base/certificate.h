#ifndef RUNSD_TESTS_BASE_CERTIFICATE_H
#define RUNSD_TESTS_BASE_CERTIFICATE_H

#include <cstdint>
#include <string>

struct gnutls_x509_crt_int;
struct gnutls_x509_privkey_int;

// Certificates for tests, made when they are needed.

// What a certificate is to say.
struct CertificateOptions {
    std::string dns;             // a name; "": none
    std::string uri;             // likewise
    bool is_authority = false;   // may sign others
    bool is_for_servers = false; // and for nothing else, if any of the two is true
    bool is_for_clients = false;
    int64_t valid_from_s = -3600; // from now
    int64_t valid_until_s = 86400;
};

// A certificate and its private key.
class Certificate {
  public:
    // Signed by the issuer, or by itself.
    explicit Certificate(const CertificateOptions &options, const Certificate *issuer = nullptr);
    ~Certificate();
    Certificate(const Certificate &) = delete;
    Certificate &operator=(const Certificate &) = delete;

    std::string cert_pem() const;
    std::string key_pem() const;

    struct gnutls_x509_crt_int *cert() const {
        return cert_;
    }
    struct gnutls_x509_privkey_int *key() const {
        return key_;
    }

  private:
    struct gnutls_x509_privkey_int *key_;
    struct gnutls_x509_crt_int *cert_;
};

// A file of that text, in the place of what was there.
void WriteFile(const std::string &path, const std::string &text);

#endif
