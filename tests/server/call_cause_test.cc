// What the store is given of a change besides the change: who asked, by which request, from
// where, and why. Nobody chooses who is believed to have asked.

#include "tests/server/fake_store_fixture.h"

extern "C" {
#include "storage/op/create_run.h"
#include "storage/op/transition_run.h"
}

namespace {

struct Cause {
    std::string actor, reason, request_id, remote_address, idempotency_key;
};

std::string OfSlice(struct slice s) {
    return s.len == 0 ? "" : Text(s);
}

class CallCause : public OverFakeStore {
  protected:
    explicit CallCause(LoopKind kind = LoopKind::kPolling) : OverFakeStore(kind) {
        store_.answer = [this](struct store_op *op) {
            const struct event_cause *c = nullptr;
            if (op->kind == &store_create_run_kind) {
                c = &reinterpret_cast<struct store_create_run *>(op)->cause;
            } else if (op->kind == &store_transition_run_kind) {
                c = &reinterpret_cast<struct store_transition_run *>(op)->cause;
            }
            if (c != nullptr) {
                cause_ = {OfSlice(c->actor), OfSlice(c->reason), OfSlice(c->request_id),
                          OfSlice(c->remote_address), OfSlice(c->idempotency_key)};
            }
            return STORE_BUSY;
        };
        EXPECT_EQ(server_->Listen("127.0.0.1:0"), "");
        v4_ = "127.0.0.1:" + std::to_string(server_->port());
        EXPECT_EQ(server_->Listen("[::1]:0"), "");
        v6_ = "[::1]:" + std::to_string(server_->port());
        server_->Start();
    }

    // Calls with the metadata, and returns what the store was given.
    Cause Of(Channel &channel, const std::string &method, const std::string &request,
             const std::vector<std::pair<std::string, std::string>> &metadata) {
        cause_ = {"none", "none", "none", "none", "none"};
        Call call(channel, "/runs.v1.RunsService/" + method, request);
        call.Metadata("authorization", Bearer());
        for (const auto &[key, value] : metadata) {
            call.Metadata(key, value);
        }
        call.Run();
        EXPECT_NE(call.error(), nullptr);
        EXPECT_STREQ(call.error()->reason, "QUEUE_FULL");
        return cause_;
    }

    std::string v4_;
    std::string v6_;
    Cause cause_;
};

TEST_F(CallCause, OfEachChangeIsWhoAskedHowAndWhy) {
    using namespace wire;
    const struct {
        std::string method, request, reason;
    } rows[] = {
        {"CreateRun", SmallestRun("r"), ""},
        {"CancelRun", Bytes(1, "r"), ""},
        {"CancelRun", Bytes(1, "r") + Bytes(2, "wrong inputs"), "wrong inputs"},
        {"ReportRun", Bytes(1, "r") + Uint(2, 3) + Bytes(5, "done"), "done"},
    };
    Channel channel(client_loop_.get(), v4_);
    for (const auto &row : rows) {
        SCOPED_TRACE(row.method);
        Cause c = Of(channel, row.method, row.request, {{"x-request-id", "mine"}});
        EXPECT_EQ(c.actor, "t");
        EXPECT_EQ(c.reason, row.reason);
        EXPECT_EQ(c.request_id, "mine");
        EXPECT_EQ(c.remote_address, "127.0.0.1");
        EXPECT_EQ(c.idempotency_key, "");
        // A request without an id, or with one that is none, has the one that was made for it.
        c = Of(channel, row.method, row.request, {{"x-request-id", "not an id!"}});
        EXPECT_EQ(c.request_id.size(), 36u) << c.request_id;
    }
}

TEST_F(CallCause, AddressIsTheConnectionsWhateverACallOverANetworkSays) {
    for (const char *forwarded : {"", "192.0.2.7", "2001:db8::7", "unix", "forged"}) {
        SCOPED_TRACE(forwarded);
        std::vector<std::pair<std::string, std::string>> metadata;
        if (*forwarded != '\0') {
            metadata = {{RPC_FORWARDED_FOR, forwarded},
                        {"x-real-ip", forwarded},
                        {"forwarded", std::string("for=") + forwarded}};
        }
        Channel v4(client_loop_.get(), v4_);
        EXPECT_EQ(Of(v4, "CancelRun", wire::Bytes(1, "r"), metadata).remote_address, "127.0.0.1");
        Channel v6(client_loop_.get(), v6_);
        EXPECT_EQ(Of(v6, "CancelRun", wire::Bytes(1, "r"), metadata).remote_address, "::1");
    }
}

struct Forwarded {
    std::string value, over_unix, in_process;
};

const Forwarded kForwarded[] = {
    {"192.0.2.7", "192.0.2.7", "192.0.2.7"},
    {"2001:db8::7", "2001:db8::7", "2001:db8::7"},
    {"unix", "unix", "unix"},
    {"", "unix", ""},
    {"192.0.2.7, 192.0.2.8", "192.0.2.8", "192.0.2.8"}, // what the caller itself appended
    {"192.0.2.7, evil \"quoted\"", "unix", ""},
    {"evil \"quoted\"", "unix", ""},
    {std::string(46, '1'), "unix", ""},
    {std::string(45, '1'), std::string(45, '1'), std::string(45, '1')},
};

std::vector<std::pair<std::string, std::string>> MetadataOf(const Forwarded &forwarded) {
    if (forwarded.value.empty()) {
        return {};
    }
    return {{RPC_FORWARDED_FOR, forwarded.value}};
}

TEST_F(CallCause, AddressIsTheForwardedOneWhereTheCallerIsOfThisMachine) {
    Channel unix_socket(client_loop_.get(), Socket());
    Channel in_process(loop_.get(), *server_);
    for (const Forwarded &row : kForwarded) {
        SCOPED_TRACE(row.value);
        const std::string request = wire::Bytes(1, "r");
        EXPECT_EQ(Of(unix_socket, "CancelRun", request, MetadataOf(row)).remote_address,
                  row.over_unix);
        EXPECT_EQ(Of(in_process, "CancelRun", request, MetadataOf(row)).remote_address,
                  row.in_process);
    }
}

// Such calls do without gRPC core.
class CallCauseOnOneLoop : public CallCause {
  protected:
    CallCauseOnOneLoop() : CallCause(LoopKind::kLocal) {}
};

TEST_F(CallCauseOnOneLoop, AddressIsTheForwardedOne) {
    Channel in_process(loop_.get(), *server_);
    for (const Forwarded &row : kForwarded) {
        SCOPED_TRACE(row.value);
        Cause c = Of(in_process, "CreateRun", SmallestRun("r"), MetadataOf(row));
        EXPECT_EQ(c.remote_address, row.in_process);
        EXPECT_EQ(c.actor, "t");
    }
}

} // namespace
