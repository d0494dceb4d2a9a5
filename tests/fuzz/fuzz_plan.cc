#include "tests/fuzz/fuzz_runs.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "runs/v1/bulk.pb-c.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/bulk_validate.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_size.h"
#include "server/domain/run_validate.h"
}

// Plans that clients send: of a run's work (CreateRun), of how it goes on (ReportRun), and of the
// cancel of many (CancelRuns). The first byte chooses: in lower case the rest is JSON as the
// gateway takes it, in upper case the message's bytes.

namespace {

const int64_t kNow = INT64_C(1800000000000000);

bool Refused(const struct error *e) {
    if (e != nullptr) {
        fuzz::CheckError(e);
        FUZZ_CHECK(e->code == STATUS_INVALID_ARGUMENT, "%s", e->message);
    }
    return e != nullptr;
}

void Cancel(struct arena *a, struct slice wire) {
    const auto *m =
        fuzz::Unpack(a, "CancelRunsRequest", &runs__v1__cancel_runs_request__descriptor, wire);
    struct bulk_wish wish = {};
    if (m == nullptr || Refused(bulk_validate(
                            a, reinterpret_cast<const Runs__V1__CancelRunsRequest *>(m), &wish))) {
        return;
    }
    int ways = (wish.plan != nullptr) + (wish.id_count > 0) + wish.has_filter;
    FUZZ_CHECK(ways == 1, "%d ways to say which", ways);
    for (int i = 0; i < wish.id_count; i++) {
        FUZZ_CHECK(run_validate_is_name(fuzz::Str(wish.ids[i]).c_str()), "no id");
    }
}

// What is stored and replied of a run that was taken is a Run.
void Create(struct arena *a, struct slice wire) {
    const auto *m =
        fuzz::Unpack(a, "CreateRunRequest", &runs__v1__create_run_request__descriptor, wire);
    const auto *request = reinterpret_cast<const Runs__V1__CreateRunRequest *>(m);
    if (request == nullptr || request->run == nullptr) {
        return;
    }
    struct run_record run = {};
    struct lease_wish lease = {};
    run.organization = slice_of_cstr("acme");
    run.id = slice_of_cstr("one");
    run.status = RUN_RUNNING;
    run.started_at_us = kNow;
    if (Refused(run_validate_new(a, request, run.organization, kNow, &run.terms, &lease))) {
        return;
    }
    const struct run_provenance provenance = {run.id, run.organization, kNow, slice_of_cstr("api"),
                                              slice_of_cstr("tester")};
    run.spec = run_spec_encode(a, message_field_bytes(wire, 1), &provenance, &run.fields);
    if (Refused(run_size_check(a, "run", run.spec, RUN_LARGEST_SPEC_BYTES)) ||
        Refused(run_fields_check_new(a, &run.fields))) {
        return;
    }
    FUZZ_CHECK(fuzz::Runs::Get().Parses("Run", run.spec), "what is stored is no run");
    run.updated_at_us = kNow;
    run.sequence = 1;
    struct slice parts[RUN_REPLY_PARTS];
    std::string reply;
    for (size_t i = 0, n = run_reply_parts(a, &run, parts); i < n; i++) {
        reply += fuzz::Str(parts[i]);
    }
    FUZZ_CHECK(fuzz::Runs::Get().Parses("Run", fuzz::S(reply)), "what is replied is no run");
}

void Report(struct arena *a, struct slice wire) {
    const auto *m =
        fuzz::Unpack(a, "ReportRunRequest", &runs__v1__report_run_request__descriptor, wire);
    const auto *report = reinterpret_cast<const Runs__V1__ReportRunRequest *>(m);
    struct run_fields fields = {};
    uint32_t given = 0;
    if (report == nullptr || Refused(run_validate_id(a, "id", report->id)) ||
        Refused(run_validate_reason(a, report->reason))) {
        return;
    }
    Refused(run_fields_read_report(a, report, wire, &fields, &given));
}

} // namespace

void FuzzPlan(const uint8_t *data, size_t size) {
    if (size == 0) {
        return;
    }
    const bool is_json = data[0] >= 'a';
    const char kind = static_cast<char>(is_json ? data[0] - 'a' + 'A' : data[0]);
    const char *name = kind == 'C'   ? "CancelRunsRequest"
                       : kind == 'N' ? "CreateRunRequest"
                       : kind == 'R' ? "ReportRunRequest"
                                     : nullptr;
    fuzz::Arena a;
    fuzz::Buffer made;
    struct slice wire = slice_of(data + 1, size - 1);
    if (name == nullptr || (is_json && !fuzz::Runs::Get().FromJson(name, wire, &made))) {
        return;
    }
    wire = is_json ? made.slice() : wire;
    // By name: clang's check of calls by pointer needs a library that is not linked.
    switch (kind) {
    case 'C':
        Cancel(a, wire);
        break;
    case 'N':
        Create(a, wire);
        break;
    default:
        Report(a, wire);
    }
}
