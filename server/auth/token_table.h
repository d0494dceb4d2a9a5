#ifndef RUNSD_SERVER_AUTH_TOKEN_TABLE_H
#define RUNSD_SERVER_AUTH_TOKEN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/clock.h"
#include "base/metrics/metrics.h"
#include "storage/token_record.h"

// All tokens in memory, by the hashes of their secrets, so that callers are identified without
// asking the store. Counts their uses, too, which the store is told of now and then. Thread safe.

struct token_table;
struct token_entry; // a token in a table

// The caller that a token identifies.
struct identity {
    const char *organization;
    const char *name; // the token's
    uint32_t scopes;
    int64_t expires_at_us;     // of the secret that was sent; 0: never
    int64_t replaced_at_us;    // when the token got a newer secret than that; 0: it is the newest
    struct token_entry *entry; // for token_table_count_denial; lives as long as the table
    uint8_t hash[TOKEN_HASH_BYTES]; // of the secret that was sent
    struct token_limits limits;
    const char *client_name; // of the certificate that opened the token; NULL: a secret did
};

// What a secret's hash says of who sends it.
enum token_standing {
    TOKEN_UNKNOWN,
    TOKEN_OPENS,
    TOKEN_EXPIRED, // also a secret whose rotation is over
    TOKEN_REVOKED,
};

struct token_table *token_table_new(void);

// Has the table tell of itself in metrics, which outlives it, and of which tokens are live by
// clock. Before another thread uses it.
void token_table_tell(struct token_table *table, struct metrics *metrics,
                      const struct clock *clock);

// NULL is ignored.
void token_table_free(struct token_table *table);

// Adds a token, or replaces the one of the same name: a revocation is a token with revoked_at_us
// set, a rotation one with another hash. Takes effect before it returns. Copies record. May be
// told of changes in another order than they were made in: of two records the one with more
// rotations is the newer, a revocation is never taken back, and uses only grow. Of two tokens with
// the same hash, which is a client name's, the one that is not revoked, or was made later, has it.
// Limits are those of the first record.
void token_table_put(struct token_table *table, const struct token_record *record);

// Gives the token of that name record's limits. Told of changes in the order they were made in.
void token_table_set_limits(struct token_table *table, const struct token_record *record);

// Makes the table what records are: all tokens that a store had, by which others may have changed
// it. They were read after token_table_generation had returned since: what the table was told of
// after that stays, as the records may not have it.
void token_table_refresh(struct token_table *table, const struct token_record *records, int count,
                         uint64_t since);

// Adds a token that no store has, once, whose uses are not counted and whose name may be another
// one's. Copies record.
void token_table_put_unstored(struct token_table *table, const struct token_record *record);

// The organization was deleted with its tokens: their secrets are unknown from now on. Nothing that
// was counted of them is stored any more.
void token_table_forget(struct token_table *table, struct slice organization);

// Looks for the secret with this hash, which is compared in constant time; it opens what the
// token's scopes say until it is revoked or, at now_us, has expired. Whose it is, in a, is in
// *ret_identity unless it is TOKEN_UNKNOWN. Counts: a secret that opens is used now, one that
// does no more is refused.
enum token_standing token_table_find(struct token_table *table,
                                     const uint8_t hash[TOKEN_HASH_BYTES], int64_t now_us,
                                     struct arena *a, struct identity *ret_identity);

// What the hash says at now_us, for who found token by it before: counts nothing. TOKEN_UNKNOWN
// where another token has it by now, as a client name may be given again. *ret_expires_at_us is
// when the secret ends by itself, 0 for never; set where it opens.
enum token_standing token_table_look(struct token_table *table, const struct token_entry *token,
                                     const uint8_t hash[TOKEN_HASH_BYTES], int64_t now_us,
                                     int64_t *ret_expires_at_us);

// Whose the hash is, and what it says at now_us: counts nothing. *ret_token is set unless it is
// TOKEN_UNKNOWN.
enum token_standing token_table_whose(struct token_table *table,
                                      const uint8_t hash[TOKEN_HASH_BYTES], int64_t now_us,
                                      const struct token_entry **ret_token);

// Another number after each change of a token: what was found before may hold no more.
uint64_t token_table_generation(struct token_table *table);

// Why a caller is not known, where no secret was looked for.
enum token_refusal {
    TOKEN_REFUSAL_MISSING, // neither a token nor a certificate that opens one
    TOKEN_REFUSAL_MALFORMED,
    TOKEN_REFUSAL_AMBIGUOUS, // a certificate opens several
};

// Counts a call that was refused for it.
void token_table_count_refusal(struct token_table *table, enum token_refusal why);

// How many stored tokens have a secret that opens at now_us. Keeps nobody waiting for long.
int64_t token_table_count_live(struct token_table *table, int64_t now_us);

// Counts a call of the token's that was not allowed what it asked for.
void token_table_count_denial(struct token_table *table, struct token_entry *entry);

// Raises in record, which is of a store, the uses that the table knows better.
void token_table_complete(struct token_table *table, struct token_record *record);

// Takes up to most tokens whose uses changed since they were taken last; returns how many.
// Their slices live as long as the table; uses, hashes and rotations are set, too, nothing else.
// Denials and refusals are those since they were taken last.
int token_table_take_used(struct token_table *table, int most, struct token_record *ret_uses);

// Gives back what was taken and could not be stored: it will be taken again.
void token_table_give_back(struct token_table *table, const struct token_record *uses, int count);

#endif
