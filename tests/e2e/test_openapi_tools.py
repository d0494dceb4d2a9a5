"""What the tools of the field make of the OpenAPI document: linters find nothing, generated
clients compile and work, and the check of every reply (documents.py) notices what is wrong."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

import documents
import rest
import stubs
from gateways import run_gateway
from harness import ROOT, Place, serve_for

TOOLS = ROOT / "tests/openapi"
DEADLINE_S = 170


@unittest.skipUnless(documents.node_modules(), "OPENAPI_NODE_MODULES is not set: run script/test")
class Tools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = Place()
        cls.addClassCleanup(place.remove)
        cls.folder = place.path
        cls.modules = pathlib.Path(documents.node_modules())
        for file in TOOLS.iterdir():
            if not file.name.startswith("package"):
                shutil.copy(file, cls.folder)
        (cls.folder / "package.json").write_text('{"type": "module"}')
        (cls.folder / "node_modules").symlink_to(cls.modules)

    def run_tool(self, *command, env=None):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False, env={**os.environ, **(env or {})})

    def tool(self, name, *arguments, env=None):
        return self.run_tool(str(self.modules / ".bin" / name), *arguments, env=env)

    def print_document(self, name, *options):
        done = run_gateway("--print-openapi", *options)
        self.assertEqual(0, done.returncode, done.stderr)
        (self.folder / name).write_text(done.stdout, encoding="utf-8")
        return json.loads(done.stdout)


class Linters(Tools):
    DOCUMENTS = ("runs.json", "runs_bare.json", "wide.json", "wide_bare.json")

    def setUp(self):
        wide = str(self.folder / "wide.binpb")
        subprocess.run(["protoc", f"-I{ROOT}", *(f"-I{i}" for i in stubs.INCLUDES),
                        "--include_imports", "-o", wide, "tests/gateway/testdata/wide.proto"],
                       check=True)
        every = ("--descriptors", wide, "--unbound-methods")
        for name, options in zip(self.DOCUMENTS, ((), ("--envelope=none",), every,
                                                  (*every, "--envelope=none"))):
            self.print_document(name, *options)

    def test_redocly_finds_nothing(self):
        done = self.tool("redocly", "lint", "--config=redocly.yaml", "--format=json",
                         *self.DOCUMENTS, env={"REDOCLY_TELEMETRY": "off",
                                               "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"})
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        found, _ = json.JSONDecoder().raw_decode(done.stdout)  # a line for people follows
        self.assertEqual((0, 0), (found["totals"]["errors"], found["totals"]["warnings"]),
                         found["problems"][:5])

    def test_spectral_finds_nothing(self):
        done = self.tool("spectral", "lint", "--ruleset=spectral.yaml", "--fail-severity=hint",
                         *self.DOCUMENTS)
        self.assertEqual(0, done.returncode, done.stdout[-2000:] + done.stderr)
        self.assertIn("No results with a severity of 'hint' or higher found!", done.stdout)

    def test_both_notice_what_is_wrong(self):
        document = self.print_document("runs.json")
        document["paths"]["/v1/runs/{other}"] = document["paths"]["/v1/runs/{id}"]
        del document["components"]["schemas"]["runs.v1.Run"]
        (self.folder / "broken.json").write_text(json.dumps(document))
        self.assertNotEqual(0, self.tool("redocly", "lint", "--config=redocly.yaml",
                                         "broken.json").returncode)
        self.assertNotEqual(0, self.tool("spectral", "lint", "--ruleset=spectral.yaml",
                                         "broken.json").returncode)


class Clients(Tools):
    def test_they_compile_strictly_and_work(self):
        serve_for(type(self))
        (self.folder / "openapi.json").write_bytes(
            rest.request(self.server.http_port, "GET", "/openapi.json").body)
        for command in (("openapi-typescript", "openapi.json", "-o", "schema.ts"),
                        ("openapi-ts",), ("tsc", "-p", ".")):
            done = self.tool(*command)
            self.assertEqual(0, done.returncode, f"{command}\n{done.stdout}{done.stderr}")
        for client in ("fetch_client", "hey_client"):
            with self.subTest(client):
                done = self.run_tool("node", f"out/{client}.js",
                                     env={"BASE": self.server.http, "TOKEN": self.token})
                self.assertEqual(0, done.returncode, done.stderr)
                self.assertEqual({"created": "running", "read": 11297108109, "listed": True,
                                  "cancelled": "cancelled",
                                  "again": [409, "RUN_ALREADY_FINISHED", "cancelled"]},
                                 json.loads(done.stdout))


class Alarm(Tools):
    """What validate.mjs says of one reply."""

    GOOD = {"code": 200, "message": "success", "requestId": "a", "data": {
        "organizationId": "acme", "name": "tester", "scopes": ["runs.read"]}}
    HEADERS = {"content-type": "application/json", "x-request-id": "a", "etag": 'W/"1"'}

    def check(self, **changes):
        record = {"document": "alarm", "method": "GET", "path": "/v1/whoami", "status": 200,
                  "headers": self.HEADERS, "body": json.dumps(self.GOOD), **changes}
        (self.folder / "records").write_text(json.dumps(record) + "\n")
        done = self.run_tool("node", "validate.mjs", ".", "records")
        self.assertEqual("", done.stderr)
        return done.returncode, done.stdout

    def test_it_rings_for_what_is_not_documented(self):
        self.print_document("alarm.json")
        status, said = self.check()
        self.assertEqual(0, status, said)

        def body(**changes):
            return {"body": json.dumps({**self.GOOD, **changes})}

        def data(**changes):
            return body(data={**self.GOOD["data"], **changes})

        headers = dict(self.HEADERS)
        error = {"code": 404, "message": "no", "requestId": "a",
                 "error": {"status": "NOT_FOUND", "reason": "X", "metadata": {}}}
        rows = [
            (body(code=201), "/code must be equal to constant"),
            (body(extra=1), "must NOT have additional properties"),
            (data(extra=1), "/data must NOT have additional properties"),
            (data(name=1), "/data/name must be string"),
            (data(expiresAt="tomorrow"), '/data/expiresAt must match format "date-time"'),
            ({"body": json.dumps({"code": 200})}, "must have required property 'data'"),
            ({"status": 201}, "the status is not documented"),
            ({"status": 404}, "must NOT have additional properties"),
            ({"path": "/v1/nowhere"}, "no such operation"),
            ({"path": "/v1/nowhere", "status": 404}, "must have required property 'error'"),
            ({"headers": {**headers, "content-type": "text/html"}}, "text/html is not documented"),
            ({"headers": {**headers, "retry-after": "1"}}, "Retry-After is there"),
            ({"headers": {"content-type": "application/json", "etag": "1"}},
             "X-Request-Id is documented and not there"),
            ({"status": 404, "body": json.dumps({**error, "error": {"status": "NO"}})},
             "must be equal to one of the allowed values"),
            ({"status": 304}, "is not documented"),
        ]
        for changes, expected in rows:
            with self.subTest(expected):
                status, said = self.check(**changes)
                self.assertEqual(1, status, said)
                self.assertIn(expected, said)


class Examples(Tools):
    """The examples of replies are replies that the check lets pass."""

    HEADERS = {"X-Request-Id": "a", "ETag": 'W/"1"', "Retry-After": "1",
               "WWW-Authenticate": "Bearer"}

    def records(self, name, document):
        for path, item in document["paths"].items():
            for method, operation in item.items():
                for status, response in operation["responses"].items():
                    if "$ref" in response:
                        response = document["components"]["responses"][
                            response["$ref"].split("/")[-1]]
                    example = response.get("content", {}).get("application/json", {}).get("example")
                    if example is not None:
                        headers = {k.lower(): v for k, v in self.HEADERS.items()
                                   if k in response["headers"]}
                        yield {"document": name, "method": method.upper(),
                               "path": path.replace("{id}", "a"), "status": int(status),
                               "headers": {**headers, "content-type": "application/json"},
                               "body": json.dumps(example)}

    def test_they_are_what_the_document_says(self):
        for options in ((), ("--envelope=none",)):
            document = self.print_document("examples.json", *options)
            records = list(self.records("examples", document))
            self.assertEqual(15, sum(r["status"] == 200 for r in records))
            self.assertGreater(len(records), 60)
            (self.folder / "records").write_text("".join(json.dumps(r) + "\n" for r in records))
            done = self.run_tool("node", "validate.mjs", ".", "records")
            self.assertEqual((0, ""), (done.returncode, done.stderr), done.stdout)

    def test_redocly_notices_one_of_a_field_that_is_not(self):
        document = self.print_document("runs.json")
        run = document["components"]["schemas"]["runs.v1.Run"]["properties"]
        run["workflowVersion"]["examples"] = ["three"]
        (self.folder / "broken.json").write_text(json.dumps(document))
        done = self.tool("redocly", "lint", "--config=redocly.yaml", "broken.json")
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertIn("no-invalid-schema-examples", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
