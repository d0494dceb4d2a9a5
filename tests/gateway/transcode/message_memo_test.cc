#include "tests/gateway/transcode/rule_gateway.h"

extern "C" {
#include "gateway/transcode/message_memo.h"
}

// What was transcoded lately.

namespace {

class Memo : public testing::Test {
  protected:
    ~Memo() override {
        message_memo_free(memo_);
    }

    // The text that is there, as "JSON id"; else "", and json and id are noted.
    std::string Find(const std::string &message, const std::string &json = "{}",
                     const std::string &id = "", int route = 0) {
        const auto *r = reinterpret_cast<const struct transcoder_route *>(&routes_[route]);
        struct message_memo_text text;
        if (message_memo_find(memo_, r, S(message), &text)) {
            return Text(text.json) + " " + Text(text.id);
        }
        text = {S(json), S(id)};
        message_memo_note(memo_, r, S(message), &text);
        return "";
    }

    static std::string Text(struct slice s) {
        return std::string(reinterpret_cast<const char *>(s.data), s.len);
    }

    struct message_memo *memo_ = message_memo_new();
    char routes_[2] = {}; // the memo compares their addresses
};

TEST_F(Memo, KeepsWhatCameTwice) {
    EXPECT_EQ(Find("a", "{\"a\":1}", "17"), "");
    EXPECT_EQ(Find("a", "{\"a\":1}", "17"), "");
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(Find("a"), "{\"a\":1} 17");
    }
    EXPECT_EQ(Find("b"), "");
}

TEST_F(Memo, TellsTheRoutesApart) {
    Find("a", "[1]");
    Find("a", "[1]");
    EXPECT_EQ(Find("a"), "[1] ");
    EXPECT_EQ(Find("a", "[2]", "", 1), "");
    EXPECT_EQ(Find("a", "[2]", "", 1), "");
    EXPECT_EQ(Find("a", "", "", 1), "[2] ");
}

TEST_F(Memo, HasPlaceForAnEmptyMessage) {
    EXPECT_EQ(Find("", "{}", ""), "");
    EXPECT_EQ(Find("", "{}", ""), "");
    EXPECT_EQ(Find(""), "{} ");
}

TEST_F(Memo, KeepsNothingThatIsLarge) {
    std::string most(MESSAGE_MEMO_SLOT_BYTES - 4, 'x');
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(Find(most, "{}", "id"), "");
        EXPECT_EQ(Find(most + "x", "{}", "id"), "");
    }
    EXPECT_EQ(Find(most), "{} id");
    EXPECT_EQ(Find(most + "x"), "");
}

TEST_F(Memo, NeverAnswersForAnotherMessage) {
    // Many more than it has slots, each as often as makes it kept.
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 10 * MESSAGE_MEMO_SLOTS; i++) {
            std::string number = std::to_string(i);
            for (int j = 0; j < 3; j++) {
                std::string found = Find(number, "{" + number + "}", number);
                EXPECT_TRUE(found.empty() || found == "{" + number + "} " + number) << found;
            }
        }
    }
}

} // namespace
