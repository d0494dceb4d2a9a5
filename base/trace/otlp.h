#ifndef RUNSD_BASE_TRACE_OTLP_H
#define RUNSD_BASE_TRACE_OTLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/strbuf.h"
#include "base/trace/trace_record.h"

// The OpenTelemetry protocol over HTTP, https://opentelemetry.io/docs/specs/otlp/ (1.x), with
// protobuf bodies, as opentelemetry/proto/{collector/trace,trace,common,resource}/v1 have it. Pure.

// Who exports: the resource's attributes. Borrowed.
struct otlp_resource {
    const char *service_name;
    const char *service_version;
    const char *instance_id;
};

// Appends an ExportTraceServiceRequest with the spans.
void otlp_append_request(struct strbuf *out, const struct otlp_resource *resource,
                         struct trace_span *const *spans, size_t count);

// Reads how many spans a collector has refused of a request that it took, from its
// ExportTraceServiceResponse: 0 if it does not say, or no such message.
int64_t otlp_read_rejected(struct slice response);

// --- what to do after an attempt ---

enum otlp_verdict {
    OTLP_DONE,
    OTLP_RETRY,  // the same request, later
    OTLP_DROP,   // it would be refused again
    OTLP_GIVE_UP // it was tried often enough
};

enum { OTLP_MOST_ATTEMPTS = 5, OTLP_LONGEST_WAIT_MS = 60000 };

// How an attempt ended.
struct otlp_outcome {
    int http_status;        // 0: there was no reply
    int64_t retry_after_ms; // as the reply says; 0: it does not
};

// Decides: statuses of 2xx are done; 429, 502, 503, 504 and no reply are tried again, after what
// Retry-After says, at most a minute, or 1 s, 2 s, 4 s, 8 s, each half of it to half more by
// chance; others are not. attempt counts from 1; random is any number. *ret_wait_ms is set for
// OTLP_RETRY.
enum otlp_verdict otlp_judge(const struct otlp_outcome *outcome, int attempt, uint32_t random,
                             int64_t *ret_wait_ms);

#endif
