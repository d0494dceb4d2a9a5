#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "runs/v1/runs_service.pb-c.h"
#include "tests/server/validate_testing.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "server/domain/message_guard.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_validate.h"
}

namespace {

using namespace wire;

// "field description" of each violation of a run with this schema and propValues.
std::vector<std::string> Violations(const std::string &schema, const std::string &props,
                                    const std::string &more = "") {
    const std::string nodes = Entry("root", Object(Entry("type", Text("manual"))));
    const std::string bytes = Bytes(7, props) + Bytes(16, schema + Bytes(3, nodes)) + more;
    TestArena a;
    ExactBytes exact(bytes);
    ProtobufCMessage *message = nullptr;
    const struct error *e =
        message_unpack(a.get(), &runs__v1__run__descriptor, exact.slice(), &message);
    if (e != nullptr) {
        ADD_FAILURE() << e->message;
        return {};
    }
    e = validate_testing::ValidateNew(a.get(), message);
    std::vector<std::string> all;
    for (auto *v = e != nullptr ? e->violations : nullptr; v != nullptr; v = v->next) {
        all.push_back(std::string(v->field) + " " + v->description);
    }
    return all;
}

TEST(RunForks, EachIsNamedByItsIndex) {
    const std::string bad =
        Uint(1, UINT64_MAX) + Bytes(2, std::string(1025, 'f')) + Bytes(3, std::string(8193, 'u'));
    const std::string longest =
        Uint(1, 0) + Bytes(2, std::string(1024, 'f')) + Bytes(3, std::string(8192, 'u'));
    EXPECT_EQ((std::vector<std::string>{
                  "run.simulationForks[1].chainId must be at least 0, got -1",
                  "run.simulationForks[1].forkId has 1025 bytes, at most 1024 are allowed",
                  "run.simulationForks[1].rpcUrl has 8193 bytes, at most 8192 are allowed"}),
              Violations("", "", Bytes(8, longest) + Bytes(8, bad)));
}

TEST(RunForks, TwentyViolationsAreNamed) {
    std::string forks;
    for (int i = 0; i < 100; i++) {
        forks += Bytes(8, Uint(1, UINT64_MAX));
    }
    EXPECT_EQ(20u, Violations("", "", forks).size());
}

TEST(ReportedState, IsCheckedAsThatOfANewRun) {
    const double nan = std::nan("");
    const double infinity = std::numeric_limits<double>::infinity();
    const struct {
        std::string state;
        std::string message; // empty: fine
    } rows[] = {
        {"", ""},
        {Entry("a", Number(1)) + Entry("b", Null()), ""},
        {Entry("a", Number(nan)), "executionState.a must be a finite number"},
        {Entry("a", Array({Number(1), Number(-infinity)})),
         "executionState.a[1] must be a finite number"},
        {Entry("a", Object(Entry("b c", Text("1")) + Entry("b c", Text("2")))),
         "executionState.a[\"b c\"] occurs twice"},
    };
    for (const auto &row : rows) {
        TestArena a;
        ExactBytes exact(Bytes(3, row.state));
        ProtobufCMessage *message = nullptr;
        ASSERT_EQ(nullptr, message_unpack(a.get(), &runs__v1__report_run_request__descriptor,
                                          exact.slice(), &message));
        struct run_fields fields = {};
        uint32_t given = 0;
        const struct error *e =
            run_fields_read_report(a.get(), reinterpret_cast<Runs__V1__ReportRunRequest *>(message),
                                   exact.slice(), &fields, &given);
        EXPECT_EQ(RUN_FIELD_BIT(EXECUTION_STATE), given);
        EXPECT_EQ(row.message, e != nullptr ? e->message : "");
        if (e != nullptr) {
            EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
            EXPECT_STREQ("FIELD_INVALID", e->reason);
        }
    }
    TestArena a;
    Runs__V1__ReportRunRequest none = RUNS__V1__REPORT_RUN_REQUEST__INIT;
    struct run_fields fields = {};
    uint32_t given = 0;
    EXPECT_EQ(nullptr, run_fields_read_report(a.get(), &none, SLICE_EMPTY, &fields, &given));
    EXPECT_EQ(0u, given);
}

} // namespace
