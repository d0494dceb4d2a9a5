#include "storage/op/note_token_use.h"

#include <stdlib.h>

#include "storage/postgres/postgres_op.h"

_Static_assert((int)STORE_TOKEN_USES <= (int)PG_MOST_QUEUED / 2, "a note is sent in one go");

// The times are those of the secrets of the hashes $3 and $5. It does not count as a change of the
// token: the other servers need not read it again.
static const struct pg_statement note = {
    "token_note_use", "UPDATE token SET denials=denials+$7::int8, refusals=refusals+$8::int8,"
                      " last_used_at=greatest(last_used_at, CASE hash WHEN $3::bytea THEN $4::int8"
                      " WHEN $5::bytea THEN $6::int8 ELSE 0 END),"
                      " previous_last_used_at=greatest(previous_last_used_at, CASE previous_hash"
                      " WHEN $3::bytea THEN $4::int8 WHEN $5::bytea THEN $6::int8 ELSE 0 END)"
                      " WHERE organization=$1::bytea AND name=$2::bytea"};

static int compare_tokens(const void *pa, const void *pb) {
    const struct token_record *a = *(const struct token_record *const *)pa;
    const struct token_record *b = *(const struct token_record *const *)pb;
    int order = slice_compare(a->organization, b->organization);
    return order != 0 ? order : slice_compare(a->name, b->name);
}

static void queue(struct work *work, const struct token_record *use) {
    struct pg_params p;
    pg_params_init(&p, work_arena(work));
    pg_add_bytes(&p, use->organization);
    pg_add_bytes(&p, use->name);
    pg_add_bytes(&p, slice_of(use->hash, TOKEN_HASH_BYTES));
    pg_add_int8(&p, use->last_used_at_us);
    pg_add_bytes(&p, slice_of(use->previous.hash, TOKEN_HASH_BYTES));
    pg_add_int8(&p, use->previous.last_used_at_us);
    pg_add_int8(&p, use->denials);
    pg_add_int8(&p, use->refusals);
    pg_queue(work_connection(work), &note, &p, NULL);
}

// In the order of the names, so that two servers which note at the same time do not wait for each
// other's rows.
static enum pg_outcome decide(struct work *work, struct store_op *op) {
    const struct store_note_token_use *n = CONTAINER_OF(op, struct store_note_token_use, op);
    const struct token_record **uses =
        ARENA_ARRAY(work_arena(work), const struct token_record *, n->count);
    for (int i = 0; i < n->count; i++) {
        uses[i] = &n->uses[i];
    }
    if (n->count > 1) {
        qsort(uses, (size_t)n->count, sizeof(uses[0]), compare_tokens);
    }
    for (int i = 0; i < n->count; i++) {
        queue(work, uses[i]);
    }
    op->result = STORE_OK;
    return PG_OK;
}

const struct postgres_op postgres_note_token_use = {.decide = decide, .is_alone = true};
