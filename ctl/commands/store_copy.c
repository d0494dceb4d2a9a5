#include "storage/store_copy.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/core/strbuf.h"
#include "ctl/command.h"
#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/json_controls.h"
#include "ctl/print.h"
#include "ctl/progress.h"
#include "storage/backends.h"
#include "storage/store_opener.h"

struct copy_options {
    bool verify_only;
    bool json;
};

static const struct cli_option rows[] = {
    {.name = "--verify-only",
     CLI_FLAG_AT(struct copy_options, verify_only),
     .help = "copy nothing: compare two stores that are there"},
    {.name = "--json",
     CLI_FLAG_AT(struct copy_options, json),
     .help = "print {from, to, resumedRows, copiedRows, isSame, tables, differences}"},
    {.name = NULL},
};

static const struct cli_table tables[] = {{rows, 0}, {NULL, 0}};

// What a command has to show while it runs.
struct shown {
    const struct invocation *in;
    struct progress progress;
    const char *what;
};

static void show(void *context, const char *what, int64_t done, int64_t total) {
    struct shown *s = context;
    if (s->what != what) {
        progress_clear(&s->progress);
        progress_begin(&s->progress, s->in, what);
        s->what = what;
    }
    progress_show(&s->progress, done, total);
}

static const char *digest_text(struct arena *a, const struct store_sum *sum) {
    return arena_printf(a, "%016" PRIx64 "%016" PRIx64, sum->high, sum->low);
}

static void append_sum(struct strbuf *out, const char *name, struct arena *a,
                       const struct store_sum *sum) {
    strbuf_printf(out, ",\"%s\":{\"rows\":%" PRId64 ",\"digest\":\"%s\"}", name, sum->rows,
                  digest_text(a, sum));
}

static void append_line(struct strbuf *out, struct arena *a, const struct store_copy_line *line) {
    strbuf_printf(out, "{\"table\":\"%s\"", line->table);
    if (!line->is_total) {
        strbuf_append_cstr(out, ",\"organization\":");
        strbuf_append_json_string(out, line->organization);
    }
    append_sum(out, "from", a, &line->from);
    append_sum(out, "to", a, &line->to);
    strbuf_append_cstr(out, "}");
}

static void print_json(struct arena *a, const char *from, const char *to,
                       const struct store_copy_report *report) {
    struct strbuf out = STRBUF_INIT;
    strbuf_append_cstr(&out, "{\"from\":");
    strbuf_append_json_string(&out, slice_of_cstr(from));
    strbuf_append_cstr(&out, ",\"to\":");
    strbuf_append_json_string(&out, slice_of_cstr(to));
    strbuf_printf(&out, ",\"resumedRows\":%" PRId64 ",\"copiedRows\":%" PRId64 ",\"isSame\":%s",
                  report->resumed, report->copied,
                  report->difference_count == 0 ? "true" : "false");
    strbuf_append_cstr(&out, ",\"tables\":[");
    for (int i = 0; i < report->line_count; i++) {
        strbuf_append_cstr(&out, i > 0 ? "," : "");
        append_line(&out, a, &report->lines[i]);
    }
    strbuf_append_cstr(&out, "],\"differences\":[");
    for (int i = 0; i < report->difference_count; i++) {
        strbuf_append_cstr(&out, i > 0 ? "," : "");
        strbuf_append_json_string(&out, slice_of_cstr(report->differences[i]));
    }
    strbuf_append_cstr(&out, "]}\n");
    struct strbuf safe = STRBUF_INIT;
    json_controls_escape(strbuf_slice(&out), &safe);
    fwrite(safe.data, 1, safe.len, stdout);
    strbuf_release(&safe);
    strbuf_release(&out);
}

static void add_line(struct table *table, struct arena *a, const struct store_copy_line *line) {
    bool is_same = store_sum_is_same(&line->from, &line->to);
    table_add(table, line->is_total ? "(all)" : arena_cstr(a, line->organization));
    table_add(table, line->table);
    table_add(table, count_text(a, line->from.rows));
    table_add(table, count_text(a, line->to.rows));
    table_add(table, digest_text(a, &line->from));
    table_add(table, is_same ? "same" : "DIFFERS");
}

static void print_lines(struct arena *a, const struct store_copy_report *report) {
    static const char *const heads[] = {"ORGANIZATION", "TABLE", "FROM", "TO", "DIGEST", "RESULT"};
    struct table table;
    table_init(&table, sizeof(heads) / sizeof(heads[0]), heads);
    for (int i = 0; i < report->line_count; i++) {
        add_line(&table, a, &report->lines[i]);
    }
    table_print(&table, stdout);
    table_release(&table);
}

static void print_for_people(struct arena *a, const char *from, const char *to, bool is_copy,
                             const struct store_copy_report *report) {
    print_lines(a, report);
    for (int i = 0; i < report->difference_count; i++) {
        print_text(stdout, slice_of_cstr(report->differences[i]));
        putchar('\n');
    }
    if (report->difference_count > 0) {
        return;
    }
    if (!is_copy) {
        printf("%s and %s have the same\n", from, to);
        return;
    }
    printf("%s is a copy of %s, and verified: %s rows%s\n", to, from,
           count_text(a, report->resumed + report->copied),
           report->resumed > 0
               ? arena_printf(a, ", of which %s were there already", count_text(a, report->resumed))
               : "");
}

static int run(struct invocation *in) {
    const struct copy_options *options = in->options;
    struct shown shown = {.in = in};
    const struct store_copy_options copy = {
        .from = in->operands[0],
        .to = in->operands[1],
        .only_verify = options->verify_only,
        .on_progress = show,
        .context = &shown,
    };
    struct store_copy_report report;
    const struct error *error = run_store_copy(in->arena, &copy, &report);
    if (shown.what != NULL) {
        progress_clear(&shown.progress);
    }
    if (error != NULL) {
        return command_error(in, error, "");
    }
    const char *from = run_store_describe(in->arena, copy.from);
    const char *to = run_store_describe(in->arena, copy.to);
    if (in->json) {
        print_json(in->arena, from, to, &report);
    } else {
        print_for_people(in->arena, from, to, !options->verify_only, &report);
    }
    if (report.difference_count == 0) {
        return EXIT_CODE_OK;
    }
    if (!in->json) {
        fprintf(stderr, "runsctl: the stores differ; the lines above say where\n");
    }
    return EXIT_CODE_FAILED;
}

const struct command store_copy_command = {
    .name = "store copy",
    .place = 409,
    .operands = "FROM TO",
    .summary = "Copies a store into another one, of any kind, and compares both.",
    .details = "FROM and TO are URLs: " STORE_URLS_KEPT ".\n"
               "No server may use either meanwhile; FROM is not written to. TO is empty: a file\n"
               "that is not there yet, or a database whose tables store migrate made. All is\n"
               "copied: runs, events, tokens, keys, bulk cancels; cursors of watches and page\n"
               "tokens hold at the copy. A copy that was ended goes on where it was when it is\n"
               "given again. TO is served once both were read again and compared.\n",
    .tables = tables,
    .options_size = sizeof(struct copy_options),
    .operand_count = 2,
    .run = run,
};
