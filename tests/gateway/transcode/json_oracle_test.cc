// Compares our JSON writer with upb's and libprotobuf's (3.21) on random
// messages; ORACLE_MESSAGES sets how many (20,000).
//
// Trees are compared: others order maps by their hash tables. Numbers are to be
// the same digit for digit if they are integers, else the same double or float.
// Where the others differ from us, and why:
//
// | who         | what they write                      | we, and why                       |
// | ----------- | ------------------------------------ | --------------------------------- |
// | both        | jstype = JS_NUMBER in quotes         | a number: the contract's option   |
// | both        | 15, else 17 digits of a double;      | the fewest that read back         |
// |             | 6, else 9 of a float                 |                                   |
// | upb         | refuses a Duration of negative       | "-3s": duration.proto allows it   |
// |             | seconds without nanos                |                                   |
// | upb         | refuses an Any without a type        | {}, as libprotobuf                |
// | libprotobuf | prints a group's fields as its       | an object, as upb and Go          |
// |             | parent's                             |                                   |
// | libprotobuf | leaves out the value of an Any of a  | "value": [], "", 0, false: the    |
// |             | well-known type without bytes        | mapping has it always             |
// | libprotobuf | "a.b" for the mask "a._b"            | "a.B", which reads back           |
// | both        | respell the key `a_b` of a map in a   | "`a_b`": a key is no name         |
// |             | mask as `aB`                          |                                   |
// | libprotobuf | leaves out a Value without a kind    | null; damaged messages only       |
// | libprotobuf | NaN, Infinity in a Value in quotes   | refused, as struct.proto says     |
// | libprotobuf | other characters for what is no      | U+FFFD, as protobuf-es            |
// |             | UTF-8 in a string of proto2          |                                   |

#include <set>
#include <vector>

#include "tests/gateway/support.h"
#include "tests/gateway/transcode/json_oracles.h"
#include "tests/gateway/transcode/json_tree.h"
#include "tests/gateway/transcode/pattern.h"
#include "tests/gateway/transcode/random_message.h"

extern "C" {
#include "base/core/well_known_fields.h"
}

namespace {

int Messages() {
    const char *count = getenv("ORACLE_MESSAGES");
    return count == nullptr ? 20000 : atoi(count);
}
const int MESSAGES = Messages();
const char ROOT[] = "kinds.v1.Everything";

// Numbers of 64 bits that the others put in quotes.
void Unquote(Json *j) {
    for (auto &member : j->members) {
        if (member.first.compare(0, 5, "plain") == 0) {
            for (Json &item : member.second.items) {
                item.kind = '0';
            }
            if (member.second.kind == '"') {
                member.second.kind = '0';
            }
        }
        Unquote(&member.second);
    }
    for (Json &item : j->items) {
        Unquote(&item);
    }
}

// The values that libprotobuf leaves out of an Any.
void AddEmptyValues(Json *theirs, const Json &ours) {
    static const std::set<std::string> empty = {"", "0", "0s", "1970-01-01T00:00:00Z"};
    auto value = ours.members.find("value");
    if (theirs->members.count("@type") != 0 && theirs->members.count("value") == 0 &&
        value != ours.members.end() && empty.count(value->second.text) != 0 &&
        value->second.items.empty() && value->second.members.empty()) {
        theirs->members["value"] = value->second;
    }
    for (auto &member : theirs->members) {
        auto other = ours.members.find(member.first);
        if (other != ours.members.end()) {
            AddEmptyValues(&member.second, other->second);
        }
    }
    for (size_t i = 0; i < theirs->items.size() && i < ours.items.size(); i++) {
        AddEmptyValues(&theirs->items[i], ours.items[i]);
    }
}

Json Parsed(const std::string &json) {
    bool ok;
    Json tree = JsonParser::Parse(json, &ok);
    EXPECT_TRUE(ok) << json;
    return tree;
}

class OracleTest : public ::testing::Test {
  protected:
    // Compares what we and libprotobuf write of a message.
    void CompareWithLibprotobuf(const google::protobuf::Message &message, std::string json) {
        bool had_groups;
        std::string error, protobuf_error;
        auto groupless = protobuf.WithoutGroups(ROOT, message, &had_groups);
        ASSERT_NE(groupless, nullptr);
        std::string by_protobuf = protobuf.Write(ROOT, *groupless, &protobuf_error);
        ASSERT_EQ(protobuf_error, "") << json;
        if (had_groups) {
            json = ours.Write(type, ProtobufJson::Bytes(*groupless), &error);
        }
        Json tree = Parsed(json);
        Json theirs = Parsed(by_protobuf);
        Unquote(&theirs);
        AddEmptyValues(&theirs, tree);
        ASSERT_TRUE(SameJson(tree, theirs))
            << "ours:        " << json << "\nlibprotobuf: " << by_protobuf;
    }

    const std::string set = ReadFile("tests/gateway/testdata/kinds.binpb");
    OurJson ours{set};
    UpbJson upb{set};
    ProtobufJson protobuf{set};
    const schema_message *type = ours.Find(ROOT);
};

TEST_F(OracleTest, RandomMessagesAreWrittenAsOthersWriteThem) {
    RandomMessage random(ours.schema, 20261123);
    int printed = 0;
    size_t bytes = 0;
    for (int i = 0; i < MESSAGES; i++) {
        std::string wire = random.Make(type);
        std::string our_error, upb_error;
        std::string json = ours.Write(type, wire, &our_error);
        std::string by_upb = upb.Write(ROOT, wire, &upb_error);
        ASSERT_EQ(our_error, "") << "message " << i;
        bool empty_any = upb_error == "Bad type URL: ";
        ASSERT_TRUE(empty_any || upb_error == "") << "message " << i << upb_error << "\n" << json;
        auto message = protobuf.Parse(ROOT, wire);
        ASSERT_NE(message, nullptr) << "message " << i << "\n" << json;
        Json tree = Parsed(json);
        Json theirs = empty_any ? tree : Parsed(by_upb);
        Unquote(&theirs);
        ASSERT_TRUE(SameJson(tree, theirs))
            << "message " << i << "\nours: " << json << "\nupb:  " << by_upb;
        CompareWithLibprotobuf(*message, json);
        ASSERT_FALSE(HasFatalFailure()) << "message " << i;
        printed += json.size() > 2;
        bytes += json.size();
    }
    EXPECT_GT(printed, MESSAGES * 8 / 10);
    EXPECT_GT(bytes / static_cast<size_t>(printed), 200u);
    RecordProperty("messages", MESSAGES);
    printf("%d messages, %zu bytes of JSON on average\n", MESSAGES,
           bytes / static_cast<size_t>(MESSAGES));
}

// The difference of the table above: what is in backticks is data.
TEST_F(OracleTest, KeysInMasksAreRespelledByOthersAlone) {
    Buffer path, mask;
    wire_put_bytes(path, MASK_PATHS, S("m.`a_b`.c_d"));
    wire_put_bytes(mask, 73, strbuf_slice(&path.b));
    std::string error;
    EXPECT_EQ(ours.Write(ours.Find("wide.v1.Wide"), mask.str(), &error),
              R"({"mask":"m.`a_b`.cD"})");
    EXPECT_EQ(upb.Write("wide.v1.Wide", mask.str(), &error), R"({"mask":"m.`aB`.cD"})");
    auto message = protobuf.Parse("wide.v1.Wide", mask.str());
    EXPECT_EQ(protobuf.Write("wide.v1.Wide", *message, &error), R"({"mask":"m.`aB`.cD"})");
}

TEST_F(OracleTest, EveryCutOfAMessageIsRefusedWhereUpbRefusesIt) {
    RandomMessage random(ours.schema, 99);
    int refused = 0;
    for (int i = 0; i < 150; i++) {
        std::string wire = random.Make(type);
        for (size_t n = 0; n < wire.size() && n < 4000; n++) {
            std::string cut = wire.substr(0, n);
            std::string upb_error, our_error;
            upb.Write(ROOT, cut, &upb_error);
            ours.Write(type, cut, &our_error);
            if ((upb_error == "bad duration" || upb_error == "Bad type URL: ") && our_error == "") {
                continue; // see the table above
            }
            ASSERT_EQ(upb_error == "", our_error == "")
                << "message " << i << " at " << n << "\nupb: " << upb_error
                << "\nours: " << our_error;
            refused += our_error != "";
        }
    }
    EXPECT_GT(refused, 1000);
}

// What arrives damaged is refused, or is a message to libprotobuf, too, and
// then has the same JSON.
TEST_F(OracleTest, DamagedMessagesAreRefusedOrWrittenAsLibprotobufReadsThem) {
    RandomMessage random(ours.schema, 5);
    int written = 0, refused = 0;
    for (int i = 0; i < MESSAGES / 2; i++) {
        std::string wire = random.Make(type);
        if (wire.empty()) {
            continue;
        }
        for (uint64_t k = random.Below(3) + 1; k > 0; k--) {
            wire[random.Below(wire.size())] = static_cast<char>(random.Below(256));
        }
        std::string error;
        std::string json = ours.Write(type, wire, &error);
        if (error != "") {
            refused++;
            continue;
        }
        auto message = protobuf.Parse(ROOT, wire);
        ASSERT_NE(message, nullptr) << "message " << i << " is none to libprotobuf\n" << json;
        written++;
        // Values without a kind, masks, strings that are no UTF-8: see the table above.
        static const Pattern listed("null|\\.[A-Z]|\xEF\xBF\xBD");
        if (listed.IsIn(json)) {
            continue;
        }
        CompareWithLibprotobuf(*message, json);
        ASSERT_FALSE(HasFatalFailure()) << "message " << i;
    }
    EXPECT_GT(written, MESSAGES / 20);
    EXPECT_GT(refused, MESSAGES / 20);
}

} // namespace
