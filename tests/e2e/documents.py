"""Whether replies are what OpenAPI documents say: every reply that the tests receive is
recorded with the document of the gateway that sent it, and all are checked at the end.

Recorded is only while OPENAPI_NODE_MODULES names the folder of what tests/openapi takes from
npm. A gateway's document is what runs-gateway prints for the same options.
"""

import atexit
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_OF_A_KIND = 25  # replies to one method and path, of one status
MOST_BODY_BYTES = 1 << 20
DEADLINE_S = 120

# What of runsctl serve's options its document depends on, and whether a value follows.
OPTIONS = {"--envelope": True, "--ignore-unknown-fields": False, "--max-body-bytes": True,
           "--max-url-bytes": True, "--request-header": True, "--response-header": True}


def node_modules():
    return os.environ.get("OPENAPI_NODE_MODULES")


class Recorder:
    def __init__(self):
        self.lock = threading.Lock()
        self.folder = None
        self.file = None
        self.names = {}  # of documents, by their text
        self.printed = {}  # texts, by options
        self.by_port = {}
        self.counts = {}
        self.count = 0

    def open(self):
        if self.folder is None:
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-openapi-"))
            atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
            self.file = (self.folder / "records").open("w", encoding="utf-8")

    def add_document(self, port, text):
        with self.lock:
            self.open()
            name = self.names.setdefault(text, f"document{len(self.names)}")
            (self.folder / f"{name}.json").write_text(text, encoding="utf-8")
            self.by_port[port] = name

    def add_reply(self, port, record):
        with self.lock:
            document = self.by_port.get(port)
            if document is None:
                return
            key = (document, record["method"], record["path"], record["status"])
            self.counts[key] = self.counts.get(key, 0) + 1
            if self.counts[key] <= MOST_OF_A_KIND:
                self.count += 1
                self.file.write(json.dumps({"document": document, **record}) + "\n")


RECORDER = Recorder()


def _shared_options(options):
    kept = []
    takes = False
    for option in options:
        name = option.split("=", 1)[0]
        if takes or name in OPTIONS:
            kept.append(option)
        takes = not takes and OPTIONS.get(name, False) and "=" not in option
    return kept


def _without_upstream(options):
    """Those of a gateway but for how it reaches its upstream, which is not in the document."""
    kept, skips = [], False
    for option in options:
        if not skips and not option.startswith("--upstream-"):
            kept.append(option)
        # Its value comes next, or behind "=".
        skips = not skips and option.startswith("--upstream-") and "=" not in option
    return kept


def serves(port, program, options, is_gateway):
    """Says that a gateway with these options serves at the port from now on."""
    if not node_modules():
        return
    forget(port)
    if "--reflect" in options:
        return  # what it serves, only its upstream knows
    options = _without_upstream(options) if is_gateway else _shared_options(options)
    key = tuple(options)
    is_fixed = not any(option.startswith("--descriptors") for option in options)
    text = RECORDER.printed.get(key) if is_fixed else None
    if text is None:
        done = subprocess.run([program, "--print-openapi", *options], capture_output=True,
                              text=True, timeout=DEADLINE_S, check=True)
        text = RECORDER.printed[key] = done.stdout
    RECORDER.add_document(port, text)


def forget(port):
    """What is received from the port from now on is not checked: it serves something else."""
    with RECORDER.lock:
        RECORDER.by_port.pop(port, None)


def received(port, method, path, status, headers, body):
    """Records a reply; headers is an http.client.HTTPMessage."""
    if not node_modules() or len(body) > MOST_BODY_BYTES:
        return
    if headers.get("Content-Encoding") == "gzip" and body:
        body = gzip.decompress(body)
    RECORDER.add_reply(port, {
        "method": method, "path": path.split("?", 1)[0], "status": status,
        "headers": {name.lower(): value for name, value in headers.items()},
        "body": body.decode("utf-8", errors="replace")})


class Replies(unittest.TestCase):
    """The last test of a run."""

    def test_every_reply_is_what_the_document_says(self):
        if RECORDER.count == 0:
            self.skipTest("no reply was received from a gateway whose document is known")
        RECORDER.file.flush()
        modules = pathlib.Path(node_modules())
        work = RECORDER.folder
        shutil.copy(ROOT / "tests/openapi/validate.mjs", work)
        (work / "node_modules").symlink_to(modules)
        done = subprocess.run(["node", "validate.mjs", ".", "records"], cwd=work,
                              capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        print(done.stdout.strip())
