#ifndef RUNSD_CTL_OUTPUT_CHECK_H
#define RUNSD_CTL_OUTPUT_CHECK_H

// Whether standard output can be written, as far as that can be seen without writing: it is
// open for that, somebody reads, and a file has room for what a command prints. Returns NULL,
// or why it cannot; the text is valid until the next call of strerror.
const char *output_check(void);

#endif
