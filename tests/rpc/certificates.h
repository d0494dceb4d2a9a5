#ifndef RUNSD_TESTS_RPC_CERTIFICATES_H
#define RUNSD_TESTS_RPC_CERTIFICATES_H

#include <memory>
#include <openssl/x509.h>
#include <string>

// Certificates that a test makes for itself.

// A certificate and its key, as PEM.
struct Pair {
    std::string certificate;
    std::string key;
};

class Authority {
  public:
    explicit Authority(const std::string &name = "test authority");

    // The certificate of the authority.
    const std::string &pem() const {
        return pem_;
    }

    // For names as OpenSSL has them ("IP:127.0.0.1,DNS:a.example,URI:spiffe://a/b"; "" for none),
    // of a purpose ("serverAuth", "clientAuth", or both with a comma), that ends in so many
    // seconds.
    Pair Issue(const std::string &names, const std::string &purpose = "serverAuth,clientAuth",
               long ends_in_s = 3600, int rsa_bits = 0) const;

  private:
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    std::unique_ptr<X509, decltype(&X509_free)> certificate_;
    std::string pem_;
};

#endif
