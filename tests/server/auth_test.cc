#include <atomic>
#include <gtest/gtest.h>
#include <set>
#include <thread>

#include "tests/server/wire_builder.h"

extern "C" {
#include "server/auth/authenticate.h"
#include "server/auth/client_name.h"
}

namespace {

const int64_t now_us = 1'700'000'000'000'000;
const uint32_t all_scopes = 31;

std::string MakeToken() {
    char text[TOKEN_TEXT_SIZE];
    token_make(text);
    return text;
}

std::string Hex(const uint8_t *bytes, size_t n) {
    std::string s;
    for (size_t i = 0; i < n; i++) {
        const char digits[] = "0123456789abcdef";
        s += digits[bytes[i] >> 4];
        s += digits[bytes[i] & 15];
    }
    return s;
}

TEST(Token, HasTheFormAndIsNeverTheSame) {
    std::set<std::string> seen;
    std::set<char> last_characters;
    for (int i = 0; i < 10'000; i++) {
        const std::string token = MakeToken();
        ASSERT_EQ(47u, token.size());
        ASSERT_EQ("rst_", token.substr(0, 4));
        ASSERT_TRUE(token_well_formed(SliceOfString(token))) << token;
        ASSERT_TRUE(seen.insert(token).second) << token;
        last_characters.insert(token.back());
    }
    // 256 bits in 43 characters: the last one has four bits and two zeros.
    const std::string multiples_of_4 = "AEIMQUYcgkosw048";
    EXPECT_EQ(std::set<char>(multiples_of_4.begin(), multiples_of_4.end()), last_characters);
    // Each character takes all its values: none of the bits stands still.
    for (size_t i = 4; i < 46; i++) {
        std::set<char> values;
        for (const auto &token : seen) {
            values.insert(token[i]);
        }
        EXPECT_EQ(64u, values.size()) << i;
    }
}

TEST(Token, OtherFormsAreRefused) {
    const std::string token = MakeToken();
    for (size_t n = 0; n < token.size(); n++) {
        EXPECT_FALSE(token_well_formed(SliceOfString(token.substr(0, n)))) << n;
    }
    EXPECT_FALSE(token_well_formed(SLICE_EMPTY));
    EXPECT_FALSE(token_well_formed(SliceOfString(token + "A")));
    EXPECT_FALSE(token_well_formed(SliceOfString("RST_" + token.substr(4))));
    EXPECT_FALSE(token_well_formed(SliceOfString("xst_" + token.substr(4))));
    const std::string allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t at : {size_t{4}, size_t{20}, token.size() - 1}) {
        for (int c = 0; c < 256; c++) {
            std::string changed = token;
            changed[at] = static_cast<char>(c);
            EXPECT_EQ(allowed.find(static_cast<char>(c)) != std::string::npos,
                      token_well_formed(SliceOfString(changed)))
                << c << " at " << at;
        }
    }
}

TEST(Token, HashIsSha256) {
    uint8_t hash[TOKEN_HASH_BYTES];
    token_hash(slice_of_cstr("abc"), hash); // FIPS 180-4's example
    EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
              Hex(hash, sizeof(hash)));
    token_hash(SLICE_EMPTY, hash);
    EXPECT_EQ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
              Hex(hash, sizeof(hash)));
}

TEST(Scope, WordsAndBits) {
    const struct {
        const char *word;
        uint32_t bit;
    } rows[] = {
        {"runs.read", 1},
        {"runs.cancel", 2},
        {"runs.create", 4},
        {"runs.report", 8},
        {"tokens.admin", 16},
        {"tokens.admin.own", 32},
        {"runs.delete", 64},
        {"organizations.admin", 128},
        {"", 0},
        {"runs", 0},
        {"runs.readx", 0},
        {"RUNS.READ", 0},
        {"organizations", 0},
        {"tokens.admin.all", 0},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(row.bit, scope_parse(row.word)) << row.word;
    }
    for (int i = 0; i < SCOPE_COUNT; i++) {
        EXPECT_STREQ(rows[i].word, scope_word(i));
    }
}

class Auth : public ::testing::Test {
  protected:
    ~Auth() override {
        token_table_free(table_);
    }

    void Put(const std::string &token, const std::string &name, uint32_t scopes,
             int64_t expires_at_us = 0, int64_t revoked_at_us = 0) {
        token_record record = {};
        record.organization = slice_of_cstr("acme");
        record.name = SliceOfString(name);
        token_hash(SliceOfString(token), record.hash);
        record.scopes = scopes;
        record.expires_at_us = expires_at_us;
        record.revoked_at_us = revoked_at_us;
        token_table_put(table_, &record);
    }

    struct Result {
        int code = 0;
        std::string reason;
        std::string message;
        std::string metadata;
        std::string organization;
        std::string name;
        uint32_t scopes = 0;
    };

    Result Authenticate(const std::string &value, int count = 1, uint32_t needed = SCOPE_RUNS_READ,
                        int64_t at_us = now_us) {
        TestArena a;
        ExactBytes exact(value);
        identity who = {};
        const struct error *e =
            authenticate(table_, a.get(), exact.slice(), count, needed, at_us, &who);
        Result r;
        if (e == nullptr) {
            r.organization = who.organization;
            r.name = who.name;
            r.scopes = who.scopes;
            return r;
        }
        r.code = e->code;
        r.reason = e->reason;
        r.message = e->message;
        for (const auto *m = e->metadata; m != nullptr; m = m->next) {
            r.metadata += std::string(m->key) + "=" + m->value;
        }
        return r;
    }

    token_table *table_ = token_table_new();
};

TEST_F(Auth, TellsWhoCalls) {
    const std::string token = MakeToken();
    Put(token, "ci", SCOPE_RUNS_READ | SCOPE_RUNS_CANCEL);
    for (const char *scheme : {"Bearer ", "bearer ", "BEARER ", "bEaReR    "}) {
        Result r = Authenticate(scheme + token);
        EXPECT_EQ(0, r.code) << scheme << r.message;
        EXPECT_EQ("acme", r.organization);
        EXPECT_EQ("ci", r.name);
        EXPECT_EQ(3u, r.scopes);
    }
}

TEST_F(Auth, RefusesWithoutTellingWhichOfTheReasons) {
    const std::string token = MakeToken();
    const std::string expired = MakeToken();
    const std::string revoked = MakeToken();
    Put(token, "ci", all_scopes);
    Put(expired, "old", all_scopes, now_us - 1);
    Put(revoked, "lost", all_scopes, 0, now_us - 1);
    const struct {
        std::string value;
        int count;
        const char *reason;
    } rows[] = {
        {"", 0, "TOKEN_MISSING"},
        {"", 1, "TOKEN_MISSING"},
        {"Bearer", 1, "TOKEN_MISSING"},
        {token, 1, "TOKEN_MISSING"},
        {"Basic " + token, 1, "TOKEN_MISSING"},
        {"Bearer\t" + token, 1, "TOKEN_MISSING"},
        {" Bearer " + token, 1, "TOKEN_MISSING"},
        {"Bearer" + token, 1, "TOKEN_MISSING"},
        {"Bearer ", 1, "TOKEN_INVALID"},
        {"Bearer x", 1, "TOKEN_INVALID"},
        {"Bearer " + token + " ", 1, "TOKEN_INVALID"},
        {"Bearer " + token + "A", 1, "TOKEN_INVALID"},
        {"Bearer " + token.substr(0, 46), 1, "TOKEN_INVALID"},
        {"Bearer " + token + "," + token, 1, "TOKEN_INVALID"},
        {"Bearer " + MakeToken(), 1, "TOKEN_INVALID"},
        {"Bearer " + expired, 1, "TOKEN_INVALID"},
        {"Bearer " + revoked, 1, "TOKEN_INVALID"},
        {"Bearer " + token, 2, "TOKEN_INVALID"},
        {"", 2, "TOKEN_INVALID"},
    };
    const std::string invalid = Authenticate("Bearer x").message;
    for (const auto &row : rows) {
        Result r = Authenticate(row.value, row.count);
        EXPECT_EQ(STATUS_UNAUTHENTICATED, r.code) << row.value;
        EXPECT_EQ(row.reason, r.reason) << row.value;
        EXPECT_EQ("", r.metadata);
        EXPECT_EQ(std::string::npos, r.message.find("rst_")) << "no token in a message";
        if (r.reason == "TOKEN_INVALID") {
            EXPECT_EQ(invalid, r.message) << "why is not told";
        }
    }
}

TEST_F(Auth, EachScopeOpensItsOwn) {
    const scope scopes[] = {SCOPE_RUNS_READ, SCOPE_RUNS_CANCEL, SCOPE_RUNS_CREATE,
                            SCOPE_RUNS_REPORT, SCOPE_TOKENS_ADMIN};
    for (scope has : scopes) {
        const std::string token = MakeToken();
        Put(token, "ci", has);
        for (scope needed : scopes) {
            Result r = Authenticate("Bearer " + token, 1, needed);
            if (has == needed) {
                EXPECT_EQ(0, r.code);
                continue;
            }
            int index = 0;
            while (1 << index != needed) {
                index++;
            }
            EXPECT_EQ(STATUS_PERMISSION_DENIED, r.code);
            EXPECT_EQ("SCOPE_MISSING", r.reason);
            EXPECT_EQ(std::string("scope=") + scope_word(index), r.metadata);
            EXPECT_EQ(std::string("the token \"ci\" lacks the scope ") + scope_word(index),
                      r.message);
        }
    }
    const std::string none = MakeToken();
    Put(none, "none", 0);
    EXPECT_EQ("SCOPE_MISSING", Authenticate("Bearer " + none).reason);
}

TEST_F(Auth, SeveralScopesAreAllNeeded) {
    const uint32_t needed = SCOPE_RUNS_CANCEL | SCOPE_RUNS_REPORT;
    const struct {
        uint32_t has;
        std::string missing; // the first
    } rows[] = {
        {SCOPE_RUNS_CANCEL | SCOPE_RUNS_REPORT, ""},
        {SCOPE_RUNS_CANCEL | SCOPE_RUNS_REPORT | SCOPE_RUNS_READ, ""},
        {SCOPE_RUNS_CANCEL, "scope=runs.report"},
        {SCOPE_RUNS_REPORT, "scope=runs.cancel"},
        {SCOPE_RUNS_READ | SCOPE_TOKENS_ADMIN, "scope=runs.cancel"},
        {0, "scope=runs.cancel"},
    };
    for (const auto &row : rows) {
        const std::string token = MakeToken();
        Put(token, "ci", row.has);
        Result r = Authenticate("Bearer " + token, 1, needed);
        EXPECT_EQ(row.missing.empty() ? 0 : STATUS_PERMISSION_DENIED, r.code);
        EXPECT_EQ(row.missing, r.metadata);
    }
}

TEST_F(Auth, ATokenOpensUntilTheInstantItExpires) {
    const std::string token = MakeToken();
    Put(token, "ci", all_scopes, now_us + 10);
    const struct {
        int64_t at;
        bool ok;
    } rows[] = {
        {INT64_MIN, true},    {0, true},          {now_us + 9, true}, {now_us + 10, false},
        {now_us + 11, false}, {INT64_MAX, false},
    };
    for (const auto &row : rows) {
        Result r = Authenticate("Bearer " + token, 1, SCOPE_RUNS_READ, row.at);
        EXPECT_EQ(row.ok, r.code == 0) << row.at;
    }
    const std::string forever = MakeToken();
    Put(forever, "forever", all_scopes);
    EXPECT_EQ(0, Authenticate("Bearer " + forever, 1, SCOPE_RUNS_READ, INT64_MAX).code);
}

TEST_F(Auth, PutReplacesAndSoRevokes) {
    const std::string token = MakeToken();
    const std::string other = MakeToken();
    Put(token, "ci", SCOPE_RUNS_READ);
    Put(other, "other", SCOPE_RUNS_READ);
    EXPECT_EQ(0, Authenticate("Bearer " + token).code);
    Put(token, "renamed", all_scopes);
    EXPECT_EQ("renamed", Authenticate("Bearer " + token).name);
    EXPECT_EQ(all_scopes, Authenticate("Bearer " + token).scopes);
    Put(token, "renamed", all_scopes, 0, now_us);
    EXPECT_EQ("TOKEN_INVALID", Authenticate("Bearer " + token).reason);
    EXPECT_EQ("TOKEN_INVALID",
              Authenticate("Bearer " + token, 1, SCOPE_RUNS_READ, now_us - 1).reason)
        << "also for a clock that steps back";
    EXPECT_EQ(0, Authenticate("Bearer " + other).code);
}

TEST_F(Auth, GrowsToTenThousandTokensAndFindsEach) {
    std::vector<std::string> tokens;
    for (int i = 0; i < 10'000; i++) {
        tokens.push_back(MakeToken());
        Put(tokens.back(), "t" + std::to_string(i), i % 3 == 0 ? 0 : SCOPE_RUNS_READ, 0,
            i % 5 == 0 ? 1 : 0);
    }
    for (size_t i = 0; i < tokens.size(); i++) {
        Result r = Authenticate("Bearer " + tokens[i]);
        if (i % 5 == 0) {
            EXPECT_EQ("TOKEN_INVALID", r.reason) << i;
        } else if (i % 3 == 0) {
            EXPECT_EQ("SCOPE_MISSING", r.reason) << i;
        } else {
            EXPECT_EQ("t" + std::to_string(i), r.name);
        }
    }
    EXPECT_EQ("TOKEN_INVALID", Authenticate("Bearer " + MakeToken()).reason);
}

// Hashes that share their first bytes share a bucket: all of the hash decides.
TEST_F(Auth, HashesThatDifferInOneBitAreTwoTokens) {
    token_record record = {};
    record.organization = slice_of_cstr("acme");
    record.name = slice_of_cstr("first");
    record.scopes = 1;
    token_table_put(table_, &record);
    for (size_t i = 0; i < TOKEN_HASH_BYTES; i++) {
        TestArena a;
        identity who = {};
        uint8_t hash[TOKEN_HASH_BYTES] = {};
        hash[i] = 1;
        EXPECT_EQ(TOKEN_UNKNOWN, token_table_find(table_, hash, now_us, a.get(), &who)) << i;
        memcpy(record.hash, hash, sizeof(hash));
        record.name = slice_of_cstr("other");
        token_table_put(table_, &record);
        ASSERT_EQ(TOKEN_OPENS, token_table_find(table_, hash, now_us, a.get(), &who)) << i;
        EXPECT_STREQ("other", who.name);
    }
    TestArena a;
    identity who = {};
    const uint8_t zeros[TOKEN_HASH_BYTES] = {};
    ASSERT_EQ(TOKEN_OPENS, token_table_find(table_, zeros, now_us, a.get(), &who));
    EXPECT_STREQ("first", who.name);
}

TEST_F(Auth, IsUsedByManyThreadsAtOnce) {
    const std::string stays = MakeToken();
    const std::string goes = MakeToken();
    Put(stays, "stays", all_scopes);
    Put(goes, "goes", all_scopes);
    std::atomic<bool> is_revoked{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([&] {
            for (int k = 0; k < 2000; k++) {
                bool was_revoked = is_revoked.load();
                wrong += Authenticate("Bearer " + stays).name == "stays" ? 0 : 1;
                // Once put has returned, nobody may be let in any more.
                wrong += was_revoked && Authenticate("Bearer " + goes).code == 0 ? 1 : 0;
            }
        });
    }
    for (int i = 0; i < 2000; i++) {
        Put(MakeToken(), "new", all_scopes);
        if (i == 500) {
            Put(goes, "goes", all_scopes, 0, now_us);
            is_revoked = true;
        }
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(0, wrong.load());
    EXPECT_EQ("TOKEN_INVALID", Authenticate("Bearer " + goes).reason);
}

// The scope of one organization's administrator is implied by that of all, and never the other
// way round; what is lacking is told as the scope that has both.
TEST_F(Auth, TheWiderAdministratorMayDoWhatTheOtherMay) {
    const std::string all = MakeToken();
    const std::string own = MakeToken();
    const std::string none = MakeToken();
    Put(all, "all", SCOPE_TOKENS_ADMIN);
    Put(own, "own", SCOPE_TOKENS_ADMIN_OWN);
    Put(none, "none", SCOPE_RUNS_READ);
    EXPECT_EQ(0, Authenticate("Bearer " + all, 1, SCOPE_TOKENS_ADMIN).code);
    EXPECT_EQ(0, Authenticate("Bearer " + all, 1, SCOPE_TOKENS_ADMIN_OWN).code);
    EXPECT_EQ(16u, Authenticate("Bearer " + all, 1, SCOPE_TOKENS_ADMIN_OWN).scopes);
    EXPECT_EQ(0, Authenticate("Bearer " + own, 1, SCOPE_TOKENS_ADMIN_OWN).code);
    for (scope needed : {SCOPE_TOKENS_ADMIN, SCOPE_TOKENS_ADMIN_OWN}) {
        EXPECT_EQ("scope=tokens.admin", Authenticate("Bearer " + none, 1, needed).metadata);
    }
    EXPECT_EQ("scope=tokens.admin", Authenticate("Bearer " + own, 1, SCOPE_TOKENS_ADMIN).metadata);
}

TEST(TokenTable, FreeOfNothingIsFine) {
    token_table_free(nullptr);
}

// --- certificates ---

TEST(ClientName, HasOneOfTwoForms) {
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
    const struct {
        std::string name;
        const char *words; // of what is wrong; "": nothing
    } rows[] = {
        {"uri:spiffe://acme/worker", ""},
        {"uri:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ""},
        {"uri:https://a.example/b?c=%20#*", ""},
        {"uri:x+y-z.1:a", ""},
        {"dns:worker.example", ""},
        {"dns:localhost", ""},
        {"dns:a_b.c-d.1", ""},
        {"dns:" + longest, ""},
        {"uri:s:" + std::string(2042, 'a'), ""},
        {"", "must be \"uri:\" and a URI, or \"dns:\" and a host's name, got \"\""},
        {"uri:", "must be \"uri:\""},
        {"dns:", "must be \"uri:\""},
        {"worker.example", "must be \"uri:\""},
        {"spiffe://acme/worker", "got \"spiffe://acme/worker\""},
        {"URI:spiffe://acme/worker", "must be \"uri:\""},
        {"ip:10.0.0.1", "must be \"uri:\""},
        {"uri:/worker", "must have a URI behind \"uri:\""},
        {"uri:Spiffe://acme", "its scheme in lower case"},
        {"uri:1a:b", "must have a URI"},
        {"uri:spiffe:", "must have a URI"},
        {"uri::a", "must have a URI"},
        {"uri:s:a b", "must have a URI"},
        {"uri:s:\x7f", "must have a URI"},
        {"uri:s:\xc3\xa4", "must have a URI"},
        {"uri:s:a\"", "must have a URI"},
        {"uri:s:" + std::string(2043, 'a'), "at most 2044 bytes, got 2045"},
        {"dns:Worker.example", "in lower case and without a wildcard"},
        {"dns:*.example", "without a wildcard"},
        {"dns:.example", "must have a host's name"},
        {"dns:example.", "must have a host's name"},
        {"dns:a..b", "must have a host's name"},
        {"dns:-a", "must have a host's name"},
        {"dns:a-.b", "must have a host's name"},
        {"dns:" + label + "a", "must have a host's name"},
        {"dns:a b", "must have a host's name"},
        {"dns:" + longest + "a", "at most 253 bytes, got 254"},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.name);
        TestArena a;
        ExactBytes exact(row.name);
        const char *problem = client_name_problem(a.get(), exact.slice());
        const std::string found = problem != nullptr ? problem : "";
        if (*row.words == '\0') {
            EXPECT_EQ("", found);
        } else {
            EXPECT_NE(std::string::npos, found.find(row.words)) << found;
        }
    }
}

std::string NameHash(const std::string &name) {
    uint8_t hash[TOKEN_HASH_BYTES];
    client_name_hash(SliceOfString(name), hash);
    return Hex(hash, sizeof(hash));
}

TEST(ClientName, HashIsThatOfALineAndTheName) {
    uint8_t hash[TOKEN_HASH_BYTES];
    token_hash(slice_of_cstr("client-san\ndns:a.example"), hash);
    EXPECT_EQ(Hex(hash, sizeof(hash)), NameHash("dns:a.example"));
    EXPECT_EQ(NameHash("dns:a.example"), NameHash("dns:A.EXAMPLE"));
    EXPECT_NE(NameHash("uri:s:a"), NameHash("uri:s:A"));
    EXPECT_NE(NameHash("uri:a:b"), NameHash("dns:a:b"));
}

class ClientAuth : public Auth {
  protected:
    // A token of that name, which the client name opens.
    void PutClient(const std::string &client, const std::string &name, int64_t expires_at_us = 0,
                   int64_t revoked_at_us = 0, uint32_t scopes = SCOPE_RUNS_READ) {
        token_record record = {};
        record.organization = slice_of_cstr("acme");
        record.name = SliceOfString(name);
        record.client_san = SliceOfString(client);
        client_name_hash(record.client_san, record.hash);
        record.scopes = scopes;
        record.expires_at_us = expires_at_us;
        record.revoked_at_us = revoked_at_us;
        token_table_put(table_, &record);
    }
    // "NAME by CLIENT", or the reason.
    std::string Caller(const std::vector<std::string> &names, uint32_t needed = SCOPE_RUNS_READ) {
        TestArena a;
        std::vector<slice> slices;
        for (const auto &name : names) {
            slices.push_back(SliceOfString(name));
        }
        identity who = {};
        const struct error *e = authenticate_client(table_, a.get(), slices.data(), slices.size(),
                                                    needed, now_us, &who);
        message_ = e != nullptr ? e->message : "";
        detail_ = e != nullptr && e->detail != nullptr ? e->detail : "";
        return e != nullptr ? e->reason : std::string(who.name) + " by " + who.client_name;
    }
    // How often tokens were used, and refused, that had that name.
    std::string Counted() {
        token_record uses[8];
        int count = token_table_take_used(table_, 8, uses);
        std::string text;
        for (int i = 0; i < count; i++) {
            text +=
                std::string(reinterpret_cast<const char *>(uses[i].name.data), uses[i].name.len) +
                (uses[i].last_used_at_us == now_us ? " used " : " not used ") +
                std::to_string(uses[i].refusals) + ";";
        }
        return text;
    }
    std::string message_;
    std::string detail_;
};

TEST_F(ClientAuth, NameOfTheCertificateFindsItsToken) {
    PutClient("uri:spiffe://acme/worker", "worker");
    PutClient("dns:job.example", "job", now_us + 1);
    EXPECT_EQ("worker by uri:spiffe://acme/worker",
              Caller({"dns:other.example", "uri:spiffe://acme/worker"}));
    EXPECT_EQ("worker used 0;", Counted());
    EXPECT_EQ("job by dns:job.example", Caller({"dns:job.example", "uri:spiffe://acme/workers"}));
    // The same name twice is one token.
    EXPECT_EQ("job by dns:job.example", Caller({"dns:job.example", "dns:job.example"}));
    EXPECT_EQ("SCOPE_MISSING", Caller({"dns:job.example"}, SCOPE_RUNS_CANCEL));
    EXPECT_EQ("the token \"job\" lacks the scope runs.cancel", message_);
}

TEST_F(ClientAuth, StrangersLearnNothing) {
    PutClient("dns:job.example", "job");
    EXPECT_EQ("TOKEN_MISSING", Caller({}));
    EXPECT_EQ(Authenticate("", 0).message, message_);
    for (const std::vector<std::string> &names :
         {std::vector<std::string>{"dns:b.example"}, {"uri:a:b", "dns:job.example.b"}}) {
        EXPECT_EQ("TOKEN_MISSING", Caller(names));
        EXPECT_EQ("no token was sent, and the client certificate opens none: send the header "
                  "\"Authorization: Bearer <token>\", or have a token made for a name of the "
                  "certificate",
                  message_);
    }
    EXPECT_EQ("", Counted());
}

TEST_F(ClientAuth, TokenThatHasEndedIsRefusedAndCounted) {
    PutClient("dns:old", "old", now_us);
    PutClient("dns:lost", "lost", 0, now_us - 1);
    EXPECT_EQ("TOKEN_INVALID", Caller({"dns:old"}));
    EXPECT_EQ(std::string::npos, message_.find("old"));
    EXPECT_NE(std::string::npos, detail_.find("expired secret of the token \"old\"")) << detail_;
    EXPECT_EQ("TOKEN_INVALID", Caller({"dns:lost"}));
    EXPECT_NE(std::string::npos, detail_.find("revoked secret of the token \"lost\""));
    EXPECT_EQ("lost not used 1;old not used 1;", Counted());
    // One that opens does, beside others that do no more.
    PutClient("dns:new", "new");
    EXPECT_EQ("new by dns:new", Caller({"dns:old", "dns:new", "dns:lost"}));
    EXPECT_EQ("new used 0;", Counted());
}

TEST_F(ClientAuth, NamesOfSeveralTokensOpenNone) {
    PutClient("dns:a", "a");
    PutClient("dns:b", "b");
    for (const std::vector<std::string> &names :
         {std::vector<std::string>{"dns:a", "dns:b"}, {"dns:b", "dns:x", "dns:a", "dns:b"}}) {
        EXPECT_EQ("TOKEN_INVALID", Caller(names));
        EXPECT_NE(std::string::npos, message_.find("open several tokens")) << message_;
    }
    EXPECT_EQ("", Counted());
}

// A secret is no client name, and the reverse, whatever anybody sends.
TEST_F(ClientAuth, NamesAndSecretsAreApart) {
    const std::string token = MakeToken();
    Put(token, "ci", all_scopes);
    PutClient("dns:job", "job");
    EXPECT_EQ("TOKEN_MISSING", Caller({token, "dns:" + token}));
    EXPECT_EQ("TOKEN_INVALID", Authenticate("Bearer dns:job").reason);
    EXPECT_EQ("TOKEN_INVALID", Authenticate("Bearer client-san\ndns:job").reason);
}

} // namespace
