// Tokens with the name of a client's certificate, and with limits of their own.

#include "tests/storage/store_contract.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

INSTANTIATE_STORE_CONTRACT();

const std::vector<int64_t> kNone = {0, 0, 0, 0};

std::string Hash(char c) {
    return std::string(TOKEN_HASH_BYTES, c);
}

// A token of that name for the client name "dns:w", whose hash is Hash('w').
Token OfClient(const std::string &name, int64_t created_at_us = 100, int64_t expires_at_us = 0) {
    return {.name = name,
            .hash = Hash('w'),
            .scopes = 3,
            .created_at_us = created_at_us,
            .expires_at_us = expires_at_us,
            .client_san = "dns:w"};
}

Token Stored(struct run_store *store, const std::string &name,
             const std::string &organization = "acme") {
    for (const Token &t : ListTokens(store, organization)) {
        if (t.name == name) {
            return t;
        }
    }
    ADD_FAILURE() << name << " is not there";
    return {};
}

TEST_P(StoreContract, TokenKeepsItsClientNameAndItsLimits) {
    Token in = OfClient("a");
    in.limits = {1, -1, INT64_C(1) << 40, 4};
    Token other = {.name = "untouched"};
    ASSERT_EQ(CreateToken(store_, in, &other), STORE_OK);
    EXPECT_EQ(other.name, "");
    ASSERT_EQ(CreateToken(store_, {.name = "b", .hash = Hash('b')}), STORE_OK);
    Token a = Stored(store_, "a");
    EXPECT_EQ(a.client_san, "dns:w");
    EXPECT_EQ(a.hash, Hash('w'));
    EXPECT_EQ(a.scopes, 3u);
    EXPECT_EQ(a.limits, in.limits);
    Token b = Stored(store_, "b");
    EXPECT_EQ(b.client_san, "");
    EXPECT_EQ(b.limits, kNone);
}

TEST_P(StoreContract, ClientNameIsOneTokensInAllOrganizations) {
    ASSERT_EQ(CreateToken(store_, OfClient("a")), STORE_OK);
    Token elsewhere = OfClient("x");
    elsewhere.organization = "other";
    Token holder;
    EXPECT_EQ(CreateToken(store_, OfClient("b"), &holder), STORE_EXISTS);
    EXPECT_EQ(holder.name, "a");
    EXPECT_EQ(CreateToken(store_, elsewhere, &holder), STORE_EXISTS);
    EXPECT_EQ(holder.organization, "acme");
    EXPECT_EQ(holder.name, "a");
    // It is the token's name that is taken, whosever the client name is.
    EXPECT_EQ(CreateToken(store_, OfClient("a"), &holder), STORE_EXISTS);
    EXPECT_EQ(holder.name, "");
    EXPECT_EQ(ListTokens(store_, "").size(), 1u);
}

TEST_P(StoreContract, ClientNameOfATokenThatEndedIsGivenAgain) {
    Token revoked;
    ASSERT_EQ(CreateToken(store_, OfClient("a")), STORE_OK);
    ASSERT_EQ(RevokeToken(store_, "acme", "a", 150, &revoked), STORE_OK);
    EXPECT_EQ(revoked.client_san, "dns:w");
    // The token's own name is not free: nothing changes.
    EXPECT_EQ(CreateToken(store_, OfClient("a", 200)), STORE_EXISTS);
    EXPECT_EQ(Stored(store_, "a").hash, Hash('w'));

    Token other;
    ASSERT_EQ(CreateToken(store_, OfClient("b", 200, 300), &other), STORE_OK);
    EXPECT_EQ(other.name, "a");
    EXPECT_EQ(other.revoked_at_us, 150);
    EXPECT_EQ(other.client_san, "dns:w");
    EXPECT_NE(other.hash, Hash('w'));
    EXPECT_EQ(other.hash, Stored(store_, "a").hash);
    EXPECT_EQ(Stored(store_, "b").hash, Hash('w'));

    // It expires at 300, not before.
    EXPECT_EQ(CreateToken(store_, OfClient("c", 299), &other), STORE_EXISTS);
    EXPECT_EQ(other.name, "b");
    ASSERT_EQ(CreateToken(store_, OfClient("c", 300), &other), STORE_OK);
    EXPECT_EQ(other.name, "b");
    EXPECT_EQ(Stored(store_, "b").expires_at_us, 300);
    EXPECT_EQ(Stored(store_, "c").hash, Hash('w'));
    EXPECT_EQ(ListTokens(store_, "acme").size(), 3u);
}

// Of secrets no two tokens have one, whatever became of the first.
TEST_P(StoreContract, SecretOfATokenThatEndedIsNotGivenAgain) {
    Token t;
    ASSERT_EQ(CreateToken(store_, {.name = "a", .hash = Hash('a')}), STORE_OK);
    ASSERT_EQ(RevokeToken(store_, "acme", "a", 150, &t), STORE_OK);
    EXPECT_EQ(CreateToken(store_, {.name = "b", .hash = Hash('a'), .created_at_us = 200}, &t),
              STORE_EXISTS);
    EXPECT_EQ(t.name, "");
    EXPECT_EQ(Stored(store_, "a").hash, Hash('a'));
}

TEST_P(StoreContract, TokenWithAClientNameIsNotRotated) {
    ASSERT_EQ(CreateToken(store_, OfClient("a")), STORE_OK);
    Token told;
    ASSERT_EQ(RotateToken(store_, {.name = "a", .hash = Hash('n'), .at_us = 200}, &told),
              STORE_CONFLICT);
    EXPECT_EQ(told.client_san, "dns:w");
    Token stored = Stored(store_, "a");
    EXPECT_EQ(stored.rotations, 0);
    EXPECT_EQ(stored.hash, Hash('w'));
}

TEST_P(StoreContract, RotationKeepsLimits) {
    ASSERT_EQ(CreateToken(store_, {.name = "a", .hash = Hash('a'), .limits = {1, 2, 3, 4}}),
              STORE_OK);
    Token told;
    ASSERT_EQ(RotateToken(store_, {.name = "a", .hash = Hash('n'), .at_us = 200}, &told), STORE_OK);
    EXPECT_EQ(told.limits, (std::vector<int64_t>{1, 2, 3, 4}));
    EXPECT_EQ(Stored(store_, "a").limits, told.limits);
}

TEST_P(StoreContract, LimitsAreReplacedWhole) {
    ASSERT_EQ(CreateToken(store_, OfClient("a")), STORE_OK);
    ASSERT_EQ(CreateToken(store_, {.name = "b", .hash = Hash('b'), .limits = {9, 9, 9, 9}}),
              STORE_OK);
    for (const std::vector<int64_t> &limits :
         {std::vector<int64_t>{5, 6, 7, 8}, {-1, 0, 0, INT64_C(1000000000000000)}, kNone}) {
        Token told;
        ASSERT_EQ(SetTokenLimits(store_, "a", limits, &told), STORE_OK);
        EXPECT_EQ(told.limits, limits);
        EXPECT_EQ(told.client_san, "dns:w");
        EXPECT_EQ(Stored(store_, "a").limits, limits);
        EXPECT_EQ(Stored(store_, "b").limits, (std::vector<int64_t>{9, 9, 9, 9}));
    }
    Token none;
    EXPECT_EQ(SetTokenLimits(store_, "nobody", kNone, &none), STORE_NOT_FOUND);
}

} // namespace
