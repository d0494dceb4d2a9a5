#ifndef RUNSD_BASE_CORE_BUILD_INFO_H
#define RUNSD_BASE_CORE_BUILD_INFO_H

#include <stddef.h>

#include "base/core/strbuf.h"

// What a program was built from and which libraries it runs with: for --version, the admin
// listener's /version and the metric runsd_build_info.

// What it was built from.
struct build_info {
    const char *version; // RUNSD_VERSION
    // The commit's full hash, with "-dirty" behind it if files were changed; "unknown" where it was
    // not built in a git repository.
    const char *commit;
    // The commit's time, as "2026-11-30T09:15:00Z", so that one commit always makes the same
    // program; "unknown" like commit.
    const char *date;
};

// That of this program. The three programs link what Bazel wrote (//tools/bazel:build_stamp); all
// others, tests too, say "unknown", so that a commit has nothing else linked anew.
extern const struct build_info build_info;

struct build_library {
    const char *name;    // "SQLite"
    const char *version; // of what runs, not of the headers: "3.40.1"
};

enum { BUILD_MOST_LIBRARIES = 16 };

// The libraries that a program runs with. Zeroed, it has none.
struct build_libraries {
    struct build_library items[BUILD_MOST_LIBRARIES];
    size_t count;
};

// Adds a library unless one of that name is there. The texts are borrowed for good.
void build_libraries_add(struct build_libraries *libraries, const char *name, const char *version);

// Appends the lines of --version: the first is "PROGRAM VERSION" alone.
void build_info_append_text(struct strbuf *out, const char *program,
                            const struct build_libraries *libraries);

// Appends one JSON object, without a newline: {"program":"runsd","version":"...","commit":"...",
// "date":"...","libraries":{"SQLite":"3.40.1"}}.
void build_info_append_json(struct strbuf *out, const char *program,
                            const struct build_libraries *libraries);

#endif
