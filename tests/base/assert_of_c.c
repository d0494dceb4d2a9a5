// Compiled as the product is, to see whether assert is there.

#ifdef NDEBUG
#error "NDEBUG is defined: asserts are compiled out"
#endif

#include <assert.h>

int assert_of_c_aborts(int value);

int assert_of_c_aborts(int value) {
    assert(value == 1);
    return value;
}
