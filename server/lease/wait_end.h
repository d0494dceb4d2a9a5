#ifndef RUNSD_SERVER_LEASE_WAIT_END_H
#define RUNSD_SERVER_LEASE_WAIT_END_H

// Why a wait of a long poll ended without what it waited for.
enum wait_end {
    WAIT_TIMED_OUT,
    WAIT_GONE,     // the caller went away
    WAIT_STOPPING, // the server stops
};

#endif
