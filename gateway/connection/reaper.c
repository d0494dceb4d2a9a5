#include "gateway/connection/reaper.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/memory.h"
#include "gateway/connection/early_reply.h"

enum {
    // Between two looks for clients that are gone, and how old a state must be for it:
    // until then libmicrohttpd may see the end by itself, and short calls be answered.
    ENDED_PERIOD_MS = 500,
    ENDED_BATCH = 64,
    // When TCP asks a client that has ended its direction whether it is there, in seconds: an
    // answer comes at the latest when the client's system has forgotten the connection, a
    // minute after a close (tcp_fin_timeout).
    ASK_AFTER_S = 15,
    ASK_TIMES = 4,
    // What may lie between a request's last bytes and the end of its reply.
    RECEIVED_SLACK_MS = 50,
    // So often within the idle time-out it is asked whether a client takes its reply.
    STUCK_TIMES = 4,
};

// Connections for which the same is due after the same time, the longest there first.
struct reaper_list {
    struct reaper_entry *first;
    struct reaper_entry *last;
    int64_t delay_us;
};

enum list_kind {
    LIST_HANDSHAKING,
    LIST_IDLE,
    LIST_RECEIVING, // also those that send the first line
    LIST_CALLING,   // nothing is due
    LIST_REPLYING,  // also those that stream
    LIST_LINGERING, // answered early
    LIST_COUNT,
};

struct reaper {
    enum envelope_kind envelope;
    int64_t now_us;
    struct reaper_list lists[LIST_COUNT];
    size_t count;
    size_t calling_count;
    int64_t close_idle_us; // 0: not at all
    bool is_cancelling;
    // Clients that have ended their direction or are gone: libmicrohttpd looks at no connection
    // that is suspended for a call; and its version 0.9.75 overlooks an end that arrives together
    // with the last bytes, so that a quiet connection, or one with half a request, would stay until
    // it times out.
    int ended_fd; // an epoll of its own
    int64_t next_look_us;
    struct reaper_entry *ended;
};

// --- lists ---

static void leave_list(struct reaper_entry *e) {
    struct reaper_list *list = e->list;
    *(e->previous != NULL ? &e->previous->next : &list->first) = e->next;
    *(e->next != NULL ? &e->next->previous : &list->last) = e->previous;
}

static void enter_list(struct reaper *reaper, struct reaper_entry *e, enum list_kind kind) {
    struct reaper_list *list = &reaper->lists[kind];
    e->list = list;
    e->due_us = reaper->now_us + list->delay_us;
    e->next = NULL;
    e->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = e;
    list->last = e;
}

static void move(struct reaper *reaper, struct reaper_entry *e, enum list_kind kind) {
    leave_list(e);
    enter_list(reaper, e, kind);
}

static bool is_due(const struct reaper *reaper, enum list_kind kind) {
    const struct reaper_entry *first = reaper->lists[kind].first;
    return first != NULL && first->due_us <= reaper->now_us;
}

// --- what the socket knows ---

static bool get_tcp_info(int fd, struct tcp_info *ret_info) {
    socklen_t size = sizeof(*ret_info);
    memset(ret_info, 0, sizeof(*ret_info));
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret_info, &size) == 0;
}

// Whether part of a request has arrived at a connection that is idle by what
// libmicrohttpd reports, which is nothing before the first line is whole.
static bool has_begun(const struct reaper *reaper, const struct reaper_entry *e) {
    struct tcp_info info;
    int64_t idle_ms = (reaper->now_us - e->since_us) / 1000;
    return transport_has_unread(&e->transport) ||
           (get_tcp_info(e->transport.fd, &info) &&
            (int64_t)info.tcpi_last_data_recv + RECEIVED_SLACK_MS < idle_ms);
}

// Whether the client has taken nothing for long of what waits for it.
static bool is_stuck(struct reaper_entry *e) {
    int waiting = 0;
    if (ioctl(e->transport.fd, SIOCOUTQ, &waiting) != 0 || waiting == 0) {
        e->stuck_times = 0;
        return false;
    }
    struct tcp_info info;
    bool is_tcp = get_tcp_info(e->transport.fd, &info);
    int64_t taken = is_tcp ? (int64_t)info.tcpi_bytes_acked : waiting;
    e->stuck_times = taken == e->taken_bytes ? e->stuck_times + 1 : 0;
    e->taken_bytes = taken;
    return e->stuck_times >= STUCK_TIMES;
}

// --- what is due ---

// libmicrohttpd sees the end and closes, without another look at what arrived.
static void end(struct reaper *reaper, struct reaper_entry *e) {
    transport_end(&e->transport);
    move(reaper, e, LIST_LINGERING);
}

static void reply_early(struct reaper *reaper, struct reaper_entry *e, enum status_code code,
                        enum reason reason, const char *message) {
    if (e->request_id.len > 0 && e->request_id.len <= REQUEST_ID_LONGEST) {
        memcpy(e->early_id, e->request_id.data, e->request_id.len);
        e->early_id[e->request_id.len] = '\0';
    } else {
        uuid_make(e->early_id);
    }
    struct arena a;
    arena_init(&a);
    struct error *error = error_new(&a, code, reason, "%s", message);
    error->domain = REASON_DOMAIN_GATEWAY;
    e->early_status =
        early_reply_send(&e->transport, reaper->envelope, error, slice_of_cstr(e->early_id));
    arena_release(&a);
    move(reaper, e, LIST_LINGERING);
}

static void close_idle(struct reaper *reaper, struct reaper_entry *e) {
    if (has_begun(reaper, e)) {
        move(reaper, e, LIST_RECEIVING);
    } else {
        end(reaper, e);
    }
}

static void run_due(struct reaper *reaper) {
    bool closes_all = reaper->close_idle_us != 0 && reaper->close_idle_us <= reaper->now_us;
    while (is_due(reaper, LIST_HANDSHAKING) ||
           (closes_all && reaper->lists[LIST_HANDSHAKING].first != NULL)) {
        end(reaper, reaper->lists[LIST_HANDSHAKING].first);
    }
    while (is_due(reaper, LIST_IDLE) || (closes_all && reaper->lists[LIST_IDLE].first != NULL)) {
        close_idle(reaper, reaper->lists[LIST_IDLE].first);
    }
    while (is_due(reaper, LIST_RECEIVING)) {
        reply_early(reaper, reaper->lists[LIST_RECEIVING].first, STATUS_DEADLINE_EXCEEDED,
                    REASON_REQUEST_TIMEOUT, "the request was not received completely in time");
    }
    while (is_due(reaper, LIST_REPLYING)) {
        struct reaper_entry *e = reaper->lists[LIST_REPLYING].first;
        if (is_stuck(e)) {
            end(reaper, e);
        } else {
            move(reaper, e, LIST_REPLYING);
        }
    }
    while (is_due(reaper, LIST_LINGERING)) {
        end(reaper, reaper->lists[LIST_LINGERING].first);
    }
}

// --- clients that are gone ---

static void ask_for_sign_of_life(int fd) {
    int yes = 1;
    int after_s = ASK_AFTER_S;
    int times = ASK_TIMES;
    // Without it, or on a unix socket, which tells a close at once, nothing is lost.
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after_s, sizeof(after_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &after_s, sizeof(after_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
}

static void note_ended(struct reaper *reaper, struct reaper_entry *e, unsigned events) {
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        e->is_gone = true;
    }
    if (!e->has_ended) {
        e->has_ended = true;
        e->next_ended = reaper->ended;
        reaper->ended = e;
    }
}

static void take_ended(struct reaper *reaper) {
    struct epoll_event events[ENDED_BATCH];
    int count;
    do {
        count = epoll_wait(reaper->ended_fd, events, ENDED_BATCH, 0);
        for (int i = 0; i < count; i++) {
            note_ended(reaper, events[i].data.ptr, events[i].events);
        }
    } while (count == ENDED_BATCH);
}

static void end_call(struct reaper_entry *e) {
    bool is_half = e->functions->is_amid_request && !transport_has_unread(&e->transport);
    if (e->is_gone || is_half) {
        e->functions->cancel(e->call);
    } else if (!e->is_probed) {
        e->is_probed = true;
        ask_for_sign_of_life(e->transport.fd);
        if (e->state == REAPER_STREAMING && e->functions->probe != NULL) {
            e->functions->probe(e->call);
        }
    }
}

static void end_abandoned(struct reaper *reaper) {
    int64_t oldest_us = reaper->now_us - (int64_t)ENDED_PERIOD_MS * 1000;
    for (struct reaper_entry *e = reaper->ended; e != NULL; e = e->next_ended) {
        if (e->since_us > oldest_us || e->early_status != 0) {
            continue;
        }
        if (e->call != NULL) {
            end_call(e);
        } else if ((e->state == REAPER_IDLE || e->state == REAPER_RECEIVING) &&
                   !transport_has_unread(&e->transport)) {
            end(reaper, e);
        }
    }
}

static void forget_ended(struct reaper *reaper, const struct reaper_entry *entry) {
    struct reaper_entry **link = &reaper->ended;
    while (*link != NULL && *link != entry) {
        link = &(*link)->next_ended;
    }
    if (*link != NULL) {
        *link = entry->next_ended;
    }
}

// --- time ---

void reaper_set_time(struct reaper *reaper, int64_t now_us) {
    reaper->now_us = now_us;
}

static int64_t next_us(const struct reaper *reaper) {
    int64_t next = reaper->next_look_us;
    for (int kind = 0; kind < LIST_COUNT; kind++) {
        const struct reaper_entry *first = reaper->lists[kind].first;
        if (kind != LIST_CALLING && first != NULL && first->due_us < next) {
            next = first->due_us;
        }
    }
    bool closes = reaper->close_idle_us != 0 && (reaper->lists[LIST_IDLE].first != NULL ||
                                                 reaper->lists[LIST_HANDSHAKING].first != NULL);
    return closes && reaper->close_idle_us < next ? reaper->close_idle_us : next;
}

int reaper_run(struct reaper *reaper) {
    if (reaper->count == 0) {
        return -1;
    }
    run_due(reaper);
    if (reaper->next_look_us <= reaper->now_us) {
        take_ended(reaper);
        end_abandoned(reaper);
        reaper->next_look_us = reaper->now_us + (int64_t)ENDED_PERIOD_MS * 1000;
    }
    int64_t left_us = next_us(reaper) - reaper->now_us;
    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

// --- the life of a reaper ---

struct reaper *reaper_new(int64_t idle_timeout_ms, int64_t request_timeout_ms,
                          enum envelope_kind envelope) {
    int ended_fd = epoll_create1(EPOLL_CLOEXEC);
    if (ended_fd < 0) {
        return NULL;
    }
    struct reaper *reaper = mem_zalloc(sizeof(*reaper));
    reaper->ended_fd = ended_fd;
    reaper->envelope = envelope;
    reaper->lists[LIST_HANDSHAKING].delay_us = request_timeout_ms * 1000;
    reaper->lists[LIST_IDLE].delay_us = (idle_timeout_ms + REAPER_GRACE_MS) * 1000;
    reaper->lists[LIST_RECEIVING].delay_us = request_timeout_ms * 1000;
    reaper->lists[LIST_REPLYING].delay_us = reaper->lists[LIST_IDLE].delay_us / STUCK_TIMES;
    reaper->lists[LIST_LINGERING].delay_us = (int64_t)REAPER_LINGER_MS * 1000;
    return reaper;
}

void reaper_free(struct reaper *reaper) {
    if (reaper == NULL) {
        return;
    }
    close(reaper->ended_fd);
    free(reaper);
}

// --- connections ---

struct reaper_entry *reaper_add(struct reaper *reaper, const struct transport *transport) {
    struct reaper_entry *entry = mem_zalloc(sizeof(*entry));
    entry->transport = *transport;
    entry->state = REAPER_IDLE;
    entry->since_us = reaper->now_us;
    enter_list(reaper, entry, LIST_IDLE);
    reaper->count++;
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = entry};
    // Without memory for it the client's end is seen when it is written to.
    epoll_ctl(reaper->ended_fd, EPOLL_CTL_ADD, transport->fd, &event);
    return entry;
}

void reaper_remove(struct reaper *reaper, struct reaper_entry *entry) {
    struct epoll_event none = {0};
    epoll_ctl(reaper->ended_fd, EPOLL_CTL_DEL, entry->transport.fd, &none);
    if (entry->has_ended) {
        forget_ended(reaper, entry);
    }
    reaper->calling_count -= entry->state == REAPER_CALLING;
    leave_list(entry);
    reaper->count--;
    free(entry);
}

void reaper_set_state(struct reaper *reaper, struct reaper_entry *entry, enum reaper_state state) {
    static const enum list_kind lists[] = {
        [REAPER_HANDSHAKING] = LIST_HANDSHAKING, [REAPER_IDLE] = LIST_IDLE,
        [REAPER_RECEIVING] = LIST_RECEIVING,     [REAPER_CALLING] = LIST_CALLING,
        [REAPER_STREAMING] = LIST_REPLYING,      [REAPER_REPLYING] = LIST_REPLYING,
    };
    reaper->calling_count += state == REAPER_CALLING;
    reaper->calling_count -= entry->state == REAPER_CALLING;
    entry->state = state;
    entry->since_us = reaper->now_us;
    entry->call = NULL;
    entry->request_id = SLICE_EMPTY;
    entry->stuck_times = 0;
    if (entry->early_status == 0) {
        move(reaper, entry, lists[state]);
    }
}

void reaper_set_request_id(struct reaper *reaper, struct reaper_entry *entry, struct slice id) {
    (void)reaper;
    entry->request_id = id;
}

int reaper_early_status(const struct reaper_entry *entry, struct slice *ret_id) {
    if (entry->early_status != 0) {
        *ret_id = slice_of_cstr(entry->early_id);
    }
    return entry->early_status;
}

void reaper_will_close(struct reaper_entry *entry) {
    entry->will_close = true;
}

bool reaper_closes(const struct reaper_entry *entry) {
    return entry->will_close || entry->early_status != 0;
}

bool reaper_begin_call(struct reaper *reaper, struct reaper_entry *entry) {
    bool allowed = !reaper->is_cancelling && entry->early_status == 0;
    if (allowed) {
        reaper_set_state(reaper, entry, REAPER_CALLING);
    }
    return allowed;
}

void reaper_call_started(struct reaper *reaper, struct reaper_entry *entry,
                         const struct reaper_call *functions, void *call) {
    entry->functions = functions;
    entry->call = call;
    if (reaper->is_cancelling) {
        functions->cancel(call);
    }
}

void reaper_stream(struct reaper *reaper, struct reaper_entry *entry) {
    void *call = entry->call;
    reaper_set_state(reaper, entry, REAPER_STREAMING);
    entry->call = call;
}

void reaper_end_call(struct reaper *reaper, struct reaper_entry *entry) {
    reaper_set_state(reaper, entry, REAPER_REPLYING);
}

// --- the end ---

void reaper_close_idle(struct reaper *reaper, int64_t at_us) {
    reaper->close_idle_us = at_us;
}

static void cancel_calls(const struct reaper_list *list) {
    for (struct reaper_entry *e = list->first; e != NULL; e = e->next) {
        if (e->call != NULL) {
            e->functions->cancel(e->call);
        }
    }
}

void reaper_cancel_all(struct reaper *reaper) {
    reaper->is_cancelling = true;
    cancel_calls(&reaper->lists[LIST_CALLING]);
    cancel_calls(&reaper->lists[LIST_REPLYING]);
    while (reaper->lists[LIST_RECEIVING].first != NULL) {
        reply_early(reaper, reaper->lists[LIST_RECEIVING].first, STATUS_UNAVAILABLE,
                    REASON_SERVER_STOPPING, "the gateway is stopping; nothing was changed");
    }
}

size_t reaper_calling_count(const struct reaper *reaper) {
    return reaper->calling_count;
}
