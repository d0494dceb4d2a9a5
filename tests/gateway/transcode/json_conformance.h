#ifndef RUNSD_TESTS_GATEWAY_TRANSCODE_JSON_CONFORMANCE_H
#define RUNSD_TESTS_GATEWAY_TRANSCODE_JSON_CONFORMANCE_H

#include <string>

#include "tests/gateway/support.h"
extern "C" {
#include "gateway/json/json_read.h"
#include "gateway/json/json_write.h"
}

// Reads JSON and writes it again.
class ConformanceTest : public ::testing::Test {
  protected:
    void SetUp() override {
        set = ReadFile("tests/gateway/testdata/kinds.binpb");
        struct slice bytes = S(set);
        ASSERT_EQ(schema_new(a, &bytes, 1, &schema), nullptr);
    }
    void TearDown() override {
        schema_free(schema);
    }

    // The JSON that comes back, or "!" and the field of the violation.
    std::string Read(const std::string &json, const char *type = "wide.v1.Wide",
                     bool ignore_unknown = false) {
        const struct json_read_options options = {ignore_unknown, false};
        const struct schema_message *m = schema_find_message(schema, S(type));
        Arena scratch;
        Buffer wire, out;
        Exact exact(json);
        const struct error *e = json_read_message(schema, scratch, m, exact, &options, wire);
        if (e != nullptr) {
            EXPECT_EQ(wire.b.len, 0u);
            EXPECT_STREQ(e->reason, "BODY_INVALID");
            EXPECT_NE(e->violations, nullptr) << json;
            return std::string("!") + (e->violations != nullptr ? e->violations->field : "");
        }
        const char *fault = nullptr;
        EXPECT_TRUE(json_write_message(schema, scratch, m, strbuf_slice(&wire.b), out, &fault))
            << fault << " " << json;
        return out.str();
    }

    struct Row {
        const char *json, *result;
    };
    template <size_t N> void Check(const Row (&rows)[N], const char *type = "wide.v1.Wide") {
        for (const Row &row : rows) {
            EXPECT_EQ(Read(row.json, type), row.result) << row.json;
        }
    }

    Arena a;
    std::string set;
    struct schema *schema = nullptr;
};

#endif
