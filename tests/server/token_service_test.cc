// Tokens as a client meets them: rotations, who may administer which, last uses and denials.

#include <filesystem>
#include <set>
#include <thread>
#include <unistd.h>

#include "tests/server/service_fixture.h"

namespace {

const int64_t kStart = 1'700'000'000;

std::string Seconds(const Google__Protobuf__Timestamp *t) {
    return t == nullptr ? "-" : std::to_string(t->seconds - kStart);
}

// "acme/ci runs.read 0..60 used 5 | 0..9 used - ; 2 denied, 1 refused": the secrets, the newest
// first, each from when, until when and last used, in seconds since the clock's start.
std::string TokenText(const Runs__V1__Token *t) {
    std::string text = std::string(t->organization_id) + "/" + t->name;
    for (size_t i = 0; i < t->n_scopes; i++) {
        text += std::string(" ") + t->scopes[i];
    }
    for (size_t i = 0; i < t->n_secrets; i++) {
        const Runs__V1__TokenSecret *s = t->secrets[i];
        text += (i > 0 ? " | " : " ") + Seconds(s->created_at) + ".." + Seconds(s->expires_at) +
                " used " + Seconds(s->last_used_at);
        EXPECT_TRUE(s->last_used_at == nullptr || s->last_used_at->nanos == 0);
    }
    EXPECT_EQ(Seconds(t->expires_at), Seconds(t->secrets[0]->expires_at));
    if (t->denied_calls + t->refused_calls > 0) {
        text += "; " + std::to_string(t->denied_calls) + " denied, " +
                std::to_string(t->refused_calls) + " refused";
    }
    return text + (t->revoked_at != nullptr ? "; revoked" : "");
}

class TokenService : public Service {
  protected:
    struct Rotated {
        std::unique_ptr<Reply> reply;
        std::string secret;
        std::string text;
    };
    // overlap as bytes of a Duration; "": absent.
    Rotated Rotate(const std::string &admin, const std::string &organization,
                   const std::string &name, const std::string &more = "") {
        Rotated r;
        r.reply =
            As(admin, "TokensService/RotateToken", Bytes(1, organization) + Bytes(2, name) + more);
        if (r.reply->code == 0) {
            auto *response = runs__v1__rotate_token_response__unpack(
                nullptr, r.reply->bytes.size(),
                reinterpret_cast<const uint8_t *>(r.reply->bytes.data()));
            r.secret = response->secret;
            r.text = TokenText(response->token);
            runs__v1__rotate_token_response__free_unpacked(response, nullptr);
        }
        return r;
    }
    static std::string Overlap(int64_t seconds, int64_t nanos = 0) {
        return Bytes(3, Uint(1, static_cast<uint64_t>(seconds)) +
                            Uint(2, static_cast<uint64_t>(nanos)));
    }
    static std::string Until(int64_t seconds) {
        return Bytes(4, Uint(1, static_cast<uint64_t>(kStart + seconds)));
    }
    // The texts of what the caller sees, but for the fixture's own callers.
    std::vector<std::string> List(const std::string &admin, const std::string &organization = "") {
        auto reply = As(admin, "TokensService/ListTokens",
                        organization.empty() ? "" : Bytes(1, organization));
        EXPECT_EQ(0, reply->code) << reply->message;
        auto *list = runs__v1__list_tokens_response__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        std::vector<std::string> texts;
        for (size_t i = 0; i < list->n_tokens; i++) {
            if (strncmp(list->tokens[i]->name, "ci", 2) != 0 &&
                strncmp(list->tokens[i]->name, "x", 1) != 0) {
                texts.push_back(TokenText(list->tokens[i]));
            }
        }
        runs__v1__list_tokens_response__free_unpacked(list, nullptr);
        return texts;
    }
    // Why the token is refused; "" if it is not.
    std::string Refusal(const std::string &token) {
        auto reply = As(token, "TokensService/GetCaller", "");
        return reply->code == 0 ? "" : reply->reason;
    }
    void Pass(int64_t seconds) {
        clock_.now += seconds * 1'000'000;
    }
    void Reopen() {
        Close();
        Open();
    }
    using Texts = std::vector<std::string>;
};

TEST_F(TokenService, RotationOverlapsAndThenEnds) {
    std::string first = NewToken("acme", {"runs.read"}, "job");
    Pass(10);
    Rotated r = Rotate(admin_, "acme", "job", Overlap(60));
    ASSERT_EQ(0, r.reply->code) << r.reply->message;
    EXPECT_EQ("acme/job runs.read 10..- used - | 0..70 used -", r.text);
    EXPECT_NE(first, r.secret);
    // Both are who they were, now and after a restart.
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ("", Refusal(first));
        EXPECT_EQ("", Refusal(r.secret));
        EXPECT_EQ(STATUS_NOT_FOUND, As(r.secret, "RunsService/GetRun", Bytes(1, "r1"))->code);
        Reopen();
    }
    EXPECT_EQ((Texts{"acme/job runs.read 10..- used 10 | 0..70 used 10"}), List(admin_, "acme"));
    Pass(59);
    EXPECT_EQ("", Refusal(first));
    Pass(1);
    EXPECT_EQ("TOKEN_INVALID", Refusal(first));
    EXPECT_EQ("", Refusal(r.secret));
    EXPECT_EQ((Texts{"acme/job runs.read 10..- used 70 | 0..70 used 69; 0 denied, 1 refused"}),
              List(admin_, "acme"));
    Reopen();
    EXPECT_EQ("TOKEN_INVALID", Refusal(first));
    EXPECT_EQ("", Refusal(r.secret));
}

TEST_F(TokenService, RotationWithinAnOverlapEndsTheOldest) {
    std::string first = NewToken("acme", {"runs.read"}, "job");
    Rotated second = Rotate(admin_, "acme", "job", Overlap(1000));
    Rotated third = Rotate(admin_, "acme", "job", Overlap(500));
    EXPECT_EQ("TOKEN_INVALID", Refusal(first));
    EXPECT_EQ("", Refusal(second.secret));
    EXPECT_EQ("", Refusal(third.secret));
    auto revoked = As(admin_, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "job"));
    ASSERT_EQ(0, revoked->code);
    EXPECT_EQ("TOKEN_INVALID", Refusal(second.secret));
    EXPECT_EQ("TOKEN_INVALID", Refusal(third.secret));
    Reopen();
    EXPECT_EQ("TOKEN_INVALID", Refusal(second.secret));
    EXPECT_EQ("TOKEN_INVALID", Refusal(third.secret));
    EXPECT_EQ((Texts{"acme/job runs.read 0..- used 0 | 0..500 used 0; 0 denied, 4 refused; "
                     "revoked"}),
              List(admin_, "acme"));
}

TEST_F(TokenService, OverlapAndExpiryDecideTheEnds) {
    const struct {
        int64_t expires; // of the token, 0: never
        std::string more;
        const char *secrets;
    } rows[] = {
        {0, Overlap(0), "5..- used - | 0..5 used -"},
        {0, Bytes(3, ""), "5..- used - | 0..5 used -"},
        {0, "", "5..- used - | 0..86405 used -"},
        {0, Overlap(90 * 86400), "5..- used - | 0..7776005 used -"},
        {0, Until(900), "5..900 used - | 0..86405 used -"},
        {100, "", "5..100 used - | 0..100 used -"},
        {100, Overlap(7), "5..100 used - | 0..12 used -"},
        {100, Until(900) + Overlap(7), "5..900 used - | 0..12 used -"},
        {100, Until(900), "5..900 used - | 0..100 used -"},
        {4, Until(900), "5..900 used - | 0..4 used -"}, // it has expired, and is renewed
    };
    int n = 0;
    for (const auto &row : rows) {
        SCOPED_TRACE(n);
        clock_.now = kStart * 1'000'000;
        std::string name = "t" + std::to_string(n++);
        std::string first =
            NewToken("acme", {"runs.read"}, name, row.expires == 0 ? 0 : kStart + row.expires);
        Pass(5);
        Rotated r = Rotate(admin_, "acme", name, row.more);
        EXPECT_EQ("acme/" + name + " runs.read " + row.secrets, r.text) << r.reply->message;
        EXPECT_EQ("", Refusal(r.secret));
        bool is_over =
            std::string(row.secrets).find("| 0..5 ") != std::string::npos || row.expires == 4;
        EXPECT_EQ(is_over ? "TOKEN_INVALID" : "", Refusal(first));
    }
    // However little is more than none.
    NewToken("acme", {"runs.read"}, "nano");
    EXPECT_EQ(0, Rotate(admin_, "acme", "nano", Overlap(0, 1)).reply->code);
}

TEST_F(TokenService, WrongRotationsAreRefusedAndChangeNothing) {
    std::string job = NewToken("acme", {"runs.read"}, "job", kStart + 50);
    const struct {
        std::string request;
        const char *field;
        const char *words;
    } rows[] = {
        {"", "organizationId", ""},
        {Bytes(1, "acme"), "name", ""},
        {Bytes(1, "acme") + Bytes(2, "a b"), "name", ""},
        {Bytes(1, "acme") + Bytes(2, "job") + Overlap(-1), "overlap",
         "overlap must be from 0s to 7776000s (90 days), got -1s"},
        {Bytes(1, "acme") + Bytes(2, "job") + Overlap(0, -1), "overlap", "got 0s and -1 nano"},
        {Bytes(1, "acme") + Bytes(2, "job") + Overlap(7776001), "overlap", "got 7776001s"},
        {Bytes(1, "acme") + Bytes(2, "job") + Overlap(7776000, 1), "overlap", "and 1 nano"},
        {Bytes(1, "acme") + Bytes(2, "job") + Overlap(1, 1000000000), "overlap", ""},
        {Bytes(1, "acme") + Bytes(2, "job") + Overlap(INT64_MAX), "overlap", ""},
        {Bytes(1, "acme") + Bytes(2, "job") + Overlap(INT64_MIN), "overlap", ""},
        {Bytes(1, "acme") + Bytes(2, "job") + Until(0), "expiresAt", "in the future"},
    };
    for (const auto &row : rows) {
        auto reply = As(admin_, "TokensService/RotateToken", row.request);
        EXPECT_EQ("FIELD_INVALID", reply->reason);
        EXPECT_EQ(std::vector<std::string>{row.field}, reply->fields);
        EXPECT_NE(std::string::npos, reply->message.find(row.words)) << reply->message;
    }
    auto absent = Rotate(admin_, "acme", "no").reply;
    EXPECT_EQ(STATUS_NOT_FOUND, absent->code);
    EXPECT_EQ("TOKEN_NOT_FOUND", absent->reason);
    EXPECT_EQ("acme/no", absent->resource);
    Pass(50);
    auto expired = Rotate(admin_, "acme", "job").reply;
    EXPECT_EQ(STATUS_FAILED_PRECONDITION, expired->code);
    EXPECT_EQ("TOKEN_ENDED", expired->reason);
    EXPECT_EQ("2023-11-14T22:14:10Z", expired->metadata["expiredAt"]);
    EXPECT_EQ("acme/job", expired->resource);
    As(admin_, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "job"));
    auto revoked = Rotate(admin_, "acme", "job", Until(900)).reply;
    EXPECT_EQ("TOKEN_ENDED", revoked->reason);
    EXPECT_EQ("2023-11-14T22:14:10Z", revoked->metadata["revokedAt"]);
    EXPECT_EQ((Texts{"acme/job runs.read 0..50 used -; revoked"}), List(admin_, "acme"));
}

// Rotations at once: each that is answered has made a secret, and the last two are valid.
TEST_F(TokenService, NoTokenHasTheNameOfTheServer) {
    auto reply = As(admin_, "TokensService/CreateToken",
                    Bytes(1, "acme") + Bytes(2, "runsd") + Bytes(3, "runs.read"));
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, reply->code);
    EXPECT_NE(std::string::npos, reply->message.find("name must not be \"runsd\""))
        << reply->message;
    NewToken("acme", {"runs.read"}, "runsd-2");
}

TEST_F(TokenService, RacingRotationsLeaveTheLastTwo) {
    std::string first = NewToken("acme", {"runs.read"}, "job");
    std::vector<std::string> secrets(6);
    std::vector<std::thread> threads;
    for (std::string &secret : secrets) {
        threads.emplace_back(
            [this, &secret] { secret = Rotate(admin_, "acme", "job", Overlap(100)).secret; });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(6u, std::set<std::string>(secrets.begin(), secrets.end()).size());
    for (int i = 0; i < 2; i++) {
        int valid = 0;
        for (const std::string &secret : secrets) {
            valid += Refusal(secret).empty();
        }
        EXPECT_EQ(2, valid);
        EXPECT_EQ("TOKEN_INVALID", Refusal(first));
        Reopen();
    }
}

TEST_F(TokenService, ACallerLearnsWhichOfItsSecretsEnds) {
    std::string first = NewToken("acme", {"runs.read"}, "job");
    Pass(10);
    Rotated r = Rotate(admin_, "acme", "job", Overlap(60));
    for (const auto &[token, text] : std::map<std::string, std::string>{
             {first, "job until 70 replaced 10"}, {r.secret, "job until - replaced -"}}) {
        auto reply = As(token, "TokensService/GetCaller", "");
        auto *caller = runs__v1__caller__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        EXPECT_EQ(text, std::string(caller->name) + " until " + Seconds(caller->expires_at) +
                            " replaced " + Seconds(caller->replaced_at));
        runs__v1__caller__free_unpacked(caller, nullptr);
    }
}

// --- administrators of one organization ---

TEST_F(TokenService, AnOrganizationsAdministratorServesItsOwn) {
    std::string own = NewToken("acme", {"tokens.admin.own"}, "own");
    const std::string create = "TokensService/CreateToken";
    for (const char *scope : {"runs.read", "runs.create", "runs.cancel", "runs.report",
                              "runs.delete", "tokens.admin.own"}) {
        auto reply = As(own, create, Bytes(1, "acme") + Bytes(2, scope) + Bytes(3, scope));
        EXPECT_EQ(0, reply->code) << reply->message;
    }
    Rotated r = Rotate(own, "acme", "runs.read", Overlap(0));
    EXPECT_EQ(0, r.reply->code) << r.reply->message;
    EXPECT_EQ(
        0, As(own, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "runs.cancel"))->code);
    // Itself, too.
    Rotated self = Rotate(own, "acme", "own", Overlap(0));
    EXPECT_EQ(0, self.reply->code) << self.reply->message;
    EXPECT_EQ("TOKEN_INVALID", Refusal(own));
    EXPECT_EQ(7u, List(self.secret).size());
    EXPECT_EQ(7u, List(self.secret, "acme").size());
}

TEST_F(TokenService, AnOrganizationsAdministratorGetsNoFurther) {
    std::string own = NewToken("acme", {"tokens.admin.own", "runs.read"}, "own");
    NewToken("acme", {"tokens.admin", "runs.read"}, "all");
    NewToken("acme", {"organizations.admin"}, "wide");
    NewToken("rival", {"runs.read"}, "job");
    const Texts before = List(admin_);
    const std::string create = "TokensService/CreateToken";
    const struct {
        const char *method;
        std::string request;
    } denied[] = {
        {"CreateToken", Bytes(1, "acme") + Bytes(3, "tokens.admin")},
        {"CreateToken", Bytes(1, "acme") + Bytes(3, "runs.read") + Bytes(3, "tokens.admin")},
        {"CreateToken", Bytes(1, "rival") + Bytes(3, "runs.read")},
        {"CreateToken", Bytes(1, "nobody") + Bytes(3, "runs.read")},
        {"CreateToken", Bytes(1, "rival") + Bytes(3, "tokens.admin.own")},
        {"CreateToken", Bytes(1, "rival") + Bytes(2, "job") + Bytes(3, "runs.read")},
        // Who holds that secret reaches every organization, so it is not theirs to make.
        {"RotateToken", Bytes(1, "acme") + Bytes(2, "all")},
        {"RevokeToken", Bytes(1, "acme") + Bytes(2, "all")},
        {"CreateToken", Bytes(1, "acme") + Bytes(3, "organizations.admin")},
        {"RotateToken", Bytes(1, "acme") + Bytes(2, "wide")},
        {"RevokeToken", Bytes(1, "acme") + Bytes(2, "wide")},
    };
    for (const auto &row : denied) {
        auto reply = As(own, std::string("TokensService/") + row.method, row.request);
        EXPECT_EQ(STATUS_PERMISSION_DENIED, reply->code) << row.method;
        EXPECT_EQ("SCOPE_MISSING", reply->reason);
        EXPECT_EQ("tokens.admin", reply->metadata["scope"]);
    }
    // Of another organization nothing is told, not even whether it is there.
    for (const char *method : {"TokensService/RotateToken", "TokensService/RevokeToken"}) {
        auto there = As(own, method, Bytes(1, "rival") + Bytes(2, "job"));
        auto not_there = As(own, method, Bytes(1, "rival") + Bytes(2, "nob"));
        auto to_all = As(admin_, method, Bytes(1, "rival") + Bytes(2, "nob"));
        EXPECT_EQ(STATUS_NOT_FOUND, there->code);
        EXPECT_EQ("TOKEN_NOT_FOUND", there->reason);
        EXPECT_EQ("rival/job", there->resource);
        auto as_nob = there->message;
        as_nob.replace(as_nob.find("job"), 3, "nob");
        EXPECT_EQ(not_there->message, as_nob);
        EXPECT_EQ(to_all->message, not_there->message);
        EXPECT_EQ(to_all->reason, not_there->reason);
    }
    EXPECT_TRUE(List(own, "rival").empty());
    EXPECT_TRUE(List(own, "nobody").empty());
    EXPECT_EQ(3u, List(own).size());
    Texts after = List(admin_);
    ASSERT_EQ(before.size(), after.size());
    // Nothing changed but what was counted: a token that is made after each denial would be seen.
    EXPECT_EQ("acme/own runs.read tokens.admin.own 0..- used 0; 11 denied, 0 refused", after[1]);
    EXPECT_EQ(before[0], after[0]);
    EXPECT_EQ(before[2], after[2]);
}

// A token without either scope administers nothing, and one of all organizations stays so.
TEST_F(TokenService, TheScopesAreToldApart) {
    std::string all = NewToken("acme", {"tokens.admin"}, "all");
    std::string reader = NewToken("acme", {"runs.read"}, "reader");
    auto made = As(all, "TokensService/CreateToken",
                   Bytes(1, "rival") + Bytes(2, "made") + Bytes(3, "tokens.admin"));
    EXPECT_EQ(0, made->code) << made->message;
    EXPECT_EQ(0, Rotate(all, "rival", "made").reply->code);
    for (const char *method : {"CreateToken", "ListTokens", "RotateToken", "RevokeToken"}) {
        auto reply = As(reader, std::string("TokensService/") + method,
                        Bytes(1, "acme") + Bytes(2, "reader"));
        EXPECT_EQ("SCOPE_MISSING", reply->reason);
        EXPECT_EQ("tokens.admin", reply->metadata["scope"]);
    }
    Reopen();
    EXPECT_EQ((Texts{"acme/all tokens.admin 0..- used 0",
                     "acme/reader runs.read 0..- used 0; 4 denied, 0 refused",
                     "rival/made tokens.admin 0..- used - | 0..86400 used -"}),
              List(admin_));
}

// --- uses and denials ---

TEST_F(TokenService, UsesAndDenialsAreListedAtOnceAndAfterARestart) {
    std::string job = NewToken("acme", {"runs.read"}, "job", kStart + 100);
    std::string idle = NewToken("acme", {"runs.read"}, "idle");
    Pass(7);
    EXPECT_EQ(STATUS_NOT_FOUND, As(job, "RunsService/GetRun", Bytes(1, "r1"))->code);
    Pass(1);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ("SCOPE_MISSING", As(job, "RunsService/CancelRun", Bytes(1, "r1"))->reason);
    }
    Texts expected = {"acme/idle runs.read 0..- used -",
                      "acme/job runs.read 0..100 used 8; 3 denied, 0 refused"};
    EXPECT_EQ(expected, List(admin_, "acme"));
    Reopen();
    EXPECT_EQ(expected, List(admin_, "acme"));
    Pass(100);
    EXPECT_EQ("TOKEN_INVALID", Refusal(job));
    EXPECT_EQ("TOKEN_INVALID", Refusal("rst_" + std::string(43, 'A'))) << "whose, nobody knows";
    expected[1] = "acme/job runs.read 0..100 used 8; 3 denied, 1 refused";
    EXPECT_EQ(expected, List(admin_, "acme"));
    Reopen();
    EXPECT_EQ(expected, List(admin_, "acme"));
}

// What is stored while the server runs is what is left of it when it is killed.
TEST_F(TokenService, UsesAreStoredWhileTheServerRuns) {
    Close();
    token_use_ms_ = 20;
    Open();
    // More tokens than one operation stores.
    std::vector<std::string> tokens;
    for (int i = 0; i < 150; i++) {
        tokens.push_back(NewToken("many", {"runs.read"}, "t" + std::to_string(i)));
    }
    Pass(9);
    for (const std::string &token : tokens) {
        EXPECT_EQ("", Refusal(token));
    }
    // The files as they are at a moment, served by another server.
    size_t stored = 0;
    for (int i = 0; i < 600 && stored < tokens.size(); i++) {
        usleep(50'000);
        TempDir copy;
        for (const char *end : {"", "-wal"}) {
            std::filesystem::copy_file(dir_.Path("runs.db") + end, copy.Path("runs.db") + end);
        }
        rpc_channel *channel = channel_;
        runsd *running = runsd_;
        std::string admin = admin_;
        OpenAt(copy.Path("runs.db"));
        stored = 0;
        for (const std::string &text : List(admin_, "many")) {
            stored += text.find("used 9") != std::string::npos;
        }
        Close();
        channel_ = channel;
        runsd_ = running;
        admin_ = admin;
    }
    EXPECT_EQ(tokens.size(), stored);
}

} // namespace
