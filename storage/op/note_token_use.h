#ifndef RUNSD_STORAGE_OP_NOTE_TOKEN_USE_H
#define RUNSD_STORAGE_OP_NOTE_TOKEN_USE_H

#include "storage/op/store_op.h"
#include "storage/token_record.h"

// Notes of up to STORE_TOKEN_USES tokens when each of their secrets was last used, and how many
// calls were denied and refused. So few that a transaction which does this too is hardly longer.
enum { STORE_TOKEN_USES = 32 };

// Each of uses names a token, and has the members that end with last_used_at_us, the hashes
// that they belong to, and how many denials and refusals there were since they were noted last,
// which are added to those that are stored: others may note theirs. The other members do not
// matter. A time that is sooner than the stored one changes nothing, and neither does what is said
// of a token or a secret that is not there. No change of a token that others have to hear of.
struct store_note_token_use {
    struct store_op op;
    const struct token_record *uses;
    int count;
};

static inline size_t store_note_token_use_bytes(const struct store_op *op) {
    const struct store_note_token_use *n = CONTAINER_OF(op, struct store_note_token_use, op);
    return (size_t)n->count * STORE_ROWS_BYTES;
}

extern const struct store_kind store_note_token_use_kind;
#define STORE_NOTE_TOKEN_USE_KIND .part = STORE_CHANGES, .bytes = store_note_token_use_bytes

#endif
