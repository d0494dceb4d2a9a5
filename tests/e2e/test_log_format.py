"""--log-format: what people read at a terminal, in a pipe and in the journal."""

import json
import os
import pty
import re
import select
import subprocess
import time
import unittest

import rest
from harness import DEADLINE_S, Place, create_token, program

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (DEBUG|INFO |WARN |ERROR) runsctl: \S.*")
PRIORITY = re.compile(r"<[3467]>\S.*")
PORT = re.compile(r'serving http=127.0.0.1:0 port=(\d+)|"serving","http":"127.0.0.1:0","port":(\d+)')
HOSTILE = b"/v1/runs/%1b%5b2J%0d%0a\x80\xc2\x9b/cancel"


class Reader:
    """Reads what a server logs to one end of a pipe or a terminal."""

    def __init__(self, fd):
        self.fd, self.seen = fd, b""

    def until(self, pattern):
        end = time.monotonic() + DEADLINE_S
        while not (found := pattern.search(self.seen.decode("utf-8", "surrogateescape"))):
            if not self.read(end - time.monotonic()):
                raise AssertionError(f"it never came: {pattern.pattern}: {self.seen!r}")
        return found

    def read(self, seconds):
        if not select.select([self.fd], [], [], max(0, seconds))[0]:
            return False
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # EIO: the terminal's programs have ended
            return False
        self.seen += piece
        return bool(piece)

    def rest(self):
        while self.read(DEADLINE_S):
            pass
        return self.seen


class LogFormat(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)

    def log_of(self, ends, *options, journal=None):
        """Serves, is sent what is hostile, stops; returns all that it logged."""
        mine, its = ends
        self.addCleanup(os.close, mine)
        env = {k: v for k, v in os.environ.items() if k != "JOURNAL_STREAM"}
        if journal is not None:
            status = os.fstat(its)
            env["JOURNAL_STREAM"] = journal.format(device=status.st_dev, inode=status.st_ino)
        server = subprocess.Popen(
            [program("runsctl"), "serve", "--store", self.place.store, "--http", "127.0.0.1:0",
             "--grpc", "127.0.0.1:0", "--log-level", "debug", *options],
            stderr=its, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=env)
        os.close(its)
        self.addCleanup(server.wait, DEADLINE_S)
        self.addCleanup(server.kill)
        reader = Reader(mine)
        port = int(next(filter(None, reader.until(PORT).groups())))
        rest.raw(port, b"POST " + HOSTILE + b" HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
                 self.token.encode() + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        rest.request(port, "GET", f"/v1/runs/{self.token}", self.token)
        rest.request(port, "GET", "/v1/runs/ghost", self.token,
                     headers={"X-Request-Id": "the-last-one"})
        reader.until(re.compile("call.{1,300}the-last-one", re.S))
        server.terminate()
        self.assertEqual(0, server.wait(DEADLINE_S))
        text = reader.rest().decode()  # UTF-8, whatever the client sent
        self.assertNotIn(self.token, text)
        self.assertIn("rst_***", text)
        return text.replace("\r\n", "\n").removesuffix("\n").split("\n")

    def are_plain(self, lines, pattern):
        for line in lines:
            self.assertRegex(line, rf"\A(?:{pattern.pattern})\Z")
            self.assertFalse(re.search(r"[\x00-\x1f\x7f-\x9f]", line), repr(line))

    def test_is_text_for_people_in_a_pipe(self):
        lines = self.log_of(os.pipe(), "--log-format", "text")
        self.are_plain(lines, LINE)
        call, = [line for line in lines if "the-last-one" in line and ": call " in line]
        self.assertIn(" method=/runs.v1.RunsService/GetRun code=NOT_FOUND ", call)
        self.assertIn(" reason=RUN_NOT_FOUND", call)

    def test_is_the_same_at_a_terminal(self):
        self.are_plain(self.log_of(pty.openpty(), "--log-format", "text"), LINE)

    def test_has_priorities_in_the_journal(self):
        lines = self.log_of(os.pipe(), "--log-format=text", journal="{device}:{inode}")
        self.are_plain(lines, PRIORITY)
        self.assertTrue(any(line.startswith("<6>stopped") for line in lines), lines)

    def test_has_none_where_standard_error_is_not_the_journal(self):
        self.are_plain(self.log_of(os.pipe(), "--log-format=text", journal="{device}:1{inode}"), LINE)

    def test_is_json_unless_asked(self):
        for ends, options, journal in ((os.pipe(), (), "{device}:{inode}"), (pty.openpty(), (), None),
                                       (os.pipe(), ("--log-format", "json"), None)):
            with self.subTest(options=options, journal=journal):
                for line in self.log_of(ends, *options, journal=journal):
                    self.assertEqual(["time", "level", "program", "message"],
                                     list(json.loads(line))[:4])

    def test_another_format_is_wrong_usage(self):
        for words in (("runsd",), ("runs-gateway",), ("runsctl", "serve", "--store", "memory:")):
            done = subprocess.run([program(words[0]), *words[1:], "--log-format", "xml"],
                                  capture_output=True, text=True, timeout=DEADLINE_S, check=False)
            self.assertEqual(2, done.returncode)
            self.assertIn('--log-format: "xml" is none of json, text', done.stderr)


if __name__ == "__main__":
    unittest.main()
