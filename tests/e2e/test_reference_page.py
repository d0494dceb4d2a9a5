"""The reference page at /docs, used in Chromium: what it shows, its samples, its playground,
and what it sends where."""

import ast
import json
import os
import re
import subprocess
import unittest
from urllib.parse import urlsplit

import contract
import rest
from harness import DEADLINE_S, ROOT, Serve, create_token, serve_for

CLIENTS = ROOT / "tests" / "clients"
CANCEL = "POST /v1/runs/{id}/cancel"
LANGUAGES = ["curl", "JavaScript", "Python", "Go"]
# Two browsers' whole use of the page, on a machine that is busy with other things.
BROWSER_S = 900


def modules():
    found = os.environ.get("NODE_MODULES")
    if not found:
        raise RuntimeError("NODE_MODULES is not set: run script/test")
    return found


def document(server):
    return rest.request(server.http_port, "GET", "/openapi.json").json()


# What a run has beside the page's fields, where it was asked for.
MORE = {"dispatch", "lease", "onLeaseLoss", "onTimeout", "parentRunId", "stoppedAt", "timeout",
        "waitingTimeout"}


def operations(api):
    return [[verb.upper(), path] for path, item in api["paths"].items() for verb in item]


def resolved(api, node):
    while "$ref" in node:
        more = {key: value for key, value in node.items() if key != "$ref"}
        target = api
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = {**target, **more}
    return node


def words(text):
    """Markdown's and a page's words alone."""
    return re.sub(r"[`*_\\]", "", re.sub(r"\s+", " ", text)).strip()


def create_run(server, token):
    # JavaScript's numbers end at 2^53.
    given = contract.new_run(workflowVersion=3)
    created = rest.request(server.http_port, "POST", "/v1/runs", token, given)
    if created.status != 200:
        raise AssertionError(created.body)
    return given, created.json()["data"]["id"]


def browse(server, token, **wanted):
    """What page.mjs saw; see there for what may be wanted."""
    given, run_id = create_run(server, token)
    todo = {"url": server.http + "/", "token": token, "runId": run_id, "languages": LANGUAGES,
            "operations": operations(document(server)), "bypassPolicy": False, **wanted}
    done = subprocess.run(["node", str(ROOT / "tests" / "web" / "page.mjs")],
                          input=json.dumps(todo), capture_output=True, text=True, check=False,
                          timeout=BROWSER_S, env={**os.environ, "NODE_MODULES": modules()})
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return {**json.loads(done.stdout), "runId": run_id, "given": given}


class Page(unittest.TestCase):
    """The page under its own policy."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.api = document(cls.server)
        cls.deleter = create_token(cls.place.store, scopes="runs.delete", name="deleter")
        cls.seen = browse(cls.server, cls.token)
        print(f"the reference page: first view after {cls.seen['firstViewMs']} ms")

    # --- what it shows ---

    def test_the_root_leads_a_browser_to_the_page(self):
        self.assertEqual("/docs", urlsplit(self.seen["landed"]["url"]).path)
        self.assertEqual(200, self.seen["landed"]["status"])
        self.assertEqual("gzip", self.seen["landed"]["headers"]["content-encoding"])
        self.assertEqual([], self.seen["errors"])

    def test_each_operation_has_its_title_and_description(self):
        for verb, path in operations(self.api):
            with self.subTest(f"{verb} {path}"):
                operation = self.api["paths"][path][verb.lower()]
                section = self.seen["sections"][f"{verb} {path}"]
                self.assertIn(operation["summary"], section["title"])
                self.assertIn(words(operation["description"]), words(section["text"]))

    def check_field(self, text, name, schema):
        schema = resolved(self.api, schema)
        kind = {"array": "array of"}.get(schema["type"], schema.get("title", schema["type"]))
        if len(schema.get("enum", [])) == 2:  # which the page writes out
            kind = " or ".join(f'"{word}"' for word in schema["enum"])
        # As the page writes it: name, "Type:", type, "Format:"..., then the description.
        pattern = rf"(?<!\S){re.escape(name)} Type: {re.escape(kind)}"
        rest_of = [text[found.end():] for found in re.finditer(pattern, text)]
        self.assertTrue(rest_of, f"{name}: {kind}")
        description = words(schema.get("description", ""))
        self.assertTrue(any(description in part[:len(description) + 200] for part in rest_of),
                        f"{name}: {description}")
        for word in schema.get("enum", []):
            self.assertTrue(word in kind or any(word in part[:len(description) + 200]
                                                for part in rest_of), word)

    def check_object(self, text, schema, path=()):
        for name, member in resolved(self.api, schema)["properties"].items():
            with self.subTest(".".join((*path, name))):
                self.check_field(text, name, member)
            member = resolved(self.api, member)
            items = resolved(self.api, member.get("items", {}))
            for inner in (member, items):
                if "properties" in inner:
                    self.check_object(text, inner, (*path, name))

    def test_cancel_is_shown_as_on_the_page_that_we_come_from(self):
        section = self.seen["sections"][CANCEL]
        text = words(section["text"])
        self.assertIn("Cancel a running or waiting run", section["title"])
        self.assertRegex(text, r"Path Parameters id Type: string required .*Run ID")
        for status, reason in (("200", "OK"), ("404", "Not Found"), ("409", "Conflict")):
            self.assertRegex(text, rf"(?<!\S){status} .*?{reason}")
        reply = self.api["paths"]["/v1/runs/{id}/cancel"]["post"]["responses"]["200"]
        schema = reply["content"]["application/json"]["schema"]
        self.assertEqual(["code", "data", "message", "requestId"], list(schema["properties"]))
        for name in schema["properties"]:
            self.assertRegex(text, rf"(?<!\S){name} ")
        run = resolved(self.api, schema["properties"]["data"])
        of_the_page = [key for key, _ in contract.RUN]
        self.assertEqual(of_the_page, [key for key in run["properties"] if key in of_the_page])
        self.assertEqual(MORE, {key for key in run["properties"] if key not in of_the_page})
        self.assertEqual(["running", "waiting", "success", "failure", "cancelled"],
                         resolved(self.api, run["properties"]["status"])["enum"])
        self.check_object(text, run)

    def test_the_example_reply_of_cancel_has_every_field(self):
        reply = json.loads(self.seen["sections"][CANCEL]["example"])
        contract.check_object(self, reply, contract.ENVELOPE, "reply")
        self.assertEqual((200, "success"), (reply["code"], reply["message"]))
        run = {key: value for key, value in reply["data"].items() if key not in MORE}
        contract.check_object(self, run, contract.RUN, "data")
        self.assertTrue(reply["data"]["simulationForks"])
        for fork in reply["data"]["simulationForks"]:
            contract.check_object(self, fork, contract.FORK, "fork")
        definition = reply["data"]["workflowDefinition"]
        contract.check_object(self, definition, contract.DEFINITION, "definition")
        for field in definition["inputSchema"]:
            contract.check_object(self, field, contract.INPUT, "input")

    # --- samples ---

    def test_there_are_four_languages_and_no_more(self):
        self.assertEqual(LANGUAGES, self.seen["languages"])

    def run_sample(self, language, text):
        """What a sample printed, as JSON."""
        hook = (CLIENTS / "node" / "print_json.mjs").as_uri()
        go_cache = os.path.join(os.environ.get("XDG_CACHE_HOME")
                                or os.path.expanduser("~/.cache"), "runsd", "go")
        name, command, env = {
            "curl": ("sample.sh", ["bash"], {}),
            "JavaScript": ("sample.mjs", ["node", "--import", hook], {}),
            "Python": ("sample.py", ["/usr/bin/python3"], {}),
            "Go": ("sample.go", ["go", "run"],
                   {"GO111MODULE": "off", "GOFLAGS": "", "GOPROXY": "off",
                    "GOCACHE": os.environ.get("GOCACHE", go_cache)}),
        }[language]
        path = self.place.path / name
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False,
                              timeout=DEADLINE_S, env={**os.environ, **env})
        self.assertEqual(0, done.returncode, done.stderr)
        return ast.literal_eval(done.stdout) if language == "Python" else json.loads(done.stdout)

    def create_run_for(self, path):
        """A run, or a bulk cancel, to which the sample of path can be sent."""
        if path.endswith("/release"):
            reply = rest.request(self.server.http_port, "POST", "/v1/runs?lease.holder=worker-7",
                                 self.token, contract.new_run(dispatch="lease"))
            return reply.json()["data"]["id"]
        _, run_id = create_run(self.server, self.token)
        if path.startswith("/v1/bulkCancels/"):
            reply = rest.request(self.server.http_port, "POST", "/v1/runs:cancel", self.token,
                                 {"ids": [run_id], "dryRun": True})
            return reply.json()["data"]["id"]
        if path.endswith("/acknowledge-cancel"):
            rest.request(self.server.http_port, "POST", f"/v1/runs/{run_id}/cancel", self.token)
        return run_id

    def check_samples(self, language):
        for operation, text in self.seen["samples"][language].items():
            with self.subTest(operation):
                path = operation.split(" ")[1]
                self.assertEqual(1, text.count(self.server.http + path.replace("{id}", "string")
                                               .replace("{name}", "string")))
                self.assertEqual(1, text.count("YOUR_API_TOKEN"))
                if path.endswith(":watch"):
                    continue  # these samples wait for the end of the reply, and a watch has none
                if path.endswith(("runs:cancel", ":setLimits")):
                    continue  # what is meant is the caller's to say: the sample names nothing
                run_id = self.create_run_for(path)
                deletes = operation.startswith("DELETE ")
                token = self.deleter if deletes else self.token
                if deletes:
                    rest.request(self.server.http_port, "POST", f"/v1/runs/{run_id}/cancel", self.token)
                reply = self.run_sample(language, text.replace("YOUR_API_TOKEN", token)
                                        .replace("/string", f"/{run_id}"))
                self.assertEqual((200, "success"), (reply["code"], reply["message"]))
                if "{id}" in path and not deletes and not path.endswith(("/events", "/outcomes")):
                    self.assertEqual(run_id, reply["data"]["id"])
        self.assertEqual({" ".join(operation) for operation in operations(self.api)},
                         set(self.seen["samples"][language]))

    def test_samples_in_curl_run(self):
        self.check_samples("curl")

    def test_samples_in_javascript_run(self):
        self.check_samples("JavaScript")

    def test_samples_in_python_run(self):
        self.check_samples("Python")

    def test_samples_in_go_run(self):
        self.check_samples("Go")

    # --- the playground ---

    def test_the_playground_cancels_once(self):
        first, second = self.seen["played"]
        self.assertEqual(200, first["status"], first["body"])
        run = json.loads(first["body"])["data"]
        self.assertEqual((self.seen["runId"], "cancelled"), (run["id"], run["status"]))
        self.assertIn('"status": "cancelled"', first["shown"])
        # 64 bits, as they were sent.
        self.assertIn('"chainId": 11297108109', first["shown"])
        self.assertEqual(409, second["status"], second["body"])
        self.assertIn("RUN_ALREADY_FINISHED", second["shown"])
        kept = rest.request(self.server.http_port, "GET", f"/v1/runs/{self.seen['runId']}",
                            self.token)
        self.assertEqual("cancelled", kept.json()["data"]["status"])

    def test_the_token_is_sent_in_its_header_and_stays_nowhere(self):
        with_token = [r for r in self.seen["requests"] if self.token in (r["authorization"] or "")]
        self.assertEqual([f"{self.server.http}/v1/runs/{self.seen['runId']}/cancel"] * 2,
                         [r["url"] for r in with_token])
        for request in self.seen["requests"]:
            self.assertNotIn(self.token, request["url"])
        self.assertNotIn(self.token, json.dumps(self.seen["storage"]))
        self.assertEqual(([], [], ""), (self.seen["storage"]["databases"],
                                        self.seen["storage"]["caches"],
                                        self.seen["storage"]["cookie"]))
        self.assertEqual("", self.seen["tokenAfterReload"])
        self.assertNotIn(self.token, self.server.text())

    # --- what it sends where ---

    def test_nothing_leaves_the_origin(self):
        check_stays(self, self.server, self.seen)

    def test_the_policy_had_nothing_to_stop(self):
        # Its schema library looks whether it may compile code, and goes on without.
        self.assertEqual(set(), set(self.seen["violations"]) - {"script-src eval"})


def check_stays(test, server, seen):
    urls = [request["url"] for request in seen["requests"]]
    test.assertIn(server.http + "/openapi.json", urls)
    outside = [url for url in urls if not url.startswith((server.http + "/", "data:", "blob:" + server.http))]
    test.assertEqual([], outside)
    test.assertEqual([], seen["outside"], "links that lead elsewhere")


class WithoutPolicy(unittest.TestCase):
    """The same page in a browser that heeds no policy: it does not try."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.seen = browse(cls.server, cls.token, bypassPolicy=True, languages=[])

    def test_nothing_leaves_the_origin(self):
        check_stays(self, self.server, self.seen)
        self.assertEqual([], self.seen["errors"])
        self.assertEqual([200, 409], [reply["status"] for reply in self.seen["played"]])


class Served(unittest.TestCase):
    """What of it can be seen without a browser."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls)

    def get(self, path, method="GET", **headers):
        return rest.request(self.server.http_port, method, path,
                            headers={name.replace("_", "-"): v for name, v in headers.items()})

    def parts(self):
        page = self.get("/docs").body.decode()
        return re.findall(r'(?:src|href)="(docs/assets/[^"]+)"', page)

    def test_the_page_and_its_parts(self):
        page = self.get("/docs")
        self.assertEqual("text/html; charset=utf-8", page.headers["Content-Type"])
        self.assertEqual("no-cache", page.headers["Cache-Control"])
        self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
        self.assertGreater(len(self.parts()), 1)
        for part in self.parts():
            with self.subTest(part):
                reply = self.get("/" + part)
                self.assertEqual(200, reply.status)
                self.assertIn("immutable", reply.headers["Cache-Control"])
                head = self.get("/" + part, method="HEAD")
                self.assertEqual(str(len(reply.body)), head.headers["Content-Length"])
                self.assertEqual(b"", head.body)
                known = self.get("/" + part, If_None_Match=reply.headers["ETag"])
                self.assertEqual((304, b""), (known.status, known.body))
        self.assertEqual(404, self.get("/docs/assets/none.js").status)
        self.assertEqual(405, self.get("/docs", method="POST").status)

    def test_the_root_is_the_page_for_browsers_alone(self):
        for accept in ("text/html", "text/html,application/xhtml+xml,*/*;q=0.8"):
            reply = self.get("/", Accept=accept)
            self.assertEqual((303, "docs"), (reply.status, reply.headers["Location"]))
        for accept in ("*/*", "application/json"):
            reply = self.get("/", Accept=accept)
            self.assertEqual((404, "ROUTE_NOT_FOUND"), (reply.status, reply.error["reason"]))

    def test_web_off(self):
        with self.subTest("runsctl serve --web off"):
            server = Serve(self.place.store + "-off", "--web", "off")
            self.addCleanup(server.stop)
            for path in ("/docs", "/"):
                reply = rest.request(server.http_port, "GET", path, headers={"Accept": "text/html"})
                self.assertEqual((404, "ROUTE_NOT_FOUND"), (reply.status, reply.error["reason"]))
            self.assertEqual(200, rest.request(server.http_port, "GET", "/openapi.json").status)


