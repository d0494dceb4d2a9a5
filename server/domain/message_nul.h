#ifndef RUNSD_SERVER_DOMAIN_MESSAGE_NUL_H
#define RUNSD_SERVER_DOMAIN_MESSAGE_NUL_H

// Stands for U+0000 in the unpacked keys and strings of google.protobuf.Struct, where protobuf-c
// would cut them: a byte that no UTF-8 has, so that no two texts become one. Violations show it
// as \u0000. Pure.
enum { MESSAGE_NUL = 0xFF };

#endif
