#include <gtest/gtest.h>
#include <string>
#include <vector>

extern "C" {
#include "base/core/arena.h"
#include "gateway/reflection/reflection_message.h"
}

namespace {

class ReflectionMessage : public testing::Test {
  protected:
    ReflectionMessage() {
        arena_init(&arena_);
    }
    ~ReflectionMessage() override {
        arena_release(&arena_);
    }
    static std::string Text(struct slice s) {
        return std::string(reinterpret_cast<const char *>(s.data), s.len);
    }
    static struct slice Bytes(const std::string &s) {
        return slice_of(s.data(), s.size());
    }
    bool Read(const std::string &bytes) {
        bytes_ = bytes; // the answer borrows
        return reflection_answer_read(&arena_, Bytes(bytes_), &answer_);
    }
    std::vector<std::string> Items() {
        std::vector<std::string> items;
        for (size_t i = 0; i < answer_.count; i++) {
            items.push_back(Text(answer_.items[i]));
        }
        return items;
    }

    struct arena arena_;
    std::string bytes_;
    struct reflection_answer answer_ = {};
};

TEST_F(ReflectionMessage, AsksByTheFieldsOfTheProto) {
    // list_services is there though it is empty.
    EXPECT_EQ(std::string("\x3a\x00", 2),
              Text(reflection_request(&arena_, REFLECTION_LIST_SERVICES, SLICE_EMPTY)));
    EXPECT_EQ("\x22\x03"
              "a.B",
              Text(reflection_request(&arena_, REFLECTION_FILE_WITH_SYMBOL, slice_of_cstr("a.B"))));
    EXPECT_EQ("\x1a\x07"
              "a.proto",
              Text(reflection_request(&arena_, REFLECTION_FILE_BY_NAME, slice_of_cstr("a.proto"))));
}

TEST_F(ReflectionMessage, ReadsServicesAndSkipsWhatItDoesNotKnow) {
    // valid_host, list_services_response of two services, a field 15
    std::string services =
        std::string("\x0a\x05\x0a\x03", 4) + "a.B" + std::string("\x0a\x03\x0a\x01", 4) + "c";
    std::string bytes = std::string("\x0a\x01h", 3) + "\x32" +
                        std::string(1, static_cast<char>(services.size())) + services +
                        std::string("\x78\x01", 2);
    ASSERT_TRUE(Read(bytes));
    EXPECT_EQ(REFLECTION_ANSWER_SERVICES, answer_.kind);
    EXPECT_EQ((std::vector<std::string>{"a.B", "c"}), Items());
}

TEST_F(ReflectionMessage, ReadsFilesAndErrors) {
    ASSERT_TRUE(Read(std::string("\x22\x06\x0a\x01x\x0a\x01y", 8)));
    EXPECT_EQ(REFLECTION_ANSWER_FILES, answer_.kind);
    EXPECT_EQ((std::vector<std::string>{"x", "y"}), Items());
    ASSERT_TRUE(Read(std::string("\x3a\x05\x08\x05\x12\x01m", 7)));
    EXPECT_EQ(REFLECTION_ANSWER_ERROR, answer_.kind);
    EXPECT_EQ(5, answer_.error_code);
    EXPECT_EQ("m", Text(answer_.error_message));
    ASSERT_TRUE(Read(""));
    EXPECT_EQ(REFLECTION_ANSWER_NONE, answer_.kind);
}

TEST_F(ReflectionMessage, RefusesBytesThatAreCut) {
    for (const std::string &bytes :
         {std::string("\x22"), std::string("\x22\x05\x0a\x01x", 5),
          std::string("\x22\x02\x0a\x05", 4), std::string("\x32\x03\x0a\x01\x0a", 5),
          std::string("\x3a\x01\x08", 3), std::string("\x00\x00", 2)}) {
        EXPECT_FALSE(Read(bytes)) << testing::PrintToString(bytes);
    }
}

TEST_F(ReflectionMessage, ReadsNameAndImportsOfAFile) {
    struct slice name;
    struct slice *imports;
    size_t count;
    const std::string file = std::string("\x0a\x01n\x1a\x01p\x1a\x01q", 9);
    ASSERT_TRUE(reflection_file_read(&arena_, Bytes(file), &name, &imports, &count));
    EXPECT_EQ("n", Text(name));
    ASSERT_EQ(2u, count);
    EXPECT_EQ("q", Text(imports[1]));
    for (const std::string &bad : {std::string(), std::string("\x0a\x00", 2),
                                   std::string("\x0a\x05n", 3), std::string("\x1a\x01p", 3)}) {
        EXPECT_FALSE(reflection_file_read(&arena_, Bytes(bad), &name, &imports, &count))
            << testing::PrintToString(bad);
    }
}

} // namespace
