#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "gateway/transcode/percent.h"
#include "gateway/transcode/route_table.h"
#include "gateway/transcode/template.h"
}

// The path matcher. Lines: the path, then a template each. What is found does not
// depend on the order in which routes were added.

namespace {

enum { MOST_ROUTES = 24 };

std::vector<std::string> Lines(const uint8_t *data, size_t size) {
    std::stringstream in(std::string(reinterpret_cast<const char *>(data), size));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line) && lines.size() <= MOST_ROUTES;) {
        lines.push_back(line);
    }
    return lines;
}

} // namespace

void FuzzRoute(const uint8_t *data, size_t size) {
    std::vector<std::string> lines = Lines(data, size);
    size_t bad;
    if (lines.empty() || !percent_valid(fuzz::S(lines[0]), &bad)) {
        return; // what no gateway would ask for
    }
    fuzz::Arena a;
    std::vector<struct path_template> templates;
    for (size_t i = 1; i < lines.size(); i++) {
        struct path_template t = {};
        struct template_fault fault;
        if (template_parse(a, fuzz::S(lines[i]), &t, &fault)) {
            templates.push_back(t);
        }
    }
    static const char *const methods[] = {"GET", "POST", "*"};
    struct route_table forward, backward;
    route_table_init(&forward, a);
    route_table_init(&backward, a);
    size_t other;
    bool same = true;
    for (size_t i = 0; i < templates.size(); i++) {
        same = route_table_add(&forward, &templates[i], slice_of_cstr(methods[i % 3]), i, &other) &&
               same;
    }
    for (size_t i = templates.size(); i-- > 0;) {
        bool added =
            route_table_add(&backward, &templates[i], slice_of_cstr(methods[i % 3]), i, &other);
        FUZZ_CHECK(added || !same, "route %zu is refused in one order only", i);
    }
    for (const char *method : {"GET", "POST", "DELETE"}) {
        struct route_match x = {}, y = {};
        enum route_result found =
            route_table_find(&forward, a, slice_of_cstr(method), fuzz::S(lines[0]), &x);
        enum route_result back =
            route_table_find(&backward, a, slice_of_cstr(method), fuzz::S(lines[0]), &y);
        if (!same) {
            continue; // of two routes that are the same the first stays
        }
        FUZZ_CHECK(found == back, "%d and %d", found, back);
        if (found == ROUTE_FOUND) {
            FUZZ_CHECK(x.route == y.route, "routes %zu and %zu", x.route, y.route);
            const char *of = methods[x.route % 3];
            FUZZ_CHECK(strcmp(of, "*") == 0 || strcmp(of, method) == 0, "a route of %s", of);
        }
    }
}
