#include <stdio.h>
#include <string.h>

#include "base/core/strbuf.h"
#include "base/process/low_priority.h"
#include "ctl/backup_folder.h"
#include "ctl/command.h"
#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/json_document.h"
#include "storage/backends.h"
#include "storage/store_keeping.h"
#include "storage/store_opener.h"

struct backup_options {
    const char *store;
    bool force;
    int keep; // 0: FILE is a file
    int64_t log_limit_bytes;
    bool json;
};

enum { DEFAULT_LOG_LIMIT_BYTES = 1 << 30, MOST_KEPT = 10000 };

static const struct cli_option rows[] = {
    {.name = "--store",
     .value = "URL",
     CLI_TEXT_AT(struct backup_options, store),
     .is_required = true,
     .help = STORE_URLS_KEPT},
    {.name = "--keep",
     .value = "N",
     CLI_NUMBER_AT(struct backup_options, keep),
     .least = 1,
     .most = MOST_KEPT,
     .help =
         "FILE is a folder: make runsd-TIME.db in it, and then remove all such but the newest N"},
    {.name = "--force",
     CLI_FLAG_AT(struct backup_options, force),
     .help = "replace FILE if it is there; until the backup is whole it stays"},
    {.name = "--log-limit-bytes",
     .value = "N",
     CLI_NUMBER_AT(struct backup_options, log_limit_bytes),
     .least = 1,
     .most = INT64_MAX,
     .fallback_number = DEFAULT_LOG_LIMIT_BYTES,
     .help = "give up where the store's write-ahead log, which grows meanwhile, becomes larger"},
    {.name = "--json",
     CLI_FLAG_AT(struct backup_options, json),
     .help = "print {store, file, removed, bytes, runs, newestEvent, copiedSeconds, "
             "verifiedSeconds, logBytesBefore, logBytes, isServed}"},
    {.name = NULL},
};

static const struct cli_table tables[] = {{rows, 0}, {NULL, 0}};

// What was made: where, and how many older ones went.
struct result {
    const char *file;
    int removed;
    struct store_backup backup;
};

static void print_json(const char *store, const struct result *r) {
    const struct store_backup *b = &r->backup;
    struct strbuf out = STRBUF_INIT;
    strbuf_append_cstr(&out, "{\"store\":");
    strbuf_append_json_string(&out, slice_of_cstr(store));
    strbuf_append_cstr(&out, ",\"file\":");
    strbuf_append_json_string(&out, slice_of_cstr(r->file));
    strbuf_printf(&out,
                  ",\"removed\":%d,\"bytes\":%lld,\"runs\":%lld,\"newestEvent\":%lld,"
                  "\"copiedSeconds\":%.3f,\"verifiedSeconds\":%.3f,\"logBytesBefore\":%lld,"
                  "\"logBytes\":%lld,\"isServed\":%s}\n",
                  r->removed, (long long)b->bytes, (long long)b->runs, (long long)b->newest_event,
                  (double)b->copied_us / 1e6, (double)b->verified_us / 1e6,
                  (long long)b->log_before_bytes, (long long)b->log_bytes,
                  b->is_served ? "true" : "false");
    json_document_print(strbuf_slice(&out));
    strbuf_release(&out);
}

static void print_for_people(struct arena *a, const char *store, const struct result *r) {
    const struct store_backup *b = &r->backup;
    printf("%s is a backup of %s: %s, up to event %lld, %s bytes; copied in %.1f s, verified in "
           "%.1f s\n",
           r->file, store, count_text_of_runs(a, b->runs), (long long)b->newest_event,
           count_text(a, b->bytes), (double)b->copied_us / 1e6, (double)b->verified_us / 1e6);
    if (b->log_bytes > b->log_before_bytes) {
        printf("the store's log grew meanwhile from %s to %s bytes\n",
               count_text(a, b->log_before_bytes), count_text(a, b->log_bytes));
    }
    if (r->removed > 0) {
        printf("%d older %s removed\n", r->removed, r->removed == 1 ? "was" : "were");
    }
}

static const struct error *back_up(struct invocation *in, struct result *r) {
    const struct backup_options *options = in->options;
    const char *place = in->operands[0];
    r->file = place;
    const struct error *error =
        options->keep > 0 ? backup_folder_begin(in->arena, place, &r->file) : NULL;
    if (error != NULL) {
        return error;
    }
    low_priority_take();
    const struct store_backup_options how = {
        .file = r->file,
        .replaces = options->force || options->keep > 0,
        .log_limit_bytes = options->log_limit_bytes,
    };
    error = run_store_backup(in->arena, options->store, &how, &r->backup);
    return error == NULL && options->keep > 0
               ? backup_folder_end(in->arena, place, options->keep, &r->file, &r->removed)
               : error;
}

static int run(struct invocation *in) {
    const struct backup_options *options = in->options;
    if (options->force && options->keep > 0) {
        return command_usage_error(in, "--force and --keep exclude each other: each backup that is "
                                       "kept has a name of its own");
    }
    struct result r = {0};
    const struct error *error = back_up(in, &r);
    if (error != NULL) {
        return command_error(in, error, "");
    }
    const char *store = run_store_describe(in->arena, options->store);
    in->unwritten = "the backup was made";
    if (in->json) {
        print_json(store, &r);
    } else {
        print_for_people(in->arena, store, &r);
    }
    return EXIT_CODE_OK;
}

const struct command store_backup_command = {
    .name = "store backup",
    .place = 401,
    .operands = "FILE",
    .summary = "Writes a backup of a store, which may be served meanwhile.",
    .details = "One moment of the store: complete, read back and checked, and on the disk before\n"
               "FILE has its name. Until then it is FILE.unfinished, which the next call uses\n"
               "if this one is killed. It takes what processor and disk nobody else wants.\n"
               "FILE is readable by its owner alone: it holds what the store holds.\n",
    .tables = tables,
    .options_size = sizeof(struct backup_options),
    .operand_count = 1,
    .run = run,
};
