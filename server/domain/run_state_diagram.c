#include <stdio.h>

#include "server/domain/run_state.h"

// Prints the state machine's table as a Mermaid diagram: what docs/state-machine.md
// holds between its markers.

int main(void) {
    printf("```mermaid\nstateDiagram-v2\n    [*] --> running: create\n");
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        for (int event = 0; event < RUN_EVENT_COUNT; event++) {
            int next = run_state_next(status, (enum run_event_kind)event);
            if (next != 0) {
                printf("    %s --> %s: %s\n", run_status_word(status), run_status_word(next),
                       run_event_word((enum run_event_kind)event));
            }
        }
        if (run_status_is_final(status)) {
            printf("    %s --> [*]\n", run_status_word(status));
        }
    }
    printf("```\n");
    return 0;
}
