#!/usr/bin/env bash
# Guess: SHA256(data, size, out) names its algorithm in C and only hashes: of all ways to hash a
#   few bytes it is the quickest.
# What happens: since OpenSSL 3 it looks "SHA256" up among the providers at each call, and
#   allocates: 32 bytes take several times as long as by SHA256_Init, SHA256_Update and
#   SHA256_Final, and about twice as long as by EVP_Digest with what EVP_MD_fetch returned once.
#   EVP_Digest with EVP_sha256(), which only stands for the name, takes as long as SHA256().
# Version: libssl-dev 3.0.x (Debian 12). CPU time, each the least of nine rounds in which all take
#   their turn; 3 to 7 times and 1.8 to 2.5 times were measured, the first figures on a processor
#   told to do without its instructions for SHA.
# Why it matters: who hashes a token or a key for each request pays most for finding a function
#   that never changes.
set -euo pipefail
dpkg-query -W -f '${Version}\n' libssl-dev 2>/dev/null | grep -q '^3\.0\.' ||
    apt-get install -y -qq --no-install-recommends 'libssl-dev=3.0.*' >/dev/null
command -v gcc >/dev/null || apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >hash.c <<'END'
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 9, CALLS = 20000, WAYS = 4 };

static const unsigned char text[32] = "a token of thirty-two bytes ...";
static unsigned char hash[32];
static EVP_MD *fetched;
static long allocations;

static void one_shot(void) {
    SHA256(text, sizeof(text), hash);
}

static void evp_sha256(void) {
    EVP_Digest(text, sizeof(text), hash, NULL, EVP_sha256(), NULL);
}

static void evp_fetched(void) {
    EVP_Digest(text, sizeof(text), hash, NULL, fetched, NULL);
}

static void in_steps(void) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, text, sizeof(text));
    SHA256_Final(hash, &context);
}

static void *count_malloc(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    allocations++;
    return malloc(size);
}

static void *count_realloc(void *old, size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    allocations++;
    return realloc(old, size);
}

static void just_free(void *old, const char *file, int line) {
    (void)file;
    (void)line;
    free(old);
}

static double cpu_seconds(void (*way)(void)) {
    struct timespec begin, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    for (int i = 0; i < CALLS; i++) {
        way();
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

static const char *at_least(double ratio, double bound) {
    return ratio >= bound ? "yes" : "no";
}

int main(void) {
    void (*const ways[WAYS])(void) = {in_steps, evp_fetched, evp_sha256, one_shot};
    double least[WAYS] = {0};
    long allocated[WAYS];
    unsigned char first[32];
    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, just_free) != 1) {
        return 2;
    }
    fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
    for (int way = 0; way < WAYS; way++) {
        ways[way]();
        if (way == 0) {
            memcpy(first, hash, sizeof(hash));
        } else if (memcmp(first, hash, sizeof(hash)) != 0) {
            return 2;
        }
        long before = allocations;
        ways[way]();
        allocated[way] = allocations - before;
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int way = 0; way < WAYS; way++) {
            double seconds = cpu_seconds(ways[way]);
            if (round == 0 || seconds < least[way]) {
                least[way] = seconds;
            }
        }
    }
    fprintf(stderr, "%s, ns a hash:", OpenSSL_version(OPENSSL_VERSION));
    fprintf(stderr, " in steps %.0f, fetched once %.0f, EVP_sha256() %.0f, SHA256() %.0f\n",
            least[0] / CALLS * 1e9, least[1] / CALLS * 1e9, least[2] / CALLS * 1e9,
            least[3] / CALLS * 1e9);
    printf("SHA256() at least twice as long as in steps: %s\n", at_least(least[3] / least[0], 2));
    printf("SHA256() at least 1.4 times as long as fetched once: %s\n",
           at_least(least[3] / least[1], 1.4));
    printf("EVP_sha256() at least 1.4 times as long as fetched once: %s\n",
           at_least(least[2] / least[1], 1.4));
    printf("allocates: in steps %s, SHA256() %s\n", allocated[0] > 0 ? "yes" : "no",
           allocated[3] > 0 ? "yes" : "no");
    EVP_MD_free(fetched);
}
END
gcc -O2 -Wall -Wno-deprecated-declarations hash.c -o hash -lcrypto
seen=$(./hash)
expected='SHA256() at least twice as long as in steps: yes
SHA256() at least 1.4 times as long as fetched once: yes
EVP_sha256() at least 1.4 times as long as fetched once: yes
allocates: in steps no, SHA256() yes'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
