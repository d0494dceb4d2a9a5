"""GET /openapi.json: how the document is served, and that it is of what is served."""

import gzip
import json
import os
import signal
import unittest

import documents
import rest
from gateways import ECHO, Echo, Gateway, descriptor_set, run_gateway
from harness import Place, serve_for

PATH = "/openapi.json"
V2 = ECHO.replace("/v1/", "/v2/")


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--cors-origin", "https://a.example")

    def get(self, headers=None, method="GET"):
        return rest.request(self.server.http_port, method, PATH, headers=headers)

    def test_it_needs_no_token_and_has_every_route(self):
        reply = self.get()
        self.assertEqual((200, "application/json"), (reply.status, reply.headers["Content-Type"]))
        document = reply.json()
        self.assertEqual("3.1.1", document["openapi"])
        self.assertLessEqual({"/v1/runs", "/v1/runs/{id}", "/v1/runs/{id}/cancel",
                              "/v1/runs/{id}/events", "/v1/runs:watch", "/v1/whoami"},
                             set(document["paths"]))
        self.assertEqual(int(reply.headers["Content-Length"]), len(reply.body))
        self.assertTrue(reply.headers["X-Request-Id"])

    def test_it_is_what_the_page_shows_that_we_come_from(self):
        document = self.get().json()
        cancel = document["paths"]["/v1/runs/{id}/cancel"]["post"]
        self.assertEqual("Cancel a running or waiting run", cancel["summary"])
        self.assertEqual("Run ID.", cancel["parameters"][0]["description"])
        self.assertEqual("OK", cancel["responses"]["200"]["description"])
        for status, title in (("404", "Not Found"), ("409", "Conflict")):
            self.assertTrue(cancel["responses"][status]["description"].startswith(title))
        run = document["components"]["schemas"]["runs.v1.Run"]["properties"]
        self.assertEqual(["running", "waiting", "success", "failure", "cancelled"],
                         run["status"]["enum"])
        self.assertEqual("integer", run["workflowVersion"]["type"])
        self.assertEqual("number", run["totalCu"]["type"])

    def example(self, document, schema):
        """A request body with every field that has an example."""
        schema = document["components"]["schemas"][schema["$ref"].split("/")[-1]] \
            if "$ref" in schema else schema
        if "examples" in schema:
            return schema["examples"][0]
        if "items" in schema:
            return [self.example(document, schema["items"])]
        return {name: self.example(document, member)
                for name, member in schema["properties"].items()
                if "properties" in member or {"examples", "items", "$ref"} & member.keys()}

    def test_a_request_of_its_examples_is_taken(self):
        document = self.get().json()

        def post(path, body=None):
            operation = document["paths"][path]["post"]
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            given = self.example(document, schema)
            return given, rest.request(self.server.http_port, "POST",
                                       path.replace("{id}", (body or {}).get("id", "")),
                                       self.token, given)

        given, created = post("/v1/runs")
        self.assertEqual(200, created.status, created.body)
        run = created.json()["data"]
        self.assertEqual(given, {key: run[key] for key in given})
        self.assertGreater(len(given), 12)
        given, cancelled = post("/v1/runs/{id}/cancel", run)
        self.assertEqual(200, cancelled.status, cancelled.body)
        self.assertEqual("paid by hand", given["reason"])
        shown = document["paths"]["/v1/runs/{id}/cancel"]["post"]["responses"]["200"]["content"][
            "application/json"]["example"]
        self.assertEqual(list(shown), list(cancelled.json()))
        self.assertEqual(
            [key for key in shown["data"] if key != "lease"],  # of a run that was acquired
            [key for key in cancelled.json()["data"] if key != "lease"])
        self.assertEqual("cancelled", shown["data"]["status"])

    def test_who_has_it_already_is_told_so(self):
        first = self.get()
        self.assertEqual("no-cache", first.headers["Cache-Control"])
        again = self.get({"If-None-Match": first.headers["ETag"]})
        self.assertEqual((304, b""), (again.status, again.body))
        self.assertEqual(first.headers["ETag"], again.headers["ETag"])

    def test_it_is_compressed_for_who_takes_that(self):
        plain = self.get()
        packed = self.get({"Accept-Encoding": "gzip"})
        self.assertEqual("gzip", packed.headers["Content-Encoding"])
        self.assertEqual("Accept-Encoding, Origin", packed.headers["Vary"])
        self.assertEqual(plain.body, gzip.decompress(packed.body))
        self.assertLess(len(packed.body), len(plain.body) / 3)

    def test_head_and_other_verbs(self):
        plain = self.get()
        head = self.get(method="HEAD")
        self.assertEqual((200, b""), (head.status, head.body))
        self.assertEqual(plain.headers["Content-Length"], head.headers["Content-Length"])
        self.assertEqual(405, self.get(method="POST").status)

    def test_pages_of_allowed_origins_may_read_it(self):
        reply = self.get({"Origin": "https://a.example"})
        self.assertEqual("https://a.example", reply.headers["Access-Control-Allow-Origin"])
        self.assertIsNone(self.get({"Origin": "https://b.example"}).headers[
            "Access-Control-Allow-Origin"])


class OfOthers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = Place()
        cls.addClassCleanup(place.remove)
        cls.echo = Echo(place.path, reflection=True)
        cls.addClassCleanup(cls.echo.stop)

    def setUp(self):
        place = Place()
        self.addCleanup(place.remove)
        self.folder = place.path

    def gateway(self, *options):
        gateway = Gateway(self.echo.address, *options)
        self.addCleanup(gateway.kill)
        return gateway

    def paths(self, gateway):
        return sorted(rest.request(gateway.port, "GET", PATH).json()["paths"])

    def test_what_is_printed_is_what_is_served(self):
        options = ["--envelope=none", "--request-header=x-tenant=tenant", "--unbound-methods"]
        for source in (["--descriptors", self.echo.set], ["--reflect"], []):
            gateway = self.gateway(*source, *options)
            served = rest.request(gateway.port, "GET", PATH)
            printed = run_gateway("--print-openapi", "--upstream", self.echo.address, *source,
                                  *options)
            self.assertEqual((0, served.body.decode()), (printed.returncode, printed.stdout))
            self.assertIn("x-tenant", printed.stdout)

    def test_a_set_that_cannot_be_served_cannot_be_printed(self):
        bad = descriptor_set(self.folder, "bad", b"no set")
        done = run_gateway("--print-openapi", "--descriptors", bad)
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertIn("no serialized google.protobuf.FileDescriptorSet", done.stderr)

    def test_an_upstream_that_is_not_there_is_not_waited_for(self):
        done = run_gateway("--print-openapi", "--reflect", "--upstream",
                           f"unix:{self.folder}/nobody.sock")
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertTrue(done.stderr)

    def test_a_reload_makes_it_anew(self):
        file = descriptor_set(self.folder, "echo", ECHO)
        gateway = self.gateway("--descriptors", file)
        before = rest.request(gateway.port, "GET", PATH)
        self.assertEqual(["/v1/fail/{name}", "/v1/say/{name}"], self.paths(gateway))
        other = self.folder / "other"
        other.mkdir()
        os.replace(descriptor_set(other, "echo", V2), file)
        documents.forget(gateway.port)
        gateway.popen.send_signal(signal.SIGHUP)
        gateway.message("reloaded")
        self.assertEqual(["/v2/fail/{name}", "/v2/say/{name}"], self.paths(gateway))
        self.assertEqual(200, rest.request(gateway.port, "GET", PATH, headers={
            "If-None-Match": before.headers["ETag"]}).status)

    def test_a_route_of_the_served_api_comes_first(self):
        gateway = self.gateway("--descriptors", descriptor_set(
            self.folder, "echo", ECHO.replace("/v1/say/{name}", "/{name}")))
        reply = rest.request(gateway.port, "GET", PATH)
        self.assertEqual({"text": "hello openapi.json"}, json.loads(reply.body)["data"])

    def test_it_is_compressed_as_any_reply_is(self):
        for options in (["--gzip-min-bytes=off"], ["--gzip-min-bytes=1000000"]):
            gateway = self.gateway("--descriptors", self.echo.set, *options)
            reply = rest.request(gateway.port, "GET", PATH, headers={"Accept-Encoding": "gzip"})
            self.assertIsNone(reply.headers["Content-Encoding"])


if __name__ == "__main__":
    unittest.main()
