#include "storage/store_table.h"

#include <inttypes.h>

// A column of a type, by its name.
#define BOOL(name)                                                                                 \
    { name, STORE_COLUMN_BOOL, false }
#define INT2(name)                                                                                 \
    { name, STORE_COLUMN_INT2, false }
#define INT4(name)                                                                                 \
    { name, STORE_COLUMN_INT4, false }
#define INT8(name)                                                                                 \
    { name, STORE_COLUMN_INT8, false }
#define FLOOR(name)                                                                                \
    { name, STORE_COLUMN_FLOOR, false }
#define BYTES(name)                                                                                \
    { name, STORE_COLUMN_BYTES, false }
#define RUN_ID(name)                                                                               \
    { name, STORE_COLUMN_RUN_ID, false }
#define OR_NULL(name, type)                                                                        \
    { name, STORE_COLUMN_##type, true }

#define COUNTS INT8("running"), INT8("waiting"), INT8("success"), INT8("failure"), INT8("cancelled")

#define CAUSE                                                                                      \
    BYTES("actor"), BYTES("reason"), BYTES("request_id"), BYTES("remote_address"),                 \
        BYTES("idempotency_key")

static const struct store_column organization[] = {
    BYTES("name"),          INT8("revision"), INT8("floor_revision"), INT8("frozen_at"),
    FLOOR("attempt_floor"), COUNTS,           INT8("stored_bytes"),
};

static const struct store_column run_count[] = {
    BYTES("organization"),
    BYTES("workflow_id"),
    COUNTS,
};

static const struct store_column run[] = {
    BYTES("organization"),    RUN_ID("id"),           BYTES("workflow_id"),
    INT2("status"),           INT8("started_at"),     INT8("updated_at"),
    INT8("sequence"),         INT8("attempt"),        INT8("created_revision"),
    INT8("newest_revision"),  INT8("ended_revision"), OR_NULL("total_cu", FLOAT8),
    BOOL("has_terms"),        BOOL("has_parent"),     BYTES("spec"),
    BYTES("execution_state"),
};

static const struct store_column run_term[] = {
    BYTES("organization"),
    RUN_ID("id"),
    BYTES("workflow_id"),
    INT8("started_at"),
    INT2("status"),
    INT2("dispatch"),
    BOOL("fails_on_lease_loss"),
    INT2("on_timeout"),
    INT8("timeout_at"),
    INT8("waiting_timeout"),
    BYTES("holder"),
    INT8("lease"),
    INT8("waiting_until"),
    INT8("due_at"),
    INT8("stopped_at"),
    BOOL("is_open"),
};

static const struct store_column run_parent[] = {
    BYTES("organization"),
    RUN_ID("id"),
    RUN_ID("parent"),
    BOOL("is_gone"),
};

static const struct store_column event[] = {
    BYTES("organization"),
    INT8("revision"),
    RUN_ID("id"),
    INT2("kind"),
    INT8("sequence"),
    INT2("from_status"),
    INT2("to_status"),
    INT8("at"),
    INT8("attempt"),
    BYTES("holder"),
    CAUSE,
    BYTES("workflow_id"),
};

static const struct store_column idempotency[] = {
    BYTES("organization"), BYTES("name"), BYTES("fingerprint"), INT8("at"),
    INT2("target_kind"), // STORE_TARGET_...
    RUN_ID("target"),
};

static const struct store_column bulk[] = {
    BYTES("organization"),  INT8("bulk_key"),       BYTES("id"),         INT2("state"),
    BOOL("is_dry_run"),     BOOL("cascades"),       BOOL("has_filter"),  INT4("statuses"),
    BYTES("workflow_id"),   BYTES("source_run_id"), BYTES("holder"),     INT8("started_after"),
    INT8("started_before"), BOOL("is_collected"),   RUN_ID("parent_id"), INT8("as_of_revision"),
    INT8("created_at"),     INT8("started_at"),     INT8("finished_at"), INT8("total"),
    INT8("cancelled"),      INT8("already_final"),  INT8("not_found"),   CAUSE,
};

static const struct store_column bulk_item[] = {
    BYTES("organization"), INT8("bulk_key"),     RUN_ID("id"),
    INT2("outcome"),       OR_NULL("due", INT2), INT8("as_of_revision"),
};

static const struct store_column token[] = {
    BYTES("organization"),
    BYTES("name"),
    BYTES("client_san"),
    BYTES("hash"),
    INT4("scopes"),
    INT8("created_at"),
    INT8("expires_at"),
    INT8("revoked_at"),
    INT8("last_used_at"),
    INT8("rotations"),
    INT8("rotated_at"),
    OR_NULL("previous_hash", BYTES),
    INT8("previous_created_at"),
    INT8("previous_expires_at"),
    INT8("previous_last_used_at"),
    INT8("denials"),
    INT8("refusals"),
    INT8("limit_reads"),
    INT8("limit_changes"),
    INT8("limit_bytes"),
    INT8("limit_streams"),
};

#define TABLE(name_, keys_)                                                                        \
    {                                                                                              \
        .name = #name_, .key_columns = (keys_),                                                    \
        .column_count = sizeof(name_) / sizeof((name_)[0]), .columns = (name_)                     \
    }

const struct store_table_form store_tables[STORE_TABLE_COUNT] = {
    [STORE_TABLE_ORGANIZATION] = TABLE(organization, 1),
    [STORE_TABLE_EVENT] = TABLE(event, 2),
    [STORE_TABLE_RUN] = TABLE(run, 2),
    [STORE_TABLE_RUN_TERM] = TABLE(run_term, 2),
    [STORE_TABLE_RUN_PARENT] = TABLE(run_parent, 2),
    [STORE_TABLE_RUN_COUNT] = TABLE(run_count, 2),
    [STORE_TABLE_IDEMPOTENCY] = TABLE(idempotency, 2),
    [STORE_TABLE_BULK] = TABLE(bulk, 2),
    [STORE_TABLE_BULK_ITEM] = TABLE(bulk_item, 3),
    [STORE_TABLE_TOKEN] = TABLE(token, 2),
};

_Static_assert(sizeof(bulk) / sizeof(bulk[0]) <= STORE_TABLE_MOST_COLUMNS, "the widest one");

void store_values_append(struct strbuf *out, const struct store_table_form *table,
                         const struct store_value *values, int count) {
    for (int i = 0; i < count; i++) {
        const struct store_value *v = &values[i];
        if (table->columns[i].type == STORE_COLUMN_FLOOR) {
            continue;
        }
        bool is_bytes = store_column_is_bytes(table->columns[i].type);
        // An integer, or how many bytes follow; before it whether there is a value at all.
        int64_t head = v->is_null ? 0 : is_bytes ? (int64_t)v->bytes.len : v->number;
        strbuf_append_byte(out, v->is_null ? 0 : 1);
        strbuf_append(out, &head, sizeof(head));
        if (is_bytes && !v->is_null && v->bytes.len > 0) {
            strbuf_append(out, v->bytes.data, v->bytes.len);
        }
    }
}

// Whether text is shown as it is: printable, and no quote.
static bool is_plain(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] >= 0x7F || text.data[i] == '"') {
            return false;
        }
    }
    return true;
}

static void print_bytes(struct strbuf *out, struct slice bytes) {
    if (is_plain(bytes)) {
        strbuf_printf(out, " \"%.*s\"", (int)bytes.len, (const char *)bytes.data);
        return;
    }
    strbuf_append_cstr(out, " x'");
    for (size_t i = 0; i < bytes.len; i++) {
        strbuf_printf(out, "%02x", bytes.data[i]);
    }
    strbuf_append_cstr(out, "'");
}

void store_key_print(struct strbuf *out, const struct store_table_form *table,
                     const struct store_value *values) {
    for (int i = 0; i < table->key_columns; i++) {
        strbuf_printf(out, "%s%s", i > 0 ? ", " : "", table->columns[i].name);
        if (store_column_is_bytes(table->columns[i].type)) {
            print_bytes(out, values[i].bytes);
        } else {
            strbuf_printf(out, " %" PRId64, values[i].number);
        }
    }
}
