#include "storage/postgres/family_row.h"

#include "storage/postgres/pg_params.h"

// Deletes the rows that are gone whose place new runs take, and those above them that were kept for
// them alone.
static const struct pg_statement delete_replaced = {
    "family_delete_replaced",
    "WITH RECURSIVE up(organization, id, parent) AS ("
    "SELECT p.organization, p.id, p.parent"
    " FROM unnest($1::bytea[], $2::bytea[]) AS n(organization, id) JOIN run_parent AS p"
    " ON p.organization=n.organization AND p.id=n.id WHERE p.is_gone UNION"
    " SELECT g.organization, g.id, g.parent FROM up JOIN run_parent AS g"
    " ON g.organization=up.organization AND g.id=up.parent WHERE g.is_gone AND NOT EXISTS("
    "SELECT 1 FROM run_parent AS c WHERE c.organization=g.organization AND c.parent=g.id"
    " AND c.id<>up.id))"
    " DELETE FROM run_parent AS p USING up WHERE p.organization=up.organization AND p.id=up.id"};

static const struct pg_statement insert_children = {
    "family_insert",
    "INSERT INTO run_parent(organization, id, parent, is_gone)"
    " SELECT organization, id, parent, false"
    " FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(organization, id, parent)"};

void pg_family_queue_joins(struct pg_connection *c, struct arena *temporary,
                           const struct pg_family_child *children, int count) {
    struct pg_array arrays[5]; // organizations and ids of all, and with the parents of those with
    int with_parent = 0;
    for (int i = 0; i < 5; i++) {
        pg_array_init(&arrays[i], temporary, PG_BYTEA);
    }
    for (int i = 0; i < count; i++) {
        const struct pg_family_child *child = &children[i];
        pg_array_bytes(&arrays[0], child->organization);
        pg_array_bytes(&arrays[1], child->id);
        if (child->parent_id.len > 0) {
            pg_array_bytes(&arrays[2], child->organization);
            pg_array_bytes(&arrays[3], child->id);
            pg_array_bytes(&arrays[4], child->parent_id);
            with_parent++;
        }
    }
    struct pg_params p;
    pg_params_init(&p, temporary);
    pg_add_array(&p, &arrays[0]);
    pg_add_array(&p, &arrays[1]);
    pg_queue(c, &delete_replaced, &p, NULL);
    if (with_parent > 0) {
        pg_params_init(&p, temporary);
        pg_add_array(&p, &arrays[2]);
        pg_add_array(&p, &arrays[3]);
        pg_add_array(&p, &arrays[4]);
        pg_queue(c, &insert_children, &p, NULL);
    }
}
