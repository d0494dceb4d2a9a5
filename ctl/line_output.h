#ifndef RUNSD_CTL_LINE_OUTPUT_H
#define RUNSD_CTL_LINE_OUTPUT_H

#include <stdbool.h>

// Standard output of a command that prints lines which outlast it.

// Whether the next byte that is written begins a line: where standard output is a file to which
// an earlier call was appending when it was killed, it may have ended within one.
bool line_output_is_at_start(void);

// Hands over what was printed; of a file also to the disk. Returns false, and ferror(stdout) is
// set or errno says why, if that failed.
bool line_output_keep(void);

#endif
