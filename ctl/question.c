#include "ctl/question.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

// A terminal hands over lines of at most so many bytes.
enum { LINE_BYTES = 4096 };

static const char blanks[] = " \t\r\n";

bool question_can_be_asked(void) {
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool question_is_yes(const char *line) {
    const char *word = line + strspn(line, blanks);
    size_t length = strcspn(word, blanks);
    bool is_alone = word[length + strspn(word + length, blanks)] == '\0';
    return is_alone && ((length == 1 && strncasecmp(word, "y", 1) == 0) ||
                        (length == 3 && strncasecmp(word, "yes", 3) == 0));
}

bool question_ask(const char *question) {
    tcflush(STDIN_FILENO, TCIFLUSH);
    fprintf(stderr, "%s [y/N] ", question);
    char line[LINE_BYTES + 1];
    ssize_t length;
    do {
        length = read(STDIN_FILENO, line, LINE_BYTES);
    } while (length < 0 && errno == EINTR);
    if (length <= 0 || line[length - 1] != '\n') {
        fputc('\n', stderr); // the end of the input: no line was typed
        return false;
    }
    line[length] = '\0';
    return strlen(line) == (size_t)length && question_is_yes(line);
}
