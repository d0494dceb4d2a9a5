// Compares our JSON writer and reader with upb's on random messages.

#include <vector>

#include "tests/gateway/support.h"
#include "tests/gateway/transcode/json_tree.h"
#include "tests/gateway/transcode/random_message.h"

extern "C" {
#include "gateway/descriptor/descriptor_pool.h"
#include "gateway/transcode/json_read.h"
#include "gateway/transcode/json_write.h"
}

namespace {

// How many random messages; the environment may ask for more.
int Messages() {
    const char *count = getenv("ORACLE_MESSAGES");
    return count == nullptr ? 20000 : atoi(count);
}
const int MESSAGES = Messages();

// upb keeps maps in hash tables and so prints them in another order; trees are
// compared.
class OracleTest : public ::testing::Test {
  protected:
    void SetUp() override {
        set = WideSet();
        struct slice bytes = S(set);
        ASSERT_EQ(descriptor_pool_load(a, &bytes, 1, &pool), nullptr);
        ASSERT_EQ(schema_new(a, &bytes, 1, &schema), nullptr);
        type = schema_find_message(schema, S("wide.v1.Wide"));
        upb_type = upb_DefPool_FindMessageByName(pool.pool, "wide.v1.Wide");
    }
    void TearDown() override {
        descriptor_pool_release(&pool);
        schema_free(schema);
    }

    // What upb writes; "" with *ret_error set if it refuses.
    std::string UpbJson(const std::string &wire, std::string *ret_error) {
        upb_Arena *arena = upb_Arena_Init(nullptr, 0, &upb_alloc_global);
        void *m = upb_Message_New(upb_type, arena);
        std::string json;
        upb_Status status;
        upb_Status_Clear(&status);
        if (upb_Decode(wire.data(), wire.size(), m, upb_MessageDef_MiniTable(upb_type), nullptr, 0,
                       arena) != 0) {
            *ret_error = "no message";
        } else {
            json.resize(64 * 1024);
            size_t n = upb_JsonEncode(m, upb_type, pool.pool, 0, &json[0], json.size(), &status);
            if (n == static_cast<size_t>(-1)) {
                *ret_error = upb_Status_ErrorMessage(&status);
                json = "";
            } else if (n >= json.size()) {
                json.resize(n + 1);
                upb_Status_Clear(&status);
                n = upb_JsonEncode(m, upb_type, pool.pool, 0, &json[0], json.size(), &status);
                json.resize(n);
            } else {
                json.resize(n);
            }
        }
        upb_Arena_Free(arena);
        return json;
    }

    std::string OurJson(const std::string &wire, std::string *ret_error) {
        Arena scratch;
        Buffer out;
        Exact exact(wire);
        const char *fault = nullptr;
        if (!json_write_message(schema, scratch, type, exact, out, &fault)) {
            EXPECT_EQ(out.b.len, 0u);
            *ret_error = fault;
        }
        return out.str();
    }

    Arena a;
    std::string set;
    struct descriptor_pool pool = {};
    struct schema *schema = nullptr;
    const struct schema_message *type = nullptr;
    const upb_MessageDef *upb_type = nullptr;
};

TEST_F(OracleTest, RandomMessagesAreWrittenAsUpbWritesThem) {
    RandomMessage random(schema, 20261123);
    int printed = 0;
    size_t bytes = 0;
    for (int i = 0; i < MESSAGES; i++) {
        std::string wire = random.Make(type);
        std::string upb_error, our_error;
        std::string expected = UpbJson(wire, &upb_error);
        std::string json = OurJson(wire, &our_error);
        ASSERT_EQ(upb_error == "", our_error == "")
            << "message " << i << "\nupb: " << upb_error << "\nours: " << our_error << "\n"
            << expected << "\n"
            << json;
        if (our_error != "") {
            continue;
        }
        printed++;
        bytes += json.size();
        bool ok;
        Json ours = JsonParser::Parse(json, &ok);
        ASSERT_TRUE(ok) << json;
        Json theirs = JsonParser::Parse(expected, &ok);
        ASSERT_TRUE(ok) << expected;
        ASSERT_TRUE(SameJson(ours, theirs))
            << "message " << i << "\nupb:  " << expected << "\nours: " << json;
    }
    EXPECT_GT(printed, MESSAGES * 9 / 10);
    EXPECT_GT(bytes / static_cast<size_t>(printed), 100u);
}

TEST_F(OracleTest, WhatWeWriteWeReadBackToTheSameJson) {
    static const struct json_read_options options = {false};
    RandomMessage random(schema, 7);
    int read = 0;
    for (int i = 0; i < MESSAGES / 4; i++) {
        std::string error;
        std::string json = OurJson(random.Make(type), &error);
        if (error != "") {
            continue;
        }
        Arena scratch;
        Buffer wire;
        Exact exact(json);
        const struct error *e = json_read_message(schema, scratch, type, exact, &options, wire);
        ASSERT_EQ(e, nullptr) << e->message << "\n" << json;
        read++;
        EXPECT_EQ(OurJson(wire.str(), &error), json);
        // upb reads our bytes and writes the same.
        bool ok;
        std::string expected = UpbJson(wire.str(), &error);
        ASSERT_EQ(error, "") << json;
        Json ours = JsonParser::Parse(json, &ok);
        ASSERT_TRUE(SameJson(ours, JsonParser::Parse(expected, &ok))) << json << "\n" << expected;
    }
    EXPECT_GT(read, MESSAGES / 5);
}

TEST_F(OracleTest, EveryCutOfAMessageIsRefusedWhereUpbRefusesIt) {
    RandomMessage random(schema, 99);
    int refused = 0;
    for (int i = 0; i < 150; i++) {
        std::string wire = random.Make(type);
        for (size_t n = 0; n < wire.size(); n++) {
            std::string cut = wire.substr(0, n);
            std::string upb_error, our_error;
            UpbJson(cut, &upb_error);
            OurJson(cut, &our_error);
            if (upb_error == "bad duration" && our_error == "") {
                continue; // upb refuses a negative one without nanos, wrongly
            }
            ASSERT_EQ(upb_error == "", our_error == "")
                << "message " << i << " at " << n << "\nupb: " << upb_error
                << "\nours: " << our_error;
            refused += our_error != "";
        }
    }
    EXPECT_GT(refused, 1000);
}

TEST_F(OracleTest, FlippedBytesNeverCrashAndNeverWriteWhatIsNoJson) {
    RandomMessage random(schema, 5);
    int written = 0;
    for (int i = 0; i < MESSAGES / 2; i++) {
        std::string wire = random.Make(type);
        if (wire.empty()) {
            continue;
        }
        for (int k = 0; k < 3; k++) {
            wire[random.Below(wire.size())] = static_cast<char>(random.Below(256));
        }
        std::string error;
        std::string json = OurJson(wire, &error);
        if (error == "") {
            bool ok;
            JsonParser::Parse(json, &ok);
            ASSERT_TRUE(ok) << json;
            written++;
        }
    }
    EXPECT_GT(written, 100);
}

} // namespace
