#ifndef RUNSD_CTL_QUESTION_H
#define RUNSD_CTL_QUESTION_H

#include <stdbool.h>

// A question to the person at the terminal.

// Whether there is one: standard input and standard error are terminals.
bool question_can_be_asked(void);

// Prints the question, which is ours and ends with "?", on standard error and waits for a line on
// standard input. What was typed before does not count. Returns true only for yes.
bool question_ask(const char *question);

// Whether the line that was typed is "y" or "yes", in capitals or not, with blanks around it or
// not. Nothing else is.
bool question_is_yes(const char *line);

#endif
