// What a request to cancel many runs must be, and how bulk cancels are replied.

#include <map>

#include "tests/server/validate_testing.h"

extern "C" {
#include "runs/v1/bulk.pb-c.h"
#include "server/domain/bulk_codec.h"
#include "server/domain/bulk_error.h"
#include "server/domain/bulk_validate.h"
}

namespace {

using namespace validate_testing;

// Of CancelRunsRequest and RunFilter.
std::string Id(const std::string &id) {
    return Bytes(1, id);
}
std::string Filter(const std::string &filter) {
    return Bytes(2, filter);
}
std::string Plan(const std::string &id) {
    return Bytes(3, id);
}
const std::string kDryRun = Uint(4, 1);
const std::string kCascade = Uint(5, 1);

struct Wish {
    Violations violations;
    bulk_wish wish = {};
    TestArena arena;
};

void Read(const std::string &request, Wish *wish) {
    ProtobufCMessage *message = nullptr;
    const struct error *e =
        message_unpack(wish->arena.get(), &runs__v1__cancel_runs_request__descriptor,
                       slice_of(request.data(), request.size()), &message);
    ASSERT_EQ(nullptr, e) << e->message;
    wish->violations = ViolationsOf(bulk_validate(
        wish->arena.get(), reinterpret_cast<Runs__V1__CancelRunsRequest *>(message), &wish->wish));
}

Violations Refusal(const std::string &request) {
    Wish wish;
    Read(request, &wish);
    return wish.violations;
}

const char *const kNothing = "must name something: status, workflowId, sourceRunId, startedAfter, "
                             "startedBefore or leaseHolder; got none of them";
const char *const kIdSyntax =
    "must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, but neither \".\" nor \"..\", got ";

TEST(BulkValidate, WantsExactlyOneOfIdsFilterAndPlan) {
    const std::string filter = Filter(Bytes(2, "wf"));
    EXPECT_EQ(
        (Violations{{"ids", "must have 1 to 5000 ids where neither filter nor plan is given"}}),
        Refusal(""));
    EXPECT_EQ(
        (Violations{{"ids", "must have 1 to 5000 ids where neither filter nor plan is given"}}),
        Refusal(kDryRun + kCascade + Bytes(6, "because")));
    EXPECT_EQ((Violations{{"filter", "cannot be given together with ids: give one of them"}}),
              Refusal(Id("r") + filter));
    EXPECT_EQ((Violations{{"plan", "cannot be given together with ids: give one of them"}}),
              Refusal(Id("r") + Plan("p")));
    EXPECT_EQ((Violations{{"plan", "cannot be given together with filter: give one of them"}}),
              Refusal(filter + Plan("p")));
    EXPECT_EQ((Violations{{"filter", "cannot be given together with ids: give one of them"},
                          {"plan", "cannot be given together with ids: give one of them"}}),
              Refusal(Id("r") + filter + Plan("p")));
    // An empty filter beside ids is as little a filter of all runs as one alone.
    EXPECT_EQ((Violations{{"filter", "cannot be given together with ids: give one of them"}}),
              Refusal(Id("r") + Filter("")));
}

TEST(BulkValidate, RefusesAFilterThatNamesNothingInAllItsForms) {
    for (const auto &filter :
         {std::string(), Bytes(2, ""), Bytes(2, "") + Bytes(3, "") + Bytes(6, ""), Bytes(1, "")}) {
        EXPECT_EQ((Violations{{"filter", kNothing}}), Refusal(Filter(filter)));
        EXPECT_EQ((Violations{{"filter", kNothing}}), Refusal(Filter(filter) + kDryRun));
    }
}

TEST(BulkValidate, ReadsEveryPartOfAFilter) {
    Wish wish;
    Read(Filter(Uint(1, 1) + Uint(1, 2) + Bytes(2, "wf") + Bytes(3, "r0") + Bytes(4, Uint(1, 7)) +
                Bytes(5, Uint(1, 9) + Uint(2, 1500)) + Bytes(6, "worker-7")) +
             kDryRun + kCascade,
         &wish);
    EXPECT_EQ(Violations{}, wish.violations);
    EXPECT_TRUE(wish.wish.has_filter);
    EXPECT_EQ(0, wish.wish.id_count);
    EXPECT_EQ(nullptr, wish.wish.plan);
    const run_filter &filter = wish.wish.filter;
    EXPECT_EQ(RUN_STATUS_BIT(RUN_RUNNING) | RUN_STATUS_BIT(RUN_WAITING), filter.statuses);
    EXPECT_TRUE(slice_equal_cstr(filter.workflow_id, "wf"));
    EXPECT_TRUE(slice_equal_cstr(filter.source_run_id, "r0"));
    EXPECT_TRUE(slice_equal_cstr(filter.holder, "worker-7"));
    EXPECT_EQ(7'000'000, filter.started_after_us);
    EXPECT_EQ(9'000'001, filter.started_before_us);
}

// A bound of 0 is none in the store, and a time that was never set is sent as one: by itself it
// would let all runs through.
TEST(BulkValidate, RefusesBoundsBeforeWhichNoRunStarted) {
    for (const auto &[seconds, number] :
         std::map<int64_t, std::string>{{0, "0"}, {-1, "-1"}, {-62135596800, "-62135596800"}}) {
        const std::string instant = Uint(1, static_cast<uint64_t>(seconds));
        const std::string why = "must be later than 1970-01-01T00:00:00Z, before which no run "
                                "started, got " +
                                number + " seconds";
        EXPECT_EQ((Violations{{"filter.startedAfter", why}}),
                  Refusal(Filter(Bytes(4, seconds == 0 ? "" : instant))));
        EXPECT_EQ((Violations{{"filter.startedBefore", why}}),
                  Refusal(Filter(Bytes(2, "wf") + Bytes(5, instant))));
    }
    Wish wish;
    Read(Filter(Bytes(4, Uint(2, 1000))), &wish);
    EXPECT_EQ(Violations{}, wish.violations);
    EXPECT_EQ(1, wish.wish.filter.started_after_us);
}

// A newer client may say by such a field which runs are to be spared.
TEST(BulkValidate, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ((Violations{{"filter", "has a field that this server does not know, of number 15"}}),
              Refusal(Filter(Bytes(2, "wf") + Uint(15, 1))));
    EXPECT_EQ((Violations{{"request", "has a field that this server does not know, of number 99"}}),
              Refusal(Id("r") + Bytes(99, "x")));
    EXPECT_EQ((Violations{{"request", "has a field that this server does not know, of number 99"}}),
              Refusal(Plan("p") + Bytes(99, "x")));
}

TEST(BulkValidate, NamesWhatIsWrongWithAFilter) {
    const std::string long_text(1025, 'x');
    const struct {
        std::string filter;
        Violations expected;
    } rows[] = {
        {Uint(1, 3), {{"filter.status[0]", "must be running or waiting, got success"}}},
        {Uint(1, 1) + Uint(1, 5),
         {{"filter.status[1]", "must be running or waiting, got cancelled"}}},
        {Uint(1, 0), {{"filter.status[0]", "must be running or waiting, got 0"}}},
        {Uint(1, 99), {{"filter.status[0]", "must be running or waiting, got 99"}}},
        {Uint(1, static_cast<uint64_t>(-1)),
         {{"filter.status[0]", "must be running or waiting, got -1"}}},
        {Bytes(2, long_text), {{"filter.workflowId", "has 1025 bytes, at most 1024 are allowed"}}},
        {Bytes(3, "a b"), {{"filter.sourceRunId", kIdSyntax + std::string("\"a b\"")}}},
        {Bytes(6, std::string(257, 'x')),
         {{"filter.leaseHolder", "has 257 bytes, at most 256 are allowed"}}},
        {Bytes(6, "a\nb"), {{"filter.leaseHolder", "must have no control characters"}}},
        {Bytes(4, Uint(1, 253402300800)),
         {{"filter.startedAfter",
           "must be a time in the years 1 to 9999, got 253402300800 seconds"}}},
        {Bytes(5, Uint(1, static_cast<uint64_t>(-62135596801))),
         {{"filter.startedBefore",
           "must be a time in the years 1 to 9999, got -62135596801 seconds"}}},
        {Bytes(5, Uint(2, 1000000000)),
         {{"filter.startedBefore", "must be a time in the years 1 to 9999, got 0 seconds"}}},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(row.expected, Refusal(Filter(row.filter)));
    }
}

TEST(BulkValidate, IdsAreNamedByTheirPlace) {
    std::string most;
    for (int i = 0; i < 5000; i++) {
        most += Id("r" + std::to_string(i));
    }
    EXPECT_EQ(Violations{}, Refusal(most));
    EXPECT_EQ((Violations{{"ids", "has 5001 ids, at most 5000 are allowed"}}),
              Refusal(most + Id("r")));
    EXPECT_EQ((Violations{{"ids[1]", kIdSyntax + std::string("\"a b\"")},
                          {"ids[3]", kIdSyntax + std::string("\"\"")},
                          {"ids[4]", kIdSyntax + std::string("129 bytes")}}),
              Refusal(Id("r") + Id("a b") + Id("r") + Id("") + Id(std::string(129, 'x'))));
    std::string all_wrong;
    for (int i = 0; i < 5000; i++) {
        all_wrong += Id("/");
    }
    EXPECT_EQ(20u, Refusal(all_wrong).size());
    Wish wish;
    Read(Id("r1") + Id("r2") + kCascade, &wish);
    ASSERT_EQ(2, wish.wish.id_count);
    EXPECT_TRUE(slice_equal_cstr(wish.wish.ids[1], "r2"));
    EXPECT_FALSE(wish.wish.has_filter);
}

TEST(BulkValidate, APlanHasSaidAllButTheReason) {
    Wish wish;
    Read(Plan("p-1") + Bytes(6, "now"), &wish);
    EXPECT_EQ(Violations{}, wish.violations);
    EXPECT_STREQ("p-1", wish.wish.plan);
    EXPECT_EQ((Violations{{"plan", kIdSyntax + std::string("\"a b\"")}}), Refusal(Plan("a b")));
    EXPECT_EQ((Violations{{"dryRun", "cannot be true with plan, which was a dry run: leave it out"},
                          {"cascade",
                           "cannot be true with plan, whose dry run has said it: leave it out"}}),
              Refusal(Plan("p") + kDryRun + kCascade));
}

TEST(BulkValidate, AReasonHasAtMost1024Bytes) {
    EXPECT_EQ(Violations{}, Refusal(Id("r") + Bytes(6, std::string(1024, 'x'))));
    EXPECT_EQ((Violations{{"reason", "has 1025 bytes, at most 1024 are allowed"}}),
              Refusal(Id("r") + Bytes(6, std::string(1025, 'x'))));
}

TEST(BulkValidate, ReadsOutcomes) {
    const struct {
        std::string request;
        uint32_t expected;
        Violations violations;
    } rows[] = {
        {"", BULK_OUTCOME_ALL, {}},
        {Uint(2, 1), BULK_OUTCOME_BIT(BULK_CANCELLED), {}},
        {Uint(2, 2) + Uint(2, 3),
         BULK_OUTCOME_BIT(BULK_ALREADY_FINAL) | BULK_OUTCOME_BIT(BULK_NOT_FOUND),
         {}},
        {Uint(2, 4), BULK_OUTCOME_BIT(BULK_OPEN), {}},
        {Uint(2, 4) + Uint(2, 0),
         0,
         {{"outcome[1]", "must be cancelled, already_final, not_found or open, got 0"}}},
        {Uint(2, 5),
         0,
         {{"outcome[0]", "must be cancelled, already_final, not_found or open, got 5"}}},
    };
    for (const auto &row : rows) {
        TestArena a;
        ProtobufCMessage *message = nullptr;
        ASSERT_EQ(nullptr,
                  message_unpack(a.get(), &runs__v1__list_bulk_cancel_outcomes_request__descriptor,
                                 slice_of(row.request.data(), row.request.size()), &message));
        uint32_t outcomes = 0;
        const auto *request = reinterpret_cast<Runs__V1__ListBulkCancelOutcomesRequest *>(message);
        EXPECT_EQ(row.violations,
                  ViolationsOf(bulk_validate_outcomes(a.get(), request, &outcomes)));
        if (row.violations.empty()) {
            EXPECT_EQ(row.expected, outcomes);
        }
    }
}

// --- replies ---

std::unique_ptr<Runs__V1__BulkCancel, void (*)(Runs__V1__BulkCancel *)>
Replied(const bulk_record &bulk, const std::vector<std::string> &sample = {}) {
    TestArena a;
    std::vector<slice> ids;
    for (const auto &id : sample) {
        ids.push_back(slice_of(id.data(), id.size()));
    }
    strbuf b = STRBUF_INIT;
    bulk_put(&b, a.get(), &bulk, ids.data(), static_cast<int>(ids.size()));
    slice bytes = strbuf_slice(&b);
    auto *reply = runs__v1__bulk_cancel__unpack(nullptr, bytes.len, bytes.data);
    strbuf_release(&b);
    return {reply,
            [](Runs__V1__BulkCancel *r) { runs__v1__bulk_cancel__free_unpacked(r, nullptr); }};
}

bulk_record Bulk(enum bulk_state state) {
    bulk_record bulk = {};
    bulk.organization = slice_of_cstr("acme");
    bulk.id = slice_of_cstr("b-1");
    bulk.state = state;
    bulk.created_at_us = 1'700'000'000'000'000;
    bulk.cause.actor = slice_of_cstr("ci");
    bulk.cause.reason = slice_of_cstr("why");
    bulk.total = 10;
    bulk.cancelled = 4;
    bulk.already_final = 3;
    bulk.not_found = 2;
    return bulk;
}

TEST(BulkCodec, TellsWhatIsKnownOfAJob) {
    bulk_record bulk = Bulk(BULK_RUNNING);
    bulk.is_dry_run = true;
    bulk.cascades = true;
    bulk.has_filter = true;
    bulk.filter.statuses = RUN_STATUS_BIT(RUN_WAITING);
    bulk.filter.workflow_id = slice_of_cstr("wf");
    bulk.filter.source_run_id = slice_of_cstr("r0");
    bulk.filter.holder = slice_of_cstr("worker");
    bulk.filter.started_after_us = 1'000'000;
    bulk.filter.started_before_us = 2'500'000;
    bulk.started_at_us = bulk.created_at_us + 1;
    auto reply = Replied(bulk, {"r1", "r2"});
    ASSERT_NE(nullptr, reply);
    EXPECT_STREQ("b-1", reply->id);
    EXPECT_EQ(RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_RUNNING, reply->state);
    EXPECT_EQ(10, reply->total);
    EXPECT_EQ(4, reply->cancelled);
    EXPECT_EQ(3, reply->already_final);
    EXPECT_EQ(2, reply->not_found);
    EXPECT_EQ(1, reply->open);
    ASSERT_EQ(2u, reply->n_sample);
    EXPECT_STREQ("r2", reply->sample[1]);
    EXPECT_TRUE(reply->dry_run);
    EXPECT_TRUE(reply->cascade);
    ASSERT_NE(nullptr, reply->filter);
    ASSERT_EQ(1u, reply->filter->n_status);
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_WAITING, reply->filter->status[0]);
    EXPECT_STREQ("wf", reply->filter->workflow_id);
    EXPECT_STREQ("r0", reply->filter->source_run_id);
    EXPECT_STREQ("worker", reply->filter->lease_holder);
    EXPECT_EQ(1, reply->filter->started_after->seconds);
    EXPECT_EQ(500'000'000, reply->filter->started_before->nanos);
    EXPECT_STREQ("ci", reply->actor);
    EXPECT_STREQ("why", reply->reason);
    EXPECT_EQ(1'700'000'000, reply->created_at->seconds);
    EXPECT_EQ(1000, reply->started_at->nanos);
    EXPECT_EQ(nullptr, reply->finished_at);
    EXPECT_EQ(nullptr, reply->expires_at);
}

TEST(BulkCodec, OnlyAPlanExpires) {
    for (auto state : {BULK_PLANNING, BULK_PLANNED, BULK_RUNNING, BULK_DONE, BULK_ABORTED}) {
        auto reply = Replied(Bulk(state));
        ASSERT_NE(nullptr, reply);
        EXPECT_EQ(nullptr, reply->filter);
        ASSERT_EQ(state == BULK_PLANNED, reply->expires_at != nullptr) << bulk_state_word(state);
        if (state == BULK_PLANNED) {
            EXPECT_EQ(1'700'003'600, reply->expires_at->seconds);
        }
    }
}

TEST(BulkCodec, EachOutcomeIsThatOfTheProtos) {
    const std::map<enum bulk_outcome, int> numbers = {
        {BULK_CANCELLED, RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_CANCELLED},
        {BULK_ALREADY_FINAL, RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_ALREADY_FINAL},
        {BULK_NOT_FOUND, RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_NOT_FOUND},
        {BULK_OPEN, RUNS__V1__BULK_CANCEL_OUTCOME__BULK_CANCEL_OUTCOME_OPEN},
    };
    for (const auto &[outcome, number] : numbers) {
        store_bulk_item item = {slice_of_cstr("r1"), outcome};
        strbuf b = STRBUF_INIT;
        bulk_put_item(&b, &item);
        slice bytes = strbuf_slice(&b);
        auto *run = runs__v1__bulk_cancel_run__unpack(nullptr, bytes.len, bytes.data);
        strbuf_release(&b);
        ASSERT_NE(nullptr, run);
        EXPECT_STREQ("r1", run->run_id);
        EXPECT_EQ(number, static_cast<int>(run->outcome));
        runs__v1__bulk_cancel_run__free_unpacked(run, nullptr);
    }
}

TEST(BulkError, SaysWhatIsWrongAndWhatHelps) {
    TestArena a;
    const struct error *e = bulk_error_not_found(a.get(), "b-1");
    EXPECT_EQ(STATUS_NOT_FOUND, e->code);
    EXPECT_STREQ("BULK_CANCEL_NOT_FOUND", e->reason);
    EXPECT_STREQ("there is no bulk cancel \"b-1\"", e->message);
    EXPECT_STREQ("b-1", e->resource_name);
    bulk_record done = Bulk(BULK_DONE);
    e = bulk_error_ended(a.get(), &done, "aborted");
    EXPECT_EQ(STATUS_FAILED_PRECONDITION, e->code);
    EXPECT_STREQ("BULK_CANCEL_ENDED", e->reason);
    EXPECT_STREQ("the bulk cancel \"b-1\" cannot be aborted: its state is done", e->message);
    EXPECT_STREQ("state", e->metadata->key);
    EXPECT_STREQ("done", e->metadata->value);
    bulk_record plan = Bulk(BULK_PLANNED);
    e = bulk_error_expired(a.get(), &plan);
    EXPECT_STREQ("BULK_CANCEL_ENDED", e->reason);
    EXPECT_STREQ("the bulk cancel \"b-1\" cannot be executed any more: it was planned until "
                 "2023-11-14T23:13:20Z",
                 e->message);
    e = bulk_error_limit(a.get(), 16);
    EXPECT_EQ(STATUS_RESOURCE_EXHAUSTED, e->code);
    EXPECT_STREQ("BULK_CANCEL_LIMIT", e->reason);
    EXPECT_STREQ("the organization has 16 bulk cancels that are not over, its limit; nothing was "
                 "changed",
                 e->message);
    EXPECT_LT(0, e->retry_after_ms);
}

} // namespace
