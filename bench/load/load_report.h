#ifndef RUNSD_BENCH_LOAD_LOAD_REPORT_H
#define RUNSD_BENCH_LOAD_LOAD_REPORT_H

#include <stdint.h>

#include "base/core/strbuf.h"
#include "bench/load/histogram.h"

// What a load run tells: one JSON object, the same of every generator.

// How often requests ended in one way: "200", "NOT_FOUND", "timeout".
struct load_outcome {
    char name[24];
    uint64_t count;
};

enum { LOAD_OUTCOMES_MAX = 64 };

// Zero-initialize before use.
struct load_report {
    const char *generator;
    const char *loop;                                // "closed" or "open"
    int connections;                                 // or calls outstanding
    double intended_rate_per_s;                      // open loop; else 0
    struct load_outcome answers[LOAD_OUTCOMES_MAX];  // replies by status
    struct load_outcome failures[LOAD_OUTCOMES_MAX]; // requests without a reply, by cause
    uint64_t unanswered;                             // were due but had no reply when the run ended
    uint64_t targets_used;                           // how many targets were taken from the list
    int64_t elapsed_ns;                              // first intended start to last reply
    int64_t cpu_ns;                                  // the generator's own, user and system
    struct histogram latency_ns;                     // of replies, from the intended start
    // The same of replies with 2xx and of all others, where the generator tells
    // them apart; written if there were others: a refusal is fast and would hide
    // how long those waited that were served.
    struct histogram accepted_ns;
    struct histogram other_ns;
    // Of replies with 2xx from when their requests were sent: without what they
    // waited for an idle connection.
    struct histogram accepted_since_sent_ns;
};

// Counts one more of name in outcomes (LOAD_OUTCOMES_MAX of them). The last
// entry takes what finds no place, as "other".
void load_outcome_count(struct load_outcome *outcomes, const char *name);

// Appends the report as one line of JSON, without a line feed. Entries with
// count 0 are left out.
void load_report_write(const struct load_report *r, struct strbuf *out);

#endif
