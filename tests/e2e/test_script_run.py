"""script/run as a newcomer uses it: the printed curl line cancels the demo run."""

import json
import re
import signal
import socket
import stat
import subprocess
import threading
import unittest
from collections import OrderedDict

import contract
from harness import DEADLINE_S, ROOT, Place

SCRIPT = str(ROOT / "script" / "run")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class ScriptRun(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.data = self.place.path / "data"

    def start(self, port):
        """Starts the script in another folder; returns it and what it printed up
        to the curl line."""
        process = subprocess.Popen(
            [SCRIPT, "--port", str(port), "--data", str(self.data)], cwd="/", text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        # A hanging script must not hang the reader.
        timer = threading.Timer(DEADLINE_S * 2, process.kill)
        timer.start()
        self.addCleanup(timer.cancel)
        printed = []
        for line in process.stdout:
            printed.append(line)
            if "Ctrl-C" in line:
                return process, "".join(printed)
        self.fail("the script ended:\n" + "".join(printed))

    def curl(self, printed):
        line = re.search(r"(?m)^ *(curl -X POST .*)$", printed).group(1)
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=True)
        return json.loads(done.stdout, object_pairs_hook=OrderedDict)

    def stop(self, process, number):
        process.send_signal(number)
        text = process.stdout.read()
        self.assertEqual(0, process.wait(DEADLINE_S), text)
        self.assertIn("Stopping", text)

    def test_the_printed_curl_line_cancels_and_a_second_start_knows_it(self):
        port = free_port()
        process, printed = self.start(port)
        reply = self.curl(printed)
        run = contract.check_success(self, reply, final=True)
        self.assertEqual("cancelled", run["status"])
        self.assertEqual(11297108109, run["simulationForks"][0]["chainId"])
        self.assertEqual(0o600, stat.S_IMODE((self.data / "token").stat().st_mode))
        token = (self.data / "token").read_text()
        self.assertIn(token.strip(), printed)
        # A port that is taken is told.
        other = subprocess.run([SCRIPT, "--port", str(port), "--data", str(self.data)],
                               capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(1, other.returncode)
        self.assertIn(f"port {port} is taken", other.stderr)
        self.stop(process, signal.SIGINT)

        process, printed_again = self.start(port)
        self.assertEqual(token, (self.data / "token").read_text())
        # The run of the first start is still cancelled; the new one is another.
        self.assertEqual(409, self.curl(printed)["code"])
        self.assertEqual(200, self.curl(printed_again)["code"])
        self.stop(process, signal.SIGTERM)

    def test_wrong_usage_is_told(self):
        for arguments, fragment in ((["--port"], "needs a value"), (["--port", "http"], "no port"),
                                    (["--port", "70000"], "65535"), (["--fast"], "--fast")):
            done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True,
                                  timeout=DEADLINE_S, check=False)
            self.assertEqual(1, done.returncode)
            self.assertIn(fragment, done.stderr)
