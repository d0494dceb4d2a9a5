#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/edge/trace_context.h"
}

namespace {

const char kParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, TellsAValidParent) {
    const char *const valid[] = {
        kParent,
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "00-00000000000000000000000000000001-0000000000000001-ff",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes-later",
        "fe-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
    };
    for (const char *value : valid) {
        EXPECT_TRUE(trace_context_parent_is_valid(Exact(value))) << value;
    }
    const char *const invalid[] = {
        "",
        "00",
        "00-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "CC-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-\xc3\xa4",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-a b",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    for (const char *value : invalid) {
        EXPECT_FALSE(trace_context_parent_is_valid(Exact(value))) << value;
    }
}

std::string Members(int count) {
    std::string list;
    for (int i = 0; i < count; i++) {
        list += (i == 0 ? "k" : ",k") + std::to_string(i) + "=v";
    }
    return list;
}

TEST(TraceContext, TellsAValidState) {
    const std::string valid[] = {
        "congo=t61rcWkgMzE",
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "a=1 , b=2,,",
        "a= 1",
        "a_-*/0=~!\"#",
        "1tenant@system=x",
        std::string(256, 'k') + "=" + std::string(256, 'v'),
        std::string(241, 't') + "@" + std::string(14, 's') + "=v",
        Members(32),
    };
    for (const std::string &value : valid) {
        EXPECT_TRUE(trace_context_state_is_valid(Exact(value))) << value;
    }
    const std::string invalid[] = {
        "",
        ",",
        "a",
        "=1",
        "a=",
        "a=1=2",
        "A=1",
        "1a=1",
        "_a=1",
        "a b=1",
        "a =1",
        "a@=1",
        "@b=1",
        "a@1b=1",
        "a@b@c=1",
        "a=1,a=2",
        "a=\xc3\xa4",
        "a=1\t2",
        std::string(257, 'k') + "=v",
        "k=" + std::string(257, 'v'),
        std::string(242, 't') + "@s=v",
        "t@" + std::string(15, 's') + "=v",
        Members(33),
    };
    for (const std::string &value : invalid) {
        EXPECT_FALSE(trace_context_state_is_valid(Exact(value))) << value;
    }
}

struct Row {
    Headers headers;
    std::string parent;
    std::string state;
};

TEST(TraceContext, DropsAStateWithoutAParent) {
    Arena a;
    const Row rows[] = {
        {{}, "", ""},
        {{{"TraceParent", kParent}}, kParent, ""},
        {{{"traceparent", kParent}, {"TraceState", "a=1"}}, kParent, "a=1"},
        {{{"tracestate", "a=1"}}, "", ""},
        {{{"tracestate", "a=1"}, {"traceparent", "00-bad"}}, "", ""},
        {{{"traceparent", kParent}, {"traceparent", kParent}, {"tracestate", "a=1"}}, "", ""},
        {{{"traceparent", kParent}, {"tracestate", "A"}}, kParent, ""},
        {{{"tracestate", "a=1"},
          {"traceparent", kParent},
          {"tracestate", ""},
          {"tracestate", "b=2,c=3"}},
         kParent,
         "a=1,b=2,c=3"},
        {{{"traceparent", kParent}, {"tracestate", "a=1,\tb=2"}}, kParent, "a=1, b=2"},
        {{{"traceparent", kParent}, {"tracestate", "a=1"}, {"tracestate", "a=2"}}, kParent, ""},
    };
    for (const Row &row : rows) {
        struct trace_context context = trace_context_read(a, row.headers);
        EXPECT_EQ(Str(context.parent), row.parent);
        EXPECT_EQ(Str(context.state), row.state);
    }
}

} // namespace
