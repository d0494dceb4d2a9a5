#include "tests/rpc/tls_ends.h"

#include <fstream>

namespace {

class Prepared : public testing::Environment {
    void SetUp() override {
        rpc_credentials_prepare();
    }
};

const auto *const kPrepared = testing::AddGlobalTestEnvironment(new Prepared);

} // namespace

Source::Source(const Pair &pair, const std::string &authorities) {
    Write(pair, authorities);
    struct tls_source_options options = {};
    options.log = &log_;
    options.look_ms = -1;
    options.cert = {"--tls-cert", pair.certificate.empty() ? nullptr : cert_.c_str()};
    options.key = {"--tls-key", pair.key.empty() ? nullptr : key_.c_str()};
    options.ca = {"--tls-client-ca", authorities.empty() ? nullptr : ca_.c_str()};
    Arena a;
    const struct error *error = tls_source_start(a.get(), &options, &source_);
    EXPECT_EQ(error, nullptr) << error->message;
}

void Source::Replace(const Pair &pair, const std::string &authorities) {
    Write(pair, authorities);
    tls_source_reload(source_);
}

void Source::Write(const Pair &pair, const std::string &authorities) {
    std::ofstream(cert_) << pair.certificate;
    std::ofstream(key_) << pair.key;
    std::ofstream(ca_) << authorities;
}
