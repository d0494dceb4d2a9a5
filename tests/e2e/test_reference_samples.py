"""The samples that web/samples.js writes, of requests that our own API does not have: each is
run against a server that keeps what was sent."""

import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest
from urllib.parse import parse_qsl, urlsplit

from harness import DEADLINE_S, ROOT

WEB = ROOT / "web"
# What shells, Python, JavaScript and Go each have a meaning for.
ODD = "it's \"so\" $HOME `id` \\n {id} 100% \u00fc"
BODY = {"text": ODD, "yes": True, "no": False, "none": None, "list": [1, 2.5, {}], "empty": []}

DOCUMENT = {
    "openapi": "3.1.0",
    "security": [{"bearer": []}],
    "paths": {
        "/things/{name}": {
            "parameters": [{"name": "name", "in": "path", "required": True,
                            "schema": {"type": "string", "examples": ["a b/c"]}}],
            "put": {
                "parameters": [
                    {"name": "must", "in": "query", "required": True,
                     "schema": {"$ref": "#/components/schemas/Kind"}},
                    {"name": "may", "in": "query", "schema": {"type": "string"}}],
                "requestBody": {"required": True, "content": {
                    "application/json": {"schema": {"type": "object"}, "example": BODY}}},
                "responses": {"200": {"content": {"application/json": {}}}}},
            "delete": {"security": [], "responses": {"204": {}}},
            "get": {"responses": {"200": {"content": {"text/event-stream": {}}}}},
        },
        "/made-up": {
            "post": {
                "requestBody": {"$ref": "#/components/requestBodies/Tree"},
                "responses": {"200": {"content": {"application/json": {}}}}},
        },
        "/own": {"get": {"x-codeSamples": [{"lang": "shell", "source": "true"}], "responses": {}}},
    },
    "components": {
        "schemas": {
            "Kind": {"type": "string", "enum": ["first", "second"]},
            "Tree": {
                "type": "object",
                "required": ["label", "when", "count", "sides", "kind"],
                "properties": {
                    "label": {"type": "string"}, "when": {"type": "string", "format": "date-time"},
                    "count": {"type": ["integer", "string"], "minimum": 3},
                    "sides": {"type": "array", "items": {"$ref": "#/components/schemas/Side"}},
                    "kind": {"allOf": [{"$ref": "#/components/schemas/Kind"}]},
                    "other": {"type": "string"}}},
            "Side": {"type": "object", "properties": {
                "id": {"type": "string", "readOnly": True}, "is": {"type": "boolean"},
                "trees": {"type": "array", "items": {"$ref": "#/components/schemas/Side"}}}},
        },
        "requestBodies": {"Tree": {"required": True, "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Tree"}}}}},
    },
}


class Keeper(http.server.BaseHTTPRequestHandler):
    """Keeps the last request; answers JSON, or a stream's text to those who read one."""

    def keep(self):
        size = int(self.headers.get("Content-Length", 0))
        self.server.kept = (self.command, self.path, dict(self.headers), self.rfile.read(size))
        body = b"data: 1\n\n" if self.command == "GET" else b'{"kept":true}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = keep

    def log_message(self, *arguments):
        pass


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.HTTPServer(("127.0.0.1", 0), Keeper)
        thread = threading.Thread(target=cls.server.serve_forever)
        thread.start()
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)
        cls.place = tempfile.mkdtemp(prefix="runsd-")
        cls.addClassCleanup(shutil.rmtree, cls.place)
        # Modules without a package.json beside them: node 18 takes .mjs alone for such.
        for name in ("samples", "document"):
            text = (WEB / f"{name}.js").read_text(encoding="utf-8")
            with open(f"{cls.place}/{name}.mjs", "w", encoding="utf-8") as file:
                file.write(text.replace("./document.js", "./document.mjs"))
        base = f"http://127.0.0.1:{cls.server.server_port}/below"
        done = subprocess.run(
            ["node", str(ROOT / "tests/web/samples.mjs"), f"{cls.place}/samples.mjs", base],
            input=json.dumps(DOCUMENT), capture_output=True, text=True, check=False,
            timeout=DEADLINE_S)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.paths = json.loads(done.stdout)["paths"]

    def run_one(self, label, source):
        name, command = {"curl": ("sample.sh", ["bash"]), "JavaScript": ("sample.mjs", ["node"]),
                         "Python": ("sample.py", ["/usr/bin/python3"]),
                         "Go": ("sample.go", ["go", "run"])}[label]
        with open(f"{self.place}/{name}", "w", encoding="utf-8") as file:
            file.write(source)
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        done = subprocess.run(
            [*command, f"{self.place}/{name}"], capture_output=True, text=True, check=False,
            timeout=DEADLINE_S, env={**os.environ, "GO111MODULE": "off", "GOPROXY": "off",
                                     "GOFLAGS": "", "GOCACHE": f"{cache}/runsd/go"})
        self.assertEqual(0, done.returncode, done.stderr)
        return self.server.kept, done.stdout

    def each(self, path, verb):
        """(label, the request that was sent, what was printed) of each sample."""
        samples = self.paths[path][verb]["x-codeSamples"]
        self.assertEqual(["curl", "JavaScript", "Python", "Go"], [s["label"] for s in samples])
        for sample in samples:
            with self.subTest(sample["label"]):
                kept, printed = self.run_one(sample["label"], sample["source"])
                yield sample["label"], kept, printed

    def test_texts_that_mean_something_to_a_language_arrive_as_they_are(self):
        for _, (method, target, headers, body), printed in self.each("/things/{name}", "put"):
            self.assertEqual("PUT", method)
            self.assertEqual("/below/things/a%20b%2Fc", urlsplit(target).path)
            self.assertEqual([("must", "first")], parse_qsl(urlsplit(target).query))
            self.assertEqual("Bearer YOUR_API_TOKEN", headers["Authorization"])
            self.assertEqual("application/json", headers["Content-Type"])
            self.assertEqual(BODY, json.loads(body))
            self.assertIn("kept", printed)

    def test_no_token_and_no_body_where_there_is_none(self):
        for _, (method, _, headers, body), _ in self.each("/things/{name}", "delete"):
            self.assertEqual(("DELETE", b""), (method, body))
            self.assertNotIn("Authorization", headers)
            self.assertNotIn("Content-Type", headers)

    def test_a_reply_that_is_no_json_is_printed_as_text(self):
        for _, (method, _, _, _), printed in self.each("/things/{name}", "get"):
            self.assertEqual("GET", method)
            self.assertEqual("data: 1", printed.strip())

    def test_a_body_is_made_up_of_what_must_be_there(self):
        for _, (_, target, _, body), _ in self.each("/made-up", "post"):
            self.assertEqual("/below/made-up", target)
            made = json.loads(body)
            self.assertEqual({"label": "string", "when": "2026-01-31T12:00:00Z", "count": 3,
                              "kind": "first"}, {k: v for k, v in made.items() if k != "sides"})
            side = made["sides"][0]
            depth = 0
            while side:
                self.assertNotIn("id", side)
                side = (side.get("trees") or [None])[0]
                depth += 1
            self.assertLess(depth, 8)

    def test_samples_of_the_document_stay(self):
        self.assertEqual([{"lang": "shell", "source": "true"}],
                         self.paths["/own"]["get"]["x-codeSamples"])
