#include "ctl/store_tables.h"

#include <stdio.h>

#include "base/core/strbuf.h"
#include "base/core/timestamp.h"
#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/json_document.h"
#include "ctl/print.h"
#include "storage/store_keeping.h"
#include "storage/store_opener.h"

// RFC 3339, or none where there is nothing.
static const char *instant_text(struct arena *a, int64_t at_us, const char *none) {
    char text[TIMESTAMP_TEXT_SIZE];
    if (at_us == 0) {
        return none;
    }
    timestamp_format_us(at_us, text);
    return arena_printf(a, "%s", text);
}

static const char *size_text(struct arena *a, int64_t bytes) {
    return bytes < 0 ? "-" : count_text(a, bytes);
}

static void print_store(struct arena *a, const struct store_measures *m) {
    const char *const pairs[][2] = {
        {"file bytes", count_text(a, m->file_bytes)},
        {"free bytes", count_text(a, m->free_bytes)},
        {"log bytes", count_text(a, m->log_bytes)},
        {"schema", arena_printf(a, "%d", m->schema)},
        {"epoch", arena_printf(a, "%016llx", (unsigned long long)m->epoch)},
        {"served", m->is_served ? "yes" : "no"},
        {"oldest run", instant_text(a, m->oldest_run_us, "-")},
        {"newest run", instant_text(a, m->newest_run_us, "-")},
        {"oldest event", instant_text(a, m->oldest_event_us, "-")},
        {"newest event", instant_text(a, m->newest_event_us, "-")},
        {"newest event's number", count_text(a, m->newest_event)},
    };
    print_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]), stdout);
}

static void print_tables(struct arena *a, const struct store_measures *m) {
    static const char *const headings[] = {"TABLE", "ROWS", "BYTES WITH INDEXES"};
    struct table table;
    table_init(&table, 3, headings);
    for (int i = 0; i < m->table_count; i++) {
        table_add(&table, m->tables[i].name);
        table_add(&table, count_text(a, m->tables[i].rows));
        table_add(&table, size_text(a, m->tables[i].bytes));
    }
    table_print(&table, stdout);
    table_release(&table);
}

static void print_tenants(struct arena *a, const struct store_measures *m) {
    static const char *const headings[] = {"ORGANIZATION", "RUNS", "STORED BYTES", "REVISION"};
    struct table table;
    table_init(&table, 4, headings);
    for (int i = 0; i < m->tenant_count; i++) {
        table_add(&table, m->tenants[i].name);
        table_add(&table, count_text(a, m->tenants[i].runs));
        table_add(&table, size_text(a, m->tenants[i].stored_bytes));
        table_add(&table, size_text(a, m->tenants[i].revision));
    }
    table_print(&table, stdout);
    table_release(&table);
}

static void append_instant(struct strbuf *out, struct arena *a, const char *name, int64_t at_us) {
    if (at_us != 0) {
        strbuf_printf(out, ",\"%s\":\"%s\"", name, instant_text(a, at_us, ""));
    }
}

// Numbers of 64 bits are strings, as in proto3 JSON.
static void append_tables(struct strbuf *out, const struct store_measures *m) {
    strbuf_append_cstr(out, ",\"tables\":[");
    for (int i = 0; i < m->table_count; i++) {
        strbuf_append_cstr(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        strbuf_append_json_string(out, slice_of_cstr(m->tables[i].name));
        strbuf_printf(out, ",\"rows\":\"%lld\"", (long long)m->tables[i].rows);
        if (m->tables[i].bytes >= 0) {
            strbuf_printf(out, ",\"bytes\":\"%lld\"", (long long)m->tables[i].bytes);
        }
        strbuf_append_cstr(out, "}");
    }
    strbuf_append_cstr(out, "],\"organizations\":[");
    for (int i = 0; i < m->tenant_count; i++) {
        strbuf_append_cstr(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        strbuf_append_json_string(out, slice_of_cstr(m->tenants[i].name));
        strbuf_printf(out, ",\"runs\":\"%lld\"", (long long)m->tenants[i].runs);
        if (m->tenants[i].revision >= 0) {
            strbuf_printf(out, ",\"storedBytes\":\"%lld\",\"revision\":\"%lld\"",
                          (long long)m->tenants[i].stored_bytes, (long long)m->tenants[i].revision);
        }
        strbuf_append_cstr(out, "}");
    }
    strbuf_append_cstr(out, "]");
}

static void print_json(struct arena *a, const char *store, const struct store_measures *m) {
    struct strbuf out = STRBUF_INIT;
    strbuf_append_cstr(&out, "{\"store\":");
    strbuf_append_json_string(&out, slice_of_cstr(store));
    strbuf_printf(&out,
                  ",\"fileBytes\":\"%lld\",\"freeBytes\":\"%lld\",\"logBytes\":\"%lld\","
                  "\"schema\":%d,\"epoch\":\"%016llx\",\"isServed\":%s,\"newestEvent\":\"%lld\"",
                  (long long)m->file_bytes, (long long)m->free_bytes, (long long)m->log_bytes,
                  m->schema, (unsigned long long)m->epoch, m->is_served ? "true" : "false",
                  (long long)m->newest_event);
    append_instant(&out, a, "oldestRunAt", m->oldest_run_us);
    append_instant(&out, a, "newestRunAt", m->newest_run_us);
    append_instant(&out, a, "oldestEventAt", m->oldest_event_us);
    append_instant(&out, a, "newestEventAt", m->newest_event_us);
    append_tables(&out, m);
    strbuf_append_cstr(&out, "}\n");
    json_document_print(strbuf_slice(&out));
    strbuf_release(&out);
}

int store_tables_show(struct invocation *in, const char *url, int top) {
    struct store_measures m;
    const struct error *error = run_store_measure(in->arena, url, top, &m);
    if (error != NULL) {
        return command_error(in, error, "");
    }
    if (in->json) {
        print_json(in->arena, run_store_describe(in->arena, url), &m);
        return EXIT_CODE_OK;
    }
    print_store(in->arena, &m);
    putchar('\n');
    print_tables(in->arena, &m);
    putchar('\n');
    print_tenants(in->arena, &m);
    return EXIT_CODE_OK;
}
