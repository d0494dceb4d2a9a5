#include <string.h>

#include "base/core/wire.h"
#include "bench/watch/watch_api.h"

// etcd 3.4, the few messages of its etcdserverpb/rpc.proto and mvccpb/kv.proto that are needed
// (https://github.com/etcd-io/etcd/tree/release-3.4/etcdserver/etcdserverpb): a change is the
// put of a key of its own.

enum { VALUE_BYTES = 128, NUMBER_DIGITS = 12 };

static void append_prefix(struct strbuf *out, size_t group, char end) {
    strbuf_printf(out, "/g%06zu%c", group, end);
}

static void put_text(struct strbuf *out, uint32_t number, struct strbuf *text) {
    wire_put_bytes(out, number, strbuf_slice(text));
    text->len = 0;
}

// WatchRequest: a WatchCreateRequest for all keys that begin with the group's prefix.
static void watch(struct strbuf *out, size_t group) {
    enum { CREATE_REQUEST = 1, KEY = 1, RANGE_END = 2 };
    struct strbuf create = STRBUF_INIT;
    struct strbuf key = STRBUF_INIT;
    append_prefix(&key, group, '/');
    put_text(&create, KEY, &key);
    append_prefix(&key, group, '/' + 1);
    put_text(&create, RANGE_END, &key);
    wire_put_bytes(out, CREATE_REQUEST, strbuf_slice(&create));
    strbuf_release(&key);
    strbuf_release(&create);
}

static void put(struct strbuf *out, size_t group, uint64_t change) {
    enum { KEY = 1, VALUE = 2 };
    struct strbuf key = STRBUF_INIT;
    append_prefix(&key, group, '/');
    strbuf_printf(&key, "%012llx", (unsigned long long)change);
    put_text(out, KEY, &key);
    strbuf_release(&key);
    uint8_t value[VALUE_BYTES];
    memset(value, 'v', sizeof(value));
    wire_put_bytes(out, VALUE, slice_of(value, sizeof(value)));
}

static bool read_key(struct slice key, uint64_t *ret) {
    if (key.len < NUMBER_DIGITS) {
        return false;
    }
    uint64_t number = 0;
    for (size_t i = key.len - NUMBER_DIGITS; i < key.len; i++) {
        uint8_t c = key.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret = number;
    return true;
}

static bool read_event(struct slice bytes, struct watch_event *ret) {
    enum { KV = 2, KEY = 1, MOD_REVISION = 3 };
    struct wire_field kv, key, revision;
    if (!wire_find_last(bytes, KV, WIRE_BYTES, &kv) ||
        !wire_find_last(kv.bytes, KEY, WIRE_BYTES, &key) ||
        !wire_find_last(kv.bytes, MOD_REVISION, WIRE_VARINT, &revision)) {
        return false;
    }
    ret->position = (int64_t)revision.value;
    return read_key(key.bytes, &ret->change);
}

// WatchResponse: any number of events. One with `canceled` ends the watch.
static bool read_message(struct slice message,
                         void (*event)(void *context, struct watch_event event), void *context) {
    enum { CANCELED = 4, EVENTS = 11 };
    const uint8_t *p = message.data;
    const uint8_t *end = p + message.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field) || field.number == CANCELED) {
            return false;
        }
        struct watch_event e;
        if (field.number == EVENTS) {
            if (field.type != WIRE_BYTES || !read_event(field.bytes, &e)) {
                return false;
            }
            event(context, e);
        }
    }
    return true;
}

const struct watch_api watch_api_etcd = {
    .name = "etcd",
    .watch_path = "/etcdserverpb.Watch/Watch",
    .stays_open = true,
    .change_path = "/etcdserverpb.KV/Put",
    .watch = watch,
    .change = put,
    .read = read_message,
};

const struct watch_api *watch_api_find(const char *name) {
    const struct watch_api *const all[] = {&watch_api_runs, &watch_api_etcd};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}
