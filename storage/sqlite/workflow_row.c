#include "storage/sqlite/workflow_row.h"

#include "storage/sqlite/connection.h"

int workflow_row_find(sqlite3_stmt *s, struct slice organization, struct slice id,
                      int64_t *ret_key) {
    sqlite_bind_text(s, 1, organization);
    sqlite_bind_text(s, 2, id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret_key = sqlite3_column_int64(s, 0);
        rc = SQLITE_OK;
    }
    sqlite3_reset(s);
    return rc;
}
