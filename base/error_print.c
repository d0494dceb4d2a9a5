#include "base/error_print.h"

#include <stdio.h>

#include "base/printable.h"

void error_print(const char *program, const struct error *error) {
    fprintf(stderr, "%s: ", program);
    print_text(stderr, slice_of_cstr(error->message));
    if (error->detail != NULL) {
        fputs(" (", stderr);
        print_text(stderr, slice_of_cstr(error->detail));
        fputc(')', stderr);
    }
    fputc('\n', stderr);
}
