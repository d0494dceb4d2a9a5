"""The program runs-gateway: its options, its errors at the start, what its options
change. tests/e2e/test_gateway_reload.py has SIGHUP, reflection and the stop."""

import json
import unittest

import rest
from gateways import Echo, Gateway, descriptor_set, proto, run_gateway
from harness import Place, runsctl
from tables import cases

NOWHERE = "127.0.0.1:1"

WRONG_USAGE = [
    ("listen without port", ("--listen", "x"), ("--listen", '"x"', "no port")),
    ("listen with a port too high", ("--listen", "h:65536"), ("--listen", '"h:65536"', "65535")),
    ("upstream of an empty path", ("--upstream", "unix:"), ("--upstream", '"unix:"', "empty")),
    ("unknown option", ("--nonsense",), ("--nonsense",)),
    ("abbreviated option", ("--desc", "f"), ("--desc",)),
    ("operand", ("extra",), ('"extra"',)),
    ("option without value", ("--listen",), ("--listen", "ADDR")),
    ("option twice", ("--upstream", "a:1", "--upstream", "a:1"), ("--upstream", "twice")),
    ("flag with a value", ("--reflect=1",), ("--reflect", "no value")),
    ("log level", ("--log-level", "loud"), ("--log-level", '"loud"', "debug, info, warn, error")),
    ("envelope", ("--envelope", "plain"), ("--envelope", '"plain"', "runs, none")),
    ("too many descriptors", ("--descriptors=f",) * 17, ("--descriptors", '"f"', "16 times")),
    ("reflect and descriptors", ("--reflect", "--descriptors", "f"),
     ("--reflect", "--descriptors", "exclude")),
    ("header bytes of 0", ("--max-header-bytes", "0"), ("--max-header-bytes", '"0"', "1048576")),
    ("header bytes too many", ("--max-header-bytes", "1048577"),
     ("--max-header-bytes", '"1048577"', "1048576")),
    ("body bytes with a unit", ("--max-body-bytes", "1k"), ("--max-body-bytes", '"1k"', "from 1")),
    ("url bytes negative", ("--max-url-bytes", "-1"), ("--max-url-bytes", '"-1"', "from 1")),
    ("connections empty", ("--max-connections", ""), ("--max-connections", '""', "1000000")),
    ("calls in flight of 0", ("--max-in-flight", "0"), ("--max-in-flight", '"0"', "1000000")),
    ("reserved negative", ("--reserved-in-flight", "-1"),
     ("--reserved-in-flight", '"-1"', "from 0 to 999999")),
    ("all reserved", ("--max-in-flight", "5", "--reserved-in-flight", "5"),
     ("--reserved-in-flight", '"5"', "--max-in-flight", "is 5")),
    ("more reserved than there is by default", ("--reserved-in-flight", "1536"),
     ("--reserved-in-flight", '"1536"', "--max-in-flight", "is 1536")),
    ("streams", ("--max-streams", "many"), ("--max-streams", '"many"', "from 1 to 1000000")),
    ("idle timeout", ("--idle-timeout-ms", "3600001"), ("--idle-timeout-ms", "3600000")),
    ("request timeout", ("--request-timeout-ms", "x"), ("--request-timeout-ms", '"x"')),
    ("upstream timeout", ("--upstream-timeout-ms", "1.5"), ("--upstream-timeout-ms", '"1.5"')),
    ("drain", ("--drain-ms", "-1"), ("--drain-ms", '"-1"', "from 0 to 3600000")),
    ("heartbeat", ("--stream-heartbeat-ms", "99"), ("--stream-heartbeat-ms", '"99"', "from 100")),
    ("gzip of a word", ("--gzip-min-bytes", "on"), ("--gzip-min-bytes", '"on"', "off")),
    ("web of another word", ("--web", "yes"), ("--web", '"yes"', "on", "off")),
    ("gzip of 0", ("--gzip-min-bytes", "0"), ("--gzip-min-bytes", '"0"', "from 1")),
    ("origin with a path", ("--cors-origin", "https://a.example/"),
     ("--cors-origin", '"https://a.example/"', "scheme://host[:port]")),
    ("origin in capitals", ("--cors-origin", "https://A.example"),
     ("--cors-origin", '"https://A.example"', "lower case")),
    ("all origins and one", ("--cors-origin", "*", "--cors-origin", "https://a.example"),
     ("--cors-origin", '"*"', "only one")),
    ("all origins with credentials", ("--cors-origin", "*", "--cors-credentials"),
     ("--cors-origin", '"*"', "credentials")),
    ("credentials without origin", ("--cors-credentials",), ("--cors-credentials", "--cors-origin")),
    ("max age without origin", ("--cors-max-age-s", "1"), ("--cors-max-age-s", "--cors-origin")),
    ("max age", ("--cors-origin=*", "--cors-max-age-s", "86401"),
     ("--cors-max-age-s", '"86401"', "86400")),
    ("request header of hop by hop", ("--request-header", "Connection"),
     ("--request-header", '"connection"')),
    ("request header to a key of gRPC", ("--request-header", "x-a=grpc-timeout"),
     ("--request-header", '"grpc-timeout"')),
    ("request header that is no token", ("--request-header", "a b"),
     ("--request-header", '"a b"')),
    ("request header empty", ("--request-header", ""), ("--request-header", '""')),
    ("request header twice", ("--request-header", "X-A", "--request-header", "x-a=b"),
     ("--request-header", '"x-a"', "two mappings")),
    ("response header that the gateway sets", ("--response-header", "x-e=ETag"),
     ("--response-header", '"etag"')),
    ("response header empty", ("--response-header", "a="), ("--response-header", '""')),
]


@cases(WRONG_USAGE)
class WrongUsage(unittest.TestCase):
    def check(self, arguments, fragments):
        done = run_gateway(*arguments)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertTrue(done.stderr.startswith("runs-gateway: "), done.stderr)
        for fragment in (*fragments, "see runs-gateway --help"):
            self.assertIn(fragment, done.stderr)


# Those that runsctl serve has, too; the table above says the rest.
@cases([row for row in WRONG_USAGE if row[1][0].partition("=")[0] in (
    "--envelope", "--max-body-bytes", "--cors-origin", "--request-header", "--gzip-min-bytes")])
class WrongUsageOfServe(unittest.TestCase):
    def check(self, arguments, fragments):
        done = runsctl("serve", "--store", "memory:", *arguments)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        for fragment in ("runsctl: ", *fragments, "see runsctl serve --help"):
            self.assertIn(fragment, done.stderr)


class Told(unittest.TestCase):
    def test_help_and_version_are_answered_on_standard_output(self):
        done = run_gateway("--help")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        for text in ("usage: runs-gateway [options]", "--reflect", "--cors-origin ORIGIN",
                     "(repeatable)", "Exit status: 0"):
            self.assertIn(text, done.stdout)
        done = run_gateway("--version")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertRegex(done.stdout, r"\Aruns-gateway \d+\.\d+\.\d+\ncommit \S+\ndate \S+\n")


def with_places(cls):
    """Gives each test a folder."""
    def set_up(self):
        place = Place()
        self.addCleanup(place.remove)
        self.folder = place.path
    cls.setUp = set_up
    return cls


BAD_TEMPLATE = proto("bad.v1", "/v1/{name")
TWICE = proto("twice.v1", "/v1/a/{name}") + (
    'service Other { rpc Say(Words) returns (Words) {'
    ' option (google.api.http) = {get: "/v1/a/{name}"}; } }')
NO_FIELD = proto("nofield.v1", "/v1/{nmae}")
NO_RULE = ('syntax = "proto3"; package norule.v1; message Words {}'
           'service Echo { rpc Say(Words) returns (Words); }')


@with_places
@cases([
    ("text", b"name: 1\n", ("no serialized google.protobuf.FileDescriptorSet",)),
    ("empty file", b"", ("the file is empty",)),
    ("template that is not closed", BAD_TEMPLATE,
     ("bad.proto", "bad.v1.Echo.Say", '"/v1/{name"', "column")),
    ("variable without field", NO_FIELD, ("bad.proto", "nofield.v1.Echo.Say", "nmae")),
    ("two methods at one path", TWICE, ("bad.proto", "twice.v1.Other.Say", "/v1/a/{name}")),
    ("no route", NO_RULE, ("no method has a google.api.http annotation", "--unbound-methods")),
    ("a set that is cut", b"\x0a\x05abc", ("no serialized",)),
])
class BadDescriptors(unittest.TestCase):
    """A bad file ends the start with status 1 and one line that says which and why."""

    def check(self, text, fragments):
        path = descriptor_set(self.folder, "bad", text)
        done = run_gateway("--listen", "127.0.0.1:0", "--upstream", NOWHERE, "--descriptors", path)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertTrue(done.stderr.startswith(f"runs-gateway: --descriptors {path}: "),
                        done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        for fragment in fragments:
            self.assertIn(fragment, done.stderr)


@with_places
class Start(unittest.TestCase):
    def fails(self, *arguments):
        done = run_gateway("--listen", "127.0.0.1:0", "--upstream", NOWHERE, *arguments)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        return done.stderr

    def gateway(self, *arguments):
        gateway = Gateway(NOWHERE, *arguments)
        self.addCleanup(gateway.kill)
        return gateway

    def test_a_file_that_is_not_there_is_named(self):
        self.assertIn(f"--descriptors {self.folder}/none: cannot be read: No such file",
                      self.fails("--descriptors", f"{self.folder}/none"))

    def test_a_folder_is_no_file(self):
        self.assertIn("Is a directory", self.fails("--descriptors", str(self.folder)))

    def test_an_address_in_use_is_named(self):
        first = self.gateway()
        done = run_gateway("--listen", f"127.0.0.1:{first.port}")
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn(f'"127.0.0.1:{first.port}": the address is in use', done.stderr)

    def test_several_sets_are_merged(self):
        a = descriptor_set(self.folder, "a", proto("a.v1", "/v1/a/{name}"))
        b = descriptor_set(self.folder, "b", proto("b.v1", "/v1/b/{name}"))
        gateway = self.gateway("--descriptors", a, "--descriptors", b)
        self.assertEqual(2, gateway.routes)
        for path in ("/v1/a/x", "/v1/b/x"):
            self.assertEqual(503, rest.request(gateway.port, "GET", path).status)
        self.assertEqual(404, rest.request(gateway.port, "GET", "/v1/runs/x").status)
        self.assertEqual(0, gateway.stop())

    def test_sets_that_conflict_are_named_with_their_files(self):
        a = descriptor_set(self.folder, "a", proto("a.v1", "/v1/a/{name}"))
        other = self.folder / "other"
        other.mkdir()
        b = descriptor_set(other, "a", proto("a.v1", "/v1/other/{name}"))
        told = self.fails("--descriptors", a, "--descriptors", b)
        self.assertIn(f"--descriptors {a} (set 1), {b} (set 2): ", told)
        self.assertIn('file "a.proto" of descriptor set 2 differs from the one in set 1', told)

    def test_sets_with_the_same_path_are_ambiguous(self):
        a = descriptor_set(self.folder, "a", proto("a.v1", "/v1/a/{name}"))
        b = descriptor_set(self.folder, "b", proto("b.v1", "/v1/a/{other=*}").replace(
            "string name", "string other"))
        told = self.fails("--descriptors", a, "--descriptors", b)
        for fragment in ("b.proto", "b.v1.Echo.Say", "a.v1.Echo.Say"):
            self.assertIn(fragment, told)


class Options(unittest.TestCase):
    """What options change, before an upstream with a proto of its own."""

    @classmethod
    def setUpClass(cls):
        place = Place()
        cls.addClassCleanup(place.remove)
        cls.echo = Echo(place.path)
        cls.addClassCleanup(cls.echo.stop)

    def gateway(self, *options):
        gateway = Gateway(self.echo.address, "--descriptors", self.echo.set, *options)
        self.addCleanup(lambda: self.assertEqual(0, gateway.stop()))
        return gateway

    def test_without_envelope_messages_stand_alone(self):
        gateway = self.gateway("--envelope", "none")
        reply = rest.request(gateway.port, "GET", "/v1/say/you")
        self.assertEqual(200, reply.status)
        self.assertEqual({"text": "hello you"}, reply.json())

    def test_without_envelope_errors_are_google_rpc_status(self):
        gateway = self.gateway("--envelope", "none")
        reply = rest.request(gateway.port, "GET", "/v1/fail/luck")
        self.assertEqual(400, reply.status)
        self.assertEqual({"code": 9, "message": "no luck", "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BROKEN",
             "domain": "echo"}]}, reply.json())
        reply = rest.request(gateway.port, "GET", "/none")
        self.assertEqual(404, reply.status)
        self.assertEqual(5, reply.json()["code"])
        self.assertEqual("ROUTE_NOT_FOUND", reply.json()["details"][0]["reason"])

    def test_with_envelope_is_the_default(self):
        gateway = self.gateway()
        reply = rest.request(gateway.port, "GET", "/v1/say/you")
        self.assertEqual("hello you", reply.json()["data"]["text"])
        reply = rest.request(gateway.port, "GET", "/v1/fail/luck")
        self.assertEqual((409, "BROKEN"), (reply.status, reply.error["reason"]))

    def test_unbound_methods_are_served_when_asked_for(self):
        body = json.dumps({"name": "n", "count": 3})
        path = "/echo.v1.Echo/Unbound"
        reply = rest.request(self.gateway().port, "POST", path, body=body)
        self.assertEqual(404, reply.status)
        gateway = self.gateway("--unbound-methods", "--envelope=none")
        self.assertEqual(3, gateway.routes)
        reply = rest.request(gateway.port, "POST", path, body=body)
        self.assertEqual((200, "n 3"), (reply.status, reply.json()["text"]))

    def test_unknown_fields_are_ignored_when_asked_for(self):
        body = json.dumps({"name": "n", "nmae": 1})
        arguments = ("POST", "/echo.v1.Echo/Unbound", None, body)
        strict = self.gateway("--unbound-methods")
        self.assertEqual(400, rest.request(strict.port, *arguments).status)
        lax = self.gateway("--unbound-methods", "--ignore-unknown-fields")
        self.assertEqual(200, rest.request(lax.port, *arguments).status)

    def test_headers_and_metadata_are_mapped(self):
        gateway = self.gateway("--envelope=none", "--request-header", "X-Tenant=tenant",
                               "--response-header", "x-served-by=X-Server-Name")
        reply = rest.request(gateway.port, "GET", "/v1/say/you", headers={"X-Tenant": "acme"})
        self.assertEqual("acme", reply.json()["tenant"])
        self.assertEqual("echo", reply.headers["x-server-name"])
        plain = rest.request(self.gateway("--envelope=none").port, "GET", "/v1/say/you",
                             headers={"X-Tenant": "acme"})
        self.assertNotIn("tenant", plain.json())
        self.assertIsNone(plain.headers["x-server-name"])

    def test_origins_are_allowed(self):
        gateway = self.gateway("--cors-origin", "https://a.example", "--cors-credentials",
                               "--cors-max-age-s", "7")
        headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
        reply = rest.request(gateway.port, "OPTIONS", "/v1/say/you", headers=headers)
        self.assertEqual((204, "https://a.example", "true", "7"), (
            reply.status, reply.headers["Access-Control-Allow-Origin"],
            reply.headers["Access-Control-Allow-Credentials"],
            reply.headers["Access-Control-Max-Age"]))

    def test_gzip_begins_at_the_size_that_was_given(self):
        headers = {"Accept-Encoding": "gzip"}
        for option, encoding in (("1", "gzip"), ("off", None), ("100000", None)):
            gateway = self.gateway("--gzip-min-bytes", option)
            path = "/v1/say/" + "x" * 500
            reply = rest.request(gateway.port, "GET", path, headers=headers)
            self.assertEqual(encoding, reply.headers["Content-Encoding"], option)

    def test_the_reference_page_is_there_if_asked_for(self):
        for options, page, root in (((), 404, 404), (("--web", "off"), 404, 404),
                                    (("--web", "on"), 200, 303)):
            with self.subTest(options):
                gateway = self.gateway(*options)
                self.assertEqual(page, rest.request(gateway.port, "GET", "/docs").status)
                html = {"Accept": "text/html"}
                self.assertEqual(root, rest.request(gateway.port, "GET", "/", headers=html).status)
                self.assertEqual(404, rest.request(gateway.port, "GET", "/").status)
                # What it fronts stays what it was.
                self.assertEqual(200, rest.request(gateway.port, "GET", "/v1/say/you").status)

    def test_limits_are_those_that_were_given(self):
        gateway = self.gateway("--max-body-bytes", "10", "--max-url-bytes", "64",
                               "--max-header-bytes", "1024", "--unbound-methods")
        path = "/echo.v1.Echo/Unbound"
        self.assertEqual(413, rest.request(gateway.port, "POST", path, body="{" + " " * 10).status)
        self.assertEqual(414, rest.request(gateway.port, "GET", "/v1/say/" + "x" * 64).status)
        self.assertEqual(431, rest.request(gateway.port, "GET", "/v1/say/x",
                                           headers={"X": "x" * 1100}).status)


if __name__ == "__main__":
    unittest.main()
