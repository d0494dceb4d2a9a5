// Listeners and channels with credentials: that those of gRPC core's get to where they are
// used, whichever they are. TLS stands for what is not plain text.

#include <grpc/grpc_security.h>
#include <memory>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/rpc/fixture.h"

extern "C" {
#include "rpc/credentials_internal.h"
}

namespace {

std::string Pem(const std::function<void(BIO *)> &write) {
    std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get());
    char *text;
    long length = BIO_get_mem_data(bio.get(), &text);
    return std::string(text, static_cast<size_t>(length));
}

// A key and a certificate for 127.0.0.1 that it signs itself, made anew each time.
struct Identity {
    Identity() {
        std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"),
                                                                 EVP_PKEY_free);
        std::unique_ptr<X509, decltype(&X509_free)> x(X509_new(), X509_free);
        X509_set_version(x.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(x.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(x.get()), 3600);
        X509_set_pubkey(x.get(), pair.get());
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x.get()), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char *>("test"), -1, -1, 0);
        X509_set_issuer_name(x.get(), X509_get_subject_name(x.get()));
        X509_EXTENSION *name =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
        X509_add_ext(x.get(), name, -1);
        X509_EXTENSION_free(name);
        EXPECT_NE(X509_sign(x.get(), pair.get(), EVP_sha256()), 0);
        certificate = Pem([&](BIO *bio) { PEM_write_bio_X509(bio, x.get()); });
        key = Pem([&](BIO *bio) {
            PEM_write_bio_PrivateKey(bio, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
    }
    std::string certificate;
    std::string key;
};

// Credentials that hold something: what a kind of TLS will be.
struct TlsServer {
    struct rpc_server_credentials base = {Core}; // first
    Identity identity;

    static grpc_server_credentials *Core(const struct rpc_server_credentials *self) {
        const Identity &i = reinterpret_cast<const TlsServer *>(self)->identity;
        grpc_ssl_pem_key_cert_pair pair = {i.key.c_str(), i.certificate.c_str()};
        return grpc_ssl_server_credentials_create_ex(
            nullptr, &pair, 1, GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, nullptr);
    }
};

struct TlsChannel {
    explicit TlsChannel(const Identity &trusted) : root(trusted.certificate) {}
    struct rpc_channel_credentials base = {Core}; // first
    std::string root;

    static grpc_channel_credentials *Core(const struct rpc_channel_credentials *self) {
        return grpc_ssl_credentials_create(reinterpret_cast<const TlsChannel *>(self)->root.c_str(),
                                           nullptr, nullptr, nullptr);
    }
};

std::string Echo(struct rpc_loop *loop, int port, const struct rpc_channel_credentials *c) {
    Channel channel(loop, "127.0.0.1:" + std::to_string(port), 0, c);
    Call call(channel, "/test.Service/Echo", "x");
    call.DeadlineIn(kPatienceUs).Run();
    return call.code() == STATUS_OK ? call.response() : status_code_name(call.code());
}

TEST(Credentials, OfEachListenerAreItsOwn) {
    TlsServer one;
    TlsServer other;
    TlsChannel trusts_one(one.identity);
    TlsChannel trusts_other(other.identity);
    Loop loop;
    Server server(loop.get());
    ASSERT_EQ(server.Listen("127.0.0.1:0"), "");
    int plain = server.port();
    ASSERT_EQ(server.Listen("127.0.0.1:0", &one.base), "");
    int first = server.port();
    ASSERT_EQ(server.Listen("127.0.0.1:0", &other.base), "");
    int second = server.port();
    ASSERT_EQ(server.Listen("127.0.0.1:0", &one.base), "");
    int again = server.port();
    server.Start();
    const struct rpc_channel_credentials *insecure = rpc_credentials_insecure_channel();
    EXPECT_EQ(Echo(loop.get(), plain, insecure), "x");
    EXPECT_EQ(Echo(loop.get(), first, &trusts_one.base), "x");
    EXPECT_EQ(Echo(loop.get(), second, &trusts_other.base), "x");
    EXPECT_EQ(Echo(loop.get(), again, &trusts_one.base), "x");
    EXPECT_EQ(Echo(loop.get(), first, &trusts_other.base), "UNAVAILABLE");
    EXPECT_EQ(Echo(loop.get(), second, insecure), "UNAVAILABLE");
    EXPECT_EQ(Echo(loop.get(), plain, &trusts_one.base), "UNAVAILABLE");
}

TEST(Credentials, OfOneServerAreOfFourKindsAtMost) {
    Loop loop;
    TlsServer more[4];
    Server server(loop.get());
    EXPECT_EQ(server.Listen("127.0.0.1:0"), "");
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(server.Listen("127.0.0.1:0", &more[i].base), "") << i;
    }
    EXPECT_EQ(server.Listen("127.0.0.1:0", &more[3].base),
              "cannot listen on \"127.0.0.1:0\": the server has listeners of too many kinds");
    EXPECT_EQ(server.Listen("127.0.0.1:0"), ""); // of a kind that is there
}

} // namespace
