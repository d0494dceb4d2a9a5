#include "tests/base/certificate.h"

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

namespace {

void Must(int code) {
    if (code < 0) {
        abort();
    }
}

std::string Text(gnutls_datum_t *datum) {
    std::string text(reinterpret_cast<const char *>(datum->data), datum->size);
    gnutls_free(datum->data);
    return text;
}

} // namespace

Certificate::Certificate(const CertificateOptions &options, const Certificate *issuer) {
    static unsigned serial = 0;
    Must(gnutls_x509_privkey_init(&key_));
    Must(gnutls_x509_privkey_generate(key_, GNUTLS_PK_ECDSA,
                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    Must(gnutls_x509_crt_init(&cert_));
    Must(gnutls_x509_crt_set_version(cert_, 3));
    unsigned number = ++serial;
    Must(gnutls_x509_crt_set_serial(cert_, &number, sizeof(number)));
    std::string name = "CN=made for a test " + std::to_string(number);
    const char *fault = nullptr;
    Must(gnutls_x509_crt_set_dn(cert_, name.c_str(), &fault));
    Must(gnutls_x509_crt_set_activation_time(cert_, time(nullptr) + options.valid_from_s));
    Must(gnutls_x509_crt_set_expiration_time(cert_, time(nullptr) + options.valid_until_s));
    Must(gnutls_x509_crt_set_key(cert_, key_));
    Must(gnutls_x509_crt_set_basic_constraints(cert_, options.is_authority, -1));
    if (options.is_for_servers) {
        Must(gnutls_x509_crt_set_key_purpose_oid(cert_, GNUTLS_KP_TLS_WWW_SERVER, 0));
    }
    if (options.is_for_clients) {
        Must(gnutls_x509_crt_set_key_purpose_oid(cert_, GNUTLS_KP_TLS_WWW_CLIENT, 0));
    }
    if (!options.dns.empty()) {
        Must(gnutls_x509_crt_set_subject_alt_name(cert_, GNUTLS_SAN_DNSNAME, options.dns.data(),
                                                  static_cast<unsigned>(options.dns.size()),
                                                  GNUTLS_FSAN_APPEND));
    }
    if (!options.uri.empty()) {
        Must(gnutls_x509_crt_set_subject_alt_name(cert_, GNUTLS_SAN_URI, options.uri.data(),
                                                  static_cast<unsigned>(options.uri.size()),
                                                  GNUTLS_FSAN_APPEND));
    }
    const Certificate *signer = issuer != nullptr ? issuer : this;
    Must(gnutls_x509_crt_sign2(cert_, signer->cert_, signer->key_, GNUTLS_DIG_SHA256, 0));
}

Certificate::~Certificate() {
    gnutls_x509_crt_deinit(cert_);
    gnutls_x509_privkey_deinit(key_);
}

std::string Certificate::cert_pem() const {
    gnutls_datum_t text;
    Must(gnutls_x509_crt_export2(cert_, GNUTLS_X509_FMT_PEM, &text));
    return Text(&text);
}

std::string Certificate::key_pem() const {
    gnutls_datum_t text;
    Must(gnutls_x509_privkey_export2(key_, GNUTLS_X509_FMT_PEM, &text));
    return Text(&text);
}

void WriteFile(const std::string &path, const std::string &text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}
