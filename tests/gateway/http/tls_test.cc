#include <chrono>
#include <thread>
#include <vector>

#include "tests/gateway/http/fixture.h"

// What is of TLS alone; what connections do otherwise, their tests do over TLS as well
// (BUILD.bazel).

namespace {

CertificateOptions OfServer(const std::string &dns) {
    CertificateOptions options;
    options.dns = dns;
    options.is_for_servers = true;
    return options;
}

class Tls : public GatewayTest {
  protected:
    Tls() {
        certificate_ = std::make_unique<Certificate>(OfServer("first"));
        CertificateOptions authority;
        authority.is_authority = true;
        authority_ = std::make_unique<Certificate>(authority);
    }
    void AskForCertificates(enum tls_client_auth auth) {
        client_auth_ = auth;
        client_authority_ = std::move(authority_);
    }
    Certificate Client1(const std::string &dns, const std::string &uri) {
        CertificateOptions options;
        options.dns = dns;
        options.uri = uri;
        options.is_for_clients = true;
        return Certificate(options, client_authority_.get());
    }
    Reply AskAs(const Certificate *certificate, const std::string &bytes) {
        Client client(port());
        client.UseTls(certificate);
        return client.Ask(bytes);
    }
    Reply Ask(const std::string &bytes = Request("GET", "/v1/echo/a")) {
        return AskAs(nullptr, bytes);
    }
    std::string NameNow() {
        Client client(port());
        client.UseTls();
        EXPECT_EQ(client.tls()->Shake(), 0);
        return client.tls()->ServerName();
    }

    std::unique_ptr<Certificate> authority_;
};

// --- who the client is ---

TEST_F(Tls, TheNamesOfAClientsCertificateGoWithItsCalls) {
    AskForCertificates(TLS_CLIENT_REQUIRED);
    Start();
    const Certificate client = Client1("x.example", "spiffe://a/b");
    Reply reply = AskAs(&client, Request("GET", "/v1/seen"));
    ExpectOk(reply);
    EXPECT_NE(reply.body.find("x-runsd-client-name=uri:spiffe://a/b*2;"), std::string::npos)
        << reply.body;
}

TEST_F(Tls, NoHeaderOfAClientSaysWhoItIs) {
    AskForCertificates(TLS_CLIENT_OPTIONAL);
    Start();
    const std::string claim =
        Request("GET", "/v1/seen", "X-Runsd-Client-Name: uri:spiffe://a/admin\r\n");
    EXPECT_EQ(Ask(claim).body.find("client-name"), std::string::npos);
    const Certificate client = Client1("x.example", "");
    Reply reply = AskAs(&client, claim);
    EXPECT_NE(reply.body.find("x-runsd-client-name=dns:x.example*1;"), std::string::npos)
        << reply.body;
}

TEST_F(Tls, WithoutAuthoritiesNobodyIsAskedForACertificate) {
    Start();
    const Certificate client = Certificate(CertificateOptions());
    Reply reply = AskAs(&client, Request("GET", "/v1/seen"));
    ExpectOk(reply);
    EXPECT_EQ(reply.body.find("client-name"), std::string::npos);
}

TEST_F(Tls, WhoMustShowACertificateAndHasNoneIsRefused) {
    AskForCertificates(TLS_CLIENT_REQUIRED);
    Start();
    for (const char *priorities : {"NORMAL", "NORMAL:-VERS-TLS1.3"}) {
        Client client(port());
        client.UseTls(nullptr, priorities);
        client.Send(Request("GET", "/v1/echo/a"));
        EXPECT_EQ(client.Receive().status, 0);
    }
    EXPECT_NE(LogLine("TLS refused").find("the client showed no certificate"), std::string::npos);
    EXPECT_EQ(upstream().calls(), 0);
}

// --- the certificate ---

TEST_F(Tls, ANewCertificateIsForNewConnections) {
    Start();
    Client old(port());
    old.UseTls();
    ExpectOk(old.Ask(Request("GET", "/v1/echo/a")));
    certificate_ = std::make_unique<Certificate>(OfServer("second"));
    WriteCertificates();
    EXPECT_EQ(NameNow(), "first"); // until somebody looks
    tls_source_reload(tls());
    EXPECT_EQ(NameNow(), "second");
    EXPECT_EQ(old.tls()->ServerName(), "first");
    ExpectOk(old.Ask(Request("GET", "/v1/echo/a")));
}

TEST_F(Tls, AHandshakeGoesOnWithTheCertificateThatItBeganWith) {
    Start();
    Client amid(port());
    amid.UsePlain();
    amid.Send(std::string("\x16\x03\x01", 3)); // accepted, before it says more
    Ask();
    certificate_ = std::make_unique<Certificate>(OfServer("second"));
    WriteCertificates();
    tls_source_reload(tls());
    EXPECT_EQ(NameNow(), "second");
    amid.Send(std::string("\x00\x04\x01\x00\x00\x00", 6)); // a ClientHello without a byte
    EXPECT_EQ(amid.Receive().status, 0); // the end; nothing that was freed is used
}

// --- what it bounds ---

TEST_F(Tls, AHandshakeThatTakesTooLongIsEndedAndSaysNothing) {
    struct gateway_limits limits = {};
    limits.request_timeout_ms = 200;
    Start(limits);
    Client quiet(port());
    quiet.UsePlain();
    Client amid(port());
    amid.UsePlain();
    amid.Send(std::string("\x16\x03\x01\x02", 4));
    EXPECT_TRUE(quiet.AtEnd());
    EXPECT_TRUE(amid.AtEnd());
    ExpectOk(Ask());
}

TEST_F(Tls, AQuietConnectionIsIdleOnceItsHandshakeIsOver) {
    struct gateway_limits limits = {};
    limits.request_timeout_ms = 100; // but it is not a handshake any more
    limits.idle_timeout_ms = 1000;
    Start(limits);
    Client client(port());
    client.UseTls();
    ASSERT_EQ(client.tls()->Shake(), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
    EXPECT_TRUE(client.AtCleanEnd()); // no 408: nothing had begun
}

TEST_F(Tls, HandshakesAreConnections) {
    struct gateway_limits limits = {};
    limits.connections = 2;
    Start(limits);
    Client amid(port());
    amid.UsePlain();
    amid.Send(std::string("\x16", 1));
    Client served(port());
    served.UseTls();
    ExpectOk(served.Ask(Request("GET", "/v1/echo/a")));
    Client one_more(port());
    one_more.UsePlain();
    one_more.Send("GET / HTTP/1.1\r\n\r\n"); // no TLS: refused once it is accepted
    ExpectOk(served.Ask(Request("GET", "/v1/echo/a")));
    EXPECT_TRUE(one_more.Quiet());
    amid.Close();
    EXPECT_EQ(one_more.Receive().status, 0);
    ExpectOk(served.Ask(Request("GET", "/v1/echo/a")));
}

TEST_F(Tls, AStopEndsHandshakes) {
    Start();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 10; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        clients.back()->UsePlain();
        clients.back()->Send(std::string("\x16\x03\x01\x02\x00\x01", i % 6));
    }
    ExpectOk(Ask());
    Stop(0);
    for (auto &client : clients) {
        EXPECT_TRUE(client->AtEnd());
    }
}

// --- bytes ---

TEST_F(Tls, WhatComesInOneRecordIsServedInItsOrder) {
    Start();
    Client client(port());
    client.UseTls();
    std::string requests;
    for (int i = 0; i < 20; i++) {
        requests += Request("GET", "/v1/echo/r" + std::to_string(i));
    }
    ASSERT_LT(requests.size(), 16000u); // of a record
    client.Send(requests);
    for (int i = 0; i < 20; i++) {
        EXPECT_NE(client.Receive().body.find("r" + std::to_string(i)), std::string::npos) << i;
    }
}

TEST_F(Tls, ARequestMayComeByteByByteAndInRecordsOfOneByte) {
    Start();
    Client client(port());
    client.UseTls();
    for (char c : Post("/v1/echo", "{\"text\":\"slow\"}")) {
        client.Send(std::string(1, c));
    }
    Reply reply = client.Receive();
    ExpectOk(reply);
    EXPECT_NE(reply.body.find("slow"), std::string::npos);
}

TEST_F(Tls, ALargeRequestAndItsReplyAreWhole) {
    Start();
    Client client(port());
    client.UseTls();
    std::string text(900'000, 'x');
    for (size_t i = 0; i < text.size(); i += 1000) {
        text[i] = static_cast<char>('a' + i / 1000 % 26);
    }
    Reply reply = client.Ask(Post("/v1/echo", "{\"text\":\"" + text + "\"}"));
    ExpectOk(reply);
    EXPECT_NE(reply.body.find(text), std::string::npos);
}

TEST_F(Tls, AClientThatEndsItsDirectionIsAnswered) {
    Start();
    Client client(port());
    client.UseTls();
    client.Send(Request("GET", "/v1/held"));
    client.CloseSending();
    ASSERT_TRUE(upstream().AwaitHeld(1));
    upstream().Release();
    ExpectOk(client.Receive());
    EXPECT_TRUE(client.AtCleanEnd());
}

TEST_F(Tls, OtherProtocolsThanHttp11AreRefused) {
    Start();
    const struct {
        std::vector<std::string> offered;
        bool is_agreed;
    } rows[] = {
        {{}, true},
        {{"http/1.1"}, true},
        {{"h2", "http/1.1"}, true},
        {{"h2"}, false},
        {{"http/1.0", "spdy/3"}, false},
    };
    for (const auto &row : rows) {
        Client client(port());
        client.UseTls();
        client.tls()->Offer(row.offered);
        EXPECT_EQ(client.tls()->Shake() == 0, row.is_agreed);
    }
}

} // namespace
