#include "bench/load/load_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void load_outcome_count(struct load_outcome *outcomes, const char *name) {
    for (int i = 0; i < LOAD_OUTCOMES_MAX; i++) {
        struct load_outcome *o = &outcomes[i];
        if (o->count == 0) {
            const char *given = i == LOAD_OUTCOMES_MAX - 1 ? "other" : name;
            (void)snprintf(o->name, sizeof(o->name), "%s", given);
        } else if (i < LOAD_OUTCOMES_MAX - 1 && strcmp(o->name, name) != 0) {
            continue;
        }
        o->count++;
        return;
    }
}

static uint64_t write_outcomes(const struct load_outcome *outcomes, const char *key,
                               struct strbuf *out) {
    uint64_t total = 0;
    strbuf_printf(out, ",\"%s\":{", key);
    for (int i = 0; i < LOAD_OUTCOMES_MAX && outcomes[i].count > 0; i++) {
        if (i > 0) {
            strbuf_append_cstr(out, ",");
        }
        strbuf_append_json_string(out, slice_of_cstr(outcomes[i].name));
        strbuf_printf(out, ":%" PRIu64, outcomes[i].count);
        total += outcomes[i].count;
    }
    strbuf_append_cstr(out, "}");
    return total;
}

static double us(uint64_t ns) {
    return (double)ns / 1e3;
}

static void write_latency(const struct histogram *h, const char *key, struct strbuf *out) {
    strbuf_printf(out,
                  ",\"%s\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,"
                  "\"p999\":%.1f,\"max\":%.1f}",
                  key, histogram_mean(h) / 1e3, us(histogram_percentile(h, 50)),
                  us(histogram_percentile(h, 90)), us(histogram_percentile(h, 99)),
                  us(histogram_percentile(h, 99.9)), us(h->max));
}

void load_report_write(const struct load_report *r, struct strbuf *out) {
    double seconds = (double)r->elapsed_ns / 1e9;
    strbuf_append_cstr(out, "{\"generator\":");
    strbuf_append_json_string(out, slice_of_cstr(r->generator));
    strbuf_append_cstr(out, ",\"loop\":");
    strbuf_append_json_string(out, slice_of_cstr(r->loop));
    strbuf_printf(out, ",\"connections\":%d,\"intendedRatePerSecond\":%.1f", r->connections,
                  r->intended_rate_per_s);
    uint64_t answered = write_outcomes(r->answers, "answers", out);
    uint64_t failed = write_outcomes(r->failures, "failures", out);
    strbuf_printf(out, ",\"requests\":%" PRIu64 ",\"unanswered\":%" PRIu64, answered + failed,
                  r->unanswered);
    strbuf_printf(out, ",\"targetsUsed\":%" PRIu64 ",\"seconds\":%.6f,\"ratePerSecond\":%.1f",
                  r->targets_used, seconds, seconds > 0 ? (double)answered / seconds : 0);
    write_latency(&r->latency_ns, "latencyUs", out);
    if (r->other_ns.total > 0) {
        write_latency(&r->accepted_ns, "acceptedLatencyUs", out);
        write_latency(&r->accepted_since_sent_ns, "acceptedSinceSentUs", out);
        write_latency(&r->other_ns, "otherLatencyUs", out);
    }
    strbuf_printf(out, ",\"generatorCpuUsPerRequest\":%.3f}",
                  answered > 0 ? (double)r->cpu_ns / 1e3 / (double)answered : 0);
}
