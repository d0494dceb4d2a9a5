#ifndef RUNSD_BASE_CORE_VERSION_H
#define RUNSD_BASE_CORE_VERSION_H

// The version of all programs (SemVer), as CHANGELOG.md has it.
#define RUNSD_VERSION "0.1.0"

#endif
