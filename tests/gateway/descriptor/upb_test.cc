// Proves gateway/descriptor/upb.h against the libupb that is linked.

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/descriptor/descriptor_pool.h"
}

namespace {

class UpbTest : public ::testing::Test {
  protected:
    void SetUp() override {
        set = WideSet();
        struct slice bytes = S(set);
        const struct error *e = descriptor_pool_load(a, &bytes, 1, &pool);
        ASSERT_EQ(e, nullptr) << e->message;
        arena = upb_Arena_Init(nullptr, 0, &upb_alloc_global);
    }
    void TearDown() override {
        upb_Arena_Free(arena);
        descriptor_pool_release(&pool);
    }
    Arena a;
    std::string set;
    struct descriptor_pool pool = {};
    upb_Arena *arena = nullptr;
};

TEST_F(UpbTest, FilesStandBehindTheirImports) {
    ASSERT_GT(pool.file_count, 5u);
    EXPECT_STREQ(upb_FileDef_Name(pool.files[pool.file_count - 1]),
                 "tests/gateway/testdata/wide.proto");
    EXPECT_EQ(upb_FileDef_Syntax(pool.files[pool.file_count - 1]), UPB_SYNTAX_PROTO3);
}

TEST_F(UpbTest, DefinitionsAreEnumerated) {
    const upb_FileDef *file =
        upb_DefPool_FindFileByName(pool.pool, "tests/gateway/testdata/wide.proto");
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(upb_FileDef_TopLevelMessageCount(file), 5);
    EXPECT_EQ(upb_FileDef_TopLevelEnumCount(file), 3);
    ASSERT_EQ(upb_FileDef_ServiceCount(file), 1);
    const upb_MessageDef *wide = upb_FileDef_TopLevelMessage(file, 0);
    EXPECT_STREQ(upb_MessageDef_FullName(wide), "wide.v1.Wide");
    EXPECT_EQ(wide, upb_DefPool_FindMessageByName(pool.pool, "wide.v1.Wide"));
    const upb_FieldDef *field = upb_MessageDef_Field(wide, 0);
    EXPECT_STREQ(upb_FieldDef_Name(field), "a_double");
    EXPECT_STREQ(upb_FieldDef_JsonName(field), "aDouble");
    EXPECT_EQ(upb_FieldDef_Number(field), 1u);
    EXPECT_EQ(upb_FieldDef_Type(field), 1);
    EXPECT_FALSE(upb_FieldDef_IsRepeated(field));
    EXPECT_FALSE(upb_FieldDef_HasPresence(field));
    EXPECT_EQ(upb_FieldDef_RealContainingOneof(field), nullptr);
    const upb_ServiceDef *service = upb_FileDef_Service(file, 0);
    EXPECT_STREQ(upb_ServiceDef_FullName(service), "wide.v1.Wides");
    const upb_MethodDef *method = upb_ServiceDef_Method(service, 0);
    EXPECT_STREQ(upb_MethodDef_Name(method), "GetWide");
    EXPECT_EQ(upb_MethodDef_InputType(method), wide);
}

TEST_F(UpbTest, AMessageSurvivesDecodeAndEncode) {
    const upb_MessageDef *wide = upb_DefPool_FindMessageByName(pool.pool, "wide.v1.Wide");
    Buffer wire;
    wire_put_uint(wire, 3, 42);
    wire_put_bytes(wire, 14, S("hello"));
    wire_put_bytes(wire, 34, S("x"));
    wire_put_bytes(wire, 34, S("y"));
    void *m = upb_Message_New(wide, arena);
    ASSERT_EQ(upb_Decode(reinterpret_cast<char *>(wire.b.data), wire.b.len, m,
                         upb_MessageDef_MiniTable(wide), nullptr, 0, arena),
              0);
    char *bytes = nullptr;
    size_t size = 0;
    ASSERT_EQ(upb_Encode(m, upb_MessageDef_MiniTable(wide), 0, arena, &bytes, &size), 0);
    EXPECT_EQ(std::string(bytes, size), wire.str());
    char json[256];
    upb_Status status;
    upb_Status_Clear(&status);
    size_t n = upb_JsonEncode(m, wide, pool.pool, 0, json, sizeof(json), &status);
    EXPECT_EQ(std::string(json, n), R"({"anInt32":42,"aString":"hello","strings":["x","y"]})");
    void *read = upb_Message_New(wide, arena);
    ASSERT_TRUE(upb_JsonDecode(json, n, read, wide, pool.pool, 0, arena, &status))
        << upb_Status_ErrorMessage(&status);
    ASSERT_EQ(upb_Encode(read, upb_MessageDef_MiniTable(wide), 0, arena, &bytes, &size), 0);
    EXPECT_EQ(std::string(bytes, size), wire.str());
}

TEST_F(UpbTest, MalformedBytesFailWithAStatus) {
    const upb_MessageDef *wide = upb_DefPool_FindMessageByName(pool.pool, "wide.v1.Wide");
    void *m = upb_Message_New(wide, arena);
    EXPECT_NE(upb_Decode("\x72\x05hi", 4, m, upb_MessageDef_MiniTable(wide), nullptr, 0, arena), 0);
    upb_Status status;
    upb_Status_Clear(&status);
    EXPECT_FALSE(upb_JsonDecode("{\"no\":1}", 8, m, wide, pool.pool, 0, arena, &status));
    EXPECT_FALSE(status.ok);
    EXPECT_NE(std::string(upb_Status_ErrorMessage(&status)), "");
}

} // namespace
