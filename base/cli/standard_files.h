#ifndef RUNSD_BASE_CLI_STANDARD_FILES_H
#define RUNSD_BASE_CLI_STANDARD_FILES_H

// Standard input, output and error of a program.

// Opens those that were closed at the program's start, in a way that reading and writing
// fails: else the next file or socket that is opened gets the number, and what is printed goes
// into it. To be called first in main.
void standard_files_open(void);

// Writes what is buffered for standard output. Returns NULL if all that was printed has been
// written, else why not: what the reader has is not whole. The text is valid until the next
// call of strerror. A program whose reader went away is ended by SIGPIPE before, as others
// are, unless that is ignored.
const char *standard_output_finish(void);

#endif
