#ifndef RUNSD_TESTS_STORAGE_TEST_FILES_H
#define RUNSD_TESTS_STORAGE_TEST_FILES_H

#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>

// Files as bytes, for tests.

// The bytes of the file; none if there is no such file.
inline std::string ReadFile(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
}

inline void WriteFile(const std::string &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Whether the path names something, be it a link to nothing.
inline bool Exists(const std::string &path) {
    struct stat st;
    return lstat(path.c_str(), &st) == 0;
}

#endif
