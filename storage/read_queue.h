#ifndef RUNSD_STORAGE_READ_QUEUE_H
#define RUNSD_STORAGE_READ_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/op/store_op.h"

// Operations that only read, and which of several readers (threads of a back-end) runs which of
// them when. Thread safe.
//
// While operations are quick, one reader runs all of them and the others sleep: whatever is
// in memory is read faster than another thread is woken. Others take operations too
// - beside one that is known to be long, at once;
// - beside one that has not ended after READ_QUEUE_STALL_US;
// - all that there are, from an operation on that waited for the disk, until
//   READ_QUEUE_QUICK_ENOUGH in a row have not.
//
// A reader holds no operation but the one that it runs, so no other waits behind one that is
// slow. Those of one snapshot are a turn: the reader takes the first, says that it begins, begins
// the snapshot, and goes on with what was pushed before it began. So each operation reads a
// snapshot that was begun after it was pushed.

enum { READ_QUEUE_READERS = 8 }; // at most

enum {
    READ_QUEUE_STALL_US = 1000,
    READ_QUEUE_QUICK_ENOUGH = 64,
    // The length of a turn: an old snapshot keeps the writer of a log from reusing it.
    READ_QUEUE_TURN_OPS = 256,
    READ_QUEUE_TURN_US = 5000,
    // For how many stalls' time nothing is taken before nobody watches any more.
    READ_QUEUE_WATCH_STALLS = 16,
};

// Operations in the order in which they came. Long ones have a lane of their own: lanes take
// turns, and long operations occupy at most half of the readers.
struct read_lane {
    struct store_op *first;
    struct store_op **end;
    uint64_t pushed;
    uint64_t taken;
};

enum { READ_LANE_QUICK, READ_LANE_LONG, READ_LANES };

enum read_seat_state {
    READ_SEAT_AWAY, // the reader does something else, and looks before it sleeps
    READ_SEAT_ASLEEP,
    READ_SEAT_CALLED, // woken to take something
    READ_SEAT_AT_WORK,
};

// What the queue knows of one reader.
struct read_seat {
    pthread_cond_t woken;
    enum read_seat_state state;
    bool is_long;     // what it runs
    int64_t begun_us; // when it began what it runs; 0: it has not
    // Its turn.
    int64_t turn_end_us;
    int turn_ops_left;
    uint64_t turn_pushed[READ_LANES]; // of each lane, before it began
};

struct read_queue {
    pthread_mutex_t lock;
    struct read_lane lanes[READ_LANES];
    struct read_seat seats[READ_QUEUE_READERS];
    int readers; // how many of the seats may take
    int waiting;
    int limit;
    int last_lane;
    int long_at_work;
    int quick_in_row;
    int watcher; // the sleeping reader that looks for stalls, or -1
    int watcher_idle;
    uint64_t watcher_seen; // how many operations were taken when it last looked
    bool closed;
};

// limit is how many operations may wait; 0: OP_QUEUE_DEFAULT_LIMIT (storage/op_queue.h).
void read_queue_init(struct read_queue *q, int limit);

// q must be empty and no thread may use it any more.
void read_queue_destroy(struct read_queue *q);

// Readers 0 to readers - 1 take from here on, 1 to READ_QUEUE_READERS; before, reader 0 alone does.
// Reader 0 is woken first, so that its cache is the one that is warm.
void read_queue_set_readers(struct read_queue *q, int readers);

// Appends op; is_long says that it takes long by its kind. Returns false, having done nothing, if
// limit operations wait.
bool read_queue_push(struct read_queue *q, struct store_op *op, bool is_long);

// Waits until there is an operation for this reader to run, but at most wait_us (0: without
// limit), and takes it; *ret_op is NULL if the time passed first. Returns false once the queue
// is closed and empty. Only the thread of that reader calls this and the two that follow.
bool read_queue_take(struct read_queue *q, int reader, int64_t wait_us, struct store_op **ret_op);

// The reader begins to run what it took; its snapshot is begun after this.
void read_queue_begin(struct read_queue *q, int reader, int64_t now_us);

// The reader has ended its operation, and it waited for the disk or not. Returns the next one of
// its turn, begun at now_us; NULL: the turn is over, the snapshot is to be ended.
struct store_op *read_queue_next(struct read_queue *q, int reader, int64_t now_us, bool waited);

struct read_queue_use {
    int waiting; // operations
    int at_work; // readers that run one
};

struct read_queue_use read_queue_look(struct read_queue *q);

// From here on nothing may be pushed; all that waits is still taken.
void read_queue_close(struct read_queue *q);

#endif
