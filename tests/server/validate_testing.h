#ifndef RUNSD_TESTS_SERVER_VALIDATE_TESTING_H
#define RUNSD_TESTS_SERVER_VALIDATE_TESTING_H

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "runs/v1/run.pb-c.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "server/domain/message_guard.h"
#include "server/domain/run_validate.h"
}

// New runs, and all that is wrong with them.
namespace validate_testing {

using namespace wire;

using Violations = std::vector<std::pair<std::string, std::string>>;

// Checks what is true of every refusal and returns its violations.
inline Violations ViolationsOf(const struct error *e) {
    Violations list;
    if (e == nullptr) {
        return list;
    }
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
    EXPECT_STREQ("FIELD_INVALID", e->reason);
    for (const auto *v = e->violations; v != nullptr; v = v->next) {
        list.emplace_back(v->field, v->description);
    }
    EXPECT_FALSE(list.empty());
    if (!list.empty()) {
        EXPECT_EQ(list[0].first + " " + list[0].second, e->message) << "the first is the message";
    }
    return list;
}

// The request that creates the run, as it was unpacked.
inline const struct error *ValidateNew(struct arena *a, ProtobufCMessage *run,
                                       const char *organization = "acme") {
    Runs__V1__CreateRunRequest request;
    runs__v1__create_run_request__init(&request);
    request.run = reinterpret_cast<Runs__V1__Run *>(run);
    struct run_terms terms;
    struct lease_wish lease;
    return run_validate_new(a, &request, slice_of_cstr(organization), 1, &terms, &lease);
}

inline Violations Validate(const std::string &run, const char *organization = "acme") {
    TestArena a;
    ExactBytes bytes(run);
    ProtobufCMessage *message = nullptr;
    const struct error *e =
        message_unpack(a.get(), &runs__v1__run__descriptor, bytes.slice(), &message);
    if (e != nullptr) {
        ADD_FAILURE() << "the test's run is malformed: " << e->message;
        return {};
    }
    return ViolationsOf(ValidateNew(a.get(), message, organization));
}

inline std::string Node(const std::string &type, const std::vector<std::string> &children = {}) {
    std::vector<std::string> values;
    for (const auto &child : children) {
        values.push_back(Text(child));
    }
    return Object(Entry("type", Text(type)) + Entry("children", Array(values)));
}

inline const std::string root = Entry("root", Object(Entry("type", Text("manual"))));

inline std::string Definition(const std::string &nodes, const std::string &rest = "") {
    return Bytes(16, Bytes(3, nodes) + rest);
}

inline std::string Input(const std::string &key, const std::string &type, bool required = false) {
    return Bytes(2, (key.empty() ? "" : Bytes(2, key)) + (required ? Uint(3, 1) : "") +
                        (type.empty() ? "" : Bytes(4, type)));
}

inline std::string Props(const std::string &entries) {
    return Bytes(7, entries);
}

inline const std::string valid = Definition(root);

struct Row {
    const char *what;
    std::string run;
    Violations expected;
};

inline void Check(const std::vector<Row> &rows) {
    for (const auto &row : rows) {
        EXPECT_EQ(row.expected, Validate(row.run)) << row.what;
    }
}

#define NODES  "run.workflowDefinition.nodes"
#define SCHEMA "run.workflowDefinition.inputSchema"

} // namespace validate_testing

#endif
