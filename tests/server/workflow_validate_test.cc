#include <cmath>
#include <fstream>
#include <functional>
#include <limits>

#include "tests/server/validate_testing.h"

namespace {

using namespace validate_testing;

// How much memory the process holds (proc(5): statm, its second number, in pages).
size_t ResidentBytes() {
    std::ifstream file("/proc/self/statm");
    size_t total = 0;
    size_t resident = 0;
    file >> total >> resident;
    return resident * 4096;
}

TEST(WorkflowValidate, TheWorkflowIsRequiredWithARoot) {
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

TEST(WorkflowValidate, EveryNodeIsAnObjectAndNamesNodesThatAreThere) {
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

// U+0000 ends no text: what is behind it counts, and refusals show it.
TEST(WorkflowValidate, TextWithNulIsNoTextWithout) {
    const std::string nul("\0", 1);
    Check({
        {"a type",
         Definition(Entry("root", Node("manual" + nul))),
         {{NODES ".root.type", "must be \"manual\", got \"manual\\u0000\""}}},
        {"a key",
         Definition(Entry("root" + nul, Node("manual"))),
         {{NODES ".root", "is required: a node of type \"manual\""}}},
        {"a child",
         Definition(Entry("root", Node("manual", {"root" + nul}))),
         {{NODES ".root.children[0]", "names the node \"root\\u0000\", which is not in nodes"}}},
        {"a child that is there",
         Definition(Entry("root", Node("manual", {"a" + nul})) + Entry("a" + nul, Node("x"))),
         {}},
        {"keys that differ behind it",
         Definition(root + Entry("a" + nul + "1", Node("x")) + Entry("a" + nul + "2", Node("x"))),
         {}},
        {"a key twice",
         Definition(root + Entry("a" + nul, Node("x")) + Entry("a" + nul, Node("x"))),
         {{NODES "[\"a\\u0000\"]", "occurs twice"}}},
        {"a long text that is cut within a character",
         Definition(Entry("root", Node(std::string(99, 'x') + "\xC3\xA4"))),
         {{NODES ".root.type", "must be \"manual\", got \"" + std::string(99, 'x') + "\""}}},
    });
}

TEST(WorkflowValidate, KeysThatAreNoIdentifiersAreQuotedInPaths) {
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

TEST(WorkflowValidate, TheInputSchemaIsWellFormed) {
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

TEST(WorkflowValidate, InputsHaveTheirTypes) {
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

TEST(WorkflowValidate, FreeFormObjectsHoldNoKeyTwiceAndNoNumberBeyondJson) {
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
        {Entry("a", Null()) + Entry("b", Null()) + Entry("a", Null()), ".a", "occurs twice"},
        {Entry("", Null()) + Entry("", Text("x")), "[\"\"]", "occurs twice"},
        {Entry("o", Object(Entry("x y", Null()) + Entry("x y", Null()))), ".o[\"x y\"]",
         "occurs twice"},
        {Entry("l", Array({Null(), Array({Object(Entry("k", Null()) + Entry("k", Null()))})})),
         ".l[1][0].k", "occurs twice"},
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

TEST(WorkflowValidate, ANodeThatIsThereTwiceIsRefused) {
    EXPECT_EQ((Violations{{NODES ".root", "occurs twice"}}), Validate(Definition(root + root)));
    // Whichever of the two is taken for the root: the run is refused.
    const std::string other = Entry("root", Object(Entry("type", Text("auto"))));
    for (const auto &nodes : {root + other, other + root}) {
        auto violations = Validate(Definition(nodes));
        ASSERT_FALSE(violations.empty());
        EXPECT_EQ((std::pair<std::string, std::string>{NODES ".root", "occurs twice"}),
                  violations.back());
    }
}

// A path for each of these would be 3 KB, gigabytes in all; only violations have one.
TEST(WorkflowValidate, ManySmallValuesFarDownCostLittle) {
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
    EXPECT_EQ(nullptr, ValidateNew(a.get(), message));
    EXPECT_LT(ResidentBytes(), before + (50u << 20));
}

} // namespace
