#include "storage/op/find_revision.h"

#include "storage/sqlite/event_age.h"
#include "storage/sqlite/feed_age.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_MARK, SELECT_LINK, SELECT_NEWEST, SELECT_AT };

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_find_revision *f = CONTAINER_OF(op, struct store_find_revision, op);
    struct organization_head head;
    int64_t aged_event = 0;
    int64_t newest = 0;
    op->result = STORE_OK;
    int rc = session_read_head(session, f->organization, &head);
    if (rc == SQLITE_OK) {
        rc = event_age_find(s[SELECT_NEWEST], s[SELECT_AT], f->at_us, &aged_event, &newest);
    }
    if (rc == SQLITE_OK) {
        rc = feed_age_revision(s[SELECT_MARK], s[SELECT_LINK], f->organization, &head, aged_event,
                               &f->ret_revision);
    }
    f->ret_floor = head.floor;
    return rc;
}

const struct sqlite_op sqlite_find_revision = {
    .sql =
        {
            [SELECT_MARK] = FEED_MARK_SQL,
            [SELECT_LINK] = FEED_LINK_SQL,
            [SELECT_NEWEST] = EVENT_AGE_NEWEST_SQL,
            [SELECT_AT] = EVENT_AGE_AT_SQL,
        },
    .run = run,
};
