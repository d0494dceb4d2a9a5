#ifndef RUNSD_TESTS_STORAGE_TOKEN_TESTING_H
#define RUNSD_TESTS_STORAGE_TOKEN_TESTING_H

#include "tests/storage/store_testing.h"

extern "C" {
#include "storage/op/create_token.h"
#include "storage/op/list_tokens.h"
#include "storage/op/note_token_use.h"
#include "storage/op/revoke_token.h"
#include "storage/op/rotate_token.h"
#include "storage/op/set_token_limits.h"
}

// Tokens as tests have them, and the operations on them.

namespace store_testing {

struct Token {
    std::string organization = "acme";
    std::string name = {};
    std::string hash = std::string(TOKEN_HASH_BYTES, 'h');
    uint32_t scopes = 0;
    int64_t created_at_us = 0;
    int64_t expires_at_us = 0;
    int64_t revoked_at_us = 0;
    int64_t last_used_at_us = 0;
    int64_t rotations = 0;
    int64_t rotated_at_us = 0;
    std::string previous_hash = {};
    int64_t previous_created_at_us = 0;
    int64_t previous_expires_at_us = 0;
    int64_t previous_last_used_at_us = 0;
    int64_t denials = 0;
    int64_t refusals = 0;
    std::string client_san = {};
    std::vector<int64_t> limits = {0, 0, 0, 0}; // reads, changes, bytes, streams
};

inline struct token_limits ToLimits(const std::vector<int64_t> &limits) {
    return {limits[0], limits[1], limits[2], limits[3]};
}

inline std::string ToHash(const uint8_t hash[TOKEN_HASH_BYTES]) {
    return std::string(reinterpret_cast<const char *>(hash), TOKEN_HASH_BYTES);
}

inline Token ToToken(const struct token_record &t) {
    return Token{
        ToString(t.organization),
        ToString(t.name),
        ToHash(t.hash),
        t.scopes,
        t.created_at_us,
        t.expires_at_us,
        t.revoked_at_us,
        t.last_used_at_us,
        t.rotations,
        t.rotated_at_us,
        t.rotations > 0 ? ToHash(t.previous.hash) : "",
        t.previous.created_at_us,
        t.previous.expires_at_us,
        t.previous.last_used_at_us,
        t.denials,
        t.refusals,
        ToString(t.client_san),
        {t.limits.reads_per_s, t.limits.changes_per_s, t.limits.bytes_per_s, t.limits.streams}};
}

// Of a token with a client name: *ret_other is the other one of that name, if there is one.
inline enum store_result CreateToken(struct run_store *store, const Token &t,
                                     Token *ret_other = nullptr) {
    STORE_OP(op, create_token);
    static std::atomic<uint64_t> retired;
    const uint64_t number = ++retired;
    memcpy(op->retired_hash, &number, sizeof(number));
    struct token_record &in = op->in;
    in.organization = ToSlice(t.organization);
    in.name = ToSlice(t.name);
    memcpy(in.hash, t.hash.data(), TOKEN_HASH_BYTES);
    in.scopes = t.scopes;
    in.created_at_us = t.created_at_us;
    in.expires_at_us = t.expires_at_us;
    in.revoked_at_us = t.revoked_at_us;
    in.client_san = ToSlice(t.client_san);
    in.limits = ToLimits(t.limits);
    enum store_result result = op.RunOn(store);
    if (ret_other != nullptr) {
        *ret_other = op->ret_other.name.len > 0 ? ToToken(op->ret_other) : Token{};
    }
    return result;
}

inline enum store_result SetTokenLimits(struct run_store *store, const std::string &name,
                                        const std::vector<int64_t> &limits, Token *ret) {
    STORE_OP(op, set_token_limits);
    const std::string organization = "acme";
    op->organization = ToSlice(organization);
    op->name = ToSlice(name);
    op->limits = ToLimits(limits);
    enum store_result result = op.RunOn(store);
    if (result == STORE_OK) {
        *ret = ToToken(op->ret);
    }
    return result;
}

inline enum store_result RevokeToken(struct run_store *store, const std::string &organization,
                                     const std::string &name, int64_t at_us, Token *ret,
                                     uint32_t spared_scopes = 0) {
    STORE_OP(op, revoke_token);
    op->organization = ToSlice(organization);
    op->name = ToSlice(name);
    op->at_us = at_us;
    op->spared_scopes = spared_scopes;
    enum store_result result = op.RunOn(store);
    if (result == STORE_OK || result == STORE_CONFLICT) {
        *ret = ToToken(op->ret);
    }
    return result;
}

struct Rotation {
    std::string organization = "acme";
    std::string name = "t";
    std::string hash = std::string(TOKEN_HASH_BYTES, 'n');
    int64_t at_us = 0;
    int64_t overlap_us = 0;
    int64_t expires_at_us = 0;
    uint32_t spared_scopes = 0;
};

inline enum store_result RotateToken(struct run_store *store, const Rotation &r,
                                     Token *ret = nullptr) {
    STORE_OP(op, rotate_token);
    op->organization = ToSlice(r.organization);
    op->name = ToSlice(r.name);
    memcpy(op->hash, r.hash.data(), TOKEN_HASH_BYTES);
    op->at_us = r.at_us;
    op->overlap_us = r.overlap_us;
    op->expires_at_us = r.expires_at_us;
    op->spared_scopes = r.spared_scopes;
    enum store_result result = op.RunOn(store);
    if (ret != nullptr && (result == STORE_OK || result == STORE_CONFLICT)) {
        *ret = ToToken(op->ret);
    }
    return result;
}

inline enum store_result NoteTokenUse(struct run_store *store, const std::vector<Token> &tokens) {
    std::vector<struct token_record> uses;
    for (const Token &t : tokens) {
        struct token_record use = {};
        use.organization = ToSlice(t.organization);
        use.name = ToSlice(t.name);
        memcpy(use.hash, t.hash.data(), TOKEN_HASH_BYTES);
        memcpy(use.previous.hash, t.previous_hash.data(), t.previous_hash.size());
        use.last_used_at_us = t.last_used_at_us;
        use.previous.last_used_at_us = t.previous_last_used_at_us;
        use.denials = t.denials;
        use.refusals = t.refusals;
        uses.push_back(use);
    }
    STORE_OP(op, note_token_use);
    op->uses = uses.data();
    op->count = static_cast<int>(uses.size());
    return op.RunOn(store);
}

inline std::vector<Token> ListTokens(struct run_store *store, const std::string &organization) {
    STORE_OP(op, list_tokens);
    op->organization = ToSlice(organization);
    EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
    std::vector<Token> out;
    for (int i = 0; i < op->ret_count; i++) {
        out.push_back(ToToken(op->ret_tokens[i]));
    }
    return out;
}

} // namespace store_testing

#endif
