extern "C" {
#include "bench/load/sample_run.h"
#include "runs/v1/runs_service.pb-c.h"
}

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace {

const Google__Protobuf__Value *Find(const Google__Protobuf__Struct *object,
                                    const std::string &key) {
    for (size_t i = 0; i < object->n_fields; i++) {
        if (object->fields[i]->key == key) {
            return object->fields[i]->value;
        }
    }
    return nullptr;
}

class SampleRun : public testing::Test {
  protected:
    SampleRun() {
        strbuf bytes = STRBUF_INIT;
        sample_run_append_request(&bytes, slice_of_cstr("run-1"));
        size_ = bytes.len;
        request_ = runs__v1__create_run_request__unpack(nullptr, bytes.len, bytes.data);
        strbuf_release(&bytes);
    }
    ~SampleRun() override {
        runs__v1__create_run_request__free_unpacked(request_, nullptr);
    }

    size_t size_;
    Runs__V1__CreateRunRequest *request_;
};

TEST_F(SampleRun, IsAMessageOfTheSizeThatTheBenchmarksState) {
    ASSERT_NE(request_, nullptr);
    ASSERT_NE(request_->run, nullptr);
    EXPECT_STREQ(request_->run->id, "run-1");
    EXPECT_GT(size_, 900u);
    EXPECT_LT(size_, 1500u);
}

TEST_F(SampleRun, KeepsTheRulesForNewRuns) {
    ASSERT_NE(request_, nullptr);
    const Runs__V1__Run *run = request_->run;
    const Runs__V1__WorkflowDefinition *definition = run->workflow_definition;
    ASSERT_NE(definition, nullptr);
    std::set<std::string> nodes;
    std::set<std::string> children;
    for (size_t i = 0; i < definition->nodes->n_fields; i++) {
        nodes.insert(definition->nodes->fields[i]->key);
        const auto *list = Find(definition->nodes->fields[i]->value->struct_value, "children");
        ASSERT_NE(list, nullptr);
        for (size_t j = 0; j < list->list_value->n_values; j++) {
            children.insert(list->list_value->values[j]->string_value);
        }
    }
    EXPECT_EQ(nodes.size(), 5u);
    EXPECT_EQ(nodes.count("root"), 1u);
    for (const std::string &child : children) {
        EXPECT_EQ(nodes.count(child), 1u) << child;
    }
    EXPECT_STREQ(Find(Find(definition->nodes, "root")->struct_value, "type")->string_value,
                 "manual");
    ASSERT_EQ(definition->n_input_schema, 2u);
    for (size_t i = 0; i < definition->n_input_schema; i++) {
        EXPECT_NE(Find(run->prop_values, definition->input_schema[i]->key), nullptr);
    }
    ASSERT_EQ(run->n_simulation_forks, 1u);
    EXPECT_EQ(run->simulation_forks[0]->chain_id, 11297108109);
}

} // namespace
