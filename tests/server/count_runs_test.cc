// How many runs there are, as a client asks for it.

#include "tests/server/service_fixture.h"

extern "C" {
#include "runs/v1/bulk.pb-c.h"
}

namespace {

TEST_F(Service, CountsByStatusAndByWorkflow) {
    auto create = [&](const std::string &id, const std::string &workflow) {
        ASSERT_EQ(0, As(reader_, "RunsService/CreateRun",
                        Bytes(1, Bytes(3, id) + Bytes(16, Bytes(3, Nodes())) +
                                     (workflow.empty() ? "" : Bytes(17, workflow))))
                         ->code);
    };
    create("a1", "wf-a");
    create("a2", "wf-a");
    create("b1", "wf-b");
    create("c1", "");
    As(reader_, "RunsService/CancelRun", Bytes(1, "a1"));
    using Counts =
        std::unique_ptr<Runs__V1__CountRunsResponse, void (*)(Runs__V1__CountRunsResponse *)>;
    auto count = [&](const std::string &request) -> Counts {
        auto reply = As(reader_, "RunsService/CountRuns", request);
        EXPECT_EQ(0, reply->code) << reply->message;
        return {runs__v1__count_runs_response__unpack(
                    nullptr, reply->bytes.size(),
                    reinterpret_cast<const uint8_t *>(reply->bytes.data())),
                [](Runs__V1__CountRunsResponse *c) {
                    runs__v1__count_runs_response__free_unpacked(c, nullptr);
                }};
    };
    auto all = count("");
    EXPECT_EQ(4, all->total);
    ASSERT_EQ(5u, all->n_by_status);
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_RUNNING, all->by_status[0]->status);
    EXPECT_EQ(3, all->by_status[0]->count);
    EXPECT_EQ(1, all->by_status[4]->count);
    EXPECT_EQ(0u, all->n_by_workflow);
    auto cancelled = count(Uint(1, 5) + Uint(3, 1));
    EXPECT_EQ(1, cancelled->total);
    ASSERT_EQ(1u, cancelled->n_by_status);
    ASSERT_EQ(1u, cancelled->n_by_workflow);
    EXPECT_STREQ("wf-a", cancelled->by_workflow[0]->workflow_id);
    auto one = count(Bytes(2, "wf-a") + Uint(3, 1));
    EXPECT_EQ(2, one->total);
    ASSERT_EQ(1u, one->n_by_workflow);
    EXPECT_EQ(2, one->by_workflow[0]->total);
    // By pages of one workflow each.
    std::map<std::string, int64_t> seen;
    std::string token;
    int pages = 0;
    do {
        auto page = count(Uint(3, 1) + Uint(4, 1) + (token.empty() ? "" : Bytes(5, token)));
        for (size_t i = 0; i < page->n_by_workflow; i++) {
            seen[page->by_workflow[i]->workflow_id] += page->by_workflow[i]->total;
        }
        EXPECT_EQ(4, page->total);
        token = page->next_page_token;
        ASSERT_LT(++pages, 10);
    } while (!token.empty());
    EXPECT_EQ((std::map<std::string, int64_t>{{"", 1}, {"wf-a", 2}, {"wf-b", 1}}), seen);
    auto other = As(other_, "RunsService/CountRuns", "");
    EXPECT_EQ(0, other->code);
    for (const auto &[field, request] : std::map<std::string, std::string>{
             {"status", Uint(1, 9)},
             {"workflowId", Bytes(2, std::string(1025, 'x'))},
             {"pageSize", Uint(4, static_cast<uint64_t>(-1))},
             {"pageToken", Uint(3, 1) + Bytes(5, "made up")},
         }) {
        auto refused = As(reader_, "RunsService/CountRuns", request);
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, refused->code) << field;
        EXPECT_EQ(std::vector<std::string>{field}, refused->fields);
    }
}

} // namespace
