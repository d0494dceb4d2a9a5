#include "tests/rpc/certificates.h"

#include <functional>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

namespace {

std::string Pem(const std::function<void(BIO *)> &write) {
    std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get());
    char *text;
    long length = BIO_get_mem_data(bio.get(), &text);
    return std::string(text, static_cast<size_t>(length));
}

std::string PemOf(X509 *certificate) {
    return Pem([&](BIO *bio) { PEM_write_bio_X509(bio, certificate); });
}

void Extend(X509 *certificate, X509 *issuer, int kind, const std::string &value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    ASSERT_NE(extension, nullptr) << value;
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

// Without extensions, issuer and signature.
std::unique_ptr<X509, decltype(&X509_free)> NewCertificate(EVP_PKEY *key, const std::string &name,
                                                           long ends_in_s) {
    std::unique_ptr<X509, decltype(&X509_free)> x(X509_new(), X509_free);
    X509_set_version(x.get(), X509_VERSION_3);
    uint64_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char *>(&serial), sizeof(serial));
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x.get()), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(x.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x.get()), ends_in_s);
    X509_set_pubkey(x.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char *>(name.c_str()), -1, -1, 0);
    return x;
}

} // namespace

Authority::Authority(const std::string &name)
    : key_(EVP_EC_gen("P-256"), EVP_PKEY_free),
      certificate_(NewCertificate(key_.get(), name, 3600)) {
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
    Extend(certificate_.get(), certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    Extend(certificate_.get(), certificate_.get(), NID_key_usage, "critical,keyCertSign");
    EXPECT_NE(X509_sign(certificate_.get(), key_.get(), EVP_sha256()), 0);
    pem_ = PemOf(certificate_.get());
}

Pair Authority::Issue(const std::string &names, const std::string &purpose, long ends_in_s,
                      int rsa_bits) const {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        rsa_bits == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen(static_cast<unsigned>(rsa_bits)),
        EVP_PKEY_free);
    auto x = NewCertificate(key.get(), "test", ends_in_s);
    X509_set_issuer_name(x.get(), X509_get_subject_name(certificate_.get()));
    if (!names.empty()) {
        Extend(x.get(), certificate_.get(), NID_subject_alt_name, names);
    }
    Extend(x.get(), certificate_.get(), NID_ext_key_usage, purpose);
    EXPECT_NE(X509_sign(x.get(), key_.get(), EVP_sha256()), 0);
    return {PemOf(x.get()), Pem([&](BIO *bio) {
                PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
}
