// A token's secrets, and when they were used: what every back-end keeps.

#include <set>
#include <thread>

#include "tests/storage/store_contract.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

INSTANTIATE_STORE_CONTRACT();

std::string Hash(char c) {
    return std::string(TOKEN_HASH_BYTES, c);
}

// The token "t" of "acme", as the store has it.
Token Stored(struct run_store *store) {
    for (const Token &t : ListTokens(store, "acme")) {
        if (t.name == "t") {
            return t;
        }
    }
    ADD_FAILURE() << "it is not there";
    return {};
}

void Create(struct run_store *store, int64_t created_at_us = 100, int64_t expires_at_us = 0,
            uint32_t scopes = 5) {
    ASSERT_EQ(CreateToken(store, {.name = "t",
                                  .hash = Hash('a'),
                                  .scopes = scopes,
                                  .created_at_us = created_at_us,
                                  .expires_at_us = expires_at_us}),
              STORE_OK);
}

TEST_P(StoreContract, NewTokenHasOneSecret) {
    Create(store_);
    Token t = Stored(store_);
    EXPECT_EQ(t.rotations, 0);
    EXPECT_EQ(t.rotated_at_us, 0);
    EXPECT_EQ(t.last_used_at_us, 0);
    EXPECT_EQ(t.denials, 0);
    EXPECT_EQ(t.refusals, 0);
}

TEST_P(StoreContract, RotationKeepsTheSecretBefore) {
    Create(store_);
    Token told;
    ASSERT_EQ(RotateToken(store_, {.hash = Hash('b'), .at_us = 200, .overlap_us = 50}, &told),
              STORE_OK);
    for (const Token &t : {told, Stored(store_)}) {
        EXPECT_EQ(t.hash, Hash('b'));
        EXPECT_EQ(t.previous_hash, Hash('a'));
        EXPECT_EQ(t.scopes, 5u);
        EXPECT_EQ(t.created_at_us, 100);
        EXPECT_EQ(t.rotations, 1);
        EXPECT_EQ(t.rotated_at_us, 200);
        EXPECT_EQ(t.expires_at_us, 0);
        EXPECT_EQ(t.previous_created_at_us, 100);
        EXPECT_EQ(t.previous_expires_at_us, 250);
        EXPECT_EQ(t.revoked_at_us, 0);
    }
    // At most two: the oldest is forgotten, and its hash is free again.
    ASSERT_EQ(RotateToken(store_, {.hash = Hash('c'), .at_us = 210, .overlap_us = 9}), STORE_OK);
    Token t = Stored(store_);
    EXPECT_EQ(t.hash, Hash('c'));
    EXPECT_EQ(t.previous_hash, Hash('b'));
    EXPECT_EQ(t.previous_created_at_us, 200);
    EXPECT_EQ(t.previous_expires_at_us, 219);
    EXPECT_EQ(t.rotations, 2);
    EXPECT_EQ(CreateToken(store_, {.name = "free", .hash = Hash('a')}), STORE_OK);
    EXPECT_EQ(ListTokens(store_, "acme").size(), 2u);
}

TEST_P(StoreContract, EndsFollowTheOverlapAndTheExpiry) {
    const struct {
        int64_t expires_us, at_us, overlap_us, renewed_us; // given
        int64_t newest_us, previous_us;                    // the ends
    } rows[] = {
        {0, 200, 0, 0, 0, 200},            // at once
        {0, 200, 1000, 0, 0, 1200},        //
        {0, 200, 1000, 300, 300, 1200},    // the new one may expire first
        {500, 200, 1000, 0, 500, 500},     // no longer than it was
        {500, 200, 100, 0, 500, 300},      //
        {500, 200, 1000, 9000, 9000, 500}, // renewed
        {150, 200, 1000, 900, 900, 150},   // what had expired stays so
        {0, 50, 10, 0, 0, 110},            // the clock went back since the creation
        {0, -5, 0, 0, 0, 100},             //
        {0, 200, INT64_MAX, 0, 0, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SCOPED_TRACE(i);
        std::string name = "n" + std::to_string(i);
        ASSERT_EQ(CreateToken(store_, {.name = name,
                                       .hash = Hash(static_cast<char>(2 * i)),
                                       .created_at_us = 100,
                                       .expires_at_us = rows[i].expires_us}),
                  STORE_OK);
        Token t;
        ASSERT_EQ(RotateToken(store_,
                              {.name = name,
                               .hash = Hash(static_cast<char>(2 * i + 1)),
                               .at_us = rows[i].at_us,
                               .overlap_us = rows[i].overlap_us,
                               .expires_at_us = rows[i].renewed_us},
                              &t),
                  STORE_OK);
        EXPECT_EQ(t.expires_at_us, rows[i].newest_us);
        EXPECT_EQ(t.previous_expires_at_us, rows[i].previous_us);
        EXPECT_GE(t.rotated_at_us, t.previous_created_at_us);
    }
    // A token that was made while the clock said 1970, or before: an end of 0 would be none.
    ASSERT_EQ(CreateToken(store_, {.name = "z", .hash = Hash('y'), .created_at_us = -7}), STORE_OK);
    Token t;
    ASSERT_EQ(RotateToken(store_, {.name = "z", .hash = Hash('z'), .at_us = -9}, &t), STORE_OK);
    EXPECT_EQ(t.previous_expires_at_us, 1);
    EXPECT_EQ(t.rotated_at_us, 1);
}

TEST_P(StoreContract, WhatIsNotRotatedStaysAsItIs) {
    Create(store_, 100, 500, 16);
    Token t;
    EXPECT_EQ(RotateToken(store_, {.name = "u", .at_us = 200}), STORE_NOT_FOUND);
    EXPECT_EQ(RotateToken(store_, {.organization = "other", .at_us = 200}), STORE_NOT_FOUND);
    EXPECT_EQ(RotateToken(store_, {.at_us = 500}, &t), STORE_CONFLICT) << "it has expired";
    EXPECT_EQ(t.expires_at_us, 500);
    EXPECT_EQ(RotateToken(store_, {.at_us = 600, .expires_at_us = 600}, &t), STORE_CONFLICT);
    EXPECT_EQ(RotateToken(store_, {.at_us = 200, .spared_scopes = 16}, &t), STORE_CONFLICT);
    EXPECT_EQ(t.scopes, 16u);
    EXPECT_EQ(RotateToken(store_, {.hash = Hash('a'), .at_us = 200}), STORE_EXISTS);
    ASSERT_EQ(CreateToken(store_, {.name = "v", .hash = Hash('v')}), STORE_OK);
    EXPECT_EQ(RotateToken(store_, {.hash = Hash('v'), .at_us = 200}), STORE_EXISTS);
    EXPECT_EQ(RevokeToken(store_, "acme", "t", 300, &t, 16), STORE_CONFLICT);
    EXPECT_EQ(t.revoked_at_us, 0);
    t = Stored(store_);
    EXPECT_EQ(t.rotations, 0);
    EXPECT_EQ(t.hash, Hash('a'));
    EXPECT_EQ(t.revoked_at_us, 0);
    ASSERT_EQ(RevokeToken(store_, "acme", "t", 300, &t, 15), STORE_OK);
    EXPECT_EQ(RotateToken(store_, {.at_us = 400}, &t), STORE_CONFLICT) << "it is revoked";
    EXPECT_EQ(t.revoked_at_us, 300);
    EXPECT_EQ(Stored(store_).rotations, 0);
}

// Neither the newest secret of a token nor the one before is another token's.
TEST_P(StoreContract, SecretsOfBothKindsAreTaken) {
    Create(store_);
    ASSERT_EQ(RotateToken(store_, {.hash = Hash('b'), .at_us = 200, .overlap_us = 50}), STORE_OK);
    for (char c : {'a', 'b'}) {
        EXPECT_EQ(CreateToken(store_, {.name = "other", .hash = Hash(c)}), STORE_EXISTS);
        EXPECT_EQ(RotateToken(store_, {.hash = Hash(c), .at_us = 201}), STORE_EXISTS);
    }
    EXPECT_EQ(ListTokens(store_, "").size(), 1u);
}

TEST_P(StoreContract, UsesAreNotedAndOnlyGrow) {
    Create(store_);
    ASSERT_EQ(CreateToken(store_, {.name = "u", .hash = Hash('u')}), STORE_OK);
    ASSERT_EQ(
        NoteTokenUse(
            store_,
            {{.name = "t", .hash = Hash('a'), .last_used_at_us = 150, .denials = 2, .refusals = 3},
             {.name = "absent", .last_used_at_us = 1},
             {.organization = "other", .name = "t", .last_used_at_us = 1},
             {.name = "u", .hash = Hash('x'), .last_used_at_us = 9}}),
        STORE_OK);
    Token t = Stored(store_);
    EXPECT_EQ(t.last_used_at_us, 150);
    EXPECT_EQ(t.denials, 2);
    EXPECT_EQ(t.refusals, 3);
    EXPECT_EQ(ListTokens(store_, "acme")[1].last_used_at_us, 0) << "that is no secret of it";
    // The last use belongs to its secret, also one that is noted after the rotation.
    ASSERT_EQ(RotateToken(store_, {.hash = Hash('b'), .at_us = 200, .overlap_us = 50}), STORE_OK);
    EXPECT_EQ(Stored(store_).last_used_at_us, 0);
    EXPECT_EQ(Stored(store_).previous_last_used_at_us, 150);
    ASSERT_EQ(NoteTokenUse(store_, {{.name = "t", .hash = Hash('a'), .last_used_at_us = 190}}),
              STORE_OK);
    ASSERT_EQ(NoteTokenUse(store_, {{.name = "t",
                                     .hash = Hash('b'),
                                     .last_used_at_us = 220,
                                     .previous_hash = Hash('a'),
                                     .previous_last_used_at_us = 160,
                                     .denials = 1,
                                     .refusals = 7}}),
              STORE_OK);
    t = Stored(store_);
    EXPECT_EQ(t.last_used_at_us, 220);
    EXPECT_EQ(t.previous_last_used_at_us, 190);
    EXPECT_EQ(t.denials, 3) << "added to what others noted";
    EXPECT_EQ(t.refusals, 10);
    EXPECT_EQ(NoteTokenUse(store_, {}), STORE_OK);
    // A revocation is told as it was.
    ASSERT_EQ(RevokeToken(store_, "acme", "t", 300, &t), STORE_OK);
    EXPECT_EQ(t.last_used_at_us, 220);
    EXPECT_EQ(t.previous_hash, Hash('a'));
}

// Rotations at the same time follow each other: each has its secret, and the last two stay.
TEST_P(StoreContract, RacingRotationsFollowEachOther) {
    Create(store_);
    std::vector<std::thread> threads;
    std::set<int64_t> numbers;
    std::mutex mutex;
    for (int i = 0; i < 8; i++) {
        threads.emplace_back([&, i] {
            Token t;
            EXPECT_EQ(
                RotateToken(
                    store_,
                    {.hash = Hash(static_cast<char>('b' + i)), .at_us = 200, .overlap_us = 50}, &t),
                STORE_OK);
            std::lock_guard<std::mutex> lock(mutex);
            EXPECT_TRUE(numbers.insert(t.rotations).second) << "one was lost";
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(Stored(store_).rotations, 8);
    EXPECT_EQ(*numbers.rbegin(), 8);
    EXPECT_NE(Stored(store_).hash, Stored(store_).previous_hash);
}

} // namespace
