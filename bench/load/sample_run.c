#include "bench/load/sample_run.h"

#include "base/core/wire.h"

// Field numbers of protos/runs/v1/run.proto.
enum {
    RUN_EXECUTION_STATE = 1,
    RUN_ID = 3,
    RUN_IS_SIMULATION = 5,
    RUN_PROP_VALUES = 7,
    RUN_SIMULATION_FORKS = 8,
    RUN_SIMULATION_MODE = 9,
    RUN_SOURCE_RUN_ID = 10,
    RUN_TRIGGER_SOURCE = 14,
    RUN_TRIGGERED_BY = 15,
    RUN_WORKFLOW_DEFINITION = 16,
    RUN_WORKFLOW_ID = 17,
    RUN_WORKFLOW_VERSION = 18,
};

static void put_text(struct strbuf *b, uint32_t number, const char *text) {
    wire_put_bytes(b, number, slice_of_cstr(text));
}

// Appends child as field number of b and releases it.
static void put_child(struct strbuf *b, uint32_t number, struct strbuf *child) {
    wire_put_bytes(b, number, strbuf_slice(child));
    strbuf_release(child);
}

// --- google.protobuf.Struct: fields = 1 {key = 1, value = 2} ---

static void put_entry(struct strbuf *object, const char *key, struct strbuf *value) {
    struct strbuf entry = STRBUF_INIT;
    put_text(&entry, 1, key);
    put_child(&entry, 2, value);
    put_child(object, 1, &entry);
}

static void put_string(struct strbuf *object, const char *key, const char *text) {
    struct strbuf value = STRBUF_INIT;
    put_text(&value, 3, text);
    put_entry(object, key, &value);
}

static void put_number(struct strbuf *object, const char *key, double number) {
    struct strbuf value = STRBUF_INIT;
    wire_put_fixed64(&value, 2, wire_double_bits(number));
    put_entry(object, key, &value);
}

// Moves child into object.
static void put_object(struct strbuf *object, const char *key, struct strbuf *child) {
    struct strbuf value = STRBUF_INIT;
    put_child(&value, 5, child);
    put_entry(object, key, &value);
}

// A list of at most one string; NULL makes it empty.
static void put_list(struct strbuf *object, const char *key, const char *text) {
    struct strbuf list = STRBUF_INIT;
    if (text != NULL) {
        struct strbuf item = STRBUF_INIT;
        put_text(&item, 3, text);
        put_child(&list, 1, &item);
    }
    struct strbuf value = STRBUF_INIT;
    put_child(&value, 6, &list);
    put_entry(object, key, &value);
}

// --- the parts of the run ---

static void put_node(struct strbuf *nodes, const char *id, const char *type, const char *name,
                     const char *child) {
    struct strbuf node = STRBUF_INIT;
    put_string(&node, "type", type);
    put_string(&node, "name", name);
    put_list(&node, "children", child);
    put_object(nodes, id, &node);
}

static void put_input(struct strbuf *definition, const char *key, const char *type,
                      const char *description) {
    struct strbuf field = STRBUF_INIT;
    put_text(&field, 1, description);
    put_text(&field, 2, key);
    wire_put_uint(&field, 3, 1);
    put_text(&field, 4, type);
    put_child(definition, 2, &field);
}

static void put_definition(struct strbuf *run) {
    struct strbuf nodes = STRBUF_INIT;
    put_node(&nodes, "root", "manual", "Start by hand", "quote");
    put_node(&nodes, "quote", "http.request", "Ask three venues for a price", "approve");
    put_node(&nodes, "approve", "erc20.approve", "Allow the router to spend", "swap");
    put_node(&nodes, "swap", "dex.swap", "Swap at the best price", "notify");
    put_node(&nodes, "notify", "webhook.send", "Tell the treasury channel", NULL);
    struct strbuf definition = STRBUF_INIT;
    put_input(&definition, "amount", "number", "How much to swap, in units of the token sold");
    put_input(&definition, "recipient", "string", "The address that receives what was bought");
    put_child(&definition, 3, &nodes);
    put_child(run, RUN_WORKFLOW_DEFINITION, &definition);
}

static void put_fork(struct strbuf *run) {
    struct strbuf fork = STRBUF_INIT;
    wire_put_uint(&fork, 1, UINT64_C(11297108109));
    put_text(&fork, 2, "fork-5f2b9c");
    put_text(&fork, 3, "https://forks.example.com/rpc/5f2b9c");
    put_child(run, RUN_SIMULATION_FORKS, &fork);
}

static void put_free_form(struct strbuf *run) {
    struct strbuf state = STRBUF_INIT;
    put_string(&state, "node", "approve");
    put_number(&state, "attempt", 2);
    put_string(&state, "transaction",
               "0x8f7a3b1c5d2e4f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8");
    put_child(run, RUN_EXECUTION_STATE, &state);
    struct strbuf values = STRBUF_INIT;
    put_number(&values, "amount", 1250.75);
    put_string(&values, "recipient", "0x52908400098527886E0F7030069857D2E4169EE7");
    put_child(run, RUN_PROP_VALUES, &values);
}

void sample_run_append_request(struct strbuf *out, struct slice id) {
    struct strbuf run = STRBUF_INIT;
    wire_put_bytes(&run, RUN_ID, id);
    put_free_form(&run);
    wire_put_uint(&run, RUN_IS_SIMULATION, 1);
    put_fork(&run);
    put_text(&run, RUN_SIMULATION_MODE, "fork");
    put_text(&run, RUN_SOURCE_RUN_ID, "run-0000000000000042");
    put_text(&run, RUN_TRIGGER_SOURCE, "schedule");
    put_text(&run, RUN_TRIGGERED_BY, "nightly-rebalance");
    put_definition(&run);
    put_text(&run, RUN_WORKFLOW_ID, "workflow-rebalance");
    wire_put_uint(&run, RUN_WORKFLOW_VERSION, 7);
    put_child(out, 1, &run);
}
