#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <netdb.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

extern "C" {
#include "base/net/listen_socket.h"
}

namespace {

class ListenSocket : public testing::Test {
  protected:
    ListenSocket() {
        arena_init(&arena_);
        char folder[] = "/tmp/listen_socket_XXXXXX";
        folder_ = mkdtemp(folder);
        path_ = folder_ + "/s";
    }
    ~ListenSocket() override {
        unlink(path_.c_str());
        rmdir(folder_.c_str());
        arena_release(&arena_);
    }

    // Returns the error's message, "" if there was none.
    std::string Open(const std::string &text, struct listen_socket *ret) {
        struct address address;
        const struct error *error = address_parse(&arena_, "--listen", text.c_str(), &address);
        if (error == nullptr) {
            error = listen_socket_open(&arena_, &address, ret);
            EXPECT_TRUE(error == nullptr || error->code == STATUS_UNAVAILABLE);
        }
        return error == nullptr ? "" : error->message;
    }
    bool Exists() {
        struct stat st;
        return lstat(path_.c_str(), &st) == 0;
    }

    struct arena arena_;
    std::string folder_;
    std::string path_;
};

TEST_F(ListenSocket, PortZeroIsAFreePort) {
    for (const char *text : {"127.0.0.1:0", "[::1]:0", "localhost:0"}) {
        struct listen_socket s;
        ASSERT_EQ("", Open(text, &s)) << text;
        EXPECT_GT(s.port, 0);
        listen_socket_close(&s);
    }
}

TEST_F(ListenSocket, APortInUseIsNamedWithTheReason) {
    struct listen_socket first, second;
    ASSERT_EQ("", Open("127.0.0.1:0", &first));
    std::string taken = "127.0.0.1:" + std::to_string(first.port);
    EXPECT_EQ("cannot listen on \"" + taken + "\": the address is in use by another program",
              Open(taken, &second));
    listen_socket_close(&first);
}

TEST_F(ListenSocket, ANameIsListenedAtWhereverItIsAtOnePort) {
    struct listen_socket sockets[4];
    size_t count = 0;
    struct address address;
    ASSERT_EQ(nullptr, address_parse(&arena_, "--listen", "localhost:0", &address));
    ASSERT_EQ(nullptr, listen_socket_open_all(&arena_, &address, sockets, 4, &count));
    struct addrinfo hints = {}, *found;
    hints.ai_socktype = SOCK_STREAM;
    ASSERT_EQ(0, getaddrinfo("localhost", nullptr, &hints, &found));
    size_t addresses = 0;
    for (struct addrinfo *i = found; i != nullptr; i = i->ai_next) {
        addresses++;
    }
    freeaddrinfo(found);
    EXPECT_EQ(addresses, count); // 127.0.0.1, and ::1 where /etc/hosts has it
    std::string taken = "localhost:" + std::to_string(sockets[0].port);
    for (size_t i = 0; i < count; i++) {
        EXPECT_EQ(sockets[0].port, sockets[i].port);
        struct listen_socket second;
        EXPECT_EQ("cannot listen on \"" + taken + "\": the address is in use by another program",
                  Open(taken, &second));
        listen_socket_close(&sockets[i]);
    }
}

TEST_F(ListenSocket, OneAddressThatIsTakenRefusesTheName) {
    struct listen_socket first;
    ASSERT_EQ("", Open("127.0.0.1:0", &first));
    struct address address;
    std::string taken = "localhost:" + std::to_string(first.port);
    ASSERT_EQ(nullptr, address_parse(&arena_, "--listen", taken.c_str(), &address));
    struct listen_socket sockets[4];
    size_t count = 7;
    EXPECT_NE(nullptr, listen_socket_open_all(&arena_, &address, sockets, 4, &count));
    EXPECT_EQ(7u, count);
    listen_socket_close(&first);
    ASSERT_EQ(nullptr, listen_socket_open_all(&arena_, &address, sockets, 4, &count));
    while (count > 0) {
        listen_socket_close(&sockets[--count]);
    }
}

TEST_F(ListenSocket, AnAddressOfAnotherMachineIsRefused) {
    struct listen_socket s;
    EXPECT_EQ("cannot listen on \"192.0.2.1:0\": Cannot assign requested address",
              Open("192.0.2.1:0", &s));
}

TEST_F(ListenSocket, AUnixSocketIsForOwnerAndGroupAndGoesWithItsListener) {
    struct listen_socket s;
    ASSERT_EQ("", Open("unix:" + path_, &s));
    EXPECT_EQ(0, s.port);
    struct stat st;
    ASSERT_EQ(0, lstat(path_.c_str(), &st));
    EXPECT_EQ(0660u, st.st_mode & 0777);
    listen_socket_close(&s);
    EXPECT_FALSE(Exists());
}

TEST_F(ListenSocket, ALiveUnixSocketIsLeftAlone) {
    struct listen_socket first, second;
    ASSERT_EQ("", Open("unix:" + path_, &first));
    EXPECT_EQ("cannot listen on \"unix:" + path_ + "\": another program listens there",
              Open("unix:" + path_, &second));
    EXPECT_TRUE(Exists());
    listen_socket_close(&first);
}

TEST_F(ListenSocket, AStaleUnixSocketIsReplaced) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un sun = {};
    sun.sun_family = AF_UNIX;
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path_.c_str());
    ASSERT_EQ(0, bind(fd, reinterpret_cast<struct sockaddr *>(&sun), sizeof(sun)));
    close(fd);
    struct listen_socket s;
    EXPECT_EQ("", Open("unix:" + path_, &s));
    listen_socket_close(&s);
}

TEST_F(ListenSocket, AFileThatIsNoSocketIsLeftAlone) {
    fclose(fopen(path_.c_str(), "w"));
    struct listen_socket s;
    EXPECT_EQ("cannot listen on \"unix:" + path_ + "\": there is a file that is no socket",
              Open("unix:" + path_, &s));
    EXPECT_TRUE(Exists());
}

TEST_F(ListenSocket, AFileThatTookThePathIsNotRemoved) {
    struct listen_socket s;
    ASSERT_EQ("", Open("unix:" + path_, &s));
    ASSERT_EQ(0, unlink(path_.c_str()));
    fclose(fopen(path_.c_str(), "w"));
    listen_socket_close(&s);
    EXPECT_TRUE(Exists());
}

TEST_F(ListenSocket, AnInheritedSocketIsLeftAsItIsForWhoComesNext) {
    struct listen_socket systemds;
    ASSERT_EQ("", Open("unix:" + path_, &systemds));
    struct address address = {};
    address.kind = ADDRESS_UNIX;
    address.text = "systemd:local";
    address.path = path_.c_str();
    address.inherited = systemds.fd;
    EXPECT_EQ(nullptr, listen_socket_check(&arena_, &address));
    struct listen_socket ours;
    ASSERT_EQ(nullptr, listen_socket_open(&arena_, &address, &ours));
    EXPECT_NE(systemds.fd, ours.fd);
    listen_socket_refuse(&ours);
    listen_socket_shut(&ours);
    listen_socket_close(&ours);
    EXPECT_TRUE(Exists());
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un where = socket_file_address(path_.c_str());
    EXPECT_EQ(0, connect(client, reinterpret_cast<struct sockaddr *>(&where), sizeof(where)));
    EXPECT_TRUE(listen_socket_has_waiting(&systemds));
    close(client);
    listen_socket_close(&systemds);
    EXPECT_FALSE(Exists());
}

TEST_F(ListenSocket, AnAddressIsCheckedWithoutListening) {
    auto check = [&](const std::string &text) -> std::string {
        struct address address;
        EXPECT_EQ(nullptr, address_parse(&arena_, "--listen", text.c_str(), &address));
        const struct error *error = listen_socket_check(&arena_, &address);
        return error == nullptr ? "" : error->message;
    };
    struct listen_socket s;
    ASSERT_EQ("", Open("127.0.0.1:0", &s));
    const std::string taken = "127.0.0.1:" + std::to_string(s.port);
    EXPECT_NE(std::string::npos, check(taken).find("in use")) << check(taken);
    listen_socket_close(&s);
    EXPECT_EQ("", check(taken));
    ASSERT_EQ("", Open(taken, &s)); // nothing was left behind
    listen_socket_close(&s);

    EXPECT_EQ("", check("unix:" + path_));
    EXPECT_FALSE(Exists());
    ASSERT_EQ("", Open("unix:" + path_, &s));
    EXPECT_NE(std::string::npos, check("unix:" + path_).find("another program"));
    EXPECT_TRUE(Exists());
    listen_socket_close(&s);
    EXPECT_NE(std::string::npos, check("unix:/nowhere/at/all").find("No such file"));
}

} // namespace
