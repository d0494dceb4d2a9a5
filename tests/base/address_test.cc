extern "C" {
#include "base/net/address.h"
}

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace {

class Address : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
    }
    void TearDown() override {
        arena_release(&arena_);
    }
    const error *Parse(const std::string &text) {
        return address_parse(&arena_, "--listen", text.c_str(), &address_);
    }
    arena arena_;
    address address_{};
};

TEST_F(Address, ReadsHostAndPort) {
    ASSERT_EQ(nullptr, Parse("localhost:8080"));
    EXPECT_EQ(ADDRESS_TCP, address_.kind);
    EXPECT_STREQ("localhost", address_.host);
    EXPECT_EQ(8080, address_.port);
}

TEST_F(Address, ReadsAnIpv6HostWithoutItsBrackets) {
    ASSERT_EQ(nullptr, Parse("[::1]:0"));
    EXPECT_STREQ("::1", address_.host);
    EXPECT_EQ(0, address_.port);
}

TEST_F(Address, ReadsAUnixSocketPath) {
    ASSERT_EQ(nullptr, Parse("unix:/run/runsd.sock"));
    EXPECT_EQ(ADDRESS_UNIX, address_.kind);
    EXPECT_STREQ("/run/runsd.sock", address_.path);
}

TEST_F(Address, OnlyAListenerMayBeASocketOfSystemds) {
    ASSERT_EQ(nullptr, address_parse_listener(&arena_, "--listen", "systemd:grpc-1", &address_));
    EXPECT_EQ(ADDRESS_SYSTEMD, address_.kind);
    EXPECT_STREQ("grpc-1", address_.name);
    EXPECT_STREQ("systemd:grpc-1", address_.text);
    ASSERT_EQ(nullptr, address_parse_listener(&arena_, "--listen", "localhost:1", &address_));
    EXPECT_EQ(ADDRESS_TCP, address_.kind);
    ASSERT_NE(nullptr, Parse("systemd:grpc"));
    for (const std::string &name : {std::string(), std::string("a:b"), std::string("a b"),
                                    std::string("\xc3\xa9"), std::string(256, 'a')}) {
        const error *e =
            address_parse_listener(&arena_, "--listen", ("systemd:" + name).c_str(), &address_);
        ASSERT_NE(nullptr, e) << name;
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
        std::string message = e->message;
        EXPECT_EQ(0u, message.find("--listen: \"systemd:" + name + "\" is no address")) << message;
        EXPECT_NE(std::string::npos, message.find("1 to 255")) << message;
        EXPECT_NE(std::string::npos, message.find("or systemd:NAME")) << message;
    }
}

TEST_F(Address, TakesAUnixPathOfTheLongestLengthAndRefusesOneMore) {
    EXPECT_EQ(nullptr, Parse("unix:" + std::string(107, 'a')));
    const error *e = Parse("unix:" + std::string(108, 'a'));
    ASSERT_NE(nullptr, e);
    EXPECT_NE(std::string::npos, std::string(e->message).find("108 bytes"));
    EXPECT_NE(std::string::npos, std::string(e->message).find("at most 107"));
}

TEST_F(Address, RefusesWhatIsNoAddressAndNamesFlagAndText) {
    const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"", "no port"},
        {"localhost", "no port"},
        {"localhost:", "the port is no number"},
        {"localhost:http", "the port is no number"},
        {"localhost:65536", "the port is no number"},
        {"localhost:-1", "the port is no number"},
        {"localhost:000080", "the port is no number"},
        {":80", "the host is empty"},
        {"[]:80", "the host is empty"},
        {"::1:80", "needs brackets"},
        {"unix:", "the path is empty"},
    };
    for (const auto &row : rows) {
        const error *e = Parse(row.text);
        ASSERT_NE(nullptr, e) << row.text;
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
        std::string message = e->message;
        EXPECT_EQ(0u, message.find("--listen: \"" + std::string(row.text) + "\"")) << message;
        EXPECT_NE(std::string::npos, message.find(row.why)) << message;
    }
}

TEST_F(Address, TellsLocalFromRemote) {
    const struct {
        const char *text;
        bool local;
    } rows[] = {
        {"127.0.0.1:1", true}, {"127.8.9.1:1", true}, {"[::1]:1", true}, {"localhost:1", true},
        {"unix:/a", true},     {"0.0.0.0:1", false},  {"[::]:1", false}, {"10.0.0.1:1", false},
    };
    for (const auto &row : rows) {
        ASSERT_EQ(nullptr, Parse(row.text));
        EXPECT_EQ(row.local, address_is_local(&address_)) << row.text;
    }
}

TEST_F(Address, MakesTheRelativePathOfAUnixSocketAbsolute) {
    char *folder = getcwd(nullptr, 0);
    ASSERT_NE(nullptr, folder);
    const std::string here = folder;
    free(folder);
    ASSERT_EQ(0, chdir("/tmp"));
    ASSERT_EQ(nullptr, Parse("unix:a/b.sock"));
    EXPECT_STREQ("unix:/tmp/a/b.sock", address_absolute_text(&arena_, &address_));
    // What no socket's path can be stays as it was given.
    const std::string longest = "unix:" + std::string(107, 'x');
    ASSERT_EQ(nullptr, Parse(longest));
    EXPECT_EQ(longest, address_absolute_text(&arena_, &address_));
    for (const char *text : {"unix:/a", "127.0.0.1:1"}) {
        ASSERT_EQ(nullptr, Parse(text));
        EXPECT_STREQ(text, address_absolute_text(&arena_, &address_));
    }
    ASSERT_EQ(0, chdir(here.c_str()));
}

TEST_F(Address, OfAServerMaySayThatItSpeaksTls) {
    const struct {
        const char *text;
        bool is_tls;
        const char *host; // NULL: a unix socket
    } rows[] = {
        {"tls:runs.example:50051", true, "runs.example"},
        {"tls:[::1]:50051", true, "::1"},
        {"runs.example:50051", false, "runs.example"},
        {"unix:tls:a", false, nullptr},
        {"tls:50051", false, "tls"}, // a host of that name
        {"tls:tls:1", true, "tls"},
    };
    for (const auto &row : rows) {
        bool is_tls = !row.is_tls;
        ASSERT_EQ(nullptr, address_parse_server(&arena_, "--server", row.text, &address_, &is_tls))
            << row.text;
        EXPECT_EQ(row.is_tls, is_tls) << row.text;
        EXPECT_STREQ(row.text, address_.text);
        EXPECT_STREQ(row.host, address_.kind == ADDRESS_TCP ? address_.host : nullptr);
    }
}

TEST_F(Address, OfAServerIsRefusedAsOthersAre) {
    const struct {
        const char *text, *why;
    } rows[] = {
        {"tls:unix:/tmp/s", "\"tls:unix:/tmp/s\" is no address: a unix socket is never encrypted"},
        {"tls:a:b", "the port is no number"},
        {"tls::1", "the host is empty"},
        {"tls:::1", "an IPv6 host needs brackets"},
        {"tls://a:1", "it is a URL"},
        {"tls:", "the port is no number"},
    };
    for (const auto &row : rows) {
        bool is_tls = true;
        address_ = {};
        const error *e = address_parse_server(&arena_, "--server", row.text, &address_, &is_tls);
        ASSERT_NE(nullptr, e) << row.text;
        EXPECT_NE(std::string::npos, std::string(e->message).find(row.why)) << e->message;
        EXPECT_NE(std::string::npos, std::string(e->message).find("--server: ")) << e->message;
        EXPECT_NE(std::string::npos,
                  std::string(e->message).find("; expected tls:HOST:PORT, HOST:PORT or unix:PATH"))
            << e->message;
        EXPECT_EQ(nullptr, address_.text);
    }
}

} // namespace
