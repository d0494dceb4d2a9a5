"""What the scripts show of Bazel, by a stand-in for it that leaves a server behind."""

import os
import signal
import subprocess
import unittest

from harness import DEADLINE_S, ROOT, Place

BAZEL = """#!/usr/bin/env bash
sleep 3600 </dev/null >/dev/null 2>&1 &
echo "$!" >"$SERVER_PID"
echo "built $*"
cat >&2 <<'END'
INFO: From Compiling a.c:
1 src/main/tools/linux-sandbox.cc: noise
INFO: From Compiling b.c:
b.c:1:1: warning: something
ERROR: c.c failed: linux-sandbox failed: error executing command
c.c:2:2: error: something else
INFO: From Compiling d.c:
2 src/main/tools/linux-sandbox.cc: noise
FAILED: Build did NOT complete successfully
END
exit 3
"""

SHOWN = """INFO: From Compiling b.c:
b.c:1:1: warning: something
ERROR: c.c failed: linux-sandbox failed: error executing command
c.c:2:2: error: something else
FAILED: Build did NOT complete successfully
"""


class RunBazel(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.server_pid = self.place.path / "server.pid"
        bazel = self.place.path / "bazel"
        bazel.write_text(BAZEL, encoding="ascii")
        bazel.chmod(0o755)
        self.addCleanup(self.kill_server)

    def kill_server(self):
        os.kill(int(self.server_pid.read_text(encoding="ascii")), signal.SIGKILL)

    def test_all_that_is_useful_is_shown_when_bazel_ends(self):
        command = f'set -euo pipefail; . "{ROOT}/script/lib/common.sh"; run_bazel build //a'
        # Waits for the ends of both pipes, which the server must not hold.
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=DEADLINE_S, check=False,
            env={**os.environ, "PATH": f"{self.place.path}:{os.environ['PATH']}",
                 "SERVER_PID": str(self.server_pid)})
        self.assertEqual((3, "built build --noshow_progress //a\n", SHOWN),
                         (done.returncode, done.stdout, done.stderr))


if __name__ == "__main__":
    unittest.main()
