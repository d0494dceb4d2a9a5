#include "storage/op/note_token_use.h"

#include "storage/memory/memory_op.h"

static void raise(int64_t *value, int64_t to) {
    *value = *value < to ? to : *value;
}

// Raises *last_used_at_us of the secret of hash to what use says of that secret.
static void raise_used(int64_t *last_used_at_us, const uint8_t *hash,
                       const struct token_record *use) {
    if (memcmp(hash, use->hash, TOKEN_HASH_BYTES) == 0) {
        raise(last_used_at_us, use->last_used_at_us);
    } else if (memcmp(hash, use->previous.hash, TOKEN_HASH_BYTES) == 0) {
        raise(last_used_at_us, use->previous.last_used_at_us);
    }
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    const struct store_note_token_use *n = CONTAINER_OF(op, struct store_note_token_use, op);
    for (int i = 0; i < n->count; i++) {
        const struct token_record *use = &n->uses[i];
        struct token_record *t = memory_tables_find_token(tables, use->organization, use->name);
        if (t == NULL) {
            continue;
        }
        raise_used(&t->last_used_at_us, t->hash, use);
        if (t->rotations > 0) {
            raise_used(&t->previous.last_used_at_us, t->previous.hash, use);
        }
        t->denials += use->denials;
        t->refusals += use->refusals;
    }
    return STORE_OK;
}

const struct memory_op memory_note_token_use = {.run = run};
