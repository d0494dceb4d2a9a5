#include "web/assets.h"

#ifdef WEB_ASSETS_BUILT

// The assembler reads the file, from the folder that Bazel compiles in: as an array of numbers
// it would take the compiler a minute.
__asm__(".section .rodata\n"
        ".balign 16\n"
        "web_assets_bytes:\n"
        ".incbin \"web/dist/assets.bin\"\n"
        ".previous\n");

extern const uint8_t web_assets_bytes[] __attribute__((visibility("hidden")));

#define WEB_ASSET(path, media_type, etag, offset, gzip_bytes, plain_bytes)                         \
    {path, media_type, etag, {web_assets_bytes + (offset), gzip_bytes}, plain_bytes},
static const struct web_asset assets[] = {
#include "web/dist/assets.inc"
};
#undef WEB_ASSET

struct web_assets web_assets(void) {
    return (struct web_assets){assets, sizeof(assets) / sizeof(assets[0])};
}

#else

struct web_assets web_assets(void) {
    return (struct web_assets){NULL, 0};
}

#endif
