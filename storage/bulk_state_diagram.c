#include <stdio.h>

#include "storage/bulk_record.h"

// Prints the table of a job's life as a Mermaid diagram: what docs/state-machine.md holds between
// its markers.

static const char *const words[] = {
    [BULK_PLANNING] = "planning", [BULK_PLANNED] = "planned", [BULK_RUNNING] = "running",
    [BULK_DONE] = "done",         [BULK_ABORTED] = "aborted",
};

// Why a job goes from one state to another.
static const char *cause_of(enum bulk_state from, enum bulk_state to) {
    switch (to) {
    case BULK_PLANNED:
        return "all runs found, dry run";
    case BULK_RUNNING:
        return from == BULK_PLANNED ? "execute" : "all runs found";
    case BULK_DONE:
        return from == BULK_PLANNING ? "no run found" : "nothing left";
    case BULK_ABORTED:
    case BULK_PLANNING:
        break;
    }
    return "abort";
}

int main(void) {
    printf("```mermaid\nstateDiagram-v2\n    [*] --> planning: create\n");
    for (int from = BULK_PLANNING; from <= BULK_ABORTED; from++) {
        for (int to = BULK_PLANNING; to <= BULK_ABORTED; to++) {
            if (bulk_state_may_become((enum bulk_state)from, (enum bulk_state)to)) {
                printf("    %s --> %s: %s\n", words[from], words[to],
                       cause_of((enum bulk_state)from, (enum bulk_state)to));
            }
        }
    }
    printf("    done --> [*]\n    aborted --> [*]\n```\n");
    return 0;
}
