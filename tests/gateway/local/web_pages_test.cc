#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <string>

extern "C" {
#include "gateway/local/web_pages.h"
#include "web/assets.h"
}

// The rows of the reference page and of the console, in a program that was built with it or
// without.

namespace {

void AnswerOther(const struct local_request *request, struct arena *arena,
                 struct local_reply *ret_reply) {
    (void)request;
    (void)arena;
    ret_reply->http_status = 299;
}

class WebPages : public testing::Test {
  protected:
    WebPages() {
        const struct local_route other = {"/other", "GET", AnswerOther, false, false,
                                          "it",     false, nullptr,     false};
        const struct local_table others = {&other, 1};
        table_ = web_pages_added(&others);
        arena_init(&arena_);
    }
    ~WebPages() override {
        web_pages_free(table_);
        arena_release(&arena_);
    }

    const struct local_route *Find(const std::string &path) {
        return local_table_find(table_, slice_of(path.data(), path.size()));
    }

    struct local_reply Answer(const struct local_route *row) {
        struct local_request request = {};
        request.method = slice_of_cstr("GET");
        request.data = row->data;
        struct local_reply reply = {};
        row->answer(&request, &arena_, &reply);
        return reply;
    }

    struct local_reply Answer(const std::string &path) {
        const struct local_route *row = Find(path);
        EXPECT_NE(row, nullptr) << path;
        return row != nullptr ? Answer(row) : local_reply{};
    }

    static std::string Header(const struct local_reply &reply, const std::string &name) {
        for (size_t i = 0; i < reply.header_count; i++) {
            if (name == reply.headers[i].name) {
                return reply.headers[i].value;
            }
        }
        return "(none)";
    }

    struct local_table *table_;
    struct arena arena_;
};

TEST_F(WebPages, TheOtherRowsStayAndComeFirst) {
    EXPECT_EQ(std::string(table_->routes[0].path), "/other");
    EXPECT_EQ(Answer("/other").http_status, 299);
    std::set<std::string> paths;
    for (size_t i = 0; i < table_->count; i++) {
        EXPECT_TRUE(paths.insert(table_->routes[i].path).second) << table_->routes[i].path;
    }
    web_pages_free(nullptr);
}

TEST_F(WebPages, TheRootLeadsBrowsersToThePage) {
    EXPECT_TRUE(Find("/")->is_for_browsers);
    EXPECT_EQ(Answer("/").http_status, 303);
    EXPECT_EQ(Header(Answer("/"), "Location"), "docs");
    EXPECT_FALSE(Find("/docs/")->is_for_browsers);
    EXPECT_EQ(Answer("/docs/").http_status, 303);
    EXPECT_EQ(Header(Answer("/docs/"), "Location"), "../docs");
}

TEST_F(WebPages, ASlashBehindTheConsoleLeadsToIt) {
    EXPECT_FALSE(Find("/console/")->is_for_browsers);
    EXPECT_EQ(Answer("/console/").http_status, 303);
    EXPECT_EQ(Header(Answer("/console/"), "Location"), "../console");
}

TEST_F(WebPages, NoPageMayReachAnotherOrigin) {
    for (size_t i = 1; i < table_->count; i++) {
        struct local_reply reply = Answer(&table_->routes[i]);
        std::string policy = Header(reply, "Content-Security-Policy");
        EXPECT_EQ(policy.rfind("default-src 'none'; ", 0), 0u) << table_->routes[i].path;
        EXPECT_EQ(policy.find("http"), std::string::npos);
        EXPECT_EQ(policy.find('*'), std::string::npos);
        EXPECT_EQ(policy.find("unsafe-eval"), std::string::npos);
        EXPECT_EQ(Header(reply, "Referrer-Policy"), "no-referrer");
        EXPECT_EQ(Header(reply, "X-Content-Type-Options"), "nosniff");
        EXPECT_TRUE(reply.is_static);
    }
}

TEST_F(WebPages, ThePagesAreCheckedEachTimeAndTheirPartsNeverAgain) {
    struct web_assets assets = web_assets();
    if (assets.count == 0) {
        GTEST_SKIP() << "built without web/dist, which script/run and script/test make";
    }
    EXPECT_EQ(std::string(assets.assets[0].path), "/docs");
    std::set<std::string> pages;
    for (size_t i = 0; i < assets.count; i++) {
        const struct web_asset &asset = assets.assets[i];
        SCOPED_TRACE(asset.path);
        struct local_reply reply = Answer(asset.path);
        EXPECT_EQ(reply.http_status, 200);
        EXPECT_EQ(std::string(reply.media_type), asset.media_type);
        EXPECT_EQ(std::string(reply.etag).rfind("W/\"", 0), 0u);
        EXPECT_EQ(reply.body.len, 0u);
        ASSERT_GT(reply.gzip.len, 18u);
        EXPECT_EQ(reply.gzip.data[0], 0x1f);
        EXPECT_EQ(reply.gzip.data[1], 0x8b);
        // RFC 1952: the last four bytes are the length.
        const uint8_t *end = reply.gzip.data + reply.gzip.len;
        size_t length = end[-4] | end[-3] << 8 | end[-2] << 16 | static_cast<size_t>(end[-1]) << 24;
        EXPECT_EQ(length, asset.plain_bytes);
        EXPECT_EQ(reply.gzip_plain_bytes, asset.plain_bytes);
        std::string path = asset.path;
        if (path == "/docs" || path == "/console") {
            pages.insert(path);
            EXPECT_EQ(std::string(reply.cache_control), "no-cache");
        } else {
            EXPECT_TRUE(path.rfind("/docs/assets/", 0) == 0 ||
                        path.rfind("/console/assets/", 0) == 0);
            EXPECT_EQ(std::string(reply.cache_control), "public, max-age=31536000, immutable");
        }
    }
    EXPECT_EQ(pages, (std::set<std::string>{"/docs", "/console"}));
    EXPECT_EQ(Find("/docs/assets/none.js"), nullptr);
}

TEST_F(WebPages, AProgramWithoutThePagesSaysSo) {
    for (const char *path : {"/docs", "/console"}) {
        SCOPED_TRACE(path);
        struct local_reply reply = Answer(path);
        if (web_assets().count > 0) {
            EXPECT_EQ(reply.http_status, 200);
            continue;
        }
        EXPECT_EQ(reply.http_status, 404);
        std::string body(reinterpret_cast<const char *>(reply.body.data), reply.body.len);
        EXPECT_NE(body.find("script/run"), std::string::npos) << body;
    }
}

TEST_F(WebPages, EachWayToThePageIsInTheDocs) {
    std::ifstream in("docs/HTTP.md");
    std::stringstream docs;
    docs << in.rdbuf();
    for (const std::string path : {"/", "/docs/", "/console/"}) {
        const struct local_route *row = Find(path);
        std::string line = "| `" + path + "` | " + row->verbs + " | no | " + row->help + " |\n";
        EXPECT_NE(docs.str().find(line), std::string::npos) << line;
    }
    EXPECT_NE(docs.str().find("| `/docs` | GET | no | the reference page |\n"), std::string::npos);
    EXPECT_NE(docs.str().find("| `/console` | GET | no | the console |\n"), std::string::npos);
}

} // namespace
