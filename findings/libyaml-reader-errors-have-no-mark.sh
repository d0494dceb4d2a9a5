#!/usr/bin/env bash
# Guess: where libyaml's parser fails, problem_mark says the line and column, and problem_offset the byte.
# What happens: never both. An error of the reader, which looks at bytes (a control character, broken UTF-8), has an
#   offset and a mark that was not set: line 0, column 0. All other errors, of the scanner, the parser and the composer,
#   have a mark and the offset 0. Nothing in yaml.h says which of them is meant: parser.error does.
# Version: libyaml 0.2.5 (Debian 12).
# Why it matters: a program that prints problem_mark sends whoever wrote the file to its first line. Where error is
#   YAML_READER_ERROR, count lines up to problem_offset.
set -euo pipefail
dpkg-query -W -f '${Version}\n' libyaml-dev 2>/dev/null | grep -q '^0\.2\.5-' ||
    apt-get install -y -qq --no-install-recommends 'libyaml-dev=0.2.5-*' >/dev/null
command -v gcc >/dev/null || apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.c <<'END'
#include <stdio.h>
#include <string.h>
#include <yaml.h>

static void load(const char *what, const char *text) {
    yaml_parser_t parser;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    yaml_document_t document;
    if (yaml_parser_load(&parser, &document)) {
        yaml_document_delete(&document);
        printf("%s: no error\n", what);
    } else {
        printf("%s: %s, %s; offset %zu, line %zu, column %zu\n", what,
               parser.error == YAML_READER_ERROR ? "a reader's error" : "another error", parser.problem,
               parser.problem_offset, parser.problem_mark.line, parser.problem_mark.column);
    }
    yaml_parser_delete(&parser);
}

int main(void) {
    // The fault of each is at byte 14: line 2, column 4, both counted from 0.
    load("a control character", "a: 1\nb: 2\nc: '\x01'\n");
    load("broken UTF-8", "a: 1\nb: 2\nc: '\xff'\n");
    load("a character that must be escaped", "a: 1\nb: 2\nc: '\xef\xbf\xbe'\n");
    load("an unknown escape", "a: 1\nb: 2\nc: \"\\q\"\n");
    load("a bracket too many", "a: 1\nb: 2\nc:  ]\n");
    load("an unknown alias", "a: 1\nb: 2\nc:  *d\n");
    return 0;
}
END
gcc -O2 -Wall -o try try.c -lyaml
seen=$(./try)
printf '%s\n' "$seen"
expected="a control character: a reader's error, control characters are not allowed; offset 14, line 0, column 0
broken UTF-8: a reader's error, invalid leading UTF-8 octet; offset 14, line 0, column 0
a character that must be escaped: a reader's error, control characters are not allowed; offset 14, line 0, column 0
an unknown escape: another error, found unknown escape character; offset 0, line 2, column 4
a bracket too many: another error, did not find expected node content; offset 0, line 2, column 4
an unknown alias: another error, found undefined alias; offset 0, line 2, column 4"
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
