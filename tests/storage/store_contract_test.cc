#include <algorithm>
#include <math.h>

#include "tests/storage/store_contract.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

INSTANTIATE_STORE_CONTRACT();

TEST_P(StoreContract, CreatedRunIsReadBackWhole) {
    StoredRun run;
    run.id = "r1";
    run.status = RUN_WAITING;
    run.started_at_us = 1234567;
    run.updated_at_us = 99; // these three are the store's to set
    run.finished_at_us = 98;
    run.sequence = 97;
    run.total_cu = 1.25;
    run.workflow_id = "wf";
    run.spec = std::string("spec\0with NUL", 13);
    run.execution_state = "state";
    Answer created = CreateRun(store_, run, {"alice", "because"});
    ASSERT_EQ(created.result, STORE_OK);

    StoredRun expected = run;
    expected.updated_at_us = 1234567;
    expected.finished_at_us = 0;
    expected.sequence = 1;
    ExpectSame(created.run, expected);
    Answer got = GetRun(store_, "r1");
    ASSERT_EQ(got.result, STORE_OK);
    ExpectSame(got.run, expected);
    EXPECT_EQ(ListEvents(store_, "r1"),
              (std::vector<Event>{{1, 0, RUN_WAITING, 1234567, "alice", "because"}}));
}

TEST_P(StoreContract, TakenIdIsRefusedAndLeavesTheFirstRun) {
    MustCreate({.id = "r1", .spec = "first"});
    EXPECT_EQ(CreateRun(store_, {.id = "r1", .started_at_us = 5, .spec = "second"}).result,
              STORE_EXISTS);
    EXPECT_EQ(GetRun(store_, "r1").run.spec, "first");
    EXPECT_EQ(ListEvents(store_, "r1").size(), 1u);
    EXPECT_EQ(ListRuns(store_, {}).runs.size(), 1u);
}

TEST_P(StoreContract, AbsentRunIsNotFoundByEveryOperation) {
    MustCreate({.id = "there"});
    enum store_result events;
    ListEvents(store_, "absent", "acme", 10, &events);
    EXPECT_EQ(events, STORE_NOT_FOUND);
    EXPECT_EQ(GetRun(store_, "absent").result, STORE_NOT_FOUND);
    EXPECT_EQ(Apply(store_, {.id = "absent"}).result, STORE_NOT_FOUND);
    // A transition that changes no status finds nothing either.
    EXPECT_EQ(Apply(store_, {.id = "absent", .to = RUN_RUNNING}).result, STORE_NOT_FOUND);
}

TEST_P(StoreContract, OrganizationsSeeNothingOfEachOther) {
    MustCreate({.organization = "acme", .id = "r", .spec = "a"});
    MustCreate({.organization = "other", .id = "r", .spec = "o"});
    MustCreate({.organization = "other", .id = "only", .spec = "o"});
    EXPECT_EQ(GetRun(store_, "only", "acme").result, STORE_NOT_FOUND);
    EXPECT_EQ(Apply(store_, {.organization = "acme", .id = "only"}).result, STORE_NOT_FOUND);
    enum store_result events;
    ListEvents(store_, "only", "acme", 10, &events);
    EXPECT_EQ(events, STORE_NOT_FOUND);

    ASSERT_EQ(Apply(store_, {.organization = "acme", .id = "r"}).result, STORE_OK);
    EXPECT_EQ(GetRun(store_, "r", "other").run.status, RUN_RUNNING);
    EXPECT_EQ(ListEvents(store_, "r", "other").size(), 1u);
    EXPECT_EQ(ListRuns(store_, {.organization = "acme"}).ids(), std::vector<std::string>{"r"});
    EXPECT_EQ(ListRuns(store_, {.organization = "none"}).runs.size(), 0u);
    EXPECT_EQ(ListRuns(store_, {.organization = ""}).runs.size(), 0u);
}

TEST_P(StoreContract, NamesAreComparedByteByByte) {
    const std::vector<std::string> ids = {
        "run",        "StoredRun",   "RUN", "run ", "ru",  std::string("run\0", 4),
        "r\xc3\xbcn", "ru\xcc\x88n", "1",   "01",   "1.0", std::string("\0run", 4),
        "\xff\xfe",   "\xc3",        "\xff"};
    for (const std::string &id : ids) {
        MustCreate({.id = id, .spec = "spec of " + id});
    }
    for (const std::string &id : ids) {
        Answer a = GetRun(store_, id);
        ASSERT_EQ(a.result, STORE_OK) << id;
        EXPECT_EQ(a.run.id, id);
        EXPECT_EQ(a.run.spec, "spec of " + id);
    }
    std::vector<std::string> listed = ListRuns(store_, {}).ids();
    EXPECT_TRUE(std::is_permutation(listed.begin(), listed.end(), ids.begin(), ids.end()));
    EXPECT_EQ(GetRun(store_, "run", "ACME").result, STORE_NOT_FOUND);

    for (const std::string &organization : ids) {
        MustCreate({.organization = organization, .id = "r", .spec = "of " + organization});
    }
    for (const std::string &organization : ids) {
        EXPECT_EQ(GetRun(store_, "r", organization).run.spec, "of " + organization);
        EXPECT_EQ(ListRuns(store_, {.organization = organization}).runs.size(), 1u);
    }
}

TEST_P(StoreContract, CancelSetsStatusTimesAndEvent) {
    MustCreate({.id = "r",
                .started_at_us = 1000,
                .total_cu = 7,
                .workflow_id = "w",
                .spec = "s",
                .execution_state = "e"});
    Answer a = Apply(store_, {.id = "r", .at_us = 5000, .actor = "bob", .reason = "stop"});
    ASSERT_EQ(a.result, STORE_OK);
    StoredRun expected = {.id = "r",
                          .status = RUN_CANCELLED,
                          .started_at_us = 1000,
                          .updated_at_us = 5000,
                          .finished_at_us = 5000,
                          .sequence = 2,
                          .total_cu = 7,
                          .workflow_id = "w",
                          .spec = "s",
                          .execution_state = "e"};
    ExpectSame(a.run, expected);
    ExpectSame(GetRun(store_, "r").run, expected);
    EXPECT_EQ(ListEvents(store_, "r"),
              (std::vector<Event>{{1, 0, RUN_RUNNING, 1000, "creator", ""},
                                  {2, RUN_RUNNING, RUN_CANCELLED, 5000, "bob", "stop"}}));
}

TEST_P(StoreContract, TransitionStartsOnlyFromTheStatusesGiven) {
    for (int from = RUN_RUNNING; from <= RUN_CANCELLED; from++) {
        for (uint32_t mask = 0; mask <= RUN_STATUS_ALL; mask += 2) {
            std::string id = std::to_string(from) + "-" + std::to_string(mask);
            MustCreate({.id = id, .status = static_cast<run_status>(from)});
            enum run_status to = from == RUN_FAILURE ? RUN_SUCCESS : RUN_FAILURE;
            Answer a = Apply(store_, {.id = id, .from = mask, .to = to});
            bool allowed = (mask & RUN_STATUS_BIT(from)) != 0;
            EXPECT_EQ(a.result, allowed ? STORE_OK : STORE_CONFLICT) << id;
            EXPECT_EQ(a.run.status, allowed ? to : from) << id;
            EXPECT_EQ(a.run.id, id);
            ExpectSame(a.run, GetRun(store_, id).run);
            EXPECT_EQ(ListEvents(store_, id).size(), allowed ? 2u : 1u) << id;
        }
    }
}

TEST_P(StoreContract, ConflictChangesNothingAndShowsTheRun) {
    MustCreate({.id = "r", .total_cu = 1, .spec = "s", .execution_state = "e"});
    StoredRun finished = Apply(store_, {.id = "r", .to = RUN_SUCCESS}).run;
    Answer a = Apply(store_, {.id = "r",
                              .to = RUN_CANCELLED,
                              .at_us = 9999,
                              .set_execution_state = true,
                              .execution_state = "late",
                              .set_total_cu = true,
                              .total_cu = 99});
    EXPECT_EQ(a.result, STORE_CONFLICT);
    ExpectSame(a.run, finished);
    ExpectSame(GetRun(store_, "r").run, finished);
    EXPECT_EQ(ListEvents(store_, "r").size(), 2u);
}

TEST_P(StoreContract, RepeatedCancelIsAConflict) {
    MustCreate({.id = "r"});
    EXPECT_EQ(Apply(store_, {.id = "r", .at_us = 2000}).result, STORE_OK);
    Answer again = Apply(store_, {.id = "r", .at_us = 3000});
    EXPECT_EQ(again.result, STORE_CONFLICT);
    EXPECT_EQ(again.run.finished_at_us, 2000);
}

TEST_P(StoreContract, SameStatusReplacesStateAndUnitsWithoutAnEvent) {
    struct Row {
        const char *id;
        bool set_state;
        const char *state;
        bool set_cu;
        double cu;
        const char *expected_state;
        double expected_cu;
    };
    const Row rows[] = {
        {"neither", false, "x", false, 9, "old", 1}, {"state", true, "new", false, 9, "new", 1},
        {"units", false, "x", true, 9, "old", 9},    {"both", true, "new", true, 9, "new", 9},
        {"emptied", true, "", true, 0, "", 0},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.id);
        MustCreate({.id = row.id,
                    .started_at_us = 1000,
                    .total_cu = 1,
                    .spec = "s",
                    .execution_state = "old"});
        Answer a = Apply(store_, {.id = row.id,
                                  .to = RUN_RUNNING,
                                  .at_us = 7777,
                                  .set_execution_state = row.set_state,
                                  .execution_state = row.state,
                                  .set_total_cu = row.set_cu,
                                  .total_cu = row.cu});
        ASSERT_EQ(a.result, STORE_OK);
        StoredRun expected = {.id = row.id,
                              .status = RUN_RUNNING,
                              .started_at_us = 1000,
                              .updated_at_us = 1000,
                              .sequence = 1,
                              .total_cu = row.expected_cu,
                              .spec = "s",
                              .execution_state = row.expected_state};
        ExpectSame(a.run, expected);
        ExpectSame(GetRun(store_, row.id).run, expected);
        EXPECT_EQ(ListEvents(store_, row.id).size(), 1u);
    }
}

TEST_P(StoreContract, TransitionReplacesStateAndUnitsWithItsEvent) {
    MustCreate({.id = "r", .total_cu = 1, .spec = "s", .execution_state = "old"});
    Answer a = Apply(store_, {.id = "r",
                              .to = RUN_WAITING,
                              .set_execution_state = true,
                              .execution_state = "paused",
                              .set_total_cu = true,
                              .total_cu = 2.5});
    ASSERT_EQ(a.result, STORE_OK);
    EXPECT_EQ(a.run.execution_state, "paused");
    EXPECT_EQ(a.run.total_cu, 2.5);
    EXPECT_EQ(a.run.finished_at_us, 0);
    // One that sets neither leaves both.
    a = Apply(
        store_,
        {.id = "r", .to = RUN_SUCCESS, .at_us = 3000, .execution_state = "unused", .total_cu = 77});
    EXPECT_EQ(a.run.execution_state, "paused");
    EXPECT_EQ(a.run.total_cu, 2.5);
    EXPECT_EQ(a.run.finished_at_us, 3000);
    ExpectSame(a.run, GetRun(store_, "r").run);
}

TEST_P(StoreContract, ExtremeNumbersAreKept) {
    const double units[] = {0, 5e-324, 1.7976931348623157e308, 9007199254740993.0, 0.1};
    for (size_t i = 0; i < std::size(units); i++) {
        std::string id = std::to_string(i);
        MustCreate({.id = id, .total_cu = units[i]});
        EXPECT_EQ(GetRun(store_, id).run.total_cu, units[i]);
    }
    MustCreate({.id = "nan", .total_cu = NAN});
    EXPECT_TRUE(isnan(GetRun(store_, "nan").run.total_cu));
    MustCreate({.id = "infinite", .total_cu = INFINITY});
    EXPECT_EQ(GetRun(store_, "infinite").run.total_cu, INFINITY);
    MustCreate({.id = "early", .started_at_us = -62135596800000000});
    EXPECT_EQ(GetRun(store_, "early").run.started_at_us, -62135596800000000);
}

TEST_P(StoreContract, TimeNeverRunsBackwardsWithinARun) {
    MustCreate({.id = "r", .started_at_us = 10000});
    Answer a = Apply(store_, {.id = "r", .to = RUN_WAITING, .at_us = 20000});
    EXPECT_EQ(a.run.updated_at_us, 20000);
    a = Apply(store_, {.id = "r", .to = RUN_RUNNING, .at_us = 15000});
    EXPECT_EQ(a.run.updated_at_us, 20000);
    a = Apply(store_, {.id = "r", .at_us = 5});
    EXPECT_EQ(a.run.finished_at_us, 20000);
    EXPECT_GE(a.run.finished_at_us, a.run.started_at_us);
    int64_t newest = 0;
    for (const Event &e : ListEvents(store_, "r")) {
        EXPECT_GE(e.at_us, newest);
        newest = e.at_us;
    }
    MustCreate({.id = "future", .started_at_us = 10000});
    EXPECT_EQ(Apply(store_, {.id = "future", .at_us = 1}).run.finished_at_us, 10000);
}

TEST_P(StoreContract, SequenceHasNoGapsAndEventsComeOldestFirst) {
    MustCreate({.id = "r"});
    const int kChanges = 99;
    for (int i = 0; i < kChanges; i++) {
        ASSERT_EQ(Apply(store_, {.id = "r",
                                 .to = i % 2 == 0 ? RUN_WAITING : RUN_RUNNING,
                                 .at_us = 2000 + i,
                                 .reason = std::to_string(i)})
                      .result,
                  STORE_OK);
    }
    std::vector<Event> all = ListEvents(store_, "r");
    ASSERT_EQ(all.size(), 1u + kChanges);
    for (size_t i = 0; i < all.size(); i++) {
        EXPECT_EQ(all[i].sequence, static_cast<int64_t>(i) + 1);
        EXPECT_EQ(all[i].from, i == 0 ? 0 : all[i - 1].to);
    }
    EXPECT_EQ(GetRun(store_, "r").run.sequence, 1 + kChanges);
    // A limit keeps the newest.
    std::vector<Event> newest = ListEvents(store_, "r", "acme", 3);
    EXPECT_EQ(newest, std::vector<Event>(all.end() - 3, all.end()));
}

TEST_P(StoreContract, BodiesOfAnySizeAreKept) {
    for (size_t size : {0, 1, 4095, 4096, 4097, 100000, 9000000}) {
        SCOPED_TRACE(size);
        std::string id = std::to_string(size);
        std::string spec(size, '\xff');
        std::string state(size, '\0');
        MustCreate({.id = id, .spec = spec, .execution_state = state});
        Answer a = GetRun(store_, id);
        EXPECT_TRUE(a.run.spec == spec);
        EXPECT_TRUE(a.run.execution_state == state);
        a = Apply(store_, {.id = id, .set_execution_state = true, .execution_state = spec});
        EXPECT_TRUE(a.run.execution_state == spec);
        EXPECT_TRUE(a.run.spec == spec);
        EXPECT_TRUE(GetRun(store_, id).run.execution_state == spec);
    }
}

// Sets the field to a value that no new run has.
void SetField(struct run_fields *fields, int field) {
    void *value = run_field_of(fields, field);
    switch (run_field_info[field].type) {
    case RUN_FIELD_INTEGER:
        *static_cast<int64_t *>(value) = INT64_MAX;
        break;
    case RUN_FIELD_REAL:
        *static_cast<double *>(value) = 2.5;
        break;
    case RUN_FIELD_BYTES:
        *static_cast<struct slice *>(value) = slice_of_cstr("bytes");
        break;
    }
}

bool IsSet(const struct run_fields &fields, int field) {
    const void *value = run_field_in(&fields, field);
    switch (run_field_info[field].type) {
    case RUN_FIELD_INTEGER:
        return *static_cast<const int64_t *>(value) == INT64_MAX;
    case RUN_FIELD_REAL:
        return *static_cast<const double *>(value) == 2.5;
    default:
        return ToString(*static_cast<const struct slice *>(value)) == "bytes";
    }
}

uint32_t FieldsSet(const struct run_fields &fields) {
    uint32_t set = 0;
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        set |= IsSet(fields, i) ? 1u << i : 0;
    }
    return set;
}

// Whatever fields there are: each is replaced where it is given, and no other.
TEST_P(StoreContract, EachFieldOfAReportIsKeptByItself) {
    struct run_fields all = {};
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        SetField(&all, i);
    }
    for (bool has_event : {false, true}) {
        for (uint32_t given = 0; given <= RUN_FIELDS_ALL; given++) {
            std::string id = (has_event ? "e" : "n") + std::to_string(given);
            SCOPED_TRACE(id);
            MustCreate({.id = id});
            STORE_OP(report, transition_run);
            Transition t = {.id = id, .to = has_event ? RUN_WAITING : RUN_RUNNING};
            FillTransition(report, t);
            report->fields = all;
            report->given = given;
            ASSERT_EQ(report.RunOn(store_), STORE_OK) << report.detail();
            EXPECT_EQ(FieldsSet(report->ret.fields), given);
            STORE_OP(get, get_run);
            get->organization = slice_of_cstr("acme");
            get->id = ToSlice(id);
            ASSERT_EQ(get.RunOn(store_), STORE_OK);
            EXPECT_EQ(FieldsSet(get->ret.fields), given);
        }
    }
    STORE_OP(create, create_run);
    StoredRun run = {.id = "created"};
    FillCreate(create, run);
    create->in.fields = all;
    ASSERT_EQ(create.RunOn(store_), STORE_OK);
    STORE_OP(list, list_runs);
    list->organization = slice_of_cstr("acme");
    list->status = RUN_STATUS_ALL;
    list->started_after_us = INT64_MIN;
    list->started_before_us = INT64_MAX;
    list->limit = 1000;
    ASSERT_EQ(list.RunOn(store_), STORE_OK);
    int created = 0;
    for (int i = 0; i < list->ret_count; i++) {
        if (ToString(list->ret_runs[i].id) == "created") {
            EXPECT_EQ(FieldsSet(list->ret_runs[i].fields), RUN_FIELDS_ALL);
            created++;
        }
    }
    EXPECT_EQ(created, 1);
}

TEST_P(StoreContract, DeadlineInThePastIsExpiredAndChangesNothing) {
    MustCreate({.id = "r"});
    for (int64_t deadline_us : {INT64_C(1), clock_monotonic_us()}) {
        STORE_OP(cancel, transition_run);
        Transition t = {.id = "r"};
        FillTransition(cancel, t);
        cancel->op.deadline_us = deadline_us;
        EXPECT_EQ(cancel.RunOn(store_), STORE_EXPIRED);
        STORE_OP(get, get_run);
        std::string id = "r";
        get->organization = slice_of_cstr("acme");
        get->id = ToSlice(id);
        get->op.deadline_us = deadline_us;
        EXPECT_EQ(get.RunOn(store_), STORE_EXPIRED);
    }
    EXPECT_EQ(GetRun(store_, "r").run.status, RUN_RUNNING);
    STORE_OP(cancel, transition_run);
    Transition t = {.id = "r"};
    FillTransition(cancel, t);
    cancel->op.deadline_us = clock_monotonic_us() + 3600 * INT64_C(1000000);
    EXPECT_EQ(cancel.RunOn(store_), STORE_OK);
}

TEST_P(StoreContract, OperationThatIsTooLargeChangesNothing) {
    const size_t kClaimed = size_t{300} * 1024 * 1024; // never read: refused by its size
    MustCreate({.id = "r"});
    StoredRun run;
    run.id = "huge";
    STORE_OP(create, create_run);
    FillCreate(create, run);
    create->in.spec = slice_of("", kClaimed);
    EXPECT_EQ(create.RunOn(store_), STORE_TOO_LARGE);
    EXPECT_NE(create.detail().find("268435456"), std::string::npos) << create.detail();
    Transition t;
    t.id = "r";
    t.set_execution_state = true;
    STORE_OP(transition, transition_run);
    FillTransition(transition, t);
    transition->fields.execution_state = slice_of("", kClaimed);
    EXPECT_EQ(transition.RunOn(store_), STORE_TOO_LARGE);
    const size_t causes[] = {
        offsetof(struct event_cause, actor),           offsetof(struct event_cause, reason),
        offsetof(struct event_cause, request_id),      offsetof(struct event_cause, remote_address),
        offsetof(struct event_cause, idempotency_key),
    };
    static_assert(sizeof(causes) / sizeof(causes[0]) * sizeof(struct slice) ==
                  sizeof(struct event_cause));
    for (size_t offset : causes) {
        struct event_cause cause = {};
        *reinterpret_cast<struct slice *>(reinterpret_cast<char *>(&cause) + offset) =
            slice_of("", kClaimed);
        create->in.spec = SLICE_EMPTY;
        create->cause = cause;
        EXPECT_EQ(create.RunOn(store_), STORE_TOO_LARGE) << offset;
        transition->fields.execution_state = SLICE_EMPTY;
        transition->cause = cause;
        EXPECT_EQ(transition.RunOn(store_), STORE_TOO_LARGE) << offset;
    }
    EXPECT_EQ(GetRun(store_, "huge").result, STORE_NOT_FOUND);
    EXPECT_EQ(GetRun(store_, "r").run.status, RUN_RUNNING);
}

TEST_P(StoreContract, TokensAreListedByOrganizationThenName) {
    Token b = {.organization = "acme",
               .name = "b",
               .hash = std::string(32, '\1'),
               .scopes = 0xFFFFFFFFu,
               .created_at_us = 1,
               .expires_at_us = 2};
    Token a = {.organization = "acme", .name = "a", .hash = std::string(32, '\0')};
    Token o = {.organization = "Zed", .name = "c", .hash = std::string(32, '\xff')};
    for (const Token &t : {b, a, o}) {
        ASSERT_EQ(CreateToken(store_, t), STORE_OK);
    }
    std::vector<Token> all = ListTokens(store_, "");
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].name, "c");
    EXPECT_EQ(all[1].name, "a");
    EXPECT_EQ(all[2].name, "b");
    EXPECT_EQ(all[2].organization, "acme");
    EXPECT_EQ(all[2].hash, b.hash);
    EXPECT_EQ(all[2].scopes, 0xFFFFFFFFu);
    EXPECT_EQ(all[2].created_at_us, 1);
    EXPECT_EQ(all[2].expires_at_us, 2);
    EXPECT_EQ(all[2].revoked_at_us, 0);
    EXPECT_EQ(ListTokens(store_, "acme").size(), 2u);
    EXPECT_EQ(ListTokens(store_, "nobody").size(), 0u);
}

TEST_P(StoreContract, TakenTokenNameOrHashIsRefused) {
    ASSERT_EQ(CreateToken(store_, {.name = "a", .hash = std::string(32, 'a')}), STORE_OK);
    EXPECT_EQ(CreateToken(store_, {.name = "a", .hash = std::string(32, 'b')}), STORE_EXISTS);
    EXPECT_EQ(
        CreateToken(store_, {.organization = "other", .name = "z", .hash = std::string(32, 'a')}),
        STORE_EXISTS);
    EXPECT_EQ(
        CreateToken(store_, {.organization = "other", .name = "a", .hash = std::string(32, 'c')}),
        STORE_OK);
    EXPECT_EQ(ListTokens(store_, "").size(), 2u);
}

// A clock that went back, or was never set, takes no revocation away.
TEST_P(StoreContract, RevocationIsOneWhateverTheClockSays) {
    const struct {
        int64_t created_us, at_us, revoked_us;
    } rows[] = {{100, 200, 200}, {100, 50, 100}, {0, 0, 1}, {-5, -7, 1}, {100, 0, 100}};
    int n = 0;
    for (const auto &row : rows) {
        Token t;
        t.name = std::to_string(n);
        t.hash[0] = static_cast<char>(n++);
        t.created_at_us = row.created_us;
        ASSERT_EQ(CreateToken(store_, t), STORE_OK);
        Token revoked;
        ASSERT_EQ(RevokeToken(store_, "acme", t.name, row.at_us, &revoked), STORE_OK);
        EXPECT_EQ(revoked.revoked_at_us, row.revoked_us);
        ASSERT_EQ(RevokeToken(store_, "acme", t.name, 900, &revoked), STORE_OK);
        EXPECT_EQ(revoked.revoked_at_us, row.revoked_us);
    }
}

TEST_P(StoreContract, RevocationIsKeptAtItsFirstTime) {
    ASSERT_EQ(CreateToken(store_, {.name = "a", .scopes = 3}), STORE_OK);
    Token t;
    EXPECT_EQ(RevokeToken(store_, "acme", "b", 10, &t), STORE_NOT_FOUND);
    EXPECT_EQ(RevokeToken(store_, "other", "a", 10, &t), STORE_NOT_FOUND);
    ASSERT_EQ(RevokeToken(store_, "acme", "a", 10, &t), STORE_OK);
    EXPECT_EQ(t.revoked_at_us, 10);
    EXPECT_EQ(t.scopes, 3u);
    EXPECT_EQ(t.name, "a");
    ASSERT_EQ(RevokeToken(store_, "acme", "a", 20, &t), STORE_OK);
    EXPECT_EQ(t.revoked_at_us, 10);
    EXPECT_EQ(ListTokens(store_, "acme")[0].revoked_at_us, 10);
}

} // namespace
