#ifndef RUNSD_STORAGE_POSTGRES_FEED_AGE_H
#define RUNSD_STORAGE_POSTGRES_FEED_AGE_H

// Joins to o, a row of organization, the row a: its revision is the newest one above the floor
// whose event was before the instant, or the floor; NULL if an event is missing. By halves: a feed
// of millions of events takes some twenty looks. Times are taken to grow with the revisions.
#define PG_FEED_AGE_JOIN(instant)                                                                  \
    " LEFT JOIN LATERAL (WITH RECURSIVE"                                                           \
    "  half(aged, young) AS (SELECT o.floor_revision, o.revision+1"                                \
    "   UNION ALL SELECT CASE WHEN e.is_aged THEN m.middle ELSE half.aged END,"                    \
    "    CASE WHEN e.is_aged THEN half.young ELSE m.middle END FROM half"                          \
    "    CROSS JOIN LATERAL (SELECT half.aged + (half.young-half.aged)/2 AS middle) AS m"          \
    "    CROSS JOIN LATERAL (SELECT event.at<" instant " AS is_aged FROM event"                    \
    "     WHERE event.organization=o.name AND event.revision=m.middle OFFSET 0) AS e"              \
    "    WHERE half.young-half.aged>1)"                                                            \
    "  SELECT aged AS revision FROM half WHERE young-aged<=1) AS a ON true"

#endif
