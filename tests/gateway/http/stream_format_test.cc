#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/http/stream_format.h"
}

namespace {

TEST(StreamFormat, IsChosenByAccept) {
    const struct {
        const char *accept;
        enum stream_format format;
    } rows[] = {
        {"text/event-stream", STREAM_SSE},
        {"Text/Event-Stream", STREAM_SSE},
        {"text/html, text/event-stream;q=0.1, */*", STREAM_SSE},
        {"text/event-stream; charset=utf-8; q=0.5", STREAM_SSE},
        {"text/event-stream, application/json", STREAM_SSE},
        {"application/x-ndjson;q=0.4, text/event-stream;q=0.5", STREAM_SSE},
        {"text/event-stream;q=0.4, application/x-ndjson;q=0.5", STREAM_NDJSON},
        {"text/event-stream;q=0.9, application/json", STREAM_NDJSON},
        {"text/event-stream;q=0", STREAM_NDJSON},
        {"text/event-stream;q=2", STREAM_NDJSON},
        {"text/event-streams", STREAM_NDJSON},
        {"application/x-ndjson", STREAM_NDJSON},
        {"application/json", STREAM_NDJSON},
        {"image/png", STREAM_NDJSON},
        {"*/*", STREAM_NDJSON},
        {"", STREAM_NDJSON},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.accept);
        Headers headers = {{"accept", row.accept}};
        EXPECT_EQ(stream_format_choose(headers), row.format);
    }
    EXPECT_EQ(stream_format_choose(Headers{}), STREAM_NDJSON);
    EXPECT_EQ(stream_format_choose(Headers{{"Accept", "a/b"}, {"Accept", "text/event-stream"}}),
              STREAM_SSE);
}

std::string Framed(enum stream_format format, bool is_error) {
    struct strbuf out = STRBUF_INIT;
    stream_format_begin(format, is_error, &out);
    strbuf_append_cstr(&out, "{}");
    stream_format_end(format, &out);
    stream_format_heartbeat(format, &out);
    std::string text(reinterpret_cast<const char *>(out.data), out.len);
    strbuf_release(&out);
    return text;
}

TEST(StreamFormat, StandsAroundObjects) {
    EXPECT_EQ(Framed(STREAM_NDJSON, false), "{}\n\n");
    EXPECT_EQ(Framed(STREAM_NDJSON, true), "{}\n\n");
    EXPECT_EQ(Framed(STREAM_SSE, false), "data: {}\n\n: heartbeat\n\n");
    EXPECT_EQ(Framed(STREAM_SSE, true), "event: error\ndata: {}\n\n: heartbeat\n\n");
    EXPECT_STREQ(stream_format_content_type(STREAM_NDJSON), "application/x-ndjson");
    EXPECT_STREQ(stream_format_content_type(STREAM_SSE), "text/event-stream");
}

} // namespace
