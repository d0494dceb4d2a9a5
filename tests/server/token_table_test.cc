// A token's two secrets in memory, what is counted of its uses, and in which order changes come.

#include <gtest/gtest.h>

#include "tests/server/wire_builder.h"

extern "C" {
#include "server/auth/token.h"
#include "server/auth/token_table.h"
}

namespace {

const int64_t now_us = 1'700'000'000'000'000;

// What was taken of a token.
struct Uses {
    int64_t newest, previous, denials, refusals;
    bool operator==(const Uses &o) const {
        return newest == o.newest && previous == o.previous && denials == o.denials &&
               refusals == o.refusals;
    }
};

void PrintTo(const Uses &u, std::ostream *out) {
    *out << u.newest << " " << u.previous << " " << u.denials << " " << u.refusals;
}

class TokenTable : public ::testing::Test {
  protected:
    ~TokenTable() override {
        token_table_free(table_);
    }
    // A secret's hash, of one letter.
    static std::string Hash(char c) {
        return std::string(TOKEN_HASH_BYTES, c);
    }
    static token_record Record(const std::string &newest, const std::string &previous,
                               int64_t rotations, int64_t previous_end_us = 0) {
        token_record r = {};
        r.organization = slice_of_cstr("acme");
        r.name = slice_of_cstr("ci");
        memcpy(r.hash, newest.data(), TOKEN_HASH_BYTES);
        r.scopes = SCOPE_RUNS_READ;
        r.rotations = rotations;
        if (rotations > 0) {
            r.rotated_at_us = now_us;
            memcpy(r.previous.hash, previous.data(), TOKEN_HASH_BYTES);
            r.previous.expires_at_us = previous_end_us;
        }
        return r;
    }
    // A token of the client name whose hash is Hash('w').
    static token_record OfClient(const char *name, int64_t created_at_us,
                                 int64_t expires_at_us = 0) {
        token_record r = Record(Hash('w'), "", 0);
        r.name = slice_of_cstr(name);
        r.client_san = slice_of_cstr("dns:w");
        r.created_at_us = created_at_us;
        r.expires_at_us = expires_at_us;
        return r;
    }
    token_standing Look(const token_entry *entry, const std::string &hash) {
        int64_t end_us;
        return token_table_look(table_, entry, reinterpret_cast<const uint8_t *>(hash.data()),
                                now_us, &end_us);
    }
    void Put(const token_record &record) {
        token_table_put(table_, &record);
    }
    token_standing Find(const std::string &hash, int64_t at_us = now_us) {
        TestArena a;
        identity who = {};
        token_standing standing = token_table_find(
            table_, reinterpret_cast<const uint8_t *>(hash.data()), at_us, a.get(), &who);
        found_ = standing == TOKEN_UNKNOWN ? "" : who.name;
        replaced_at_us_ = who.replaced_at_us;
        entry_ = who.entry;
        return standing;
    }
    std::vector<Uses> Take(int most = 64) {
        std::vector<token_record> records(static_cast<size_t>(most));
        int count = token_table_take_used(table_, most, records.data());
        std::vector<Uses> uses;
        for (int i = 0; i < count; i++) {
            const token_record &r = records[static_cast<size_t>(i)];
            uses.push_back({r.last_used_at_us, r.previous.last_used_at_us, r.denials, r.refusals});
        }
        return uses;
    }

    token_table *table_ = token_table_new();
    std::string found_;
    int64_t replaced_at_us_ = 0;
    token_entry *entry_ = nullptr;
    const std::string a_ = Hash('a'), b_ = Hash('b'), c_ = Hash('c');
};

TEST_F(TokenTable, BothSecretsOpenUntilTheOverlapEnds) {
    Put(Record(a_, "", 0));
    Put(Record(b_, a_, 1, now_us + 100));
    EXPECT_EQ(TOKEN_OPENS, Find(b_, now_us + 1000));
    EXPECT_EQ(0, replaced_at_us_);
    EXPECT_EQ(TOKEN_OPENS, Find(a_, now_us + 99));
    EXPECT_EQ(now_us, replaced_at_us_);
    EXPECT_EQ(TOKEN_EXPIRED, Find(a_, now_us + 100));
    // The oldest is forgotten.
    token_record record = Record(c_, b_, 2, now_us + 100);
    Put(record);
    EXPECT_EQ(TOKEN_UNKNOWN, Find(a_));
    EXPECT_EQ(TOKEN_OPENS, Find(b_));
    EXPECT_EQ(TOKEN_OPENS, Find(c_));
    record.revoked_at_us = now_us;
    Put(record);
    EXPECT_EQ(TOKEN_REVOKED, Find(b_));
    EXPECT_EQ(TOKEN_REVOKED, Find(c_));
}

TEST_F(TokenTable, WithoutAnOverlapNoClockBringsTheSecretBack) {
    Put(Record(b_, a_, 1, now_us));
    EXPECT_EQ(TOKEN_EXPIRED, Find(a_, now_us));
    EXPECT_EQ(TOKEN_EXPIRED, Find(a_, now_us - 1000)) << "a clock that was set back";
    EXPECT_EQ(TOKEN_OPENS, Find(b_, now_us - 1000));
}

// A back-end may answer on several threads: what is older must not undo what is newer.
TEST_F(TokenTable, ChangesMayBeToldInAnyOrder) {
    token_record first = Record(a_, "", 0);
    token_record second = Record(b_, a_, 1, now_us + 100);
    token_record third = Record(c_, b_, 2, now_us + 100);
    Put(third);
    Put(first);
    Put(second);
    EXPECT_EQ(TOKEN_UNKNOWN, Find(a_));
    EXPECT_EQ(TOKEN_OPENS, Find(b_));
    EXPECT_EQ(TOKEN_OPENS, Find(c_));
    second.revoked_at_us = now_us;
    Put(second);
    Put(third);
    EXPECT_EQ(TOKEN_REVOKED, Find(c_)) << "a revocation is not taken back";
}

TEST_F(TokenTable, UsesAreCountedAndTakenOnce) {
    Put(Record(a_, "", 0));
    EXPECT_TRUE(Take().empty()) << "it was not used yet";
    EXPECT_EQ(TOKEN_OPENS, Find(a_, now_us + 5));
    EXPECT_EQ(TOKEN_OPENS, Find(a_, now_us + 3)) << "the clock went back";
    EXPECT_EQ((std::vector<Uses>{{now_us + 5, 0, 0, 0}}), Take());
    EXPECT_TRUE(Take().empty());
    // A rotation takes the use along to its secret.
    EXPECT_EQ(TOKEN_OPENS, Find(a_, now_us + 6));
    Put(Record(b_, a_, 1, now_us + 100));
    EXPECT_EQ(TOKEN_OPENS, Find(b_, now_us + 7));
    Put(Record(b_, a_, 1, now_us + 100)); // as the store has it, which was told of no use
    EXPECT_EQ(TOKEN_EXPIRED, Find(a_, now_us + 100)) << "a refusal, and no use";
    EXPECT_EQ(TOKEN_EXPIRED, Find(a_, now_us + 200));
    EXPECT_EQ((std::vector<Uses>{{now_us + 7, now_us + 6, 0, 2}}), Take());

    // What could not be stored is taken again, with what came meanwhile.
    EXPECT_EQ(TOKEN_OPENS, Find(b_, now_us + 8));
    EXPECT_EQ(TOKEN_EXPIRED, Find(a_, now_us + 200));
    std::vector<token_record> taken(1);
    ASSERT_EQ(1, token_table_take_used(table_, 1, taken.data()));
    EXPECT_EQ(TOKEN_OPENS, Find(b_, now_us + 9));
    token_table_give_back(table_, taken.data(), 1);
    EXPECT_EQ((std::vector<Uses>{{now_us + 9, now_us + 6, 0, 1}}), Take());

    // A store's record is completed by what the table knows better, and by nothing else.
    token_record stored = Record(b_, a_, 1, now_us + 100);
    stored.last_used_at_us = 1;
    stored.denials = 1000;
    token_table_complete(table_, &stored);
    EXPECT_EQ(now_us + 9, stored.last_used_at_us);
    EXPECT_EQ(now_us + 6, stored.previous.last_used_at_us);
    EXPECT_EQ(1000, stored.denials);
    EXPECT_EQ(3, stored.refusals);
    stored.name = slice_of_cstr("unknown");
    stored.refusals = 0;
    token_table_complete(table_, &stored);
    EXPECT_EQ(0, stored.refusals);
}

// What is taken is what came since: several servers add to one number.
TEST_F(TokenTable, DenialsAreTakenOnce) {
    token_record record = Record(a_, "", 0);
    record.denials = 40;
    Put(record);
    ASSERT_EQ(TOKEN_OPENS, Find(a_));
    token_table_count_denial(table_, entry_);
    token_table_count_denial(table_, entry_);
    token_record known = Record(a_, "", 0);
    token_table_complete(table_, &known);
    EXPECT_EQ(42, known.denials);
    EXPECT_EQ((std::vector<Uses>{{now_us, 0, 2, 0}}), Take());
    token_table_count_denial(table_, entry_);
    EXPECT_EQ((std::vector<Uses>{{now_us, 0, 1, 0}}), Take());
}

// What no store has is counted nowhere, and is not taken for one of that name that it has.
TEST_F(TokenTable, TokensThatAreNotStoredAreApart) {
    token_record own = Record(a_, "", 0);
    token_table_put_unstored(table_, &own);
    EXPECT_EQ(TOKEN_OPENS, Find(a_));
    EXPECT_TRUE(Take().empty());
    token_record stored = Record(b_, "", 0);
    stored.revoked_at_us = now_us;
    Put(stored);
    EXPECT_EQ(TOKEN_OPENS, Find(a_));
    EXPECT_EQ(TOKEN_REVOKED, Find(b_));
    EXPECT_EQ(1u, Take().size());
}

// Names and secrets are found after the table grew, and what was used is taken in parts.
TEST_F(TokenTable, ManyTokensKeepBothSecrets) {
    struct Secrets {
        std::string name, newest, previous;
    };
    std::vector<Secrets> all;
    for (int i = 0; i < 5000; i++) {
        Secrets s = {"t" + std::to_string(i), Hash('n'), Hash('p')};
        memcpy(s.newest.data(), &i, sizeof(i)); // which decide the bucket
        memcpy(s.previous.data(), &i, sizeof(i));
        all.push_back(s);
    }
    for (int64_t rotations : {0, 1}) {
        for (const Secrets &s : all) {
            token_record record = rotations == 0 ? Record(s.previous, "", 0)
                                                 : Record(s.newest, s.previous, 1, now_us + 100);
            record.name = SliceOfString(s.name);
            Put(record);
        }
    }
    for (const Secrets &s : all) {
        ASSERT_EQ(TOKEN_OPENS, Find(s.newest));
        ASSERT_EQ(s.name, found_);
        ASSERT_EQ(TOKEN_OPENS, Find(s.previous));
        ASSERT_EQ(s.name, found_);
    }
    size_t taken = 0;
    for (std::vector<Uses> some; !(some = Take(64)).empty();) {
        EXPECT_LE(some.size(), 64u);
        taken += some.size();
    }
    EXPECT_EQ(5000u, taken);
}

// The tokens of a deleted organization open nothing, and what was counted of them is no more told.
TEST_F(TokenTable, TheTokensOfAForgottenOrganizationAreUnknown) {
    Put(Record(b_, a_, 1, now_us + 100));
    token_record other = Record(c_, "", 0);
    other.organization = slice_of_cstr("acme-2");
    Put(other);
    ASSERT_EQ(TOKEN_OPENS, Find(a_));
    token_entry *known = entry_;
    ASSERT_EQ(TOKEN_OPENS, Find(c_));
    uint64_t generation = token_table_generation(table_);
    token_table_forget(table_, slice_of_cstr("acme"));
    EXPECT_NE(generation, token_table_generation(table_));
    EXPECT_EQ(TOKEN_UNKNOWN, Find(a_));
    EXPECT_EQ(TOKEN_UNKNOWN, Find(b_));
    EXPECT_EQ(TOKEN_OPENS, Find(c_));
    token_table_count_denial(table_, known); // a call that was let in before
    EXPECT_EQ((std::vector<Uses>{{now_us, 0, 0, 0}}), Take());
    // One of the same name is another one.
    Put(Record(a_, "", 0));
    EXPECT_EQ(TOKEN_OPENS, Find(a_));
    EXPECT_EQ((std::vector<Uses>{{now_us, 0, 0, 0}}), Take());
    token_table_forget(table_, slice_of_cstr("nobody"));
    EXPECT_EQ(TOKEN_OPENS, Find(a_));
}

// A client name is given again: who was let in by the token that had it before is not one whom the
// new token lets in.
TEST_F(TokenTable, ClientNameThatIsGivenAgainIsAnotherTokens) {
    Put(OfClient("old", 1));
    ASSERT_EQ(TOKEN_OPENS, Find(Hash('w')));
    const token_entry *old = entry_;
    EXPECT_EQ(TOKEN_OPENS, Look(old, Hash('w')));
    token_record revoked = OfClient("old", 1);
    revoked.revoked_at_us = 2;
    Put(revoked);
    EXPECT_EQ(TOKEN_REVOKED, Look(old, Hash('w')));
    Put(OfClient("new", 3));
    EXPECT_EQ(TOKEN_UNKNOWN, Look(old, Hash('w')));
    ASSERT_EQ(TOKEN_OPENS, Find(Hash('w')));
    EXPECT_EQ("new", found_);
    EXPECT_EQ(TOKEN_OPENS, Look(entry_, Hash('w')));
}

// What is known of the token that had ended may come late, with the hash that it had.
TEST_F(TokenTable, ClientNameStaysWithTheTokenThatHasIt) {
    token_record revoked = OfClient("revoked", 5); // the clock went back since
    revoked.revoked_at_us = 6;
    const token_record expired = OfClient("expired", 1, 3);
    const token_record live = OfClient("live", 3);
    for (const auto &late : {revoked, expired}) {
        Put(late);
        Put(live);
        EXPECT_EQ(TOKEN_OPENS, Find(Hash('w')));
        EXPECT_EQ("live", found_);
        Put(late);
        EXPECT_EQ(TOKEN_OPENS, Find(Hash('w')));
        EXPECT_EQ("live", found_);
    }
    // Its own changes are its own.
    token_record over = live;
    over.revoked_at_us = 9;
    Put(over);
    EXPECT_EQ(TOKEN_REVOKED, Find(Hash('w')));
    EXPECT_EQ("live", found_);
}

TEST_F(TokenTable, UsesOfATokenThatLostItsClientNameAreKept) {
    Put(OfClient("old", 1, now_us + 10));
    ASSERT_EQ(TOKEN_OPENS, Find(Hash('w')));
    token_record retired = OfClient("old", 1, now_us + 10);
    memcpy(retired.hash, Hash('r').data(), TOKEN_HASH_BYTES);
    Put(retired);
    Put(OfClient("new", now_us + 10));
    std::vector<Uses> uses = Take();
    ASSERT_EQ(1u, uses.size());
    EXPECT_EQ((Uses{now_us, 0, 0, 0}), uses[0]);
    EXPECT_EQ(TOKEN_EXPIRED, Find(Hash('r'), now_us + 10));
}

TEST_F(TokenTable, LimitsAreThoseThatWereSetLast) {
    token_record r = OfClient("t", 1);
    r.limits = {1, 2, 3, 4};
    Put(r);
    auto limits = [this] {
        TestArena a;
        identity who = {};
        EXPECT_EQ(TOKEN_OPENS,
                  token_table_find(table_, reinterpret_cast<const uint8_t *>(Hash('w').data()),
                                   now_us, a.get(), &who));
        return std::vector<int64_t>{who.limits.reads_per_s, who.limits.changes_per_s,
                                    who.limits.bytes_per_s, who.limits.streams};
    };
    EXPECT_EQ((std::vector<int64_t>{1, 2, 3, 4}), limits());
    token_record other = r;
    other.limits = {-1, 0, 0, 9};
    const uint64_t before = token_table_generation(table_);
    token_table_set_limits(table_, &other);
    EXPECT_NE(before, token_table_generation(table_));
    EXPECT_EQ((std::vector<int64_t>{-1, 0, 0, 9}), limits());
    Put(r); // which was read before
    EXPECT_EQ((std::vector<int64_t>{-1, 0, 0, 9}), limits());
}

} // namespace
