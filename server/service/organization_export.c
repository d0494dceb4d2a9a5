#include "server/service/organization_export.h"

#include <limits.h>
#include <stdatomic.h>

#include "base/core/container_of.h"
#include "base/core/wire.h"
#include "runs/v1/organizations_service.pb-c.h"
#include "server/domain/bulk_codec.h"
#include "server/domain/message_guard.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_event_codec.h"
#include "server/domain/run_validate.h"
#include "server/service/organization_reply.h"
#include "server/service/token_reply.h"
#include "storage/op/list_bulk_items.h"
#include "storage/op/list_bulks.h"
#include "storage/op/list_events.h"
#include "storage/op/list_runs.h"
#include "storage/op/list_tokens.h"

enum { RUNS_A_PAGE = 32, BULKS_A_PAGE = 32, ITEMS_A_PAGE = 1000 };

// Field numbers: protos/runs/v1/organizations_service.proto, feed.proto.
enum { RESPONSE_RUN = 2, RESPONSE_EVENT = 3, RESPONSE_BULK = 4, RESPONSE_ITEM = 5 };
enum { EXPORTED_RUN_RUN = 1, EXPORTED_RUN_SEQUENCE = 2 };

// What is sent, in this order; runs and their events take turns, and so do bulk cancels and their
// items.
enum phase { OF_ORGANIZATION, OF_RUNS, OF_EVENTS, OF_BULKS, OF_ITEMS, OF_TOKENS, OF_END, OVER };

struct export {
    struct service_stream stream; // first
    const char *name;
    enum phase phase;
    struct store_op *op; // what the phase asked the store; NULL: nothing yet
    atomic_bool is_answered;
    bool has_sent;      // a message, in this step
    struct arena outer; // a page of runs, bulk cancels or tokens
    struct arena inner; // the events of a run, a page of items, a message
    struct store_get_organization get;
    struct store_organization begun; // as it was at the beginning
    struct store_list_runs runs;
    struct store_list_events events;
    struct store_list_bulks bulks;
    struct store_list_bulk_items items;
    struct store_list_tokens tokens;
    int next;       // of the outer page
    int next_inner; // of the events, or of the page of items
    Runs__V1__ExportEnd sent;
};

// --- the store ---

static void answered(struct store_op *op) {
    struct export *x = op->context;
    atomic_store(&x->is_answered, true);
    service_stream_release(&x->stream); // not touched any more on this thread
}

static void ask(struct export *x, struct store_op *op, const struct store_kind *kind,
                struct arena *a) {
    *op = (struct store_op){.kind = kind, .arena = a, .done = answered, .context = x};
    x->op = op;
    atomic_store(&x->is_answered, false);
    service_stream_hold(&x->stream);
    run_store_submit(x->stream.call.service->store, op);
}

static void ask_for_organization(struct export *x) {
    arena_reset(&x->outer);
    x->get.name = slice_of_cstr(x->name);
    ask(x, &x->get.op, &store_get_organization_kind, &x->outer);
}

// A cursor is of the page before, whose memory is used again.
static struct slice keep(struct export *x, struct slice id) {
    id = arena_copy(&x->inner, id);
    arena_reset(&x->outer);
    return id;
}

static void ask_for_runs(struct export *x) {
    bool goes_on = x->runs.ret_has_more;
    struct store_cursor cursor = x->runs.ret_cursor;
    cursor.id = keep(x, goes_on ? cursor.id : SLICE_EMPTY);
    x->runs = (struct store_list_runs){
        .organization = slice_of_cstr(x->name),
        .status = RUN_STATUS_ALL,
        .started_after_us = INT64_MIN,
        .started_before_us = INT64_MAX,
        .has_cursor = goes_on,
        .cursor = cursor,
        .limit = RUNS_A_PAGE,
    };
    ask(x, &x->runs.op, &store_list_runs_kind, &x->outer);
}

static void ask_for_events(struct export *x) {
    arena_reset(&x->inner);
    x->events = (struct store_list_events){
        .organization = slice_of_cstr(x->name),
        .id = x->runs.ret_runs[x->next].id,
        .limit = INT_MAX,
    };
    ask(x, &x->events.op, &store_list_events_kind, &x->inner);
}

static void ask_for_bulks(struct export *x) {
    bool goes_on = x->bulks.ret_has_more;
    struct store_bulk_cursor cursor = x->bulks.ret_cursor;
    cursor.id = keep(x, goes_on ? cursor.id : SLICE_EMPTY);
    x->bulks = (struct store_list_bulks){
        .organization = slice_of_cstr(x->name),
        .has_cursor = goes_on,
        .cursor = cursor,
        .limit = BULKS_A_PAGE,
    };
    ask(x, &x->bulks.op, &store_list_bulks_kind, &x->outer);
}

static void ask_for_items(struct export *x) {
    bool goes_on = x->items.ret_has_more;
    struct slice after = arena_copy(&x->outer, goes_on ? x->items.ret_after : SLICE_EMPTY);
    arena_reset(&x->inner);
    x->items = (struct store_list_bulk_items){
        .organization = slice_of_cstr(x->name),
        .id = x->bulks.ret_bulks[x->next].id,
        .after = after,
        .outcomes = BULK_OUTCOME_ALL,
        .limit = ITEMS_A_PAGE,
    };
    ask(x, &x->items.op, &store_list_bulk_items_kind, &x->inner);
}

static void ask_for_tokens(struct export *x) {
    arena_reset(&x->outer);
    x->tokens.organization = slice_of_cstr(x->name);
    ask(x, &x->tokens.op, &store_list_tokens_kind, &x->outer);
}

// --- sending ---

// The phase begins with what the store says next.
static void enter(struct export *x, enum phase phase) {
    x->phase = phase;
    x->op = NULL;
    x->next_inner = 0;
}

// The phase goes on with the page that is there.
static void go_back(struct export *x, enum phase phase, struct store_op *op) {
    x->next++;
    x->phase = phase;
    x->op = op;
}

static void end(struct export *x, const struct error *error) {
    x->phase = OVER;
    service_stream_finish(&x->stream, error);
}

// Sends the message, and counts it where it was sent.
static void send(struct export *x, struct slice message, int64_t *count) {
    x->has_sent = true;
    if (service_stream_send(&x->stream, &message, 1)) {
        *count += 1;
    } else {
        x->phase = OVER; // the client, or the stop, has ended it
    }
}

// Sends field number: the bytes.
static void send_field(struct export *x, uint32_t number, struct slice bytes, int64_t *count) {
    struct strbuf message = STRBUF_INIT;
    wire_put_bytes(&message, number, bytes);
    send(x, strbuf_slice(&message), count);
    strbuf_release(&message);
}

static void send_message(struct export *x, Runs__V1__ExportOrganizationResponse *message,
                         int64_t *count) {
    send(x, message_pack(&x->inner, &message->base), count);
    arena_reset(&x->inner);
}

static void send_organization(struct export *x) {
    int64_t count = 0;
    Runs__V1__ExportOrganizationResponse message = RUNS__V1__EXPORT_ORGANIZATION_RESPONSE__INIT;
    message.item_case = RUNS__V1__EXPORT_ORGANIZATION_RESPONSE__ITEM_ORGANIZATION;
    message.organization =
        organization_reply_message(&x->inner, x->name, &x->get.ret, &x->stream.call.service->quota);
    x->begun = x->get.ret;
    send_message(x, &message, &count);
    if (x->phase != OVER) {
        enter(x, OF_RUNS);
    }
}

static void send_run(struct export *x, const struct run_record *run) {
    struct slice parts[RUN_REPLY_PARTS];
    size_t count = run_reply_parts(&x->inner, run, parts);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += parts[i].len;
    }
    struct strbuf item = STRBUF_INIT;
    wire_put_tag(&item, EXPORTED_RUN_RUN, WIRE_BYTES);
    wire_put_varint(&item, bytes);
    for (size_t i = 0; i < count; i++) {
        strbuf_append_slice(&item, parts[i]);
    }
    wire_put_uint(&item, EXPORTED_RUN_SEQUENCE, (uint64_t)run->sequence);
    send_field(x, RESPONSE_RUN, strbuf_slice(&item), &x->sent.runs);
    strbuf_release(&item);
}

// A run of the page; its events follow.
static void go_on_with_runs(struct export *x) {
    if (x->next < x->runs.ret_count) {
        send_run(x, &x->runs.ret_runs[x->next]);
        if (x->phase != OVER) {
            enter(x, OF_EVENTS);
        }
    } else {
        x->next = 0;
        enter(x, x->runs.ret_has_more ? OF_RUNS : OF_BULKS);
    }
}

static void go_on_with_events(struct export *x) {
    bool is_there = x->op->result == STORE_OK; // else the run was deleted meanwhile
    if (is_there && x->next_inner < x->events.ret_count) {
        struct strbuf message = STRBUF_INIT;
        run_event_put(&message, &x->inner, RESPONSE_EVENT, x->events.id,
                      &x->events.ret_events[x->next_inner++]);
        send(x, strbuf_slice(&message), &x->sent.events);
        strbuf_release(&message);
    } else {
        go_back(x, OF_RUNS, &x->runs.op);
    }
}

// A bulk cancel of the page; its items follow.
static void go_on_with_bulks(struct export *x) {
    if (x->next < x->bulks.ret_count) {
        struct strbuf bulk = STRBUF_INIT;
        bulk_put(&bulk, &x->inner, &x->bulks.ret_bulks[x->next], NULL, 0);
        send_field(x, RESPONSE_BULK, strbuf_slice(&bulk), &x->sent.bulk_cancels);
        strbuf_release(&bulk);
        if (x->phase != OVER) {
            x->items.ret_has_more = false;
            enter(x, OF_ITEMS);
        }
    } else {
        x->next = 0;
        enter(x, x->bulks.ret_has_more ? OF_BULKS : OF_TOKENS);
    }
}

static void go_on_with_items(struct export *x) {
    bool is_there = x->op->result == STORE_OK; // else the job was trimmed meanwhile
    if (is_there && x->next_inner < x->items.ret_count) {
        struct strbuf item = STRBUF_INIT;
        bulk_put_item(&item, &x->items.ret_items[x->next_inner++]);
        send_field(x, RESPONSE_ITEM, strbuf_slice(&item), &x->sent.bulk_cancel_runs);
        strbuf_release(&item);
    } else if (is_there && x->items.ret_has_more) {
        enter(x, OF_ITEMS);
    } else {
        go_back(x, OF_BULKS, &x->bulks.op);
    }
}

static void go_on_with_tokens(struct export *x) {
    if (x->next < x->tokens.ret_count) {
        Runs__V1__ExportOrganizationResponse message = RUNS__V1__EXPORT_ORGANIZATION_RESPONSE__INIT;
        message.item_case = RUNS__V1__EXPORT_ORGANIZATION_RESPONSE__ITEM_TOKEN;
        message.token = token_reply_token(&x->stream.call, &x->tokens.ret_tokens[x->next++]);
        send_message(x, &message, &x->sent.tokens);
    } else {
        enter(x, OF_END);
    }
}

static void send_end(struct export *x) {
    int64_t count = 0;
    Runs__V1__ExportOrganizationResponse message = RUNS__V1__EXPORT_ORGANIZATION_RESPONSE__INIT;
    message.item_case = RUNS__V1__EXPORT_ORGANIZATION_RESPONSE__ITEM_END;
    message.end = &x->sent;
    send_message(x, &message, &count);
    if (x->phase != OVER) {
        end(x, NULL);
    }
}

// --- what comes next ---

// What each phase asks the store, NULL for nothing; and what it does with the answer: sends one
// message, or enters another phase.
static const struct {
    void (*ask)(struct export *x);
    void (*go_on)(struct export *x);
} phases[] = {
    [OF_ORGANIZATION] = {ask_for_organization, send_organization},
    [OF_RUNS] = {ask_for_runs, go_on_with_runs},
    [OF_EVENTS] = {ask_for_events, go_on_with_events},
    [OF_BULKS] = {ask_for_bulks, go_on_with_bulks},
    [OF_ITEMS] = {ask_for_items, go_on_with_items},
    [OF_TOKENS] = {ask_for_tokens, go_on_with_tokens},
    [OF_END] = {ask_for_organization, send_end},
};

static int64_t count_runs(const struct store_organization *organization) {
    int64_t count = 0;
    for (int status = 0; status < RUN_STATUS_COUNT; status++) {
        count += organization->runs[status];
    }
    return count;
}

// That of a frozen organization is whole, or has no end: it may have been thawed or deleted
// meanwhile.
static const struct error *check_end(const struct export *x) {
    const struct store_organization *now = &x->get.ret;
    bool is_whole = x->get.op.result == STORE_OK && now->frozen_at_us == x->begun.frozen_at_us &&
                    count_runs(now) == count_runs(&x->begun);
    return x->begun.frozen_at_us == 0 || is_whole
               ? NULL
               : error_new(x->stream.call.arena, STATUS_FAILED_PRECONDITION,
                           REASON_ORGANIZATION_NOT_FROZEN,
                           "the organization %s was thawed or deleted while it was exported: the "
                           "export is not whole",
                           x->name);
}

static const struct error *check_answer(struct export *x) {
    const struct error *error = service_call_store_error(&x->stream.call, x->op);
    if (error == NULL && x->phase == OF_ORGANIZATION && !organization_reply_is_there(&x->get)) {
        error = organization_reply_not_found(x->stream.call.arena, x->name);
    }
    if (error == NULL && x->phase == OF_END) {
        error = check_end(x);
    }
    // A token that was revoked, or has expired, gets no more of what it opened.
    return error != NULL ? error
                         : service_call_check_token(&x->stream.call,
                                                    "the token that began the export was revoked "
                                                    "or has expired");
}

static void more(struct service_stream *stream) {
    struct export *x = CONTAINER_OF(stream, struct export, stream);
    x->has_sent = false;
    while (x->phase != OVER && !x->has_sent) {
        if (x->op == NULL && phases[x->phase].ask != NULL) {
            phases[x->phase].ask(x);
            return; // the answer calls again
        }
        if (x->op != NULL && !atomic_load(&x->is_answered)) {
            return;
        }
        const struct error *error = x->op != NULL ? check_answer(x) : NULL;
        if (error != NULL) {
            end(x, error);
            return;
        }
        phases[x->phase].go_on(x);
    }
}

static void closed(struct service_stream *stream) {
    struct export *x = CONTAINER_OF(stream, struct export, stream);
    arena_release(&x->outer);
    arena_release(&x->inner);
}

const struct service_stream_kind organization_export_kind = {
    .bytes = sizeof(struct export),
    .scope = SCOPE_ORGANIZATIONS_ADMIN,
    .holds_head = true,
    .more = more,
    .closed = closed,
};

const struct error *organization_export_begin(struct service_stream *stream, const char *name) {
    struct export *x = CONTAINER_OF(stream, struct export, stream);
    const struct error *error = run_validate_name(stream->call.arena, "name", name);
    if (error != NULL) {
        return error;
    }
    x->name = arena_cstr(stream->call.arena, slice_of_cstr(name));
    stream->call.target = x->name;
    runs__v1__export_end__init(&x->sent);
    arena_init(&x->outer);
    arena_init(&x->inner);
    service_stream_begin(stream, NULL);
    return NULL;
}
