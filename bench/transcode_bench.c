// What transcoding costs by itself: ns of CPU for matching a path, encoding a cancel,
// writing a run of about 1.5 kB as JSON, reading it, and the writers of upb and
// libprotobuf on the same bytes for comparison.
//
//   transcode_bench DESCRIPTOR_SET [SECONDS_PER_CASE]

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/core/memory.h"
#include "base/core/wire.h"
#include "bench/protobuf_json.h"
#include "gateway/descriptor/descriptor_pool.h"
#include "gateway/transcode/route_table.h"
#include "gateway/transcode/transcoder.h"

static const char run_json[] =
    "{\"executionState\":{\"currentNode\":\"n2\",\"attempt\":2,\"log\":[\"started\",\"swapped\"]},"
    "\"id\":\"run-7f3a9c52e1\",\"isDustTest\":false,\"isSimulation\":true,"
    "\"propValues\":{\"amount\":\"1500000000000000000\",\"slippage\":0.5,\"recipient\":"
    "\"0x8ba1f109551bD432803012645Ac136ddd64DBA72\",\"dryRun\":false},"
    "\"simulationForks\":[{\"chainId\":1,\"forkId\":\"fork-eth-01\",\"rpcUrl\":"
    "\"https://rpc.example.com/eth/fork-eth-01\"},{\"chainId\":11297108109,\"forkId\":"
    "\"fork-palm-02\",\"rpcUrl\":\"https://rpc.example.com/palm/fork-palm-02\"}],"
    "\"simulationMode\":\"fork\",\"sourceRunId\":\"run-6e2b8d41d0\",\"startedAt\":"
    "\"2026-01-31T12:00:00.123456Z\",\"finishedAt\":\"2026-01-31T12:00:07.654321Z\","
    "\"status\":\"cancelled\",\"totalCu\":1284.25,\"triggerSource\":\"api\",\"triggeredBy\":"
    "\"ci-token\",\"workflowDefinition\":{\"inputSchema\":[{\"description\":\"Amount in wei to "
    "swap\",\"key\":\"amount\",\"required\":true,\"type\":\"string\"},{\"description\":\"Slippage "
    "in percent\",\"key\":\"slippage\",\"required\":false,\"type\":\"number\"}],\"nodes\":{"
    "\"root\":{\"type\":\"manual\",\"children\":[\"n1\"]},\"n1\":{\"type\":\"action\",\"name\":"
    "\"approve\",\"config\":{\"token\":\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\",\"spender\":"
    "\"0x1111111254EEB25477B68fb85Ed929f73A960582\"},\"children\":[\"n2\"]},\"n2\":{\"type\":"
    "\"action\",\"name\":\"swap\",\"config\":{\"from\":\"USDC\",\"to\":\"WETH\",\"gasLimit\":"
    "350000},\"children\":[]}}},\"workflowId\":\"wf-rebalance\",\"workflowVersion\":42}";

static const char cancel_path[] = "/v1/runs/run-7f3a9c52e1/cancel";

struct bench {
    struct transcoder *transcoder;
    struct arena arena;
    struct transcoder_match cancel;
    struct transcoder_match create;
    struct slice run;
    struct strbuf out;
    const upb_MessageDef *upb_type;
    const upb_DefPool *upb_pool;
    struct protobuf_json *protobuf;
    struct arena route_arena;
    struct route_table routes;
    struct slice route_path;
};

static void require(const struct error *error) {
    if (error != NULL) {
        fprintf(stderr, "transcode_bench: %s (%s)\n", error->message,
                error->detail != NULL ? error->detail : "");
        exit(1);
    }
}

static void match_cancel(struct bench *b) {
    require(transcoder_match_route(b->transcoder, &b->arena, slice_of_cstr("POST"),
                                   slice_of(cancel_path, sizeof(cancel_path) - 1), &b->cancel));
}

static void encode_cancel(struct bench *b) {
    struct slice message;
    const struct transcoder_request request = {.query = SLICE_EMPTY};
    require(transcoder_encode_request(b->transcoder, &b->arena, &b->cancel, &request, &message));
}

static void write_run(struct bench *b) {
    b->out.len = 0;
    require(transcoder_decode_response(b->transcoder, &b->arena, b->cancel.route, b->run, &b->out));
}

static void read_run(struct bench *b) {
    struct slice message;
    const struct transcoder_request request = {.body = slice_of(run_json, sizeof(run_json) - 1)};
    require(transcoder_encode_request(b->transcoder, &b->arena, &b->create, &request, &message));
}

static void upb_write_run(struct bench *b) {
    upb_Arena *arena = upb_Arena_Init(NULL, 0, &upb_alloc_global);
    void *m = upb_Message_New(b->upb_type, arena);
    char json[4096];
    if (upb_Decode((const char *)b->run.data, b->run.len, m, upb_MessageDef_MiniTable(b->upb_type),
                   NULL, 0, arena) != 0 ||
        upb_JsonEncode(m, b->upb_type, b->upb_pool, 1, json, sizeof(json), NULL) >= sizeof(json)) {
        fprintf(stderr, "transcode_bench: upb failed\n");
        exit(1);
    }
    upb_Arena_Free(arena);
}

static void protobuf_write_run(struct bench *b) {
    if (protobuf_json_write(b->protobuf, b->run.data, b->run.len) == 0) {
        fprintf(stderr, "transcode_bench: libprotobuf failed\n");
        exit(1);
    }
}

static void match_route(struct bench *b) {
    struct route_match m;
    if (route_table_find(&b->routes, &b->arena, slice_of_cstr("GET"), b->route_path, &m) !=
        ROUTE_FOUND) {
        exit(1);
    }
}

enum { BATCH = 64 };

// CPU time of this thread: what other programs do meanwhile does not count.
static int64_t cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

// Prints and returns ns of CPU a call.
static double measure(struct bench *b, const char *name, void (*run)(struct bench *),
                      double seconds) {
    int64_t calls = 0;
    int64_t start = cpu_us();
    int64_t end = start;
    struct arena kept = b->arena;
    while (end - start < (int64_t)(seconds * 1e6)) {
        for (int i = 0; i < BATCH; i++) {
            // One request, one arena: its release is part of the cost.
            arena_init(&b->arena);
            run(b);
            arena_release(&b->arena);
        }
        calls += BATCH;
        end = cpu_us();
    }
    b->arena = kept;
    double ns = (double)(end - start) * 1e3 / (double)calls;
    printf("%-44s %9.1f ns\n", name, ns);
    return ns;
}

static void add_routes(struct bench *b, size_t count) {
    arena_init(&b->route_arena);
    route_table_init(&b->routes, &b->route_arena);
    for (size_t i = 0; i < count; i++) {
        struct path_template t;
        struct template_fault fault;
        size_t other;
        const char *text = arena_printf(&b->route_arena, "/v1/res%zu/{id}/act%zu", i, i % 13);
        if (!template_parse(&b->route_arena, slice_of_cstr(text), &t, &fault) ||
            !route_table_add(&b->routes, &t, slice_of_cstr("GET"), i, &other)) {
            exit(1);
        }
    }
    b->route_path = slice_of_cstr(arena_printf(&b->route_arena, "/v1/res%zu/run-7f3a9c52e1/act%zu",
                                               count / 2, count / 2 % 13));
}

static struct slice read_file(const char *path) {
    struct strbuf bytes = STRBUF_INIT;
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "transcode_bench: cannot open %s\n", path);
        exit(1);
    }
    size_t n;
    do {
        strbuf_grow(&bytes, 65536);
        n = fread(bytes.data + bytes.len, 1, 65536, f);
        bytes.len += n;
    } while (n > 0);
    fclose(f);
    return strbuf_slice(&bytes);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: transcode_bench DESCRIPTOR_SET [SECONDS_PER_CASE]\n");
        return 2;
    }
    double seconds = argc > 2 ? atof(argv[2]) : 1.0;
    struct slice set = read_file(argv[1]);
    struct bench b = {.out = STRBUF_INIT};
    arena_init(&b.arena);
    require(transcoder_new(&b.arena, &set, 1, NULL, &b.transcoder));
    struct descriptor_pool pool;
    require(descriptor_pool_load(&b.arena, &set, 1, &pool));
    b.upb_pool = pool.pool;
    b.protobuf = protobuf_json_new(set.data, set.len, "runs.v1.Run");
    b.upb_type = upb_DefPool_FindMessageByName(pool.pool, "runs.v1.Run");
    match_cancel(&b);
    require(transcoder_match_route(b.transcoder, &b.arena, slice_of_cstr("POST"),
                                   slice_of_cstr("/v1/runs"), &b.create));
    struct slice request;
    const struct transcoder_request create = {.body = slice_of(run_json, sizeof(run_json) - 1)};
    require(transcoder_encode_request(b.transcoder, &b.arena, &b.create, &create, &request));
    const uint8_t *p = request.data;
    struct wire_field run;
    if (!wire_read_field(&p, request.data + request.len, &run)) {
        return 1;
    }
    b.run = run.bytes;
    write_run(&b);
    printf("run: %zu bytes of JSON, %zu on the wire\n", b.out.len, b.run.len);
    measure(&b, "match POST /v1/runs/{id}/cancel", match_cancel, seconds);
    match_cancel(&b);
    measure(&b, "encode a cancel request", encode_cancel, seconds);
    double ours = measure(&b, "write the run", write_run, seconds);
    double upb = measure(&b, "write the run, upb (parse and write)", upb_write_run, seconds);
    double protobuf =
        measure(&b, "write the run, libprotobuf (parse and write)", protobuf_write_run, seconds);
    printf("ours is %.1f times faster than upb, %.1f times than libprotobuf\n", upb / ours,
           protobuf / ours);
    measure(&b, "read the run", read_run, seconds);
    for (size_t count = 10; count <= 10000; count *= count == 10 ? 100 : 10) {
        char name[64];
        snprintf(name, sizeof(name), "match among %zu routes", count);
        add_routes(&b, count);
        measure(&b, name, match_route, seconds);
        arena_release(&b.route_arena);
    }
    strbuf_release(&b.out);
    descriptor_pool_release(&pool);
    protobuf_json_free(b.protobuf);
    transcoder_free(b.transcoder);
    arena_release(&b.arena);
    free((void *)set.data);
    return 0;
}
