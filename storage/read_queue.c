#include "storage/read_queue.h"

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/thread/condition.h"
#include "storage/op_queue.h"

enum { NOBODY = -1 };

void read_queue_init(struct read_queue *q, int limit) {
    *q = (struct read_queue){
        .readers = 1,
        .limit = limit > 0 ? limit : OP_QUEUE_DEFAULT_LIMIT,
        .quick_in_row = READ_QUEUE_QUICK_ENOUGH,
        .watcher = NOBODY,
    };
    pthread_mutex_init(&q->lock, NULL);
    for (int i = 0; i < READ_LANES; i++) {
        q->lanes[i].end = &q->lanes[i].first;
    }
    for (int i = 0; i < READ_QUEUE_READERS; i++) {
        condition_init(&q->seats[i].woken);
    }
}

void read_queue_destroy(struct read_queue *q) {
    CHECK(q->waiting == 0);
    for (int i = 0; i < READ_QUEUE_READERS; i++) {
        pthread_cond_destroy(&q->seats[i].woken);
    }
    pthread_mutex_destroy(&q->lock);
}

static bool is_slow(const struct read_queue *q) {
    return q->quick_in_row < READ_QUEUE_QUICK_ENOUGH;
}

// How many readers may run long operations at once.
static int long_limit(const struct read_queue *q) {
    return q->readers > 1 ? q->readers / 2 : 1;
}

// Whether the lane has an operation that a reader may run now.
static bool lane_is_open(const struct read_queue *q, int lane) {
    return q->lanes[lane].first != NULL &&
           (lane != READ_LANE_LONG || q->long_at_work < long_limit(q));
}

static bool has_work(const struct read_queue *q) {
    return lane_is_open(q, READ_LANE_QUICK) || lane_is_open(q, READ_LANE_LONG);
}

// Whether the reader is about to end what it runs, as far as one can tell at now_us; at 0, nothing
// has stalled yet.
static bool gets_on(const struct read_seat *s, int64_t now_us) {
    return s->state == READ_SEAT_CALLED ||
           (s->state == READ_SEAT_AT_WORK && !s->is_long &&
            (s->begun_us == 0 || now_us - s->begun_us < READ_QUEUE_STALL_US));
}

// Whether one of the first count readers gets on, so that what waits is left to it.
static bool is_left_to(const struct read_queue *q, int count, int64_t now_us) {
    if (is_slow(q)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (gets_on(&q->seats[i], now_us)) {
            return true;
        }
    }
    return false;
}

// Returns a reader that sleeps, NULL if none does.
static struct read_seat *sleeper(struct read_queue *q) {
    for (int i = 0; i < q->readers; i++) {
        if (q->seats[i].state == READ_SEAT_ASLEEP && i != q->watcher) {
            return &q->seats[i];
        }
    }
    if (q->watcher != NOBODY) {
        struct read_seat *s = &q->seats[q->watcher];
        q->watcher = NOBODY;
        return s;
    }
    return NULL;
}

// Finds out whether one more reader has to be woken while operations wait, and if so for what.
// Returns the condition to signal, or NULL.
static pthread_cond_t *call_another(struct read_queue *q, int64_t now_us) {
    if (!has_work(q)) {
        return NULL;
    }
    if (!is_left_to(q, q->readers, now_us)) {
        struct read_seat *s = sleeper(q);
        if (s != NULL) {
            s->state = READ_SEAT_CALLED;
        }
        return s != NULL ? &s->woken : NULL;
    }
    if (q->watcher != NOBODY) {
        return NULL;
    }
    struct read_seat *s = sleeper(q);
    if (s == NULL) {
        return NULL;
    }
    q->watcher = (int)(s - q->seats);
    q->watcher_idle = 0;
    return &s->woken;
}

static void wake(pthread_cond_t *woken) {
    if (woken != NULL) {
        pthread_cond_signal(woken);
    }
}

void read_queue_set_readers(struct read_queue *q, int readers) {
    CHECK(readers >= 1 && readers <= READ_QUEUE_READERS);
    pthread_mutex_lock(&q->lock);
    q->readers = readers;
    pthread_mutex_unlock(&q->lock);
}

bool read_queue_push(struct read_queue *q, struct store_op *op, bool is_long) {
    op->next = NULL;
    op->queued_us = clock_monotonic_us();
    pthread_cond_t *woken = NULL;
    pthread_mutex_lock(&q->lock);
    CHECK(!q->closed);
    bool fits = q->waiting < q->limit;
    if (fits) {
        struct read_lane *lane = &q->lanes[is_long ? READ_LANE_LONG : READ_LANE_QUICK];
        *lane->end = op;
        lane->end = &op->next;
        lane->pushed++;
        q->waiting++;
        woken = call_another(q, 0); // that nobody stalls is the watcher's to find out
    }
    pthread_mutex_unlock(&q->lock);
    wake(woken);
    return fits;
}

// Takes the next operation for s, of its turn or any, and NULL if there is none. Lanes
// take turns.
static struct store_op *pick(struct read_queue *q, struct read_seat *s, bool in_turn) {
    for (int i = 1; i <= READ_LANES; i++) {
        int number = (q->last_lane + i) % READ_LANES;
        struct read_lane *lane = &q->lanes[number];
        if (!lane_is_open(q, number) || (in_turn && lane->taken >= s->turn_pushed[number])) {
            continue;
        }
        struct store_op *op = lane->first;
        lane->first = op->next;
        if (lane->first == NULL) {
            lane->end = &lane->first;
        }
        op->next = NULL;
        lane->taken++;
        q->waiting--;
        q->last_lane = number;
        s->state = READ_SEAT_AT_WORK;
        s->is_long = number == READ_LANE_LONG;
        q->long_at_work += s->is_long;
        return op;
    }
    return NULL;
}

// Until when the watcher sleeps: when everybody at work may be found to have stalled.
static int64_t next_stall_us(const struct read_queue *q, int64_t now_us) {
    int64_t last_us = 0;
    for (int i = 0; i < q->readers; i++) {
        const struct read_seat *s = &q->seats[i];
        if (gets_on(s, now_us)) {
            int64_t begun_us = s->begun_us != 0 ? s->begun_us : now_us;
            last_us = begun_us > last_us ? begun_us : last_us;
        }
    }
    return (last_us != 0 ? last_us : now_us) + READ_QUEUE_STALL_US;
}

// The watcher found no stall. It goes on for a while after the last operation, so that it is not
// woken again and again.
static void watch_on(struct read_queue *q) {
    uint64_t taken = q->lanes[READ_LANE_QUICK].taken + q->lanes[READ_LANE_LONG].taken;
    q->watcher_idle = taken == q->watcher_seen && q->waiting == 0 ? q->watcher_idle + 1 : 0;
    q->watcher_seen = taken;
    if (q->watcher_idle > READ_QUEUE_WATCH_STALLS) {
        q->watcher = NOBODY;
    }
}

// The earlier of two instants, of which 0 never comes.
static int64_t earlier(int64_t a_us, int64_t b_us) {
    return a_us == 0 || (b_us != 0 && b_us < a_us) ? b_us : a_us;
}

// Waits until there may be something for the reader. Returns false once until_us has passed.
static bool wait_for_call(struct read_queue *q, int reader, int64_t until_us) {
    struct read_seat *s = &q->seats[reader];
    if (q->watcher == NOBODY && has_work(q)) { // which is left to another, so far
        q->watcher = reader;
        q->watcher_idle = 0;
    }
    bool watches = q->watcher == reader;
    int64_t now_us = watches || until_us != 0 ? clock_monotonic_us() : 0;
    if (until_us != 0 && now_us >= until_us) {
        return false;
    }
    s->state = READ_SEAT_ASLEEP;
    int64_t wake_us = earlier(until_us, watches ? next_stall_us(q, now_us) : 0);
    if (!condition_wait(&s->woken, &q->lock, wake_us) && q->watcher == reader) {
        watch_on(q);
    }
    return true;
}

// Whether the reader may take something, or all is left to those before it: when a reader that
// stalled is back, the cache that is warm is used again.
static bool may_take(const struct read_queue *q, int reader) {
    return reader < q->readers &&
           (!is_left_to(q, reader, 0) || !is_left_to(q, reader, clock_monotonic_us()));
}

static void wake_all(struct read_queue *q) {
    for (int i = 0; i < READ_QUEUE_READERS; i++) {
        pthread_cond_signal(&q->seats[i].woken);
    }
}

bool read_queue_take(struct read_queue *q, int reader, int64_t wait_us, struct store_op **ret_op) {
    int64_t until_us = wait_us > 0 ? clock_monotonic_us() + wait_us : 0;
    struct read_seat *s = &q->seats[reader];
    struct store_op *op = NULL;
    pthread_mutex_lock(&q->lock);
    bool open;
    do {
        op = may_take(q, reader) ? pick(q, s, false) : NULL;
        open = op != NULL || !q->closed || q->waiting > 0;
    } while (op == NULL && open && wait_for_call(q, reader, until_us));
    if (op == NULL) {
        s->state = READ_SEAT_AWAY;
    }
    if (q->watcher == reader) {
        q->watcher = NOBODY;
    }
    pthread_cond_t *woken = call_another(q, 0);
    if (!open) {
        wake_all(q);
    }
    pthread_mutex_unlock(&q->lock);
    wake(woken);
    *ret_op = op;
    return open;
}

void read_queue_begin(struct read_queue *q, int reader, int64_t now_us) {
    struct read_seat *s = &q->seats[reader];
    pthread_mutex_lock(&q->lock);
    s->begun_us = now_us;
    s->turn_end_us = now_us + READ_QUEUE_TURN_US;
    s->turn_ops_left = READ_QUEUE_TURN_OPS;
    for (int i = 0; i < READ_LANES; i++) {
        s->turn_pushed[i] = q->lanes[i].pushed;
    }
    pthread_mutex_unlock(&q->lock);
}

struct store_op *read_queue_next(struct read_queue *q, int reader, int64_t now_us, bool waited) {
    struct read_seat *s = &q->seats[reader];
    struct store_op *op = NULL;
    pthread_cond_t *woken = NULL;
    pthread_mutex_lock(&q->lock);
    bool is_over = s->is_long || --s->turn_ops_left == 0 || now_us >= s->turn_end_us;
    q->long_at_work -= s->is_long;
    s->is_long = false;
    s->begun_us = 0;
    if (waited) {
        q->quick_in_row = 0;
    } else if (is_slow(q)) {
        q->quick_in_row++;
    }
    if (!is_over && !is_left_to(q, reader, now_us)) {
        op = pick(q, s, true);
    }
    if (op != NULL) {
        s->begun_us = now_us;
        woken = call_another(q, now_us);
    }
    pthread_mutex_unlock(&q->lock);
    wake(woken);
    return op;
}

struct read_queue_use read_queue_look(struct read_queue *q) {
    struct read_queue_use use = {.at_work = 0};
    pthread_mutex_lock(&q->lock);
    use.waiting = q->waiting;
    for (int i = 0; i < q->readers; i++) {
        use.at_work += q->seats[i].state == READ_SEAT_AT_WORK;
    }
    pthread_mutex_unlock(&q->lock);
    return use;
}

void read_queue_close(struct read_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    wake_all(q);
    pthread_mutex_unlock(&q->lock);
}
