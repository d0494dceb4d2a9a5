"""The list of reasons in base/core/reason.h, the protos and docs/API.md say the same."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = "base/core/reason.h"
PAGE = "docs/API.md"
GIVEN = re.compile(r"\bREASON_([A-Z][A-Z_]*[A-Z])\b")
NO_REASON = {"NONE", "COUNT", "DOMAIN_RUNS", "DOMAIN_GATEWAY", "ENUMERATOR", "ROW"}
# What programs print and no reply has: errors of a start, of flags and of descriptors.
OUTSIDE_REPLIES = ("base/", "bench/", "ctl/", "storage/", "gateway/descriptor", "gateway/flags.c",
                   "gateway/main.c", "gateway/reflection/", "server/runsd.c",
                   "server/options.c", "server/demo_token.c", "rpc/remote.c",
                   "gateway/http/http_server.c", "gateway/edge/cors.c",
                   "gateway/edge/header_map.c", "gateway/edge/trusted_addresses.c")

# What gRPC core would have refused before it handed a call over is refused as it does.
AS_GRPC_CORE = "rpc/server_intake.c"


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def listed(macro):
    """The names of one list of the header, in order."""
    return list(statuses(macro))


def statuses(macro):
    """Name to HTTP status, 0 if it has none of its own, of one list of the header."""
    body = re.search(rf"#define {macro}\(X\)((?:.*\\\n)*.*)\n", text_of(HEADER)).group(1)
    rows = re.findall(r"X\((\w+), (\d+)\)", body)
    assert rows, macro
    return {name: int(status) for name, status in rows}


def numbered(proto):
    """Name to number of a proto's ErrorReason."""
    values = {name: number for name, number, _ in values_of(text_of(proto))}
    assert values.pop("ERROR_REASON_UNSPECIFIED") == 0
    return values


def values_of(text):
    """Name, number and runsd.gateway.v1.reason_http's status, or 0, of each value."""
    for name, number, options in re.findall(r"^  ([A-Z][A-Z_]+) = (\d+)(?: \[([^\]]*)\])?;$", text,
                                            re.MULTILINE):
        status = re.search(r"reason_http\) = \{\s*status: (\d+)", options)
        yield name, int(number), int(status[1]) if status else 0


def tabled():
    """Every reason of a table of the page, with what it says of changes and of what is next."""
    for line in text_of(PAGE).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 4 and re.match(r"`[A-Z_]+`", cells[0]):
            for name in re.findall(r"`([A-Z_]+)`", cells[0]):
                yield name, cells[2], cells[3]


def sources():
    for top in ("base", "ctl", "gateway", "rpc", "server", "storage"):
        for path in sorted((ROOT / top).rglob("*.c")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


class Reasons(unittest.TestCase):
    def test_the_protos_number_the_header_s_lists(self):
        for macro, proto in (("REASONS_OF_RUNS", "protos/runs/v1/error_reason.proto"),
                             ("REASONS_OF_GATEWAY", "protos/runsd/gateway/v1/gateway_error_reason.proto")):
            with self.subTest(proto):
                names = listed(macro)
                self.assertEqual({name: i for i, name in enumerate(names, 1)}, numbered(proto))

    def test_values_are_read_with_their_options(self):
        text = """
  A_B = 1;
  GONE = 2 [(runsd.gateway.v1.reason_http) = {status: 410}];
  OLD = 3 [
    deprecated = true,
    (runsd.gateway.v1.reason_http) = {
      status: 422
    }
  ];
"""
        self.assertEqual([("A_B", 1, 0), ("GONE", 2, 410), ("OLD", 3, 422)], list(values_of(text)))

    def test_the_protos_have_the_header_s_statuses(self):
        """Of the server's by the option that the gateway reads; its own are compiled in."""
        told = {name: status for name, _, status in
                values_of(text_of("protos/runs/v1/error_reason.proto"))}
        del told["ERROR_REASON_UNSPECIFIED"]
        self.assertEqual(statuses("REASONS_OF_RUNS"), told)
        gateway = text_of("protos/runsd/gateway/v1/gateway_error_reason.proto")
        self.assertEqual({0}, {status for _, _, status in values_of(gateway)})

    def test_no_name_is_in_two_lists(self):
        names = [name for macro in ("REASONS_OF_RUNS", "REASONS_OF_GATEWAY", "REASONS_OF_START")
                 for name in listed(macro)]
        self.assertEqual(len(names), len(set(names)))

    def test_the_page_says_of_each_what_was_changed_and_what_is_next(self):
        rows = list(tabled())
        self.assertEqual(sorted(listed("REASONS_OF_RUNS") + listed("REASONS_OF_GATEWAY")),
                         sorted(name for name, _, _ in rows))
        for name, changed, then in rows:
            with self.subTest(name):
                self.assertRegex(changed, r"^(no|yes|unknown)\b")
                self.assertTrue(then)

    def test_what_is_only_for_the_start_is_in_no_reply(self):
        start = set(listed("REASONS_OF_START"))
        for path, text in sources():
            if path.startswith(OUTSIDE_REPLIES) or path in ("gateway/api.c",):
                continue
            if path.startswith("gateway/transcode/"):
                continue  # compiles descriptors, at a start or a reload
            with self.subTest(path):
                self.assertEqual(set(), set(GIVEN.findall(text)) & start)

    def test_every_reason_is_given_somewhere(self):
        given = {name for _, text in sources() for name in GIVEN.findall(text)} - NO_REASON
        every = {name for macro in ("REASONS_OF_RUNS", "REASONS_OF_GATEWAY", "REASONS_OF_START")
                 for name in listed(macro)}
        self.assertEqual(every, given)

    def test_every_error_that_can_be_a_reply_has_a_reason(self):
        bare = re.compile(r"error_new\((?:[^;]*?),\s*REASON_NONE\b")
        for path, text in sources():
            if path == AS_GRPC_CORE:
                # A message that is too large: gRPC core's own words and no reason, by which the
                # client's side knows the limit and gives it one.
                self.assertEqual(1, len(bare.findall(text)))
            elif not path.startswith(OUTSIDE_REPLIES):
                with self.subTest(path):
                    self.assertIsNone(bare.search(text))

    def test_nothing_branches_on_the_text_of_a_reason(self):
        branch = re.compile(r"(?:strn?cmp|slice_equal_cstr)\([^;{]*?(?:->|\.)(?:reason|domain)\b")
        for path, text in sources():
            with self.subTest(path):
                self.assertIsNone(branch.search(text))


if __name__ == "__main__":
    unittest.main()
