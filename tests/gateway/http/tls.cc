#include "tests/gateway/http/tls.h"

#include <cerrno>
#include <cstdlib>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

namespace {

void Must(int code) {
    if (code < 0) {
        abort();
    }
}

} // namespace

TlsClient::TlsClient(int fd, const Certificate *certificate, const std::string &priorities) {
    Must(gnutls_init(&session_, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL));
    Must(gnutls_priority_set_direct(session_, priorities.c_str(), nullptr));
    Must(gnutls_certificate_allocate_credentials(&credentials_));
    if (certificate != nullptr) {
        gnutls_x509_crt_t chain[] = {certificate->cert()};
        Must(gnutls_certificate_set_x509_key(credentials_, chain, 1, certificate->key()));
    }
    Must(gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_));
    gnutls_transport_set_int(session_, fd);
    gnutls_handshake_set_timeout(session_, 60 * 1000);
}

TlsClient::~TlsClient() {
    gnutls_deinit(session_);
    gnutls_certificate_free_credentials(credentials_);
}

int TlsClient::Shake() {
    while (!has_shaken_ && failure_ == 0) {
        int code = gnutls_handshake(session_);
        has_shaken_ = code == 0;
        failure_ = code < 0 && gnutls_error_is_fatal(code) ? code : 0;
    }
    return failure_;
}

ssize_t TlsClient::Send(const char *bytes, size_t size) {
    if (Shake() != 0) {
        errno = ECONNRESET;
        return -1;
    }
    ssize_t n;
    do {
        n = gnutls_record_send(session_, bytes, size);
    } while (n == GNUTLS_E_INTERRUPTED);
    errno = n < 0 ? EPIPE : 0;
    return n;
}

ssize_t TlsClient::Receive(char *bytes, size_t size) {
    if (Shake() != 0) {
        errno = ECONNRESET;
        return -1;
    }
    ssize_t n;
    do {
        n = gnutls_record_recv(session_, bytes, size);
    } while (n == GNUTLS_E_INTERRUPTED);
    errno = n == GNUTLS_E_AGAIN ? EAGAIN : n < 0 ? ECONNRESET : 0;
    return n;
}

void TlsClient::EndSending() {
    if (Shake() == 0) {
        gnutls_bye(session_, GNUTLS_SHUT_WR);
    }
}

void TlsClient::Offer(const std::vector<std::string> &protocols) {
    std::vector<gnutls_datum_t> names;
    for (const std::string &protocol : protocols) {
        names.push_back({reinterpret_cast<unsigned char *>(const_cast<char *>(protocol.data())),
                         static_cast<unsigned>(protocol.size())});
    }
    if (!names.empty()) {
        Must(gnutls_alpn_set_protocols(session_, names.data(), static_cast<unsigned>(names.size()),
                                       0));
    }
}

size_t TlsClient::Pending() const {
    return gnutls_record_check_pending(session_);
}

std::string TlsClient::ServerName() const {
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session_, &count);
    if (chain == nullptr) {
        return "";
    }
    gnutls_x509_crt_t cert;
    Must(gnutls_x509_crt_init(&cert));
    Must(gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER));
    char name[256] = "";
    size_t size = sizeof(name);
    gnutls_x509_crt_get_subject_alt_name(cert, 0, name, &size, nullptr);
    gnutls_x509_crt_deinit(cert);
    return name;
}
