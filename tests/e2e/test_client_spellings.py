"""What HTTP clients send by themselves: axios, PHP and qs spell lists and nested keys with brackets,
axios sends null for no body, trackers add keys, and clients that have much to say compress it."""

import gzip
import json
import unittest
import urllib.parse

import contract
import gateways
import rest
from gateways import descriptor_set, run_gateway
from harness import Place, Serve, create_token

NOWHERE = "unix:/nowhere/runsd.sock"


class OfTheProduct(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.token = create_token(cls.place.store)
        cls.server = Serve(cls.place.store, "--query-ignore", "utm_*", "--query-ignore", "_")
        cls.addClassCleanup(cls.server.kill)
        for name in ("a", "b", "c"):
            reply = cls.ask("POST", "/v1/runs", contract.new_run(id=name))
            assert reply.status == 200, reply.body

    @classmethod
    def ask(cls, method, path, body=None, **headers):
        return rest.request(cls.server.http_port, method, path, cls.token, body,
                            {name.replace("_", "-"): value for name, value in headers.items()})

    def listed(self, query):
        reply = self.ask("GET", f"/v1/runs?{query}")
        self.assertEqual(200, reply.status, reply.body)
        return sorted(run["id"] for run in reply.json()["data"]["runs"])

    def test_lists_are_repeated_in_every_spelling(self):
        self.assertEqual(200, self.ask("POST", "/v1/runs/c/cancel").status)
        for query in ("status=running&status=waiting", "status[]=running&status[]=waiting",
                      "status%5B%5D=running&status%5B%5D=waiting",
                      "status[0]=running&status[1]=waiting",
                      urllib.parse.urlencode({"status[1]": "running", "status[4]": "waiting"})):
            with self.subTest(query):
                self.assertEqual(["a", "b"], self.listed(query))
        self.assertEqual(["c"], self.listed("status[]=cancelled"))

    def test_a_list_with_commas_is_told_what_to_write(self):
        reply = self.ask("GET", "/v1/runs?status=running,waiting")
        self.assertEqual((400, "QUERY_INVALID"), (reply.status, reply.error["reason"]))
        self.assertTrue(reply.json()["message"].endswith(
            "give each element by itself: status=running&status=waiting."), reply.body)

    def test_keys_of_trackers_are_ignored_where_they_are_listed(self):
        self.assertEqual(self.listed(""), self.listed("utm_source=x&utm_campaign=100%&_=1"))
        for query in ("utm=1", "fbclid=1", "status=utm_x"):
            with self.subTest(query):
                self.assertEqual(400, self.ask("GET", f"/v1/runs?{query}").status)

    def test_null_is_no_body_and_bodies_may_be_compressed(self):
        for i, (body, headers) in enumerate((
                ("null", {}), (" null\n", {}), (b"", {}), ("{}", {}),
                (gzip.compress(b"null"), {"Content_Encoding": "gzip"}),
                (gzip.compress(b'{"reason": "why"}'), {"Content_Encoding": "x-gzip"}))):
            with self.subTest(body):
                run = json.dumps(contract.new_run(id=f"n{i}")).encode()
                reply = self.ask("POST", "/v1/runs", gzip.compress(run), Content_Encoding="gzip")
                self.assertEqual(200, reply.status, reply.body)
                reply = self.ask("POST", f"/v1/runs/n{i}/cancel", body, **headers)
                self.assertEqual((200, "cancelled"),
                                 (reply.status, reply.json()["data"]["status"]), reply.body)

    def test_what_a_run_needs_is_asked_for_as_of_an_empty_body(self):
        empty, null = (self.ask("POST", "/v1/runs", body) for body in (b"", "null"))
        self.assertEqual((400, empty.error), (null.status, null.error))

    def test_a_bomb_of_an_unknown_caller_is_not_inflated(self):
        bomb = gzip.compress(b" " * (64 << 20))
        for token, status in ((self.token, 413), ("nobody", 401)):
            reply = rest.request(self.server.http_port, "POST", "/v1/runs", token, bomb,
                                 {"Content-Encoding": "gzip"})
            self.assertEqual(status, reply.status, reply.body)
        other = self.ask("POST", "/v1/runs", b"x", Content_Encoding="br")
        self.assertEqual((415, "gzip, identity"), (other.status, other.headers["Accept-Encoding"]))


class OfAnyService(unittest.TestCase):
    REASONS = """
        syntax = "proto3"; package reasons;
        import "runsd/gateway/v1/options.proto";
        enum ErrorReason {
          ERROR_REASON_UNSPECIFIED = 0;
          BROKEN = 1 [(runsd.gateway.v1.reason_http) = {status: STATUS domain: "echo"}];
        }"""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.echo = gateways.Echo(cls.place.path)
        cls.addClassCleanup(cls.echo.stop)

    def gateway(self, *options):
        gateway = gateways.Gateway(self.echo.address, "--descriptors", self.echo.set, *options)
        self.addCleanup(lambda: self.assertEqual(0, gateway.stop()))
        return gateway

    def refused(self, name, text):
        done = run_gateway("--listen", "127.0.0.1:0", "--upstream", NOWHERE, "--descriptors",
                           descriptor_set(self.place.path, name, text))
        self.assertEqual(1, done.returncode, done.stderr)
        return done.stderr

    def test_unknown_keys_are_refused_or_ignored(self):
        for options, status in (((), 400), (("--query-unknown", "refuse"), 400),
                                (("--query-unknown", "ignore"), 200),
                                (("--query-ignore", "fb*"), 200), (("--query-ignore", "fb"), 400)):
            with self.subTest(options):
                gateway = self.gateway(*options)
                self.assertEqual(status, rest.request(gateway.port, "GET",
                                                      "/v1/say/you?fbclid=1").status)
                self.assertEqual(400, rest.request(gateway.port, "GET",
                                                   "/v1/say/you?count=x").status)
        for key in ("", "*", "a*b", "*a"):
            with self.subTest(key):
                done = run_gateway("--query-ignore", key)
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertIn(f'--query-ignore: "{key}" is no key', done.stderr)

    def test_a_reason_has_the_status_that_the_protos_give_it(self):
        for status in (410, 422):
            reasons = descriptor_set(self.place.path, f"reasons{status}",
                                     self.REASONS.replace("STATUS", str(status)))
            for options in ((), ("--envelope", "none")):
                with self.subTest(status=status, options=options):
                    gateway = self.gateway("--descriptors", reasons, *options)
                    reply = rest.request(gateway.port, "GET", "/v1/fail/luck")
                    self.assertEqual(status, reply.status)
                    self.assertEqual(9 if options else status, reply.json()["code"])
                    document = rest.request(gateway.port, "GET", "/openapi.json").json()
                    self.assertIn(str(status),
                                  document["paths"]["/v1/fail/{name}"]["get"]["responses"])
        for status in (204, 399, 408, 600):
            with self.subTest(status):
                told = self.refused(f"bad{status}", self.REASONS.replace("STATUS", str(status)))
                self.assertIn(f"reasons.ErrorReason: value BROKEN: runsd.gateway.v1.reason_http: "
                              f"the status {status} is not allowed", told)

    def test_rules_that_http_proto_does_not_allow_refuse_to_start(self):
        for rule, column, why in (
                ('get: "/v1/{resourceId}"', 5, 'the JSON name of "resource_id"'),
                ('get: "/v1/{left}/x/{right}"', 14, 'it excludes the variable "left"'),
                ('post: "/v1/{left}" body: "left"', 5, "the variable is the body, too"),
                ('post: "/v1/{left}" body: "right"', 5, 'it excludes the body "right"'),
                ('get: "/v1/{many}"', 5, "a repeated field cannot be a path variable")):
            with self.subTest(rule):
                told = self.refused("rule", f"""
                    syntax = "proto3"; package rule;
                    import "google/api/annotations.proto";
                    service S {{ rpc M(A) returns (A) {{ option (google.api.http) = {{{rule}}}; }} }}
                    message A {{
                      string resource_id = 1;
                      oneof side {{ string left = 2; string right = 3; }}
                      repeated string many = 4;
                    }}""")
                for part in ("rule.proto: method rule.S.M: ", f", column {column}: ", why):
                    self.assertIn(part, told)


if __name__ == "__main__":
    unittest.main()
