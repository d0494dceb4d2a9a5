#include "server/domain/workflow_validate.h"

#include <stdlib.h>
#include <string.h>

#include "server/domain/struct_validate.h"

typedef Google__Protobuf__Struct Struct;
typedef Google__Protobuf__Value Value;

enum { LONGEST_DESCRIPTION = 8192, LONGEST_KEY = 1024 };

static const char *const input_types[] = {"string", "number", "boolean", "object", "array"};

static const char *type_of(const Value *value) {
    switch (value->kind_case) {
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
        return "string";
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
        return "number";
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
        return "boolean";
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
        return "object";
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        return "array";
    default:
        return "null";
    }
}

// --- nodes ---

static void check_children(struct violations *v, const char *path, const Value *children,
                           const struct sorted_entries *nodes) {
    if (children->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE) {
        violations_add(v, path, "must be an array of node ids, got %s", type_of(children));
        return;
    }
    for (size_t i = 0; i < children->list_value->n_values && v->count < MOST_VIOLATIONS; i++) {
        const Value *child = children->list_value->values[i];
        if (child->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE) {
            violations_add(v, arena_printf(v->arena, "%s[%zu]", path, i),
                           "must be a node's id, a string, got %s", type_of(child));
        } else if (sorted_entries_find(nodes, child->string_value) == NULL) {
            violations_add(v, arena_printf(v->arena, "%s[%zu]", path, i),
                           "names the node \"%.100s\", which is not in nodes", child->string_value);
        }
    }
}

static const Value *member(const Value *object, const char *key) {
    const Struct *fields = object->struct_value;
    for (size_t i = 0; i < fields->n_fields; i++) {
        if (strcmp(fields->fields[i]->key, key) == 0) {
            return fields->fields[i]->value;
        }
    }
    return NULL;
}

static void check_root(struct violations *v, const char *path, const Value *root) {
    const Value *type = member(root, "type");
    const char *type_path = violations_path_key(v->arena, path, "type");
    if (type == NULL) {
        violations_add(v, type_path, "must be \"manual\", but is missing");
    } else if (type->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE) {
        violations_add(v, type_path, "must be \"manual\", got %s", type_of(type));
    } else if (strcmp(type->string_value, "manual") != 0) {
        violations_add(v, type_path, "must be \"manual\", got \"%.100s\"", type->string_value);
    }
}

static void check_nodes(struct violations *v, const Struct *nodes) {
    static const char path[] = "run.workflowDefinition.nodes";
    if (nodes == NULL) {
        violations_add(v, path, "is required");
        return;
    }
    struct sorted_entries sorted = sorted_entries_of(v->arena, nodes);
    const Value *root = sorted_entries_find(&sorted, "root");
    if (root == NULL) {
        violations_add(v, violations_path_key(v->arena, path, "root"),
                       "is required: a node of type \"manual\"");
    }
    for (size_t i = 0; i < nodes->n_fields && v->count < MOST_VIOLATIONS; i++) {
        const Value *node = nodes->fields[i]->value;
        const char *node_path = violations_path_key(v->arena, path, nodes->fields[i]->key);
        if (node == NULL || node->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE) {
            violations_add(v, node_path, "must be an object, got %s",
                           node != NULL ? type_of(node) : "null");
            continue;
        }
        if (node == root) {
            check_root(v, node_path, node);
        }
        const Value *children = member(node, "children");
        if (children != NULL) {
            check_children(v, violations_path_key(v->arena, node_path, "children"), children,
                           &sorted);
        }
    }
}

// --- inputs ---

static bool is_input_type(const char *type) {
    for (size_t i = 0; i < sizeof(input_types) / sizeof(input_types[0]); i++) {
        if (strcmp(type, input_types[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check_input_value(struct violations *v, const Runs__V1__InputField *input,
                              const struct sorted_entries *values) {
    const Value *value = sorted_entries_find(values, input->key);
    const char *path = violations_path_key(v->arena, "run.propValues", input->key);
    if (value == NULL && input->required) {
        violations_add(v, path, "is required by inputSchema: a value of type %s", input->type);
    } else if (value != NULL && strcmp(type_of(value), input->type) != 0) {
        violations_add(v, path, "must be of type %s, as inputSchema says, got %s", input->type,
                       type_of(value));
    }
}

static int compare_inputs(const void *left, const void *right) {
    return strcmp((*(Runs__V1__InputField *const *)left)->key,
                  (*(Runs__V1__InputField *const *)right)->key);
}

static void check_input_keys(struct violations *v, const Runs__V1__WorkflowDefinition *definition) {
    size_t count = definition->n_input_schema;
    if (count < 2) {
        return;
    }
    Runs__V1__InputField **sorted = arena_alloc(v->arena, count * sizeof(*sorted));
    memcpy(sorted, definition->input_schema, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_inputs);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 && sorted[i]->key[0] != '\0') {
            violations_add(v, "run.workflowDefinition.inputSchema",
                           "has the key \"%.100s\" more than once", sorted[i]->key);
        }
    }
}

static void check_inputs(struct violations *v, const Runs__V1__WorkflowDefinition *definition,
                         const Struct *prop_values) {
    struct sorted_entries values = sorted_entries_of(v->arena, prop_values);
    for (size_t i = 0; i < definition->n_input_schema && v->count < MOST_VIOLATIONS; i++) {
        const Runs__V1__InputField *input = definition->input_schema[i];
        const char *path = arena_printf(v->arena, "run.workflowDefinition.inputSchema[%zu]", i);
        bool is_well_formed = true;
        if (input->key[0] == '\0') {
            violations_add(v, violations_path_key(v->arena, path, "key"), "is required");
            is_well_formed = false;
        }
        if (strlen(input->key) > LONGEST_KEY) {
            violations_add(v, violations_path_key(v->arena, path, "key"),
                           "has %zu bytes, at most %d are allowed", strlen(input->key),
                           LONGEST_KEY);
        }
        if (!is_input_type(input->type)) {
            violations_add(v, violations_path_key(v->arena, path, "type"),
                           "must be string, number, boolean, object or array, got \"%.100s\"",
                           input->type);
            is_well_formed = false;
        }
        if (strlen(input->description) > LONGEST_DESCRIPTION) {
            violations_add(v, violations_path_key(v->arena, path, "description"),
                           "has %zu bytes, at most %d are allowed", strlen(input->description),
                           LONGEST_DESCRIPTION);
        }
        if (is_well_formed) {
            check_input_value(v, input, &values);
        }
    }
    check_input_keys(v, definition);
}

void workflow_validate(struct violations *v, const Runs__V1__Run *run) {
    const Runs__V1__WorkflowDefinition *definition = run->workflow_definition;
    if (definition == NULL) {
        violations_add(v, "run.workflowDefinition", "is required");
    } else {
        check_nodes(v, definition->nodes);
        check_inputs(v, definition, run->prop_values);
        struct_validate(v, "run.workflowDefinition.nodes", definition->nodes);
        struct_validate(v, "run.workflowDefinition.blockExpansions", definition->block_expansions);
    }
    struct_validate(v, "run.propValues", run->prop_values);
    struct_validate(v, "run.executionState", run->execution_state);
}
