#include <cmath>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <limits>

#include "runs/v1/runs_service.pb-c.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "server/message_guard.h"
#include "server/run_validate.h"
}

namespace {

using namespace wire;

using Violations = std::vector<std::pair<std::string, std::string>>;

// Checks what is true of every refusal and returns its violations.
Violations ViolationsOf(const struct error *e) {
    Violations list;
    if (e == nullptr) {
        return list;
    }
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
    EXPECT_STREQ("FIELD_INVALID", e->reason);
    for (const auto *v = e->violations; v != nullptr; v = v->next) {
        list.emplace_back(v->field, v->description);
    }
    EXPECT_FALSE(list.empty());
    if (!list.empty()) {
        EXPECT_EQ(list[0].first + " " + list[0].second, e->message) << "the first is the message";
    }
    return list;
}

// How much memory the process holds (proc(5): statm, its second number, in pages).
size_t ResidentBytes() {
    std::ifstream file("/proc/self/statm");
    size_t total = 0;
    size_t resident = 0;
    file >> total >> resident;
    return resident * 4096;
}

Violations Validate(const std::string &run, const char *organization = "acme") {
    TestArena a;
    ExactBytes bytes(run);
    ProtobufCMessage *message = nullptr;
    const struct error *e =
        message_unpack(a.get(), &runs__v1__run__descriptor, bytes.slice(), &message);
    if (e != nullptr) {
        ADD_FAILURE() << "the test's run is malformed: " << e->message;
        return {};
    }
    return ViolationsOf(run_validate_new(a.get(), reinterpret_cast<Runs__V1__Run *>(message),
                                         slice_of_cstr(organization)));
}

std::string Node(const std::string &type, const std::vector<std::string> &children = {}) {
    std::vector<std::string> values;
    for (const auto &child : children) {
        values.push_back(Text(child));
    }
    return Object(Entry("type", Text(type)) + Entry("children", Array(values)));
}

const std::string root = Entry("root", Object(Entry("type", Text("manual"))));

std::string Definition(const std::string &nodes, const std::string &rest = "") {
    return Bytes(16, Bytes(3, nodes) + rest);
}

std::string Input(const std::string &key, const std::string &type, bool required = false) {
    return Bytes(2, (key.empty() ? "" : Bytes(2, key)) + (required ? Uint(3, 1) : "") +
                        (type.empty() ? "" : Bytes(4, type)));
}

std::string Props(const std::string &entries) {
    return Bytes(7, entries);
}

const std::string valid = Definition(root);

struct Row {
    const char *what;
    std::string run;
    Violations expected;
};

void Check(const std::vector<Row> &rows) {
    for (const auto &row : rows) {
        EXPECT_EQ(row.expected, Validate(row.run)) << row.what;
    }
}

#define NODES  "run.workflowDefinition.nodes"
#define SCHEMA "run.workflowDefinition.inputSchema"

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

TEST(RunValidate, TheWorkflowIsRequiredWithARoot) {
    const Violations no_nodes = {{NODES, "is required"}};
    Check({
        {"no definition", "", {{"run.workflowDefinition", "is required"}}},
        {"no nodes", Bytes(16, ""), no_nodes},
        {"no nodes, but a schema", Bytes(16, Input("k", "string")), no_nodes},
        {"empty nodes",
         Definition(""),
         {{NODES ".root", "is required: a node of type \"manual\""}}},
        {"another node alone",
         Definition(Entry("Root", Object(""))),
         {{NODES ".root", "is required: a node of type \"manual\""}}},
        {"root is a string",
         Definition(Entry("root", Text("manual"))),
         {{NODES ".root", "must be an object, got string"}}},
        {"root is null",
         Definition(Entry("root", Null())),
         {{NODES ".root", "must be an object, got null"}}},
        {"root without a type",
         Definition(Entry("root", Object(""))),
         {{NODES ".root.type", "must be \"manual\", but is missing"}}},
        {"root of another type",
         Definition(Entry("root", Node("auto"))),
         {{NODES ".root.type", "must be \"manual\", got \"auto\""}}},
        {"root of a longer type",
         Definition(Entry("root", Node("manually"))),
         {{NODES ".root.type", "must be \"manual\", got \"manually\""}}},
        {"root's type is a number",
         Definition(Entry("root", Object(Entry("type", Number(1))))),
         {{NODES ".root.type", "must be \"manual\", got number"}}},
        {"root's type is null",
         Definition(Entry("root", Object(Entry("type", Null())))),
         {{NODES ".root.type", "must be \"manual\", got null"}}},
    });
    // An entry without a value is protobuf's alone: JSON cannot say it.
    EXPECT_EQ((Violations{{NODES ".root", "is required: a node of type \"manual\""},
                          {NODES ".root", "must be an object, got null"}}),
              Validate(Definition(Bytes(1, Bytes(1, "root")))));
}

TEST(RunValidate, EveryNodeIsAnObjectAndNamesNodesThatAreThere) {
    auto with = [](const std::string &key, const std::string &node) {
        return Definition(root + Entry(key, node));
    };
    auto children = [](const std::string &value) { return Object(Entry("children", value)); };
    Check({
        {"a number", with("n", Number(1)), {{NODES ".n", "must be an object, got number"}}},
        {"a boolean", with("n", Bool(false)), {{NODES ".n", "must be an object, got boolean"}}},
        {"an array", with("n", Array({})), {{NODES ".n", "must be an object, got array"}}},
        {"children are a string",
         with("n", children(Text("root"))),
         {{NODES ".n.children", "must be an array of node ids, got string"}}},
        {"children are null",
         with("n", children(Null())),
         {{NODES ".n.children", "must be an array of node ids, got null"}}},
        {"a child is a number",
         with("n", children(Array({Text("root"), Number(1)}))),
         {{NODES ".n.children[1]", "must be a node's id, a string, got number"}}},
        {"a child is an object",
         with("n", children(Array({Object("")}))),
         {{NODES ".n.children[0]", "must be a node's id, a string, got object"}}},
        {"a child is not there",
         with("n", children(Array({Text("n"), Text("ghost")}))),
         {{NODES ".n.children[1]", "names the node \"ghost\", which is not in nodes"}}},
        {"a child is empty",
         with("n", children(Array({Text("")}))),
         {{NODES ".n.children[0]", "names the node \"\", which is not in nodes"}}},
        {"two at once, in order",
         with("n", children(Array({Text("x"), Text("root"), Text("y")}))),
         {{NODES ".n.children[0]", "names the node \"x\", which is not in nodes"},
          {NODES ".n.children[2]", "names the node \"y\", which is not in nodes"}}},
        {"root's child",
         Definition(Entry("root", Node("manual", {"ghost"}))),
         {{NODES ".root.children[0]", "names the node \"ghost\", which is not in nodes"}}},
    });
}

TEST(RunValidate, KeysThatAreNoIdentifiersAreQuotedInPaths) {
    const struct {
        const char *key;
        const char *path;
    } rows[] = {
        {"a_b-C9", NODES ".a_b-C9"},    {"_", NODES "._"},
        {"a b", NODES "[\"a b\"]"},     {"9", NODES "[\"9\"]"},
        {"-a", NODES "[\"-a\"]"},       {"", NODES "[\"\"]"},
        {"a.b", NODES "[\"a.b\"]"},     {"\xC3\xA4", NODES "[\"\xC3\xA4\"]"},
        {"a\"b", NODES "[\"a\\\"b\"]"}, {"a\nb", NODES "[\"a\\nb\"]"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ((Violations{{row.path, "must be an object, got number"}}),
                  Validate(Definition(root + Entry(row.key, Number(1)))));
    }
    const std::string longest(100, 'k');
    EXPECT_EQ(NODES "." + longest, Validate(Definition(root + Entry(longest, Null())))[0].first);
    EXPECT_EQ(NODES "[\"" + longest + "\"]",
              Validate(Definition(root + Entry(longest + "k", Null())))[0].first);
}

TEST(RunValidate, TheInputSchemaIsWellFormed) {
    const char *const bad_type = "must be string, number, boolean, object or array, got ";
    auto described = [](size_t n) {
        return Bytes(2, Bytes(1, std::string(n, 'x')) + Bytes(2, "k") + Bytes(4, "string"));
    };
    Check({
        {"no key", Definition(root, Input("", "string")), {{SCHEMA "[0].key", "is required"}}},
        {"no type",
         Definition(root, Input("k", "")),
         {{SCHEMA "[0].type", bad_type + std::string("\"\"")}}},
        {"an unknown type",
         Definition(root, Input("k", "string") + Input("l", "integer")),
         {{SCHEMA "[1].type", bad_type + std::string("\"integer\"")}}},
        {"types are in lower case",
         Definition(root, Input("k", "String")),
         {{SCHEMA "[0].type", bad_type + std::string("\"String\"")}}},
        {"neither",
         Definition(root, Input("", "")),
         {{SCHEMA "[0].key", "is required"}, {SCHEMA "[0].type", bad_type + std::string("\"\"")}}},
        {"a key twice",
         Definition(root, Input("k", "string") + Input("l", "string") + Input("k", "number")),
         {{SCHEMA, "has the key \"k\" more than once"}}},
        {"a description too long",
         Definition(root, described(8193)),
         {{SCHEMA "[0].description", "has 8193 bytes, at most 8192 are allowed"}}},
        {"a key too long",
         Definition(root, Input(std::string(1025, 'k'), "string")),
         {{SCHEMA "[0].key", "has 1025 bytes, at most 1024 are allowed"}}},
    });
}

TEST(RunValidate, InputsHaveTheirTypes) {
    const struct {
        const char *type;
        std::string value;
    } values[] = {
        {"string", Text("")},   {"number", Number(0)},      {"boolean", Bool(false)},
        {"object", Object("")}, {"array", Array({Null()})},
    };
    for (const auto &wanted : values) {
        for (bool required : {false, true}) {
            const std::string definition = Definition(root, Input("k", wanted.type, required));
            for (const auto &given : values) {
                Violations expected;
                if (std::string(wanted.type) != given.type) {
                    expected = {{"run.propValues.k", std::string("must be of type ") + wanted.type +
                                                         ", as inputSchema says, got " +
                                                         given.type}};
                }
                EXPECT_EQ(expected, Validate(definition + Props(Entry("k", given.value))))
                    << wanted.type << " " << given.type;
            }
            const Violations absent =
                required ? Violations{{"run.propValues.k",
                                       std::string("is required by inputSchema: a value of type ") +
                                           wanted.type}}
                         : Violations{};
            EXPECT_EQ(absent, Validate(definition)) << wanted.type;
            EXPECT_EQ(absent, Validate(definition + Props(""))) << wanted.type;
            EXPECT_EQ(absent, Validate(definition + Props(Entry("K", wanted.value))));
            EXPECT_EQ(
                (Violations{{"run.propValues.k", std::string("must be of type ") + wanted.type +
                                                     ", as inputSchema says, got null"}}),
                Validate(definition + Props(Entry("k", Null()))));
        }
    }
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
        EXPECT_FALSE(name_is_valid(id)) << id;
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

TEST(RunValidate, NamesTakeEveryUnreservedCharacterAndNoOther) {
    const std::string allowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
    for (int c = 1; c < 256; c++) {
        const std::string name = {'a', static_cast<char>(c)};
        EXPECT_EQ(allowed.find(static_cast<char>(c)) != std::string::npos,
                  name_is_valid(name.c_str()))
            << c;
    }
    EXPECT_FALSE(name_is_valid(""));
    EXPECT_TRUE(name_is_valid("..."));
    EXPECT_TRUE(name_is_valid("-"));
    EXPECT_TRUE(name_is_valid(std::string(128, 'x').c_str()));
    EXPECT_FALSE(name_is_valid(std::string(129, 'x').c_str()));
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

TEST(RunValidate, FreeFormObjectsHoldNoKeyTwiceAndNoNumberBeyondJson) {
    const struct {
        const char *path;
        std::function<std::string(const std::string &)> run;
    } places[] = {
        {"run.executionState", [](const std::string &s) { return valid + Bytes(1, s); }},
        {"run.propValues", [](const std::string &s) { return valid + Props(s); }},
        {"run.workflowDefinition.blockExpansions",
         [](const std::string &s) { return Definition(root, Bytes(1, s)); }},
        {NODES ".root.config",
         [](const std::string &s) {
             return Definition(
                 Entry("root", Object(Entry("type", Text("manual")) + Entry("config", Object(s)))));
         }},
    };
    const double infinity = std::numeric_limits<double>::infinity();
    const struct {
        std::string object;
        const char *path;
        const char *why;
    } objects[] = {
        {Entry("a", Null()) + Entry("b", Null()) + Entry("a", Null()), ".a", "is there twice"},
        {Entry("", Null()) + Entry("", Text("x")), "[\"\"]", "is there twice"},
        {Entry("o", Object(Entry("x y", Null()) + Entry("x y", Null()))), ".o[\"x y\"]",
         "is there twice"},
        {Entry("l", Array({Null(), Array({Object(Entry("k", Null()) + Entry("k", Null()))})})),
         ".l[1][0].k", "is there twice"},
        {Entry("n", Number(infinity)), ".n", "must be a finite number"},
        {Entry("n", Number(-infinity)), ".n", "must be a finite number"},
        {Entry("n", Number(std::nan(""))), ".n", "must be a finite number"},
        {Entry("l", Array({Number(1), Number(infinity)})), ".l[1]", "must be a finite number"},
    };
    for (const auto &place : places) {
        for (const auto &object : objects) {
            EXPECT_EQ((Violations{{std::string(place.path) + object.path, object.why}}),
                      Validate(place.run(object.object)));
        }
        EXPECT_EQ(Violations{}, Validate(place.run(Entry("a", Number(1.7976931348623157e308)) +
                                                   Entry("A", Object(Entry("a", Null()))))));
    }
}

TEST(RunValidate, ANodeThatIsThereTwiceIsRefused) {
    EXPECT_EQ((Violations{{NODES ".root", "is there twice"}}), Validate(Definition(root + root)));
    // Whichever of the two is taken for the root: the run is refused.
    const std::string other = Entry("root", Object(Entry("type", Text("auto"))));
    for (const auto &nodes : {root + other, other + root}) {
        auto violations = Validate(Definition(nodes));
        ASSERT_FALSE(violations.empty());
        EXPECT_EQ((std::pair<std::string, std::string>{NODES ".root", "is there twice"}),
                  violations.back());
    }
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

// A path for each of these would be 3 KB, gigabytes in all; only violations have one.
TEST(RunValidate, ManySmallValuesFarDownCostLittle) {
    std::string value = Array(std::vector<std::string>(500'000, Object("")));
    for (int i = 0; i < 30; i++) {
        value = Object(Entry(std::string(100, 'k'), value));
    }
    TestArena unpacked;
    ExactBytes bytes(valid + Bytes(1, Entry("deep", value)));
    ProtobufCMessage *message = nullptr;
    ASSERT_EQ(nullptr,
              message_unpack(unpacked.get(), &runs__v1__run__descriptor, bytes.slice(), &message));
    TestArena a;
    const size_t before = ResidentBytes();
    EXPECT_EQ(nullptr, run_validate_new(a.get(), reinterpret_cast<Runs__V1__Run *>(message),
                                        slice_of_cstr("acme")));
    EXPECT_LT(ResidentBytes(), before + (50u << 20));
}

} // namespace
