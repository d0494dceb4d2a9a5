#include "base/core/wire.h"
#include "bench/load/sample_run.h"
#include "bench/watch/watch_api.h"

// runs.v1.RunsService (protos/runs/v1): a change is the cancel of a run that was created for it.

enum { ID_BYTES = 36, NUMBER_DIGITS = 12 };

// A UUID of version 7 that ends with the change's number; 2100-01-01, as the bench's others.
static void append_id(struct strbuf *out, uint64_t change) {
    strbuf_printf(out, "03bb2cc3-d800-7000-8000-%012llx", (unsigned long long)change);
}

static bool read_id(struct slice id, uint64_t *ret) {
    if (id.len != ID_BYTES) {
        return false;
    }
    uint64_t number = 0;
    for (size_t i = ID_BYTES - NUMBER_DIGITS; i < ID_BYTES; i++) {
        uint8_t c = id.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret = number;
    return true;
}

static void enroll(struct strbuf *out, size_t group) {
    enum { ORGANIZATION_ID = 1, NAME = 2, SCOPES = 3 };
    static const char *const scopes[] = {"runs.read", "runs.create", "runs.cancel"};
    struct strbuf name = STRBUF_INIT;
    strbuf_printf(&name, "watched-%06zu", group);
    wire_put_bytes(out, ORGANIZATION_ID, strbuf_slice(&name));
    wire_put_bytes(out, NAME, strbuf_slice(&name));
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        wire_put_bytes(out, SCOPES, slice_of_cstr(scopes[i]));
    }
    strbuf_release(&name);
}

static struct slice read_token(struct slice message) {
    enum { SECRET = 1 };
    struct wire_field secret = {0};
    (void)wire_find_last(message, SECRET, WIRE_BYTES, &secret);
    return secret.bytes;
}

static void watch(struct strbuf *out, size_t group) {
    (void)group; // the token says which organization
    enum { STATUS = 1, CANCELLED = 5 };
    wire_put_uint(out, STATUS, CANCELLED);
}

static void prepare(struct strbuf *out, size_t group, uint64_t change) {
    (void)group;
    struct strbuf id = STRBUF_INIT;
    append_id(&id, change);
    sample_run_append_request(out, strbuf_slice(&id));
    strbuf_release(&id);
}

static void change_run(struct strbuf *out, size_t group, uint64_t change) {
    (void)group;
    struct strbuf id = STRBUF_INIT;
    append_id(&id, change);
    wire_put_bytes(out, 1, strbuf_slice(&id));
    strbuf_release(&id);
}

static bool read_event(struct slice bytes, struct watch_event *ret) {
    enum { RUN_ID = 1, REVISION = 8 };
    struct wire_field id, revision;
    if (!wire_find_last(bytes, RUN_ID, WIRE_BYTES, &id) ||
        !wire_find_last(bytes, REVISION, WIRE_VARINT, &revision)) {
        return false;
    }
    ret->position = (int64_t)revision.value;
    return read_id(id.bytes, &ret->change);
}

static bool read_message(struct slice message,
                         void (*event)(void *context, struct watch_event event), void *context) {
    enum { CHANGE = 1 };
    struct wire_field change;
    if (!wire_find_last(message, CHANGE, WIRE_BYTES, &change)) {
        return true; // a bookmark
    }
    struct watch_event e;
    if (!read_event(change.bytes, &e)) {
        return false;
    }
    event(context, e);
    return true;
}

const struct watch_api watch_api_runs = {
    .name = "runs",
    .watch_path = "/runs.v1.RunsService/WatchRuns",
    .is_ready_at_head = true,
    .enroll_path = "/runs.v1.TokensService/CreateToken",
    .prepare_path = "/runs.v1.RunsService/CreateRun",
    .change_path = "/runs.v1.RunsService/CancelRun",
    .enroll = enroll,
    .watch = watch,
    .prepare = prepare,
    .change = change_run,
    .read_token = read_token,
    .read = read_message,
};
