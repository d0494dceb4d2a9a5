#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <gnutls/x509.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

extern "C" {
#include "base/tls/tls_names.h"
#include "base/tls/tls_source.h"
}

#include "tests/base/certificate.h"
#include "tests/base/metrics_testing.h"

namespace {

using metrics_testing::Value;

bool Await(const std::function<bool()> &condition) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

CertificateOptions Named(const std::string &dns) {
    CertificateOptions options;
    options.dns = dns;
    return options;
}

CertificateOptions Authority() {
    CertificateOptions options;
    options.is_authority = true;
    return options;
}

class TlsSource : public testing::Test {
  protected:
    TlsSource()
        : log_fd_(memfd_create("log", MFD_CLOEXEC)), log_{log_fd_, LOG_INFO, "test", nullptr} {
        fcntl(log_fd_, F_SETFL, O_APPEND);
        arena_init(&arena_);
        char path[] = "/tmp/tls-test-XXXXXX";
        EXPECT_NE(mkdtemp(path), nullptr);
        folder_ = path;
        cert_ = folder_ + "/cert.pem";
        key_ = folder_ + "/key.pem";
        ca_ = folder_ + "/ca.pem";
    }
    ~TlsSource() override {
        tls_source_stop(source_);
        std::filesystem::remove_all(folder_);
        arena_release(&arena_);
        close(log_fd_);
    }
    void Write(const Certificate &certificate) {
        WriteFile(cert_, certificate.cert_pem());
        WriteFile(key_, certificate.key_pem());
        chmod(key_.c_str(), 0600);
    }
    // Why it does not start; "" if it does.
    std::string Start(bool has_ca = false, int64_t look_ms = -1, bool has_cert = true,
                      enum tls_use use = TLS_USE_LISTENER) {
        struct tls_source_options options = {};
        options.use = use;
        options.log = &log_;
        options.cert = {"--tls-cert", has_cert ? cert_.c_str() : nullptr};
        options.key = {"--tls-key", has_cert ? key_.c_str() : nullptr};
        options.ca = {"--tls-client-ca", has_ca ? ca_.c_str() : nullptr};
        options.look_ms = look_ms;
        const struct error *error = tls_source_start(&arena_, &options, &source_);
        EXPECT_TRUE(error == nullptr || error->code == STATUS_INVALID_ARGUMENT);
        return error == nullptr ? "" : error->message;
    }
    std::string Names() {
        struct tls_identity *identity = tls_source_take(source_);
        std::string names = identity->names;
        tls_identity_release(identity);
        return names;
    }
    struct tls_source_state State() {
        struct tls_source_state state;
        tls_source_look(source_, &state);
        return state;
    }
    std::string Log() {
        std::string text(1 << 16, '\0');
        ssize_t n = pread(log_fd_, text.data(), text.size(), 0);
        text.resize(n > 0 ? static_cast<size_t>(n) : 0);
        return text;
    }
    size_t Logged(const std::string &text) {
        std::string log = Log();
        size_t count = 0;
        for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) {
            count++;
        }
        return count;
    }

    std::string folder_, cert_, key_, ca_;
    int log_fd_;
    struct logger log_;
    struct arena arena_;
    struct tls_source *source_ = nullptr;
};

TEST_F(TlsSource, LoadsAPairAndSaysWhoseItIs) {
    CertificateOptions options = Named("a.example");
    options.uri = "spiffe://a/b";
    Write(Certificate(options));
    ASSERT_EQ(Start(), "");
    struct tls_identity *identity = tls_source_take(source_);
    EXPECT_STREQ(identity->names, "dns:a.example, uri:spiffe://a/b");
    EXPECT_EQ(identity->number, 1u);
    EXPECT_EQ(identity->ca_pem, nullptr);
    EXPECT_NE(std::string(identity->key_pem).find("PRIVATE KEY"), std::string::npos);
    EXPECT_GT(identity->not_after_us, int64_t{1'700'000'000} * 1'000'000);
    EXPECT_EQ(State().not_after_us, identity->not_after_us);
    tls_identity_release(identity);
    EXPECT_NE(Log().find("\"certificate loaded\""), std::string::npos);
    EXPECT_NE(Log().find("dns:a.example"), std::string::npos);
    EXPECT_NE(Log().find("notAfter"), std::string::npos);
    EXPECT_EQ(Log().find("PRIVATE"), std::string::npos);
}

TEST_F(TlsSource, TakesAuthoritiesAlone) {
    WriteFile(ca_, Certificate(Authority()).cert_pem());
    ASSERT_EQ(Start(true, -1, false), "");
    struct tls_identity *identity = tls_source_take(source_);
    EXPECT_EQ(identity->cert_pem, nullptr);
    EXPECT_EQ(identity->key_pem, nullptr);
    EXPECT_NE(identity->ca_pem, nullptr);
    EXPECT_EQ(identity->not_after_us, 0);
    tls_identity_release(identity);
}

// --- what is refused, with option, file and why ---

TEST_F(TlsSource, RefusesAFileThatIsNotThere) {
    EXPECT_EQ(Start(), "--tls-cert: \"" + cert_ + "\": No such file or directory");
}

TEST_F(TlsSource, RefusesWhatIsNoFileWithoutWaitingForIt) {
    Write(Certificate(Named("a")));
    std::filesystem::remove(key_);
    ASSERT_EQ(mkfifo(key_.c_str(), 0600), 0);
    EXPECT_EQ(Start(), "--tls-key: \"" + key_ + "\": is no regular file");
}

TEST_F(TlsSource, RefusesAFileThatIsTooLarge) {
    Write(Certificate(Named("a")));
    WriteFile(key_, std::string((1 << 20) + 1, 'x'));
    EXPECT_EQ(Start(), "--tls-key: \"" + key_ + "\": has more than 1048576 bytes");
}

TEST_F(TlsSource, RefusesTextsThatAreNoPem) {
    struct {
        std::string cert, key, message;
    } rows[] = {
        {"", "", "--tls-cert: \"" + cert_ + "\": has no certificate in PEM"},
        {"rubbish", "", "has no certificate in PEM"},
        {"-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n", "",
         "a certificate cannot be read ("},
        {"+", "", "--tls-key: \"" + key_ + "\": has no private key in PEM"},
        {"+", "-----BEGIN PRIVATE KEY-----\nrubbish\n-----END PRIVATE KEY-----\n",
         "the private key cannot be read ("},
        {"+", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "the private key is encrypted"},
    };
    Certificate certificate(Named("a"));
    for (const auto &row : rows) {
        WriteFile(cert_, row.cert == "+" ? certificate.cert_pem() : row.cert);
        WriteFile(key_, row.key);
        EXPECT_NE(Start().find(row.message), std::string::npos) << row.message << "\n" << Start();
    }
}

TEST_F(TlsSource, RefusesAKeyOfAnotherCertificate) {
    Write(Certificate(Named("a")));
    WriteFile(key_, Certificate(Named("b")).key_pem());
    EXPECT_EQ(Start(), "--tls-key: \"" + key_ +
                           "\": is not the private key of the certificate in " + "--tls-cert: \"" +
                           cert_ + "\"");
}

TEST_F(TlsSource, TakesAChainInItsOrderOnly) {
    Certificate root(Authority());
    Certificate middle(Authority(), &root);
    Certificate leaf(Named("leaf"), &middle);
    WriteFile(key_, leaf.key_pem());
    WriteFile(cert_, leaf.cert_pem() + root.cert_pem() + middle.cert_pem());
    EXPECT_NE(Start().find("the certificates are not in order"), std::string::npos);
    WriteFile(cert_, leaf.cert_pem() + middle.cert_pem() + root.cert_pem());
    EXPECT_EQ(Start(), "");
    EXPECT_EQ(Names(), "dns:leaf");
}

TEST_F(TlsSource, RefusesAuthoritiesThatAreNone) {
    Write(Certificate(Named("a")));
    WriteFile(ca_, "no authority\n");
    EXPECT_NE(Start(true).find("--tls-client-ca: \"" + ca_ + "\": has no certificate in PEM"),
              std::string::npos);
}

// --- what is warned of ---

TEST_F(TlsSource, WarnsOfAKeyThatOthersMayRead) {
    Write(Certificate(Named("a")));
    ASSERT_EQ(Start(), "");
    EXPECT_EQ(Logged("may read the private key"), 0u);
    tls_source_stop(source_);
    chmod(key_.c_str(), 0604);
    ASSERT_EQ(Start(), "");
    EXPECT_EQ(Logged("may read the private key"), 1u);
}

TEST_F(TlsSource, WarnsOfACertificateWhoseTimeIsOverOrHasNotCome) {
    CertificateOptions options = Named("a");
    options.valid_until_s = -60;
    Write(Certificate(options));
    ASSERT_EQ(Start(), "");
    EXPECT_EQ(Logged("has expired"), 1u);
    options.valid_from_s = 3600;
    options.valid_until_s = 7200;
    Write(Certificate(options));
    tls_source_reload(source_);
    EXPECT_EQ(Logged("is not valid yet"), 1u);
}

TEST_F(TlsSource, SaysOnceThatItsCertificateHasExpiredMeanwhile) {
    CertificateOptions options = Named("a");
    options.valid_until_s = 2;
    Write(Certificate(options));
    ASSERT_EQ(Start(false, 1), "");
    EXPECT_TRUE(Await([&] { return Logged("has expired") > 0; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // some looks more
    EXPECT_EQ(Logged("has expired"), 1u);
}

TEST_F(TlsSource, SaysWhoRefusesTheCertificateThatAServerIsShown) {
    CertificateOptions options = Named("a");
    options.valid_until_s = -60;
    Write(Certificate(options));
    ASSERT_EQ(Start(false, -1, true, TLS_USE_UPSTREAM), "");
    EXPECT_EQ(Logged("has expired: the server refuses it"), 1u);
}

// --- changes ---

TEST_F(TlsSource, TakesANewPairByItself) {
    Write(Certificate(Named("old")));
    ASSERT_EQ(Start(false, 1), "");
    EXPECT_EQ(Names(), "dns:old");
    struct tls_identity *old = tls_source_take(source_);
    Write(Certificate(Named("new")));
    EXPECT_TRUE(Await([&] { return Names() == "dns:new"; }));
    EXPECT_GT(tls_source_number(source_), old->number);
    EXPECT_STREQ(old->names, "dns:old"); // who has taken it keeps it
    tls_identity_release(old);
}

TEST_F(TlsSource, KeepsTheOldPairWhileTheNewOneIsBadAndSaysSoOnceAChange) {
    Write(Certificate(Named("old")));
    ASSERT_EQ(Start(false, 1), "");
    Certificate next(Named("new"));
    WriteFile(cert_, next.cert_pem()); // half of it
    EXPECT_TRUE(Await([&] { return Logged("certificate not loaded") == 1; }));
    EXPECT_EQ(Names(), "dns:old");
    EXPECT_TRUE(State().is_stale);
    EXPECT_EQ(State().failures, 1u);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(Logged("certificate not loaded"), 1u);
    std::filesystem::remove(cert_);
    EXPECT_TRUE(Await([&] { return Logged("certificate not loaded") == 2; }));
    EXPECT_EQ(Names(), "dns:old");
    WriteFile(cert_, next.cert_pem());
    WriteFile(key_, next.key_pem());
    EXPECT_TRUE(Await([&] { return Names() == "dns:new"; }));
    EXPECT_FALSE(State().is_stale);
}

TEST_F(TlsSource, AReloadSaysWhatCameOfItEachTime) {
    Write(Certificate(Named("a")));
    ASSERT_EQ(Start(), "");
    tls_source_reload(source_);
    EXPECT_EQ(Logged("certificate loaded"), 2u);
    WriteFile(key_, "");
    tls_source_reload(source_);
    tls_source_reload(source_);
    EXPECT_EQ(Logged("certificate not loaded"), 2u);
    EXPECT_EQ(Names(), "dns:a");
}

// --- a certificate whose time is not now ---

TEST_F(TlsSource, KeepsAPairThatIsValidWhenTheNewOneHasExpired) {
    Write(Certificate(Named("old")));
    ASSERT_EQ(Start(false, 1), "");
    CertificateOptions options = Named("new");
    options.valid_until_s = -60;
    Certificate expired(options);
    WriteFile(key_, expired.key_pem());
    WriteFile(cert_, expired.cert_pem());
    EXPECT_TRUE(Await([&] { return Logged("has expired") > 0; }));
    EXPECT_EQ(Logged("cert.pem\\\": has expired on 20"), 1u) << Log();
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // some looks more
    EXPECT_EQ(Logged("has expired"), 1u);                       // and no warning of its time
    EXPECT_EQ(Names(), "dns:old");
    EXPECT_TRUE(State().is_stale);
    Certificate next(Named("next"));
    WriteFile(cert_, next.cert_pem());
    WriteFile(key_, next.key_pem());
    EXPECT_TRUE(Await([&] { return Names() == "dns:next"; }));
    EXPECT_FALSE(State().is_stale);
}

TEST_F(TlsSource, TakesAPairThatIsNotValidYetOnceItIs) {
    Write(Certificate(Named("old")));
    ASSERT_EQ(Start(false, 1), "");
    CertificateOptions options = Named("new");
    options.valid_from_s = 3;
    options.valid_until_s = 7200;
    Certificate early(options);
    WriteFile(key_, early.key_pem());
    WriteFile(cert_, early.cert_pem());
    EXPECT_TRUE(Await([&] { return Logged("is not valid before 20") > 0; }));
    EXPECT_EQ(Logged("is not valid yet"), 0u);
    // By itself, though the files stay as they are.
    EXPECT_TRUE(Await([&] { return Names() == "dns:new"; }));
    EXPECT_FALSE(State().is_stale);
    EXPECT_EQ(Logged("is not valid yet"), 0u);
}

TEST_F(TlsSource, TakesAnExpiredPairOnceTheOldOneHasExpiredToo) {
    CertificateOptions options = Named("old");
    options.valid_until_s = 3;
    Write(Certificate(options));
    ASSERT_EQ(Start(false, 1), "");
    options = Named("new");
    options.valid_until_s = -60;
    Certificate expired(options);
    WriteFile(key_, expired.key_pem());
    WriteFile(cert_, expired.cert_pem());
    EXPECT_TRUE(Await([&] { return Logged("has expired on 20") > 0; }));
    EXPECT_EQ(Names(), "dns:old");
    // The files say what is meant, and a start would take them.
    EXPECT_TRUE(Await([&] { return Names() == "dns:new"; }));
    EXPECT_FALSE(State().is_stale);
}

// --- metrics ---

TEST_F(TlsSource, MetricsTellListenersFromUpstreamsAndWhatIsNotTakenNow) {
    struct metrics *metrics = metrics_new();
    Write(Certificate(Named("a")));
    WriteFile(ca_, Certificate(Authority()).cert_pem());
    ASSERT_EQ(Start(), "");
    struct tls_source *listener = source_;
    ASSERT_EQ(Start(true, -1, false, TLS_USE_UPSTREAM), "");
    struct tls_source *const sources[] = {listener, nullptr, source_};
    tls_sources_add_metrics(sources, 3, metrics);
    WriteFile(key_, "");
    tls_source_reload(listener);
    const std::string end = "runsd_tls_certificate_end_timestamp_seconds";
    const std::string loads = "runsd_tls_certificate_loads";
    const std::string not_taken = "runsd_tls_certificate_not_taken";
    EXPECT_GT(Value(metrics, end, {"listener"}), 1'700'000'000);
    EXPECT_EQ(-1, Value(metrics, end, {"upstream"})); // authorities alone end at no time
    EXPECT_EQ(1, Value(metrics, loads, {"listener", "failed"}));
    EXPECT_EQ(1, Value(metrics, loads, {"upstream", "ok"}));
    EXPECT_EQ(1, Value(metrics, not_taken, {"listener"}));
    EXPECT_EQ(0, Value(metrics, not_taken, {"upstream"}));
    Write(Certificate(Named("b")));
    tls_source_reload(listener);
    EXPECT_EQ(1, Value(metrics, loads, {"listener", "failed"}));
    EXPECT_EQ(0, Value(metrics, not_taken, {"listener"}));
    tls_source_stop(listener);
    tls_source_stop(source_);
    source_ = nullptr;
    metrics_free(metrics);
}

// --- options ---

TEST(TlsOptions, AreCheckedForWhatTheyNeed) {
    struct {
        struct tls_options options;
        const char *message;
    } rows[] = {
        {{nullptr, nullptr, nullptr, 0, false}, nullptr},
        {{"c", "k", nullptr, 0, false}, nullptr},
        {{"c", "k", "ca", 1, true}, nullptr},
        {{"c", nullptr, nullptr, 0, false},
         "--tls-cert needs --tls-key: TLS takes a certificate and its private key"},
        {{nullptr, "k", nullptr, 0, false},
         "--tls-key needs --tls-cert: TLS takes a certificate and its private key"},
        {{nullptr, nullptr, "ca", 0, false},
         "--tls-client-ca needs --tls-cert and --tls-key: clients show certificates over TLS only"},
        {{"c", "k", nullptr, 0, true},
         "--tls-client-auth needs --tls-client-ca: a certificate is verified by the authorities "
         "there"},
    };
    struct arena a;
    arena_init(&a);
    for (const auto &row : rows) {
        const struct error *error = tls_options_check(&a, &row.options);
        EXPECT_STREQ(error != nullptr ? error->message : nullptr, row.message);
    }
    arena_release(&a);
}

TEST(TlsOptions, AClientMustShowACertificateOnceThereAreAuthorities) {
    struct tls_options options = {"c", "k", nullptr, 0, false};
    EXPECT_EQ(tls_options_client_auth(&options), TLS_CLIENT_NONE);
    options.client_ca = "ca";
    EXPECT_EQ(tls_options_client_auth(&options), TLS_CLIENT_REQUIRED);
    options.client_auth = 1;
    EXPECT_EQ(tls_options_client_auth(&options), TLS_CLIENT_OPTIONAL);
}

// --- names ---

// The client names of a certificate as it comes over the wire.
std::vector<std::string> ClientNames(const CertificateOptions &options, size_t most) {
    struct arena a;
    arena_init(&a);
    Certificate made(options);
    gnutls_datum_t der;
    EXPECT_EQ(gnutls_x509_crt_export2(made.cert(), GNUTLS_X509_FMT_DER, &der), 0);
    // GnuTLS makes no name with a NUL, but others may: "!!!" is one here.
    void *mark = memmem(der.data, der.size, "!!!", 3);
    if (mark != nullptr) {
        memset(mark, 0, 3);
    }
    gnutls_x509_crt_t certificate;
    gnutls_x509_crt_init(&certificate);
    EXPECT_EQ(gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER), 0);
    gnutls_free(der.data);
    std::vector<struct slice> names(most);
    names.resize(tls_names_of_client(&a, certificate, names.data(), most));
    std::vector<std::string> texts;
    for (struct slice name : names) {
        texts.emplace_back(reinterpret_cast<const char *>(name.data), name.len);
    }
    gnutls_x509_crt_deinit(certificate);
    arena_release(&a);
    return texts;
}

TEST(TlsNames, OfAClientAreItsUrisAndBehindThemItsDnsNamesAsFarAsTheyArePrintable) {
    using Names = std::vector<std::string>;
    CertificateOptions options;
    EXPECT_EQ(ClientNames(options, 2), Names());
    options.uri = "spiffe://a/b";
    options.dns = "x.example";
    EXPECT_EQ(ClientNames(options, 2), (Names{"uri:spiffe://a/b", "dns:x.example"}));
    EXPECT_EQ(ClientNames(options, 1), Names{"uri:spiffe://a/b"});
    options.uri = "spiffe://a/b!!!.example";
    EXPECT_EQ(ClientNames(options, 2), Names{"dns:x.example"});
    options.uri = "spiffe://a/b";
    options.dns = "x example";
    EXPECT_EQ(ClientNames(options, 2), Names{"uri:spiffe://a/b"});
    options.dns = "";
    options.uri = std::string(5000, 'u'); // longer than any may be
    EXPECT_EQ(ClientNames(options, 2), Names());
}

} // namespace
