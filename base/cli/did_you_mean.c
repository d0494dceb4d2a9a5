#include "base/cli/did_you_mean.h"

#include <stdbool.h>
#include <string.h>

// Longer words are no misspellings of ours.
enum { MOST_LETTERS = 48, MOST_EDITS = 3, LEAST_BEGINNING = 3 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

// The optimal string alignment distance: Levenshtein's, with neighbours exchanged as one edit.
static size_t distance_of(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t rows[MOST_LETTERS + 1][MOST_LETTERS + 1];
    for (size_t i = 0; i <= a_length; i++) {
        for (size_t j = 0; j <= b_length; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            size_t replaced = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            rows[i][j] = least(replaced, 1 + least(rows[i - 1][j], rows[i][j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
            }
        }
    }
    return rows[a_length][b_length];
}

static bool is_beginning(const struct did_you_mean *m, const char *word) {
    size_t dashes = strspn(word, "-");
    return m->length >= dashes + LEAST_BEGINNING && strncmp(m->given, word, m->length) == 0;
}

void did_you_mean_consider(struct did_you_mean *m, const char *word) {
    size_t length = strlen(word);
    if (m->length == 0 || m->length > MOST_LETTERS || length > MOST_LETTERS) {
        return;
    }
    size_t letters = m->length - least(m->length, strspn(word, "-"));
    size_t most = least(MOST_EDITS, letters < 3 ? 1 : letters / 3);
    size_t distance = distance_of(m->given, m->length, word, length);
    if (distance > most && is_beginning(m, word)) {
        distance = most;
    }
    if (distance > 0 && distance <= most && (m->best == NULL || distance < m->distance)) {
        m->best = word;
        m->distance = distance;
    }
}

const char *did_you_mean_text(struct arena *a, const char *best) {
    return best != NULL ? arena_printf(a, " (did you mean %s?)", best) : "";
}
