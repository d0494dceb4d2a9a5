extern "C" {
#include "ctl/exit_code.h"
#include "ctl/json.h"
}

#include <gtest/gtest.h>
#include <string>

namespace {

class Json : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
    }
    void TearDown() override {
        arena_release(&arena_);
    }
    const error *Read(const char *type, const char *text) {
        return json_to_message(&arena_, type, slice_of_cstr(text), &message_);
    }
    // What printing the message last read writes.
    std::string Print(const char *type) {
        testing::internal::CaptureStdout();
        code_ = json_print_reply(&in_, type, message_);
        return testing::internal::GetCapturedStdout();
    }
    invocation Invocation() {
        invocation in = {};
        in.arena = &arena_;
        in.command = &command_;
        in.request_id = request_id_;
        in.json = true;
        return in;
    }
    arena arena_;
    command command_{};
    char request_id_[40] = "";
    invocation in_ = Invocation();
    slice message_{};
    int code_ = -1;
};

TEST_F(Json, SpellsARunAsRestDoes) {
    ASSERT_EQ(nullptr, Read("runs.v1.Run", R"({
        "id": "r", "status": "waiting", "workflowVersion": 9007199254740993,
        "simulationForks": [{"chainId": 11297108109}]})"));
    const std::string text = Print("runs.v1.Run");
    EXPECT_EQ(EXIT_CODE_OK, code_);
    for (const char *part :
         {R"("status":"waiting")", R"("workflowVersion":9007199254740993)",
          R"({"chainId":11297108109,"forkId":"","rpcUrl":""})", R"("isDustTest":false)"}) {
        EXPECT_NE(std::string::npos, text.find(part)) << part << " in " << text;
    }
    EXPECT_EQ('\n', text.back());
    EXPECT_EQ(1, std::count(text.begin(), text.end(), '\n'));
}

TEST_F(Json, KnowsTheMessagesThatAreGrpcOnly) {
    ASSERT_EQ(nullptr, Read("runs.v1.Token", R"({"name":"n","scopes":["runs.read"]})"));
    EXPECT_EQ("{\"name\":\"n\",\"scopes\":[\"runs.read\"]}\n", Print("runs.v1.Token"));
    ASSERT_EQ(nullptr, Read("google.protobuf.Struct", R"({"a":[1,{}]})"));
    EXPECT_EQ("{\"a\":[1,{}]}\n", Print("google.protobuf.Struct"));
}

TEST_F(Json, IsRefusedWithTheFieldsPath) {
    const error *e = Read("runs.v1.Run", R"({"simulationForks": [{"chainId": "x"}]})");
    ASSERT_NE(nullptr, e);
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
    ASSERT_NE(nullptr, e->violations);
    EXPECT_STREQ("simulationForks[0].chainId", e->violations->field);
}

TEST_F(Json, TellsThatAReplyIsNoMessage) {
    message_ = slice_of_cstr("\xff\xff");
    testing::internal::CaptureStderr();
    EXPECT_EQ("", Print("runs.v1.Run"));
    EXPECT_EQ(EXIT_CODE_FAILED, code_);
    EXPECT_NE(std::string::npos, testing::internal::GetCapturedStderr().find("runs.v1.Run"));
}

} // namespace
