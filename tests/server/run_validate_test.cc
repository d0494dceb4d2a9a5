#include <cmath>
#include <limits>

#include "tests/server/validate_testing.h"

namespace {

using namespace validate_testing;

TEST(RunValidate, TakesRunsThatAreFine) {
    const std::string text_1024(1024, 'x');
    Check({
        {"the least", valid, {}},
        {"everything",
         Definition(Entry("root", Node("manual", {"settle", "a b"})) +
                        Entry("settle", Node("action", {"root"})) + Entry("a b", Object("")),
                    Bytes(1, Entry("x", Array({Null(), Number(1)}))) +
                        Input("amount", "number", true) + Input("note", "string")) +
             Bytes(1, Entry("k", Object(Entry("k", Text("v"))))) + Bytes(3, "a.b_c~d-1") +
             Uint(4, 1) + Uint(5, 1) + Bytes(6, "acme") + Props(Entry("amount", Number(1))) +
             Bytes(8, Uint(1, INT64_MAX) + Bytes(2, text_1024) + Bytes(3, std::string(8192, 'x'))) +
             Bytes(9, text_1024) + Bytes(10, "r0") + Bytes(14, text_1024) + Bytes(15, text_1024) +
             Bytes(17, text_1024) + Uint(18, INT64_MAX),
         {}},
        {"properties that the schema does not know", valid + Props(Entry("more", Text("x"))), {}},
        {"description at the limit",
         Definition(
             root, Bytes(2, Bytes(1, std::string(8192, 'x')) + Bytes(2, "k") + Bytes(4, "string"))),
         {}},
        {"key at the limit", Definition(root, Input(text_1024, "string")), {}},
        {"empty children", Definition(Entry("root", Node("manual"))), {}},
        {"a node that is its own child", Definition(Entry("root", Node("manual", {"root"}))), {}},
        {"an executionState without anything", valid + Bytes(1, ""), {}},
    });
}

TEST(RunValidate, IdsAreUnreservedCharacters) {
    const std::string syntax =
        "must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, but neither \".\" nor \"..\", got \"";
    for (const char *id : {"a b", "a/b", "\xC3\xA4", ".", "..", "a%20b", "a:b", "a\n", "+", "@"}) {
        const std::string got = syntax + id + "\"";
        EXPECT_EQ((Violations{{"run.id", got}}), Validate(valid + Bytes(3, id)));
        EXPECT_EQ((Violations{{"run.sourceRunId", got}}), Validate(valid + Bytes(10, id)));
        TestArena a;
        EXPECT_EQ((Violations{{"id", got}}), ViolationsOf(run_validate_id(a.get(), "id", id)));
        EXPECT_FALSE(run_validate_is_name(id)) << id;
    }
    const std::string longest(128, 'x');
    EXPECT_EQ(Violations{}, Validate(valid + Bytes(3, longest) + Bytes(10, longest)));
    EXPECT_EQ((Violations{{"run.id", syntax + longest + "x\""}}),
              Validate(valid + Bytes(3, longest + "x")));
    TestArena a;
    EXPECT_EQ((Violations{{"id", syntax.substr(0, syntax.size() - 1) + "129 bytes"}}),
              ViolationsOf(run_validate_id(a.get(), "id", (longest + "x").c_str())));
    EXPECT_EQ((Violations{{"id", syntax + "\""}}),
              ViolationsOf(run_validate_id(a.get(), "id", "")));
    EXPECT_EQ(nullptr, run_validate_id(a.get(), "id", longest.c_str()));
}

TEST(RunValidate, AParentIsAnotherRunByItsId) {
    const std::string syntax =
        "must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, but neither \".\" nor \"..\", got ";
    const auto parent = [](const std::string &id) { return Bytes(26, Bytes(1, id)); };
    Check({
        {"a parent", valid + parent("p-1"), {}},
        {"a parent of a run that has an id", valid + Bytes(3, "r-1") + parent("p-1"), {}},
        {"the longest", valid + parent(std::string(128, 'x')), {}},
        {"an empty one", valid + parent(""), {{"run.parentRunId", syntax + "\"\""}}},
        {"one without a value", valid + Bytes(26, ""), {{"run.parentRunId", syntax + "\"\""}}},
        {"no id", valid + parent("a/b"), {{"run.parentRunId", syntax + "\"a/b\""}}},
        {"too long",
         valid + parent(std::string(129, 'x')),
         {{"run.parentRunId", syntax + "129 bytes"}}},
        {"itself",
         valid + Bytes(3, "r-1") + parent("r-1"),
         {{"run.parentRunId", "must be another run, got the run's own id"}}},
    });
}

TEST(RunValidate, NamesTakeEveryUnreservedCharacterAndNoOther) {
    const std::string allowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
    for (int c = 1; c < 256; c++) {
        const std::string name = {'a', static_cast<char>(c)};
        EXPECT_EQ(allowed.find(static_cast<char>(c)) != std::string::npos,
                  run_validate_is_name(name.c_str()))
            << c;
    }
    EXPECT_FALSE(run_validate_is_name(""));
    EXPECT_TRUE(run_validate_is_name("..."));
    EXPECT_TRUE(run_validate_is_name("-"));
    EXPECT_TRUE(run_validate_is_name(std::string(128, 'x').c_str()));
    EXPECT_FALSE(run_validate_is_name(std::string(129, 'x').c_str()));
}

TEST(RunValidate, AReasonHasAtMost1024Bytes) {
    TestArena a;
    EXPECT_EQ(nullptr, run_validate_reason(a.get(), ""));
    EXPECT_EQ(nullptr, run_validate_reason(a.get(), std::string(1024, 'x').c_str()));
    EXPECT_EQ((Violations{{"reason", "has 1025 bytes, at most 1024 are allowed"}}),
              ViolationsOf(run_validate_reason(a.get(), std::string(1025, 'x').c_str())));
}

TEST(RunValidate, WhatTheServiceSetsIsNotGiven) {
    const char *const ours = "is set by the service; leave it out";
    const double infinity = std::numeric_limits<double>::infinity();
    Check({
        {"finishedAt", valid + Bytes(2, ""), {{"run.finishedAt", ours}}},
        {"startedAt", valid + Bytes(11, Uint(1, 1)), {{"run.startedAt", ours}}},
        {"status", valid + Uint(12, 1), {{"run.status", ours}}},
        {"a status that is none", valid + Uint(12, 99), {{"run.status", ours}}},
        {"the status 0", valid + Uint(12, 0), {}},
        {"totalCu", valid + Double(13, 0.001), {{"run.totalCu", ours}}},
        {"totalCu below 0", valid + Double(13, -1), {{"run.totalCu", ours}}},
        {"totalCu infinite", valid + Double(13, infinity), {{"run.totalCu", ours}}},
        {"totalCu no number", valid + Double(13, std::nan("")), {{"run.totalCu", ours}}},
        {"totalCu 0", valid + Double(13, 0), {}},
        {"totalCu -0", valid + Double(13, -0.0), {}},
        {"organizationId of the token", valid + Bytes(6, "acme"), {}},
        {"organizationId of another",
         valid + Bytes(6, "rival"),
         {{"run.organizationId",
           "is set by the service; leave it out or give the token's, \"acme\""}}},
        {"organizationId cut",
         valid + Bytes(6, "acm"),
         {{"run.organizationId",
           "is set by the service; leave it out or give the token's, \"acme\""}}},
    });
}

TEST(RunValidate, TextsAndNumbersHaveLimits) {
    const struct {
        const char *field;
        uint32_t number;
    } texts[] = {
        {"run.simulationMode", 9},
        {"run.triggerSource", 14},
        {"run.triggeredBy", 15},
        {"run.workflowId", 17},
    };
    for (const auto &text : texts) {
        EXPECT_EQ(Violations{}, Validate(valid + Bytes(text.number, std::string(1024, 'x'))));
        EXPECT_EQ((Violations{{text.field, "has 1025 bytes, at most 1024 are allowed"}}),
                  Validate(valid + Bytes(text.number, std::string(1025, 'x'))));
    }
    const auto minus_one = static_cast<uint64_t>(-1);
    const auto least = static_cast<uint64_t>(INT64_MIN);
    Check({
        {"version",
         valid + Uint(18, minus_one),
         {{"run.workflowVersion", "must be at least 0, got -1"}}},
        {"least version",
         valid + Uint(18, least),
         {{"run.workflowVersion", "must be at least 0, got -9223372036854775808"}}},
        {"chain",
         valid + Bytes(8, "") + Bytes(8, Uint(1, minus_one)),
         {{"run.simulationForks[1].chainId", "must be at least 0, got -1"}}},
        {"fork",
         valid + Bytes(8, Bytes(2, std::string(1025, 'x'))),
         {{"run.simulationForks[0].forkId", "has 1025 bytes, at most 1024 are allowed"}}},
        {"rpc",
         valid + Bytes(8, Bytes(3, std::string(8193, 'x'))),
         {{"run.simulationForks[0].rpcUrl", "has 8193 bytes, at most 8192 are allowed"}}},
    });
}

TEST(RunValidate, NamesAllThatIsWrongUpToTwenty) {
    EXPECT_EQ((Violations{
                  {"run.workflowDefinition", "is required"},
                  {"run.startedAt", "is set by the service; leave it out"},
                  {"run.triggeredBy", "has 1025 bytes, at most 1024 are allowed"},
                  {"run.simulationForks[0].chainId", "must be at least 0, got -1"},
                  {"run.workflowVersion", "must be at least 0, got -1"},
              }),
              Validate(Bytes(11, "") + Bytes(15, std::string(1025, 'x')) +
                       Bytes(8, Uint(1, UINT64_MAX)) + Uint(18, UINT64_MAX)));
    for (int n : {19, 20, 21, 100'000}) {
        std::string nodes = root;
        std::string inputs;
        std::string forks;
        std::string state;
        std::vector<std::string> children;
        for (int i = 0; i < n; i++) {
            nodes += Entry("n" + std::to_string(i), Null());
            inputs += Input("", "string");
            forks += Bytes(8, Uint(1, UINT64_MAX));
            state += Entry("same", Null());
            children.push_back(Text("ghost"));
        }
        const auto most = static_cast<size_t>(n < 20 ? n : 20);
        EXPECT_EQ(most, Validate(Definition(nodes)).size());
        EXPECT_EQ(most, Validate(Definition(root, inputs)).size());
        EXPECT_EQ(most, Validate(valid + forks).size());
        EXPECT_EQ(n < 21 ? most - 1 : 20, Validate(valid + Bytes(1, state)).size());
        EXPECT_EQ(most, Validate(Definition(root +
                                            Entry("n", Object(Entry("children", Array(children))))))
                            .size());
    }
}

TEST(RunValidate, LongValuesAreCutInMessages) {
    auto violations = Validate(Definition(Entry("root", Node(std::string(100'000, 'x')))));
    ASSERT_EQ(1u, violations.size());
    EXPECT_LT(violations[0].second.size(), 200u);
    violations = Validate(valid + Bytes(3, std::string(100'000, 'x')));
    ASSERT_EQ(1u, violations.size());
    EXPECT_LT(violations[0].second.size(), 300u);
    // Far down, the path is cut.
    std::string value = Number(std::numeric_limits<double>::infinity());
    for (int i = 0; i < 20; i++) {
        value = Object(Entry(std::string(100, 'k'), value));
    }
    violations = Validate(valid + Bytes(1, Entry("deep", value)));
    ASSERT_EQ(1u, violations.size());
    EXPECT_EQ("must be a finite number", violations[0].second);
    EXPECT_EQ(0u, violations[0].first.find("run.executionState.deep.kkk"));
    EXPECT_LT(violations[0].first.size(), 700u);
    EXPECT_EQ("...", violations[0].first.substr(violations[0].first.size() - 3));
}

} // namespace
