"""HTTP/1.1 over TCP against runs-gateway: the rows of http_conformance_rows."""

import re
import unittest

import contract
import rest
from harness import Place, Process, create_token, program
from http_conformance_rows import HALF_CLOSED, SECTIONS, SLOW
from http_conformance_terms import CLOSED, KEPT, MHD, get
from http_wire import Wire
from tables import cases

MOST_PIECES = 2000
NEXT, BEHIND = b"X-Request-Id: the-next-one\r\n", b"X-Request-Id: smuggled\r\n"


class Gateway(unittest.TestCase):
    """runsd with one run, and runs-gateway."""

    options = ()

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.auth = f"Authorization: Bearer {create_token(cls.place.store)}\r\n".encode()
        listen = f"unix:{cls.place.path}/runsd.sock"
        cls.start("runsd", "--listen", listen, "--store", cls.place.store)
        cls.gateway, cls.port = cls.start("runs-gateway", "--listen", "127.0.0.1:0", "--upstream",
                                          listen, *cls.options)
        token = cls.auth.split()[2].decode()
        created = rest.request(cls.port, "POST", "/v1/runs", token, contract.new_run(id="earlier"))
        assert created.status == 200, created.body

    @classmethod
    def start(cls, name, *options):
        process = Process(program(name), *options)
        cls.addClassCleanup(cls.stop, process)
        line = process.wait_for_log(lambda l: l.get("message") == "ready", f"{name} ready")
        return process, line["port"]

    @staticmethod
    def stop(process):
        status = process.stop()
        assert status == 0, process.tail()
        assert "smuggled" not in process.text(), "a request was carried out that must not be"

    def fill(self, sent):
        """The bytes of a row with the token, and as large as it says."""
        spaced = self.auth[:-2] + b" \t \r\n"
        sent = sent.replace(b"{auth}", self.auth).replace(b"{auth \t }", spaced)
        size = re.search(rb"\{fill:(\d+)\}", sent)
        if size is not None:
            missing = int(size[1]) - (len(sent) - len(size[0]) - 2)
            sent = sent.replace(size[0], b"x" * missing)
        return sent

    def connect(self):
        wire = Wire(self.port)
        self.addCleanup(wire.close)
        return wire

    def expect(self, wire, expected):
        got = wire.reply(expected.body)
        self.assertIsNotNone(got, f"no reply, expected {expected}")
        self.assertEqual(expected.status, got.status, got.body[:300])
        if expected.envelope:
            self.assertIn("x-request-id", got.headers)
        else:
            self.assertNotIn("x-request-id", got.headers)
        if expected.envelope and expected.body:
            self.assertEqual(got.headers["x-request-id"], got.envelope["requestId"])
            self.assertEqual(got.status, got.envelope["code"])
            reason = got.envelope.get("error", {}).get("reason")
            self.assertEqual(expected.reason, reason, got.body[:300])
        return got

    def expect_next(self, wire):
        """The connection is where the client thinks it is."""
        wire.send(self.fill(get(NEXT)))
        got = wire.reply()
        self.assertIsNotNone(got, "the connection was closed")
        self.assertEqual(200, got.status, got.body[:300])
        self.assertEqual("the-next-one", got.envelope["requestId"])

    def expect_end(self, wire, last, guard):
        rest_of_it = wire.rest()
        if guard == MHD:
            # For some errors it sends its head twice.
            self.assertNotIn(b"smuggled", rest_of_it)
            self.assertNotIn(b" 200 ", rest_of_it)
        else:
            self.assertEqual(b"", rest_of_it)
        if last is not None:
            self.assertEqual("close", last.headers.get("connection", "").lower())


class Row(Gateway):
    def check(self, _rule, sent, replies, end, guard):
        sent = self.fill(sent)
        behind = self.fill(get(BEHIND)) if end == CLOSED else b""
        for piece in (0, max(1, len(sent) // MOST_PIECES)):
            with self.subTest(piece=piece):
                wire = self.connect()
                wire.send(sent, piece)
                wire.send(behind)
                last = None
                for expected in replies:
                    last = self.expect(wire, expected)
                if end == KEPT:
                    self.assertNotEqual("close", last.headers.get("connection", "").lower())
                    self.expect_next(wire)
                else:
                    self.expect_end(wire, last, guard)
                wire.close()


for section, rows in SECTIONS.items():
    name = "".join(word.capitalize() for word in section.split())
    globals()[name] = cases(rows)(type(name, (Row,), {"__module__": __name__}))


@cases(HALF_CLOSED)
class HalfClosed(Gateway):
    def check(self, _rule, sent, replies, _end, guard):
        for piece in (0, 1):
            with self.subTest(piece=piece):
                wire = self.connect()
                wire.send(self.fill(sent), piece)
                wire.end_sending()
                for expected in replies:
                    self.expect(wire, expected)
                self.expect_end(wire, None, guard)


@cases(SLOW)
class Slow(Gateway):
    options = ("--request-timeout-ms", "500", "--idle-timeout-ms", "2000")

    def check(self, _rule, sent, replies, _end, guard):
        wire = self.connect()
        wire.send(self.fill(sent))
        last = None
        for expected in replies:
            last = self.expect(wire, expected)
        self.expect_end(wire, last, guard)


del Gateway, Row  # they have no tests of their own
