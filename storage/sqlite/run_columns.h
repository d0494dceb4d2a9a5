#ifndef RUNSD_STORAGE_SQLITE_RUN_COLUMNS_H
#define RUNSD_STORAGE_SQLITE_RUN_COLUMNS_H

#include "storage/run_fields.h"

// The columns of a run's fields (storage/run_fields.h): the one list of them. From it come
// the statements that read and write them, and the schema's steps that add them to a store of
// before. Each is X(NAME, column and member, its SQL, the schema version that it came with),
// joined by AND. A new one is appended, with a version of its own that follows SCHEMA_VERSION
// (storage/sqlite/schema.h) and with a DEFAULT, which rows of before have.

// In the row of table run: what is small, for a transition rewrites it.
#define RUN_ROW_FIELDS(X, AND) X(TOTAL_CU, total_cu, "REAL", 1) // NULL: not a number

// In run_body.
#define RUN_BODY_FIELDS(X, AND) X(EXECUTION_STATE, execution_state, "BLOB NOT NULL", 1)

// --- What is made of the lists ---

// "total_cu, progress"
#define RUN_COLUMN_NAME(NAME, name, sql, since) #name
#define RUN_ROW_FIELD_NAMES                     RUN_ROW_FIELDS(RUN_COLUMN_NAME, ", ")
#define RUN_BODY_FIELD_NAMES                    RUN_BODY_FIELDS(RUN_COLUMN_NAME, ", ")

// "total_cu=?, progress=?": they are the parameters behind the largest number so far.
#define RUN_COLUMN_SET(NAME, name, sql, since) #name "=?"
#define RUN_ROW_FIELDS_SET                     RUN_ROW_FIELDS(RUN_COLUMN_SET, ", ")
#define RUN_BODY_FIELDS_SET                    RUN_BODY_FIELDS(RUN_COLUMN_SET, ", ")

// "?, ?"
#define RUN_COLUMN_MARK(NAME, name, sql, since) "?"
#define RUN_ROW_FIELD_MARKS                     RUN_ROW_FIELDS(RUN_COLUMN_MARK, ", ")
#define RUN_BODY_FIELD_MARKS                    RUN_BODY_FIELDS(RUN_COLUMN_MARK, ", ")

// RUN_FIELD_BITs.
#define RUN_COLUMN_BIT(NAME, name, sql, since) RUN_FIELD_BIT(NAME)
#define RUN_ROW_FIELD_BITS                     (RUN_ROW_FIELDS(RUN_COLUMN_BIT, |))
#define RUN_BODY_FIELD_BITS                    (RUN_BODY_FIELDS(RUN_COLUMN_BIT, |))

_Static_assert((RUN_ROW_FIELD_BITS | RUN_BODY_FIELD_BITS) == RUN_FIELDS_ALL &&
                   (RUN_ROW_FIELD_BITS & RUN_BODY_FIELD_BITS) == 0,
               "each field of storage/run_fields.h has one column");

// How many there are.
#define RUN_COLUMN_ONE(NAME, name, sql, since) 1
enum {
    RUN_ROW_FIELD_COUNT = RUN_ROW_FIELDS(RUN_COLUMN_ONE, +),
    RUN_BODY_FIELD_COUNT = RUN_BODY_FIELDS(RUN_COLUMN_ONE, +),
};

// The size of this is the newest version that a column came with.
#define RUN_COLUMN_SINCE(NAME, name, sql, since) char name[since];
union run_columns_version {
    RUN_ROW_FIELDS(RUN_COLUMN_SINCE, ) RUN_BODY_FIELDS(RUN_COLUMN_SINCE, )
};

#endif
