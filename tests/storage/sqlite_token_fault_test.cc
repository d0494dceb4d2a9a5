// Rotations and uses of tokens on a disk that is full, or fails: a token has the secrets that were
// answered, or those of before, and never half of each.

#include <errno.h>
#include <sqlite3.h>

#include "tests/storage/sqlite_fault.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

class SqliteTokenFault : public SqliteFault {
  protected:
    static std::string Hash(int n) {
        std::string hash(TOKEN_HASH_BYTES, 'h');
        memcpy(hash.data(), &n, sizeof(n));
        return hash;
    }
    Token Stored() {
        std::vector<Token> all = ListTokens(store_, "");
        return all.size() == 1 ? all[0] : Token();
    }
    // The token is what the rotation numbered so made of it.
    void ExpectRotation(int64_t rotation) {
        Token t = Stored();
        EXPECT_EQ(t.rotations, rotation);
        EXPECT_EQ(t.hash, Hash(static_cast<int>(rotation)));
        if (rotation > 0) {
            EXPECT_EQ(t.previous_hash, Hash(static_cast<int>(rotation) - 1));
            EXPECT_EQ(t.previous_expires_at_us, t.rotated_at_us + 50);
        }
    }
    enum store_result Rotate(int64_t rotation) {
        return RotateToken(
            store_,
            {.hash = Hash(static_cast<int>(rotation)), .at_us = 100 * rotation, .overlap_us = 50});
    }
};

TEST_F(SqliteTokenFault, FullDiskLeavesTheSecretsAsTheyAre) {
    ASSERT_EQ(CreateToken(store_, {.name = "t", .hash = Hash(0)}), STORE_OK);
    int64_t rotation = 0;
    int refused = 0;
    for (int after = 0; after < 400; after += 1 + after / 4) {
        SCOPED_TRACE(after);
        vfs_.Reset();
        vfs_.FailWrites(SQLITE_FULL, after);
        enum store_result result = Rotate(rotation + 1);
        vfs_.Reset();
        if (result == STORE_OK) {
            rotation++;
        } else {
            refused++;
            EXPECT_EQ(result, STORE_DISK_FULL);
        }
        ExpectRotation(rotation);
        // Uses are noted once there is room again, and cost nobody anything before.
        vfs_.FailWrites(SQLITE_FULL, 0);
        Token use = {.name = "t", .hash = Hash(static_cast<int>(rotation)), .last_used_at_us = 7};
        EXPECT_EQ(NoteTokenUse(store_, {use}), STORE_DISK_FULL);
        vfs_.Reset();
        EXPECT_EQ(Stored().last_used_at_us, 0);
        OpenStore(0);
        ExpectRotation(rotation);
    }
    EXPECT_GE(refused, 2);
    EXPECT_GE(rotation, 1);
}

TEST_F(SqliteTokenFault, FailedWriteLeavesAWholeRotationOrNone) {
    ASSERT_EQ(CreateToken(store_, {.name = "t", .hash = Hash(0)}), STORE_OK);
    int64_t rotation = 0;
    int unknown = 0;
    for (int after = 0; after < 8; after++) {
        for (bool is_sync : {false, true}) {
            SCOPED_TRACE(testing::Message() << after << " " << is_sync);
            vfs_.Reset();
            if (is_sync) {
                vfs_.FailSyncs(FaultyVfs::File::kLog, after % 2 == 0);
            } else {
                vfs_.FailWrites(SQLITE_IOERR_WRITE, after, EIO);
            }
            enum store_result result = Rotate(rotation + 1);
            vfs_.Reset();
            OpenStore(0);
            if (result == STORE_OK) {
                rotation++;
            } else {
                unknown++;
                EXPECT_EQ(result, STORE_UNAVAILABLE);
                rotation = Stored().rotations; // which of both, the restart says
            }
            ExpectRotation(rotation);
        }
    }
    EXPECT_GE(unknown, 8);
}

} // namespace
