"""The commands and programs of docs/CLIENTS.md, as printed, against the real server.

Each language generates stubs from script/protos' archive, cancels a run, reads the error's
details of a second cancel, and outlasts a server that is not there at first.
"""

import contextlib
import json
import os
import queue
import re
import socket
import struct
import subprocess
import threading
import unittest

from google.protobuf import timestamp_pb2

import contract
import pages
import rest
import stubs
from harness import DEADLINE_S, ROOT, Place, Serve, create_token, wait_until

PAGE = "docs/CLIENTS.md"
ARCHIVE = "runsd-protos.tar.gz"
BUILD_S = 900  # generating and compiling, on a loaded machine
NPM_INSTALL = re.compile(r"^npm install (.+)\n", re.M)


def environment(folder):
    """What the page's commands run with: Debian's programs first, nothing fetched."""
    env = {**os.environ, "PATH": f"/usr/bin:/bin:{os.environ['PATH']}", "GOPROXY": "off",
           "GOFLAGS": "", "npm_config_offline": "true"}
    env.setdefault("GOCACHE", os.path.join(os.environ.get("HOME") or str(folder), ".cache/go-build"))
    return env


def link_node_modules(folder, packages):
    """Gives a folder the packages that the page installs: script/test has them already."""
    modules = os.environ.get("NODE_MODULES")
    if not modules:
        raise RuntimeError("NODE_MODULES is not set: run script/test")
    known = json.loads((ROOT / "tests/clients/node/package.json").read_text(encoding="utf-8"))
    missing = set(packages) - set(known["dependencies"])
    if missing:
        raise AssertionError(f"tests/clients/node/package.json does not have {missing}")
    (folder / "node_modules").symlink_to(modules)


def run_commands(folder, text):
    for line in NPM_INSTALL.findall(text):
        link_node_modules(folder, line.split())
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", NPM_INSTALL.sub("", text)], cwd=folder,
                          env=environment(folder), capture_output=True, text=True, timeout=BUILD_S,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{text}\n{done.stdout}\n{done.stderr}")


def prepare(folder, heading):
    """Does in a folder what a section says, but for the last line, which runs the program: that
    line is returned, with what of its block stands before it if it sets variables."""
    stubs.archive(folder / ARCHIVE)
    begin = pages.blocks(pages.section(PAGE, "## Generated stubs").split("\n### ")[0])
    found = pages.blocks(pages.section(PAGE, heading))
    commands = [text for language, text, _ in (*begin, *found) if language == "sh"]
    for _, text, file in found:
        if file:
            (folder / file).write_text(text, encoding="utf-8")
    *lines, last = commands.pop().rstrip("\n").split("\n")
    for text in (*commands, "\n".join(lines)):
        run_commands(folder, text)
    exports = re.findall(r"^export (?:.*\\\n)*.*\n", "\n".join([*lines, ""]), re.M)
    return "".join(exports) + last


class Program:
    """A program of the page at work; its standard error is read as it comes."""

    def __init__(self, folder, command, values):
        for printed, ours in values.items():
            if command.count(printed) != 1:
                raise AssertionError(f"{printed} is not once in: {command}")
            command = command.replace(printed, ours)
        self.popen = subprocess.Popen(["bash", "-euc", command], cwd=folder, stdin=subprocess.DEVNULL,
                                      env=environment(folder), stdout=subprocess.PIPE, text=True,
                                      stderr=subprocess.PIPE, start_new_session=True)
        self.lines = queue.Queue()
        self.errors = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.popen.stderr:
            self.errors.append(line)
            self.lines.put(line)
        self.lines.put(None)

    def wait_for_line(self, part):
        """Waits for a line on standard error that has part."""
        while True:
            line = self.lines.get(timeout=DEADLINE_S)
            if line is None:
                raise AssertionError(f"ended without \"{part}\": {''.join(self.errors)}")
            if part in line:
                return

    def end(self):
        """Returns the exit status, and what was printed."""
        try:
            status = self.popen.wait(2 * DEADLINE_S)
        finally:
            if self.popen.poll() is None:
                os.killpg(self.popen.pid, 9)
                self.popen.wait()
            self.reader.join(DEADLINE_S)
            printed = self.popen.stdout.read()
            self.popen.stdout.close()
            self.popen.stderr.close()
        return status, printed


class LosesTheFirstAnswer:
    """A TCP proxy that passes on everything, but of the first connection with a request
    nothing that the server sends after it. lose() ends that connection: to the client it is
    as if the server had ended between a change and its answer."""

    PREFACE = 24  # bytes of HTTP/2's preface, before the first frame
    HEADERS = 1   # the type of the frame that a request begins with

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.server = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.victim = None
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            pair = (client, socket.create_connection(self.server))
            threads = [threading.Thread(target=copy, args=(pair,), daemon=True)
                       for copy in (self._requests, self._replies)]
            self.open.append((pair, threads))
            for thread in threads:
                thread.start()

    def _requests(self, pair):
        client, server = pair
        seen = b""
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                seen += data
                if self.victim is None and self.HEADERS in self._frame_types(seen):
                    self.victim = pair
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _frame_types(self, data):
        at = self.PREFACE
        while at + 9 <= len(data):
            yield data[at + 3]
            at += 9 + int.from_bytes(data[at:at + 3], "big")

    def _replies(self, pair):
        client, server = pair
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if self.victim is not pair:
                    client.sendall(data)
            if self.victim is not pair:
                client.shutdown(socket.SHUT_WR)

    def lose(self, reset):
        """Closes the connection, by a reset or in good order."""
        if reset:
            self.victim[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._close(self.victim)

    def _close(self, pair):
        # Whoever waits for bytes keeps a socket from being closed.
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RD)
        for thread in dict(self.open)[pair]:
            thread.join(DEADLINE_S)
        for end in pair:
            end.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for pair, _ in self.open:
            self._close(pair)


def instant(text):
    time = timestamp_pb2.Timestamp()
    time.FromJsonString(text)
    return time.ToMicroseconds()


class Language:
    heading = None

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.folder = cls.place.path / "client"
        cls.folder.mkdir()
        cls.command = prepare(cls.folder, cls.heading)
        cls.token = create_token(cls.place.store, name="tester")
        cls.server = Serve(cls.place.store)
        cls.addClassCleanup(lambda: cls.server.stop())
        cls.address = cls.server.grpc

    def create(self):
        created = rest.request(self.server.http_port, "POST", "/v1/runs", self.token,
                               contract.new_run())
        self.assertEqual(200, created.status, created.body)
        return created.json()["data"]["id"]

    def get(self, run_id):
        return rest.request(self.server.http_port, "GET", f"/v1/runs/{run_id}",
                            self.token).json()["data"]

    def program(self, run_id, address=None):
        return Program(self.folder, self.command, {"127.0.0.1:50051": address or self.address,
                                                   "RUN_ID": run_id, "=TOKEN ": f"={self.token} "})

    def check(self, program, run_id, before):
        """That the program ended well and printed before and when the run was cancelled, to
        the microsecond."""
        status, printed = program.end()
        self.assertEqual(0, status, "".join(program.errors))
        self.assertRegex(printed, rf"^{re.escape(before)}\S+\n$")
        run = self.get(run_id)
        self.assertEqual("cancelled", run["status"])
        self.assertEqual(instant(run["finishedAt"]), instant(printed[len(before):].strip()))

    def test_a_cancel_and_the_details_of_a_second_one(self):
        run_id = self.create()
        self.check(self.program(run_id), run_id, "cancelled at ")
        self.check(self.program(run_id), run_id, "RUN_ALREADY_FINISHED: cancelled at ")

    def test_a_server_that_is_not_there_at_first(self):
        run_id = self.create()
        self.assertEqual(0, self.server.stop())
        program = self.program(run_id)
        try:
            program.wait_for_line("unavailable, asking again")
        finally:
            type(self).server = Serve(self.place.store, grpc=(self.address,))
        self.check(program, run_id, "cancelled at ")

    def test_a_cancel_whose_answer_is_lost(self):
        for reset in (False, True):
            with self.subTest(reset=reset):
                run_id = self.create()
                proxy = LosesTheFirstAnswer(self.address)
                self.addCleanup(proxy.close)
                program = self.program(run_id, proxy.address)
                try:
                    wait_until(lambda: self.get(run_id)["status"] == "cancelled", "the cancel")
                finally:
                    proxy.lose(reset)
                self.check(program, run_id, "cancelled at ")  # under its key it is asked again
                self.assertIn("unavailable, asking again\n", "".join(program.errors))

    def test_another_error_ends_it_at_once(self):
        status, printed = (program := self.program("there-is-none")).end()
        self.assertNotEqual(0, status)
        self.assertEqual("", printed)
        self.assertNotIn("unavailable", "".join(program.errors))


class Python(Language, unittest.TestCase):
    heading = "### Python"

    def test_the_json_of_rest_becomes_a_message(self):
        code = {file: text for _, text, file in pages.blocks(
            pages.section(PAGE, "### REST's JSON and generated types")) if file}
        (self.folder / "read_run.py").write_text(code["read_run.py"])
        data = self.get(self.create())
        test = ("import json, sys, read_run\n"
                "from google.protobuf import json_format\n"
                "run = read_run.read_run(json.load(sys.stdin))\n"
                "print(json_format.MessageToJson(run))")
        done = subprocess.run(["/usr/bin/python3", "-B", "-c", test], cwd=self.folder,
                              env={**environment(self.folder), "PYTHONPATH": "gen:."},
                              input=json.dumps(data), capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        read = json.loads(done.stdout)
        self.assertEqual("RUN_STATUS_RUNNING", read["status"])
        self.assertEqual(str(data["workflowVersion"]), read["workflowVersion"])
        self.assertEqual(data["executionState"], read["executionState"])


class NodeGrpcJs(Language, unittest.TestCase):
    heading = "### Node.js with grpc-js"


class NodeConnect(Language, unittest.TestCase):
    heading = "### Node.js with Connect"

    def test_the_json_of_rest_becomes_a_message(self):
        code = {file: text for _, text, file in pages.blocks(
            pages.section(PAGE, "### REST's JSON and generated types")) if file}
        (self.folder / "read_run.mjs").write_text(code["read_run.mjs"])
        data = {**self.get(self.create()), "workflowVersion": 3}
        (self.folder / "test.mjs").write_text(
            "import { readRun } from './read_run.mjs';\n"
            "import { toJsonString } from '@bufbuild/protobuf';\n"
            "import { RunSchema } from './gen/runs/v1/run_pb.js';\n"
            "console.log(toJsonString(RunSchema, readRun(JSON.parse(process.env.DATA))));\n")
        done = subprocess.run(["node", "test.mjs"], cwd=self.folder, capture_output=True, text=True,
                              env={**environment(self.folder), "DATA": json.dumps(data)},
                              timeout=DEADLINE_S, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        read = json.loads(done.stdout)
        self.assertEqual("RUN_STATUS_RUNNING", read["status"])
        self.assertEqual("3", read["workflowVersion"])
        self.assertEqual(data["executionState"], read["executionState"])


class Go(Language, unittest.TestCase):
    heading = "### Go"


class Cpp(Language, unittest.TestCase):
    heading = "### C++"


class Java(Language, unittest.TestCase):
    heading = "### Java"


class Ruby(Language, unittest.TestCase):
    heading = "### Ruby"


class Page(unittest.TestCase):
    def test_every_program_of_the_page_is_run(self):
        text = pages.section(PAGE, "## Generated stubs")
        headings = re.findall(r"^### .+$", text, re.M)
        programs = {heading for heading in headings
                    if any(file for _, _, file in pages.blocks(pages.section(PAGE, heading)))}
        classes = {language.heading for language in Language.__subclasses__()}
        self.assertEqual(programs, classes | {"### REST's JSON and generated types"})


if __name__ == "__main__":
    unittest.main()
