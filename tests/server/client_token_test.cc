// Tokens that the name of a client's certificate opens, and limits of tokens, as a client meets
// them.

#include "tests/server/service_fixture.h"

namespace {

const int64_t kStart = 1'700'000'000;

class ClientToken : public Service {
  protected:
    static std::string Limits(int64_t reads, int64_t changes = 0, int64_t bytes = 0,
                              int64_t streams = 0) {
        std::string text;
        for (auto [field, value] : {std::pair{1, reads}, {2, changes}, {3, bytes}, {4, streams}}) {
            text += value != 0 ? Uint(field, static_cast<uint64_t>(value)) : "";
        }
        return text;
    }
    std::unique_ptr<Reply> Create(const std::string &client, const std::string &name,
                                  const std::string &more = "", const std::string &admin = "",
                                  const std::string &organization = "acme") {
        return As(admin.empty() ? admin_ : admin, "TokensService/CreateToken",
                  Bytes(1, organization) + Bytes(2, name) + Bytes(3, "runs.read") +
                      (client.empty() ? "" : Bytes(5, client)) + more);
    }
    static std::string Until(int64_t seconds) {
        return Bytes(4, Uint(1, static_cast<uint64_t>(kStart + seconds)));
    }
    static std::string Named(const std::string &name) {
        return Bytes(1, "acme") + Bytes(2, name);
    }
    std::unique_ptr<Reply> Administer(const std::string &method, const std::string &name,
                                      const std::string &more = "") {
        return As(admin_, "TokensService/" + method, Named(name) + more);
    }
    // "NAME SAN", or the reason, of a call without a token.
    std::string WhoAmI() {
        auto reply = Call("TokensService/GetCaller", "", {});
        if (reply->code != 0) {
            return reply->reason;
        }
        auto *caller = runs__v1__caller__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        std::string text = std::string(caller->name) + " " + caller->client_san;
        runs__v1__caller__free_unpacked(caller, nullptr);
        return text;
    }
    // The token as ListTokens has it: "SAN created..expires used denied refused limits".
    std::string Listed(const std::string &name) {
        auto reply = As(admin_, "TokensService/ListTokens", Bytes(1, "acme"));
        auto *list = runs__v1__list_tokens_response__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        std::string text = "none";
        for (size_t i = 0; i < list->n_tokens; i++) {
            const Runs__V1__Token *t = list->tokens[i];
            if (t->name != name) {
                continue;
            }
            EXPECT_EQ(1u, t->n_secrets);
            text = std::string(t->client_san) +
                   (t->secrets[0]->last_used_at != nullptr ? " used " : " unused ") +
                   std::to_string(t->denied_calls) + " " + std::to_string(t->refused_calls);
            if (t->limits != nullptr) {
                text += " limits " + std::to_string(t->limits->reads_per_second) + " " +
                        std::to_string(t->limits->changes_per_second) + " " +
                        std::to_string(t->limits->bytes_per_second) + " " +
                        std::to_string(t->limits->streams);
            }
        }
        runs__v1__list_tokens_response__free_unpacked(list, nullptr);
        return text;
    }
};

TEST_F(ClientToken, CertificateOpensItInPlaceOfASecret) {
    auto made = Create("uri:spiffe://acme/worker", "worker");
    ASSERT_EQ(0, made->code) << made->message;
    auto *response = runs__v1__create_token_response__unpack(
        nullptr, made->bytes.size(), reinterpret_cast<const uint8_t *>(made->bytes.data()));
    EXPECT_STREQ("", response->secret);
    EXPECT_STREQ("uri:spiffe://acme/worker", response->token->client_san);
    runs__v1__create_token_response__free_unpacked(response, nullptr);

    EXPECT_EQ("TOKEN_MISSING", WhoAmI());
    client_names_ = {"dns:worker.example", "uri:spiffe://acme/worker"};
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ("worker uri:spiffe://acme/worker", WhoAmI());
        EXPECT_EQ(0, Call("RunsService/ListRuns", "", {})->code);
        auto denied = Call("RunsService/CancelRun", Bytes(1, "r"), {});
        EXPECT_EQ("SCOPE_MISSING", denied->reason);
        Close(); // the second time as the store has it
        Open();
    }
    EXPECT_EQ("uri:spiffe://acme/worker used 2 0", Listed("worker"));
    client_names_ = {"uri:spiffe://acme/other"};
    EXPECT_EQ("TOKEN_MISSING", WhoAmI());
}

TEST_F(ClientToken, TokenThatIsSentWins) {
    ASSERT_EQ(0, Create("dns:w", "worker")->code);
    client_names_ = {"dns:w"};
    std::string job = NewToken("acme", {"runs.read"}, "job");
    for (const auto &[value, reason] : {std::pair<std::string, std::string>{"Bearer " + job, ""},
                                        {"Bearer rst_", "TOKEN_INVALID"},
                                        {"Basic abc", "TOKEN_MISSING"},
                                        {"", "TOKEN_MISSING"}}) {
        auto reply = Call("TokensService/GetCaller", "", {value});
        EXPECT_EQ(reason, reply->reason) << value;
        if (reply->code == 0) {
            EXPECT_NE(std::string::npos, reply->bytes.find("job"));
            EXPECT_EQ(std::string::npos, reply->bytes.find("dns:w"));
        }
    }
    EXPECT_EQ("dns:w unused 0 0", Listed("worker"));
}

TEST_F(ClientToken, EndsAsAnyTokenDoes) {
    ASSERT_EQ(0, Create("dns:a", "a")->code);
    ASSERT_EQ(0, Create("dns:b", "b", Until(60))->code);
    client_names_ = {"dns:a"};
    EXPECT_EQ("a dns:a", WhoAmI());
    ASSERT_EQ(0, Administer("RevokeToken", "a")->code);
    EXPECT_EQ("TOKEN_INVALID", WhoAmI());
    client_names_ = {"dns:b"};
    EXPECT_EQ("b dns:b", WhoAmI());
    clock_.now += 60'000'000;
    EXPECT_EQ("TOKEN_INVALID", WhoAmI());
    EXPECT_EQ("dns:a used 0 1", Listed("a"));
    EXPECT_EQ("dns:b used 0 1", Listed("b"));
    // Both names may be given again, and open the new tokens alone.
    ASSERT_EQ(0, Create("dns:a", "a2")->code);
    ASSERT_EQ(0, Create("dns:b", "b2")->code);
    EXPECT_EQ("b2 dns:b", WhoAmI());
    client_names_ = {"dns:a"};
    EXPECT_EQ("a2 dns:a", WhoAmI());
    Close();
    Open();
    EXPECT_EQ("a2 dns:a", WhoAmI());
    EXPECT_EQ("dns:a used 0 1", Listed("a"));
}

TEST_F(ClientToken, NameOfALiveTokenIsTaken) {
    ASSERT_EQ(0, Create("dns:w", "worker")->code);
    auto reply = Create("dns:w", "other", "", "", "rival");
    EXPECT_EQ("TOKEN_ALREADY_EXISTS", reply->reason);
    EXPECT_EQ("the client name \"dns:w\" is that of the token \"worker\" of organization \"acme\": "
              "revoke that first",
              reply->message);
    EXPECT_EQ("dns:w", reply->metadata["clientSan"]);
    EXPECT_EQ("acme/worker", reply->resource);
    reply = Create("dns:x", "worker");
    EXPECT_EQ("TOKEN_ALREADY_EXISTS", reply->reason);
    EXPECT_EQ("there is already a token \"worker\" of organization \"acme\"", reply->message);
    EXPECT_EQ("none", Listed("other"));
}

TEST_F(ClientToken, FieldsAreChecked) {
    const struct {
        std::string client, more;
        const char *field;
        const char *words;
    } rows[] = {
        {"worker", "", "clientSan", "must be \"uri:\" and a URI"},
        {"dns:*.example", "", "clientSan", "without a wildcard"},
        {"dns:w", Bytes(6, Limits(-2)), "limits.readsPerSecond", "got -2"},
        {"dns:w", Bytes(6, Limits(0, -5)), "limits.changesPerSecond", "from 1 to 10"},
        {"dns:w", Bytes(6, Limits(0, 0, 1'000'000'000'000'001)), "limits.bytesPerSecond",
         "got 1000000000000001"},
        {"", Bytes(6, Limits(0, 0, 0, INT64_MIN)), "limits.streams", "-1 for no limit"},
    };
    for (const auto &row : rows) {
        auto reply = Create(row.client, "t", row.more);
        EXPECT_EQ("FIELD_INVALID", reply->reason) << row.field;
        EXPECT_EQ((std::vector<std::string>{row.field}), reply->fields);
        EXPECT_NE(std::string::npos, reply->message.find(row.words)) << reply->message;
    }
    EXPECT_EQ("none", Listed("t"));
}

// How much an organization may ask for, and as whom a program is let in, is not its own to say.
TEST_F(ClientToken, AdministratorsOfOneOrganizationGiveNeither) {
    std::string own = NewToken("acme", {"tokens.admin.own"}, "own");
    std::unique_ptr<Reply> replies[] = {
        Create("dns:w", "t", "", own), Create("", "t", Bytes(6, Limits(5)), own),
        As(own, "TokensService/SetTokenLimits", Named("ci") + Bytes(3, Limits(-1)))};
    for (const auto &reply : replies) {
        EXPECT_EQ(7, reply->code);
        EXPECT_EQ("SCOPE_MISSING", reply->reason);
        EXPECT_EQ("tokens.admin", reply->metadata["scope"]);
    }
    EXPECT_EQ("none", Listed("t"));
    // They end one, as any of theirs.
    ASSERT_EQ(0, Create("dns:w", "t")->code);
    EXPECT_EQ(0, As(own, "TokensService/RevokeToken", Named("t"))->code);
}

TEST_F(ClientToken, HasNoSecretToRotate) {
    ASSERT_EQ(0, Create("dns:w", "t")->code);
    auto reply = Administer("RotateToken", "t");
    EXPECT_EQ(9, reply->code);
    EXPECT_EQ("TOKEN_WITHOUT_SECRET", reply->reason);
    EXPECT_NE(std::string::npos, reply->message.find("the certificate with the name \"dns:w\""))
        << reply->message;
    client_names_ = {"dns:w"};
    EXPECT_EQ("t dns:w", WhoAmI());
}

TEST_F(ClientToken, LimitsAreSetAndListed) {
    ASSERT_EQ(0, Create("dns:w", "t", Bytes(6, Limits(100, -1, 5000, 3)))->code);
    EXPECT_EQ("dns:w unused 0 0 limits 100 -1 5000 3", Listed("t"));
    auto reply = Administer("SetTokenLimits", "t", Bytes(3, Limits(0, 7)));
    ASSERT_EQ(0, reply->code) << reply->message;
    EXPECT_EQ("dns:w unused 0 0 limits 0 7 0 0", Listed("t"));
    Close();
    Open();
    EXPECT_EQ("dns:w unused 0 0 limits 0 7 0 0", Listed("t"));
    ASSERT_EQ(0, Administer("SetTokenLimits", "t")->code);
    EXPECT_EQ("dns:w unused 0 0", Listed("t"));
    EXPECT_EQ("TOKEN_NOT_FOUND", Administer("SetTokenLimits", "nobody")->reason);
    reply = Administer("SetTokenLimits", "t", Bytes(3, Limits(-3)));
    EXPECT_EQ((std::vector<std::string>{"limits.readsPerSecond"}), reply->fields);
}

} // namespace
