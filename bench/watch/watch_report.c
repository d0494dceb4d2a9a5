#include "bench/watch/watch_report.h"

#include <inttypes.h>

static void put_latency(struct strbuf *out, const char *name, const struct histogram *h) {
    strbuf_printf(out, ",\"%s\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name,
                  (double)histogram_percentile(h, 50) / 1e3,
                  (double)histogram_percentile(h, 99) / 1e3, (double)h->max / 1e3);
}

static void put_count(struct strbuf *out, const char *name, uint64_t count) {
    strbuf_printf(out, ",\"%s\":%" PRIu64, name, count);
}

static void put_bytes(struct strbuf *out, const char *name, int64_t bytes) {
    strbuf_printf(out, ",\"%s\":%" PRId64, name, bytes);
}

void watch_report_write(const struct watch_options *options, const struct watch_report *report,
                        struct strbuf *out) {
    const struct delivery_book *book = &report->book;
    uint64_t expected = delivery_book_expected(book);
    strbuf_printf(out, "{\"service\":\"%s\",\"groups\":%zu,\"watchers\":%zu,\"connections\":%zu",
                  options->api->name, options->groups, options->watchers, options->connections);
    strbuf_printf(out, ",\"intendedChangesPerSecond\":%.1f,\"seconds\":%.3f,\"openSeconds\":%.3f",
                  options->changes_per_s, (double)report->elapsed_ns / 1e9,
                  (double)report->open_ns / 1e9);
    put_count(out, "changes", book->ack_ns.total);
    put_count(out, "failedChanges", report->failed_changes);
    put_count(out, "deliveries", book->deliveries);
    put_count(out, "lost", expected > book->deliveries ? expected - book->deliveries : 0);
    put_count(out, "duplicated", book->duplicated);
    put_count(out, "disordered", book->disordered);
    put_count(out, "foreign", book->foreign);
    put_count(out, "unreadable", report->unreadable);
    put_count(out, "ended", report->ended);
    put_count(out, "beforeAck", book->before_ack);
    put_latency(out, "sinceAckUs", &book->since_ack_ns);
    put_latency(out, "sinceSentUs", &book->since_sent_ns);
    put_latency(out, "ackUs", &book->ack_ns);
    put_bytes(out, "serverCpuNs", report->server_cpu_ns);
    put_bytes(out, "ownCpuNs", report->own_cpu_ns);
    put_bytes(out, "rssBeforeBytes", report->rss_before_bytes);
    put_bytes(out, "rssOpenBytes", report->rss_open_bytes);
    put_bytes(out, "rssAfterBytes", report->rss_after_bytes);
    strbuf_append_byte(out, '}');
}
