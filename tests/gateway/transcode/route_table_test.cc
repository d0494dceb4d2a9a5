#include <deque>
#include <vector>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/transcode/route_table.h"
}

namespace {

// A table of "METHOD template" lines.
struct Table {
    explicit Table(const std::vector<std::string> &given) : lines(given.begin(), given.end()) {
        route_table_init(&table, a);
        for (size_t i = 0; i < lines.size(); i++) {
            EXPECT_EQ(Add(i), "") << lines[i];
        }
    }

    // "" or the line that is there already.
    std::string Add(size_t i) {
        const std::string &line = lines[i];
        size_t space = line.find(' ');
        struct path_template t;
        struct template_fault fault;
        EXPECT_TRUE(template_parse(a, slice_of(line.data() + space + 1, line.size() - space - 1),
                                   &t, &fault))
            << line << ": " << fault.message;
        size_t other;
        return route_table_add(&table, &t, slice_of(line.data(), space), i, &other) ? ""
                                                                                    : lines[other];
    }

    // The line found, "404", or "405 " and the methods.
    std::string Find(const std::string &method, const std::string &path) {
        struct route_match m;
        switch (route_table_find(&table, a, S(method), S(path), &m)) {
        case ROUTE_FOUND:
            return lines[m.route];
        case ROUTE_NO_METHOD:
            return std::string("405 ") + m.allow;
        default:
            return "404";
        }
    }

    std::deque<std::string> lines; // the table borrows from them
    Arena a;
    struct route_table table;
};

TEST(RouteTable, PathsFindTheirRoute) {
    Table t({
        "GET /v1/runs",
        "POST /v1/runs",
        "GET /v1/runs/{id}",
        "POST /v1/runs/{id}/cancel",
        "GET /v1/runs/special",
        "POST /v1/runs/{id}:stop",
        "GET /v1/runs/{id}:stop",
        "GET /v1/files/{name=**}",
        "GET /v1/files/{name=**}:meta",
        "GET /v1/files/index",
        "DELETE /v1/files/*",
        "GET /v1/a%20b/x",
        "GET /x/*/z",
        "GET /x/y/w",
        "GET /",
        "PURGE /v1/runs",
        "* /any/thing",
        "GET /any/thing",
    });
    const struct {
        const char *method, *path, *expected;
    } rows[] = {
        {"GET", "/v1/runs", "GET /v1/runs"},
        {"POST", "/v1/runs", "POST /v1/runs"},
        {"PURGE", "/v1/runs", "PURGE /v1/runs"},
        {"GET", "/v1/runs/r1", "GET /v1/runs/{id}"},
        {"GET", "/v1/runs/special", "GET /v1/runs/special"},
        {"POST", "/v1/runs/r1/cancel", "POST /v1/runs/{id}/cancel"},
        // %2F does not separate segments; literals are compared decoded.
        {"GET", "/v1/runs/a%2Fb", "GET /v1/runs/{id}"},
        {"GET", "/v1%2Fruns", "404"},
        {"GET", "/%761/runs", "GET /v1/runs"},
        {"GET", "/v1/a%20b/x", "GET /v1/a%20b/x"},
        {"GET", "/v1/%61 b/x", "GET /v1/a%20b/x"},
        {"GET", "/V1/runs", "404"},
        // A trailing slash is another path, an empty segment is no variable.
        {"GET", "/v1/runs/", "404"},
        {"GET", "/v1/runs/r1/", "404"},
        {"POST", "/v1/runs//cancel", "404"},
        {"GET", "//v1/runs", "404"},
        {"GET", "/v1/runs/r1/other", "404"},
        {"GET", "", "404"},
        {"GET", "v1/runs", "404"},
        {"GET", "*", "404"},
        {"GET", "/", "GET /"},
        {"GET", "//", "404"},
        // Methods are told apart, and are case-sensitive.
        {"PUT", "/v1/runs", "405 GET, POST, PURGE"},
        {"get", "/v1/runs", "405 GET, POST, PURGE"},
        {"DELETE", "/v1/runs/r1/cancel", "405 POST"},
        // The more special route that lacks the method gives way.
        {"POST", "/v1/runs/special:stop", "POST /v1/runs/{id}:stop"},
        {"POST", "/v1/runs/special", "405 GET"},
        {"DELETE", "/v1/files/index", "DELETE /v1/files/*"},
        {"GET", "/v1/files/index", "GET /v1/files/index"},
        {"PUT", "/v1/files/index", "405 DELETE, GET"},
        // Verbs.
        {"GET", "/v1/runs/r1:stop", "GET /v1/runs/{id}:stop"},
        {"GET", "/v1/runs/r1:%73top", "GET /v1/runs/{id}:stop"},
        {"GET", "/v1/runs/r1:other", "GET /v1/runs/{id}"},
        {"GET", "/v1/runs/a:b:stop", "GET /v1/runs/{id}:stop"},
        {"GET", "/v1/runs/r1%3Astop", "GET /v1/runs/{id}"},
        {"GET", "/v1/runs/:stop", "GET /v1/runs/{id}"},
        {"GET", "/v1/runs/r1:", "GET /v1/runs/{id}"},
        {"GET", "/v1/runs:stop", "404"},
        // "**".
        {"GET", "/v1/files", "GET /v1/files/{name=**}"},
        {"GET", "/v1/files/", "GET /v1/files/{name=**}"},
        {"GET", "/v1/files/a/b/c", "GET /v1/files/{name=**}"},
        {"GET", "/v1/files/a//c/", "GET /v1/files/{name=**}"},
        {"GET", "/v1/files/a/b:meta", "GET /v1/files/{name=**}:meta"},
        {"GET", "/v1/files/a:meta/b", "GET /v1/files/{name=**}"},
        // A literal that leads nowhere gives way to "*".
        {"GET", "/x/y/z", "GET /x/*/z"},
        {"GET", "/x/y/w", "GET /x/y/w"},
        {"GET", "/x/q/w", "404"},
        {"GET", "/any/thing", "GET /any/thing"},
        {"BREW", "/any/thing", "* /any/thing"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(t.Find(row.method, row.path), row.expected) << row.method << " " << row.path;
    }
}

TEST(RouteTable, RoutesThatMatchTheSameRequestsAreRefused) {
    const struct {
        const char *first, *second;
        bool clash;
    } rows[] = {
        {"GET /a", "GET /a", true},
        {"GET /a", "POST /a", false},
        {"GET /a/{x}", "GET /a/{y}", true},
        {"GET /a/{x}", "GET /a/*", true},
        {"GET /a/{x=**}", "GET /a/**", true},
        {"GET /a/{x=**}", "GET /a/*", false},
        {"GET /a/{x=b/*}", "GET /a/b/{y}", true},
        {"GET /a/{x}:v", "GET /a/{x}", false},
        {"GET /a/{x}:v", "GET /a/{y}:v", true},
        {"GET /a/{x}:v", "GET /a/{y}:w", false},
        {"GET /%61", "GET /a", true},
        {"GET /a", "GET /b", false},
        {"* /a", "* /a", true},
        {"* /a", "GET /a", false},
    };
    for (const auto &row : rows) {
        Table t({row.first});
        t.lines.push_back(row.second);
        EXPECT_EQ(t.Add(1), row.clash ? row.first : "") << row.first << " and " << row.second;
    }
}

TEST(RouteTable, SegmentsAreRawAndWithoutTheVerb) {
    Table t({"GET /v1/{name=a/*/**}:do"});
    const std::string path = "/v1/a/b%2Fc/d/e%20f:do";
    struct route_match m;
    ASSERT_EQ(route_table_find(&t.table, t.a, S("GET"), S(path), &m), ROUTE_FOUND);
    ASSERT_EQ(m.segment_count, 5u);
    EXPECT_EQ(Str(m.segments[2]), "b%2Fc");
    EXPECT_EQ(Str(m.segments[4]), "e%20f");
}

TEST(RouteTable, ManyRoutesAreAllFound) {
    std::vector<std::string> lines;
    for (int i = 0; i < 10000; i++) {
        lines.push_back("GET /v1/r" + std::to_string(i) + "/{id}/x" + std::to_string(i % 7));
    }
    Table t(lines);
    for (int i = 0; i < 10000; i++) {
        std::string base = "/v1/r" + std::to_string(i) + "/abc/x";
        ASSERT_EQ(t.Find("GET", base + std::to_string(i % 7)), lines[i]);
        ASSERT_EQ(t.Find("GET", base + "8"), "404");
    }
}

TEST(RouteTable, ManyVerbsOfOnePathAreAllFound) {
    std::vector<std::string> lines;
    for (int i = 0; i < 10000; i++) {
        lines.push_back("POST /v1/{id}:v" + std::to_string(i));
    }
    Table t(lines);
    for (int i = 0; i < 10000; i++) {
        ASSERT_EQ(t.Find("POST", "/v1/x:v" + std::to_string(i)), lines[i]);
    }
    EXPECT_EQ(t.Find("POST", "/v1/x:v10000"), "404");
    EXPECT_EQ(t.Find("GET", "/v1/x:v1"), "405 POST");
    EXPECT_EQ(t.Find("POST", "/v1/x"), "404");
}

TEST(RouteTable, EveryCutOfAPathIsAnswered) {
    Table t({"GET /v1/{a}/b:c", "GET /v1/**", "POST /v1/x/{y=z/*}:w"});
    const std::string path = "/v1/x/z/%41%2F:w";
    for (size_t n = 0; n <= path.size(); n++) {
        // Callers check the encoding first.
        if (n == 9 || n == 10 || n == 12 || n == 13) {
            continue;
        }
        Arena a;
        Exact cut(path.substr(0, n));
        struct route_match m;
        route_table_find(&t.table, a, S("GET"), cut, &m);
    }
    EXPECT_EQ(t.Find("POST", path), "POST /v1/x/{y=z/*}:w");
}

} // namespace
