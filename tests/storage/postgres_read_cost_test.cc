#include <cstdio>
#include <gtest/gtest.h>
#include <memory>

#include "tests/storage/postgres_cluster.h"
#include "tests/storage/store_testing.h"

extern "C" {
#include "base/core/clock.h"
#include "storage/op/count_runs.h"
#include "storage/op/find_revision.h"
#include "storage/op/find_runs.h"
#include "storage/op/get_bulk.h"
#include "storage/op/get_organization.h"
#include "storage/op/list_bulk_items.h"
#include "storage/op/list_bulks.h"
#include "storage/op/list_changes.h"
#include "storage/op/list_due.h"
#include "storage/op/list_ended.h"
#include "storage/op/list_leases.h"
#include "storage/op/list_tokens.h"
#include "storage/op/list_unfinished_bulks.h"
#include "storage/op/plan_trim.h"
#include "storage/op/store_stats.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"
}

using namespace store_testing;

// How many rows PostgreSQL looks at for what a store reads: those of the answer and a few more,
// whatever else the tables hold, by plans that were made when the tables were empty and by plans
// made of each statement (through a pooler).

namespace {

constexpr int64_t kStart = 1700000000000000;
constexpr int64_t kSecond = 1000000;
constexpr int kRuns = 24000; // of "big", one each second; the oldest kActive are not final
constexpr int kActive = 4;   // held by "executor", due one hour later
constexpr int kOthers = 100; // organizations that have kOfOther runs each
constexpr int kOfOther = 20; // all final

// Each run has two events. $N: see above.
const char *const kFill = R"(
CREATE TEMP TABLE g AS
 SELECT 'big'::text AS o, i, i<4 AS is_active, 1700000000000000+i*1000000::int8 AS at
  FROM generate_series(0, 23999) AS i
 UNION ALL SELECT 'other-'||lpad(o::text, 3, '0'), i, false, 1700000000000000+i*1000000::int8
  FROM generate_series(0, 99) AS o, generate_series(0, 19) AS i;
CREATE TEMP TABLE h AS SELECT o::bytea AS o, ('run-'||lpad(i::text, 6, '0'))::bytea AS id,
 ('w'||lpad((i%50)::text, 2, '0'))::bytea AS w, CASE WHEN is_active THEN 2 ELSE 3 END AS status,
 is_active, at, 2*i+1 AS revision FROM g ORDER BY at, o;
INSERT INTO organization SELECT o, count(*)*2, 0, 0, 0, 0, count(*) FILTER (WHERE is_active),
 count(*) FILTER (WHERE NOT is_active), 0, 0, count(*)*1000, now() FROM h GROUP BY o;
INSERT INTO run_count SELECT o, w, 0, count(*) FILTER (WHERE is_active),
 count(*) FILTER (WHERE NOT is_active), 0, 0 FROM h GROUP BY o, w;
INSERT INTO run(organization, id, workflow_id, status, started_at, updated_at, sequence, attempt,
 created_revision, newest_revision, ended_revision, total_cu, has_terms, has_parent)
 SELECT o, id, w, status, at, at+1, 2, 0, revision, revision+1,
 CASE WHEN is_active THEN 0 ELSE revision+1 END, 1, is_active, false FROM h;
INSERT INTO run_body SELECT run_key, repeat('s', 1000)::bytea, ''::bytea FROM run;
INSERT INTO run_active SELECT o, at, id FROM h WHERE is_active;
INSERT INTO run_term SELECT o, id, w, at, status, 1, false, 4, at+3600000000, 0, 'executor', 30, 0,
 at+3600000000, 0, false FROM h WHERE is_active;
INSERT INTO event SELECT o, revision, id, 1, 1, 0, 1, at, 0, '', 'actor', '', '', '', '', w FROM h;
INSERT INTO event SELECT o, revision+1, id, 2, 2, 1, status, at+1, 0, '', 'actor', 'why', '', '',
 '', w FROM h;
INSERT INTO bulk(organization, id, state, is_dry_run, cascades, has_filter, statuses, workflow_id,
 source_run_id, holder, started_after, started_before, is_collected, cursor_at, cursor_id,
 parent_id, as_of_revision, created_at, started_at, finished_at, total, cancelled, already_final,
 not_found, actor, reason, request_id, remote_address, idempotency_key)
 VALUES('big', 'job', 3, false, false, false, 0, '', '', '', 0, 0, true, 0, '', '', 1, 1, 1, 0,
 12000, 0, 11997, 0, '', '', '', '', '');
INSERT INTO bulk_item SELECT 1, ('run-'||lpad(i::text, 6, '0'))::bytea,
 CASE WHEN i<11997 THEN 2 ELSE 0 END, CASE WHEN i<11997 THEN NULL ELSE 2 END, 1
 FROM generate_series(0, 11999) AS i;
INSERT INTO token SELECT o, 'token', '', sha256(o), 1, 1, 0, 0, 0, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0,
 0, 0 FROM (SELECT DISTINCT o FROM h) AS d)";

// The tables that are more than a page or two: others may be read whole where a plan is made of
// each statement.
#define IS_LARGE "relname IN ('run', 'run_body', 'run_count', 'event', 'bulk_item')"

struct Cost {
    int64_t rows = 0;  // of tables and indexes that were looked at
    int64_t scans = 0; // of whole tables that are large
};

class PostgresReadCost : public testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        cluster_ = &PostgresCluster::Shared();
        database_ = cluster_->NewDatabase();
        url_ = cluster_->Url(database_);
        struct pg_connection_options options = {};
        options.conninfo = url_.c_str();
        options.application_name = "test";
        options.is_pooled = GetParam();
        options.log = &log_;
        connection_ = pg_connection_new(&options);
        ASSERT_EQ(pg_connection_open(connection_, clock_monotonic_us() + 20 * kSecond), PG_OK)
            << pg_connection_detail(connection_);
    }
    void TearDown() override {
        pg_connection_free(connection_);
    }
    void Fill() {
        cluster_->Query(database_, kFill);
        cluster_->Query(database_, "ANALYZE");
    }

    // Reads by the operation, whose result is to be STORE_OK.
    void Read(struct store_op *op) {
        struct arena temporary;
        arena_init(&temporary);
        const struct postgres_op *kind = postgres_ops[op->kind->index];
        enum pg_outcome outcome = kind->read_all != nullptr
                                      ? kind->read_all(connection_, &temporary, op)
                                      : kind->read(connection_, &temporary, op);
        EXPECT_EQ(outcome, PG_OK) << op->kind->name << ": " << pg_connection_detail(connection_);
        EXPECT_TRUE(outcome != PG_OK || op->result == STORE_OK || op->result == STORE_NOT_FOUND)
            << op->kind->name << ": " << op->result << " "
            << (op->detail != nullptr ? op->detail : "");
        pg_connection_clear(connection_);
        arena_release(&temporary);
    }

    // What the sessions looked at until now.
    Cost Total() {
        static const struct pg_statement flush = {"flush", "SELECT pg_stat_force_next_flush()"};
        EXPECT_EQ(pg_run(connection_, &flush, nullptr, nullptr), PG_OK);
        pg_connection_clear(connection_);
        Cost c;
        c.rows = std::stoll(cluster_->Value(
            database_, "SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)"
                       "+(SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE " IS_LARGE ")"));
        c.scans =
            std::stoll(cluster_->Value(database_, "SELECT sum(seq_scan) FROM pg_stat_user_tables"
                                                  " WHERE " IS_LARGE));
        return c;
    }

    // What reading by op costs.
    Cost CostOf(struct store_op *op) {
        Cost before = Total();
        Read(op);
        Cost after = Total();
        return {after.rows - before.rows, after.scans - before.scans};
    }
    void ExpectCheap(struct store_op *op, int64_t most) {
        Cost c = CostOf(op);
        EXPECT_LE(c.rows, most) << op->kind->name;
        EXPECT_EQ(c.scans, 0) << op->kind->name;
        EXPECT_EQ(op->result, STORE_OK) << op->kind->name;
    }

    struct store_list_runs *ListRuns(Op<struct store_list_runs> &l, int limit = 20) {
        l->organization = ToSlice(big_);
        l->status = RUN_STATUS_ALL;
        l->started_after_us = INT64_MIN;
        l->started_before_us = INT64_MAX;
        l->limit = limit;
        return l.operator->();
    }

    const std::string big_ = "big";
    const std::string executor_ = "executor";
    struct logger log_ = {};
    PostgresCluster *cluster_ = nullptr;
    std::string database_;
    std::string url_;
    struct pg_connection *connection_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Sessions, PostgresReadCost, testing::Bool(),
                         [](const testing::TestParamInfo<bool> &info) {
                             return info.param ? "pooled" : "prepared";
                         });

TEST_P(PostgresReadCost, RunsAreReadByTheirIds) {
    const std::string absent = "absent";
    {
        STORE_OP(early, get_run); // is planned here
        early->organization = ToSlice(big_);
        early->id = ToSlice(absent);
        Read(early.get());
        EXPECT_EQ(early.get()->result, STORE_NOT_FOUND);
    }
    Fill();
    STORE_OP(one, get_run);
    const std::string id = "run-000001";
    one->organization = ToSlice(big_);
    one->id = ToSlice(id);
    ExpectCheap(one.get(), 4);
    EXPECT_EQ(ToString(one->ret.holder), "executor");
    EXPECT_EQ(one->ret.spec.len, 1000u);

    constexpr int kGets = 150;
    std::vector<std::string> ids;
    std::vector<std::unique_ptr<Op<struct store_get_run>>> gets;
    for (int i = 0; i < kGets; i++) {
        char text[16];
        snprintf(text, sizeof(text), "run-%06d", i * 100);
        ids.push_back(i == 7 ? absent : text);
    }
    for (int i = 0; i < kGets; i++) {
        gets.push_back(std::make_unique<Op<struct store_get_run>>(&store_get_run_kind));
        (*gets[i])->organization = ToSlice(big_);
        (*gets[i])->id = ToSlice(ids[i]);
        if (i > 0) {
            gets[i - 1]->get()->next = gets[i]->get();
        }
    }
    Cost c = CostOf(gets[0]->get());
    EXPECT_LE(c.rows, 3 * kGets);
    EXPECT_EQ(c.scans, 0);
    for (int i = 0; i < kGets; i++) {
        ASSERT_EQ(gets[i]->get()->result, i == 7 ? STORE_NOT_FOUND : STORE_OK) << i;
        EXPECT_TRUE(i == 7 || ToString((*gets[i])->ret.id) == ids[i]) << i;
    }

    STORE_OP(found, find_runs);
    std::vector<struct slice> slices;
    for (const std::string &s : ids) {
        slices.push_back(ToSlice(s));
    }
    found->organization = ToSlice(big_);
    found->ids = slices.data();
    found->count = kGets;
    ExpectCheap(found.get(), 3 * kGets);
    EXPECT_FALSE(found->ret[7].is_there);
    EXPECT_EQ(ToString(found->ret[0].holder), "executor");
    EXPECT_EQ(ToString(found->ret[8].reason), "why");
}

TEST_P(PostgresReadCost, ListsReadThePageThatTheyReturn) {
    for (int is_early = 1; is_early >= 0; is_early--) {
        if (!is_early) {
            Fill();
        }
        auto expect = [&](struct store_op *op, int64_t most) {
            if (is_early) {
                Read(op);
            } else {
                ExpectCheap(op, most);
            }
        };
        STORE_OP(all, list_runs);
        ListRuns(all);
        expect(all.get(), 3 * 21);
        EXPECT_EQ(all->ret_count, is_early ? 0 : 20);
        EXPECT_EQ(all->ret_newest_revision, is_early ? 0 : 2 * kRuns);

        STORE_OP(of_workflow, list_runs);
        const std::string workflow = "w07";
        ListRuns(of_workflow)->workflow_id = ToSlice(workflow);
        expect(of_workflow.get(), 3 * 21);
        EXPECT_EQ(of_workflow->ret_count, is_early ? 0 : 20);

        STORE_OP(active, list_runs); // few among many that are final, and the oldest
        ListRuns(active)->status = RUN_STATUS_ACTIVE;
        expect(active.get(), 20);
        EXPECT_EQ(active->ret_count, is_early ? 0 : kActive);

        STORE_OP(held, list_runs);
        ListRuns(held)->holder = ToSlice(executor_);
        expect(held.get(), 25);
        EXPECT_EQ(held->ret_count, is_early ? 0 : kActive);

        STORE_OP(of_status, list_runs); // none has it: so many are looked at
        ListRuns(of_status)->status = RUN_STATUS_BIT(RUN_FAILURE);
        expect(of_status.get(), 10050);
        EXPECT_EQ(of_status->ret_count, 0);
        EXPECT_EQ(of_status->ret_has_more, !is_early);
        if (!is_early) {
            EXPECT_EQ(of_status->ret_cursor.started_at_us, kStart + (kRuns - 10000) * kSecond);
        }

        STORE_OP(from_cursor, list_runs);
        const std::string id = "run-000100";
        ListRuns(from_cursor)->has_cursor = true;
        from_cursor->cursor = {kStart + 100 * kSecond, ToSlice(id)};
        expect(from_cursor.get(), 3 * 21);
        EXPECT_EQ(from_cursor->ret_count, is_early ? 0 : 20);
        if (!is_early) {
            EXPECT_EQ(ToString(from_cursor->ret_runs[0].id), "run-000099");
        }

        STORE_OP(by_id, list_runs);
        const struct slice ids[] = {ToSlice(id)};
        ListRuns(by_id)->ids = ids;
        by_id->id_count = 1;
        expect(by_id.get(), 5);
        EXPECT_EQ(by_id->ret_count, is_early ? 0 : 1);

        STORE_OP(due, list_due);
        due->until_us = kStart + 3600 * kSecond + 2;
        due->limit = 100;
        expect(due.get(), 5);
        EXPECT_EQ(due->ret_count, is_early ? 0 : 1);
        EXPECT_EQ(due->ret_next_due_us, is_early ? 0 : kStart + 3601 * kSecond);

        STORE_OP(leases, list_leases);
        leases->limit = 2;
        expect(leases.get(), 10);
        EXPECT_EQ(leases->ret_count, is_early ? 0 : 2);

        STORE_OP(ended, list_ended);
        ended->finished_before_us = kStart + 100000 * kSecond;
        ended->limit = 50;
        expect(ended.get(), 110); // events, and the rows of their runs
        EXPECT_EQ(ended->ret_count, is_early ? 0 : 50);
    }
}

TEST_P(PostgresReadCost, FeedsAndHistoriesReadWhatTheyReturn) {
    for (int is_early = 1; is_early >= 0; is_early--) {
        if (!is_early) {
            Fill();
        }
        auto expect = [&](struct store_op *op, int64_t most) {
            if (is_early) {
                Read(op);
            } else {
                ExpectCheap(op, most);
            }
        };
        for (bool with_runs : {false, true}) {
            STORE_OP(changes, list_changes);
            changes->organization = ToSlice(big_);
            changes->after_revision = is_early ? 0 : 20000;
            changes->limit = 100;
            changes->with_runs = with_runs;
            expect(changes.get(), with_runs ? 310 : 110);
            EXPECT_EQ(changes->ret_count, is_early ? 0 : 100);
            EXPECT_EQ(changes->ret_newest, is_early ? 0 : 2 * kRuns);
        }
        STORE_OP(head, list_changes);
        head->organization = ToSlice(big_);
        expect(head.get(), 2);

        STORE_OP(events, list_events);
        const std::string id = "run-000100";
        events->organization = ToSlice(big_);
        events->id = ToSlice(id);
        events->limit = 100;
        expect(events.get(), 5);
        EXPECT_EQ(events->ret_count, is_early ? 0 : 2);

        STORE_OP(revision, find_revision);
        revision->organization = ToSlice(big_);
        revision->at_us = kStart + 5000 * kSecond;
        expect(revision.get(), 20);
        EXPECT_EQ(revision->ret_revision, is_early ? 0 : 10000);

        STORE_OP(trim, plan_trim);
        trim->limit = 10;
        trim->oldest_at_us = kStart + 5000 * kSecond;
        trim->most_events = INT64_MAX;
        expect(trim.get(), 150);
        EXPECT_EQ(trim->ret_count, is_early ? 0 : 10);
        EXPECT_EQ(trim->ret_has_more, !is_early);
    }
}

TEST_P(PostgresReadCost, JobsTokensAndCountsReadWhatTheyReturn) {
    const std::string job = "job";
    for (int is_early = 1; is_early >= 0; is_early--) {
        if (!is_early) {
            Fill();
        }
        auto expect = [&](struct store_op *op, int64_t most) {
            if (is_early) {
                Read(op);
            } else {
                ExpectCheap(op, most);
            }
        };
        STORE_OP(bulk, get_bulk);
        bulk->organization = ToSlice(big_);
        bulk->id = ToSlice(job);
        bulk->sample = 2;
        expect(bulk.get(), 5);
        EXPECT_EQ(bulk->ret_sample_count, is_early ? 0 : 2);

        STORE_OP(items, list_bulk_items);
        items->organization = ToSlice(big_);
        items->id = ToSlice(job);
        items->outcomes = BULK_OUTCOME_ALL;
        items->limit = 50;
        expect(items.get(), 55);
        EXPECT_EQ(items->ret_count, is_early ? 0 : 50);

        STORE_OP(open, list_bulk_items); // far behind: so many are looked at
        open->organization = ToSlice(big_);
        open->id = ToSlice(job);
        open->outcomes = BULK_OUTCOME_BIT(BULK_OPEN);
        open->limit = 50;
        expect(open.get(), 10005);
        EXPECT_EQ(open->ret_count, 0);
        EXPECT_EQ(open->ret_has_more, !is_early);
        EXPECT_EQ(ToString(open->ret_after), is_early ? "" : "run-009999");

        STORE_OP(bulks, list_bulks);
        bulks->organization = ToSlice(big_);
        bulks->limit = 10;
        expect(bulks.get(), 3);
        EXPECT_EQ(bulks->ret_count, is_early ? 0 : 1);

        STORE_OP(unfinished, list_unfinished_bulks);
        unfinished->limit = 10;
        expect(unfinished.get(), 3);
        EXPECT_EQ(unfinished->ret_count, is_early ? 0 : 1);

        STORE_OP(counts, count_runs);
        counts->organization = ToSlice(big_);
        counts->by_workflow = true;
        counts->limit = 10;
        expect(counts.get(), 15);
        EXPECT_EQ(counts->ret_count, is_early ? 0 : 10);
        EXPECT_EQ(counts->ret_runs[RUN_SUCCESS], is_early ? 0 : kRuns - kActive);

        STORE_OP(organization, get_organization);
        organization->name = ToSlice(big_);
        expect(organization.get(), 3);
        EXPECT_EQ(organization->ret.tokens, is_early ? 0 : 1);

        STORE_OP(tokens, list_tokens);
        tokens->organization = ToSlice(big_);
        expect(tokens.get(), 2);
        EXPECT_EQ(tokens->ret_count, is_early ? 0 : 1);
    }
}

// What it has is counted up to a number, and estimated from there on.
TEST_P(PostgresReadCost, AStoreOfManyTellsAboutHowManyItHas) {
    Fill();
    STORE_OP(stats, store_stats);
    Cost c = CostOf(stats.get());
    EXPECT_LE(c.rows, 12000);
    EXPECT_EQ(stats->ret.organizations, kOthers + 1);
    EXPECT_EQ(stats->ret.runs[RUN_SUCCESS], kRuns - kActive + kOthers * kOfOther);
    EXPECT_EQ(stats->ret.runs[RUN_WAITING], kActive);
    EXPECT_NEAR(static_cast<double>(stats->ret.events), 2.0 * (kRuns + kOthers * kOfOther), 3000);
    EXPECT_EQ(stats->ret.jobs, 1);
    EXPECT_EQ(stats->ret.oldest_event_at_us, kStart);
    EXPECT_GT(stats->ret.bytes, 10000000);
}

} // namespace
