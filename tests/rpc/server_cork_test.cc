#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

extern "C" {
#include "rpc/server_cork_internal.h"
}

// How answers leave together, on real connections.

namespace {

// A connection over loopback.
class Connection {
  public:
    Connection() {
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in sin = {};
        sin.sin_family = AF_INET;
        sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(bind(listener, reinterpret_cast<struct sockaddr *>(&sin), sizeof(sin)), 0);
        EXPECT_EQ(listen(listener, 1), 0);
        socklen_t length = sizeof(sin);
        EXPECT_EQ(getsockname(listener, reinterpret_cast<struct sockaddr *>(&sin), &length), 0);
        client = socket(AF_INET, SOCK_STREAM, 0);
        EXPECT_EQ(connect(client, reinterpret_cast<struct sockaddr *>(&sin), sizeof(sin)), 0);
        server = accept(listener, nullptr, nullptr);
        EXPECT_GE(server, 0);
        close(listener);
        int yes = 1;
        setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    }
    ~Connection() {
        CloseServer();
        close(client);
    }
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    void CloseServer() {
        if (server >= 0) {
            close(server);
            server = -1;
        }
    }
    bool IsCorked() const {
        int value = -1;
        socklen_t length = sizeof(value);
        EXPECT_EQ(getsockopt(server, IPPROTO_TCP, TCP_CORK, &value, &length), 0);
        return value != 0;
    }

    int client;
    int server;
};

class Cork {
  public:
    Cork() {
        server_cork_init(&cork_);
    }
    ~Cork() {
        server_cork_release(&cork_);
    }
    void Add(const Connection &connection) {
        server_cork_add(&cork_, connection.server);
    }
    void Begin(size_t answers) {
        server_cork_begin(&cork_, answers);
    }
    void End() {
        server_cork_end(&cork_);
    }
    void Writing() {
        server_cork_writing(&cork_);
    }

  private:
    struct server_cork cork_;
};

TEST(ServerCork, HoldsWhatIsWrittenInARoundBackUntilItsEnd) {
    Connection connection;
    Cork cork;
    cork.Add(connection);
    for (int round = 0; round < 3; round++) {
        EXPECT_FALSE(connection.IsCorked());
        cork.Begin(3);
        EXPECT_TRUE(connection.IsCorked());
        for (char c : {'a', 'b', 'c'}) {
            ASSERT_EQ(send(connection.server, &c, 1, 0), 1);
        }
        char bytes[8];
        // Over loopback what is sent has arrived when send returns.
        EXPECT_EQ(recv(connection.client, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
        cork.End();
        EXPECT_FALSE(connection.IsCorked());
        EXPECT_EQ(recv(connection.client, bytes, 3, MSG_WAITALL), 3);
        EXPECT_EQ(std::string(bytes, 3), "abc");
    }
}

TEST(ServerCork, LeavesConnectionsAloneWhenAnswersAreFew) {
    Cork cork;
    Connection connections[3];
    for (const Connection &connection : connections) {
        cork.Add(connection);
    }
    for (size_t answers : {0, 1, 2, 5}) {
        cork.Begin(answers);
        EXPECT_FALSE(connections[0].IsCorked()) << answers;
        cork.End();
    }
    cork.Begin(6);
    EXPECT_TRUE(connections[0].IsCorked());
    EXPECT_TRUE(connections[2].IsCorked());
    cork.End();
    EXPECT_FALSE(connections[2].IsCorked());
}

// Writes a byte as a stream does.
void WriteByte(Cork *cork, const Connection &connection) {
    cork->Writing();
    ASSERT_EQ(send(connection.server, "x", 1, 0), 1);
}

size_t Arrived(const Connection &connection) {
    char bytes[1024];
    ssize_t n = recv(connection.client, bytes, sizeof(bytes), MSG_DONTWAIT);
    return n < 0 ? 0 : static_cast<size_t>(n);
}

TEST(ServerCork, BeginsByItselfWhenStreamsWriteMuch) {
    Connection connection;
    Cork cork;
    cork.Add(connection);
    for (int turn = 0; turn < 3; turn++) {
        int alone = 0;
        while (!connection.IsCorked() && alone < 1000) {
            WriteByte(&cork, connection);
            alone++;
        }
        EXPECT_LT(alone, 64);
        (void)Arrived(connection);
        for (int i = 0; i < 10; i++) {
            WriteByte(&cork, connection);
        }
        EXPECT_EQ(Arrived(connection), 0u);
        cork.End();
        EXPECT_EQ(Arrived(connection), 10u + (alone > 0 ? 1 : 0));
    }
}

TEST(ServerCork, LeavesFewMessagesOfStreamsAlone) {
    Connection connection;
    Cork cork;
    cork.Add(connection);
    for (int turn = 0; turn < 1000; turn++) {
        WriteByte(&cork, connection);
        ASSERT_FALSE(connection.IsCorked());
        ASSERT_EQ(Arrived(connection), 1u);
        cork.End();
    }
}

TEST(ServerCork, LetsPiecesOfWhatStreamsWriteLeave) {
    Connection connection;
    Cork cork;
    cork.Add(connection);
    cork.Begin(SERVER_CORK_PIECE);
    for (int i = 0; i < SERVER_CORK_PIECE - 1; i++) {
        WriteByte(&cork, connection);
    }
    EXPECT_EQ(Arrived(connection), 0u);
    WriteByte(&cork, connection);
    EXPECT_EQ(Arrived(connection), static_cast<size_t>(SERVER_CORK_PIECE) - 1);
    EXPECT_TRUE(connection.IsCorked()); // more may follow
    cork.End();
    EXPECT_EQ(Arrived(connection), 1u);
}

TEST(ServerCork, ForgetsConnectionsThatWereClosed) {
    Cork cork;
    Connection first;
    Connection other;
    cork.Add(first);
    // Another socket by the same number.
    ASSERT_EQ(dup2(other.server, first.server), first.server);
    cork.Begin(10);
    EXPECT_FALSE(other.IsCorked());
    cork.End();
    first.CloseServer();
    cork.Begin(10);
    cork.End();
}

TEST(ServerCork, ServesAsManyConnectionsAsItHasRoomFor) {
    Cork cork;
    std::vector<Connection> connections(SERVER_CORK_CONNECTIONS + 1);
    for (const Connection &connection : connections) {
        cork.Add(connection);
    }
    cork.Begin(1000);
    EXPECT_TRUE(connections[SERVER_CORK_CONNECTIONS - 1].IsCorked());
    EXPECT_FALSE(connections[SERVER_CORK_CONNECTIONS].IsCorked());
    cork.End();
    // One that was closed makes room.
    connections[0].CloseServer();
    cork.Add(connections[SERVER_CORK_CONNECTIONS]);
    cork.Begin(1000);
    EXPECT_TRUE(connections[SERVER_CORK_CONNECTIONS].IsCorked());
    cork.End();
}

TEST(ServerCork, UncorksWhatWasCorkedAlthoughConnectionsComeAndGoMeanwhile) {
    Cork cork;
    std::vector<Connection> connections(SERVER_CORK_CONNECTIONS);
    for (const Connection &connection : connections) {
        cork.Add(connection);
    }
    cork.Begin(1000);
    connections[1].CloseServer();
    Connection late;
    cork.Add(late);
    cork.End();
    for (size_t i = 0; i < connections.size(); i++) {
        if (i != 1) {
            EXPECT_FALSE(connections[i].IsCorked()) << i;
        }
    }
    EXPECT_FALSE(late.IsCorked());
}

} // namespace
