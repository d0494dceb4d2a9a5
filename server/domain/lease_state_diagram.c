#include <stdio.h>

#include "server/domain/lease_state.h"

// Prints the table of leases as a Mermaid diagram: what docs/state-machine.md holds between its
// markers.

int main(void) {
    printf("```mermaid\nstateDiagram-v2\n    [*] --> none: create, dispatched elsewhere\n"
           "    [*] --> open: create\n    [*] --> held: create with a lease\n");
    for (int state = 1; state < LEASE_STATE_COUNT; state++) {
        for (int event = 0; event < LEASE_EVENT_COUNT; event++) {
            int next = lease_state_next(state, (enum lease_event_kind)event);
            if (next != 0) {
                printf("    %s --> %s: %s\n", lease_state_word(state), lease_state_word(next),
                       lease_event_word((enum lease_event_kind)event));
            }
        }
    }
    printf("    %s --> [*]\n```\n", lease_state_word(LEASE_OVER));
    return 0;
}
