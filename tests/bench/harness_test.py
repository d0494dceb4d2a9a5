"""Tests of the benchmark's pure parts (bench/harness)."""

import datetime
import os
import socket
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

import run_bench  # noqa: E402
from harness import (bulk, cases, deployment, gateway, overload, parts,  # noqa: E402
                     processes, results, start, table, versus, wal_index)


def report(**changes):
    whole = {"requests": 1000, "answers": {"200": 1000}, "failures": {}, "unanswered": 0,
             "ratePerSecond": 500.0, "latencyUs": {"p50": 1000.0, "p99": 4000.0, "max": 9000.0},
             "generatorCpuUsPerRequest": 6.0}
    whole.update(changes)
    return whole


class Processes(unittest.TestCase):
    def test_cpu_is_read_behind_a_name_with_spaces_and_brackets(self):
        stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 31 11 99 99 20 0"
        self.assertEqual(processes.parse_cpu_ticks(stat), 42)

    def test_idle_time_and_guests_are_no_work_of_the_machine(self):
        self.assertEqual(processes.parse_machine_ticks("cpu  1 20 300 7777 8888 4000 50000 600000 9 9"),
                         654321)

    def test_state_and_moved_bytes_are_read(self):
        self.assertEqual(processes.parse_state("12 (a) b (c) Z 1 2"), "Z")
        self.assertEqual(processes.parse_moved_bytes(
            "rchar: 11\nwchar: 22\nsyscr: 3\nsyscw: 4\nread_bytes: 5\n"), (11, 22))

    def test_own_reads_are_counted(self):
        before, _ = processes.moved_bytes(os.getpid())
        with open("/dev/zero", "rb", buffering=0) as zero:
            zero.read(100000)
        self.assertGreaterEqual(processes.moved_bytes(os.getpid())[0], before + 100000)

    def test_own_cpu_grows_with_work(self):
        before = processes.cpu_seconds(os.getpid())
        while processes.cpu_seconds(os.getpid()) < before + 0.05:
            sum(range(10000))

    def test_a_program_that_fails_is_one_line(self):
        with self.assertRaisesRegex(processes.BenchError, "^sh failed: no luck$"):
            processes.run(["/bin/sh", "-c", "echo first >&2; echo no luck >&2; exit 3"], "/", 10)

    def test_a_server_that_ends_at_its_start_is_told_with_its_last_line(self):
        with tempfile.TemporaryDirectory() as folder:
            server = processes.Process("sh", ["/bin/sh", "-c", "echo cannot bind"], folder)
            with self.assertRaisesRegex(processes.BenchError, "sh ended at its start: cannot bind"):
                processes.wait_until_listening(server, socket.AF_UNIX, os.path.join(folder, "none"))
            server.stop()


class Measurements(unittest.TestCase):
    def test_cpu_is_shared_by_the_requests(self):
        m = cases.measurement(report(), "200", 0.05, 0.1)
        self.assertAlmostEqual(m.cpu_us, 50)
        self.assertEqual((m.rate, m.p50_us, m.p99_us, m.longest_us, m.wrong),
                         (500.0, 1000.0, 4000.0, 9000.0, 0))

    def test_what_did_not_end_as_it_should_is_counted(self):
        mixed = report(answers={"200": 990, "503": 7}, failures={"closed": 3}, unanswered=5)
        self.assertEqual(deployment.unexpected(mixed, "200"), 15)
        self.assertEqual(deployment.unexpected(mixed, "404"), 1005)
        with self.assertRaisesRegex(processes.BenchError, "15 of 1000"):
            deployment.expect_all(mixed, "200", "CreateRun")

    def test_a_store_is_told_for_each_change(self):
        m = cases.measurement(report(), "200", 0.05, 0.1)
        tally = wal_index.Tally(wal_index.Header(10, 100, b"salt" * 2, 4096), lambda header: 0)
        tally.add(wal_index.Header(12, 110, b"salt" * 2, 4096), 0.0)
        cases.add_store(m, tally, 20, busy=False)
        self.assertEqual((m.batch, m.log_pages, m.log_bytes, m.longest_pause_us),
                         (10, 0.5, 0.5 * 4120, None))
        m = cases.measurement(report(), "200", 0.05, 0.1)
        cases.add_store(m, tally, 0, busy=True)
        self.assertIsNone(m.batch)

    def test_names_of_cases_are_unique(self):
        names = [c.name for c in cases.CASES]
        self.assertEqual(len(names), len(set(names)))


class Parts(unittest.TestCase):
    def test_the_rows_of_the_parts_are_read(self):
        self.assertEqual(
            parts.parse_rpc("transport                answered      calls/s  CPU us/call\n"
                            "in-process, local loop     at once        149380         6.13\n"
                            "TCP                      in thread       66853        26.36\n"),
            {("in-process, local loop", "at once"): (149380.0, 6.13),
             ("TCP", "in thread"): (66853.0, 26.36)})
        self.assertEqual(parts.parse_storage("create       56909 ops/s    13.4 us CPU/op  2.53 reads/op\n"
                                             "cancel        2041 ops/s   138.4 us CPU/op  2.53 reads/op\n"),
                         {"create": (56909.0, 13.4), "cancel": (2041.0, 138.4)})


class Gateway(unittest.TestCase):
    TEXT = ("run: 1536 bytes of JSON, 800 on the wire\n"
            "match POST /v1/runs/{id}/cancel              100.0 ns\n"
            "encode a cancel request                      200.0 ns\n"
            "write the run                               1500.0 ns\n"
            "write the run, upb (parse and write)        9000.0 ns\n"
            "write the run, libprotobuf (parse and write)  30000.0 ns\n")

    def measured(self, *cpu_us):
        return [cases.measurement(report(), "200", us / 1000, 0.1) for us in cpu_us]

    def test_what_it_adds_is_the_median_difference_of_the_rounds(self):
        through, direct, difference = gateway.added(
            {"get": self.measured(50, 90, 40), "grpc-get-serve": self.measured(30, 60, 29)})
        self.assertAlmostEqual(through, 50)
        self.assertAlmostEqual(direct, 30)
        self.assertAlmostEqual(difference, 20)
        self.assertIsNone(gateway.added({"get": self.measured(50)}))

    def test_transcoding_is_match_bind_and_encode(self):
        rows = gateway.rows({}, gateway.parse_transcoding(self.TEXT), 24.96)
        self.assertEqual(rows[1:], [("of which match, bind and encode, CPU µs", "1.8"),
                                    ("JSON of a run, time of upb to ours", "6.0"),
                                    ("JSON of a run, time of libprotobuf to ours", "20.0"),
                                    ("an idle connection, KiB", "25.0")])

    def test_without_measurements_there_is_no_table(self):
        self.assertEqual(gateway.rows({}, {}, None), [])


class Versus(unittest.TestCase):
    def measured(self, *cpu_us):
        return [cases.measurement(report(), "200", us / 1000, 0.1) for us in cpu_us]

    def test_ratios_are_of_the_rounds(self):
        # Of the medians 40 / 50 it would be 0.8.
        ours, theirs = self.measured(20, 40, 300), self.measured(50, 40, 100)
        self.assertAlmostEqual(versus.ratio(ours, theirs, "cpu_us"), 1.0)
        self.assertIsNone(versus.ratio(ours, [], "cpu_us"))

    def test_both_sides_and_their_ratios_are_shown(self):
        case = cases.CASES[0]
        lines = versus.lines("title", {case: self.measured(20)}, {case: self.measured(50)})
        self.assertEqual([cell.strip() for cell in lines[5].strip("|").split("|")],
                         ["cancel", "20.0 : 50.0", "500 : 500", "1.00 : 1.00", "4.0 : 4.0",
                          "9.0 : 9.0", "0.40", "1.00", "1.00", "1.00", "1.00"])
        self.assertEqual(versus.lines("title", {}, {case: self.measured(50)}), [])


class Start(unittest.TestCase):
    # Refuses the first request, as a server does that is not ready.
    SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    refused = False
    def do_GET(self):
        good = self.headers["Authorization"] == "Bearer t" and self.path == "/v1/runs/r1"
        status = 200 if Handler.refused and good else 503
        print(status, flush=True)
        self.send_response(status)
        Handler.refused = True
        self.end_headers()
    def log_message(self, *arguments): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

    class Target:
        token = "t"

        def __init__(self, folder, *command):
            self.http = f"127.0.0.1:{processes.free_port()}"
            self._command = [*command, self.http.split(":")[1]]
            self._folder = folder

        def launch_one_process(self):
            self.server = processes.Process("server", self._command, self._folder)
            return self.server

    def test_a_server_has_started_when_it_answers_with_200(self):
        with tempfile.TemporaryDirectory() as folder:
            target = self.Target(folder, sys.executable, "-c", self.SERVER)
            self.assertGreater(start.seconds_to_start(target, "r1"), start.PERIOD_SECONDS)
            self.assertEqual(target.server.log_tail(), "200")
            target.server.kill()
            self.assertFalse(target.server.alive())

    def test_a_server_that_ends_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            target = self.Target(folder, "/bin/sh", "-c", "echo damaged; exit 1")
            with self.assertRaisesRegex(processes.BenchError, "did not start: damaged"):
                start.seconds_to_start(target, "r1")

    def test_median_and_longest_are_shown(self):
        rows = [start.Row(seconds, mib) for seconds, mib in ((0.2, 5), (0.9, 31.7), (0.3, 7))]
        self.assertIn("300 ms (median of 3), at most 900 ms, with a write-ahead log of up to 32 MiB",
                      start.lines(rows)[1])
        self.assertIn("Start of another after", start.lines(rows, "another")[1])


class Overload(unittest.TestCase):
    def mixed(self, **changes):
        return report(**{**dict(
            requests=1000, answers={"200": 400, "429": 590, "500": 3}, failures={"timeout": 7},
            unanswered=50, seconds=2.0, ratePerSecond=496.5, intendedRatePerSecond=525.0,
            connections=2000, acceptedLatencyUs={"p50": 8000.0, "p99": 9000.0},
            acceptedSinceSentUs={"p50": 5000.0, "p99": 6000.0},
            otherLatencyUs={"p50": 100.0, "p99": 200.0}), **changes})

    def test_bulk_cancels_are_held_against_single_ones_of_the_same_round(self):
        def pace(rate, p99_us, **more):
            return bulk.Pace(rate=rate, p50_us=1000, p99_us=p99_us, longest_us=9000, wrong=1,
                             **more)

        rows = [bulk.Row(alone=pace(1000 * n, 2000), ids_rate=3000 * n, collected_rate=9000,
                         plan_rate=4000 * n, beside=pace(500, 3000, share=1.0, bulk_rate=700),
                         creating=pace(400, 5000, share=1.0, bulk_rate=600),
                         steady=pace(200, 1000),
                         steady_beside=pace(200, 4000, share=0.5, bulk_rate=800), wrong=2)
                for n in (1, 2, 4)]
        cells = [[cell.strip() for cell in line.strip("|").split("|")]
                 for line in bulk.lines(rows) if line.startswith("|")]
        self.assertEqual(["6,000", "3.00"], cells[3][1:])
        self.assertEqual(["8,000", "4.00"], cells[5][1:])
        self.assertEqual(["500", "1.00", "3.00", "9.0", "1.50", "700", "1.00"], cells[9][1:])
        self.assertEqual("-", cells[8][5])
        self.assertEqual(["2.50", "600", "1.00"], cells[10][5:])
        self.assertEqual(["4.00", "800", "0.50"], cells[12][5:])
        self.assertEqual(3 * (2 + 5), bulk.wrong(rows))

    def test_refusals_are_no_wrong_answers_and_have_latencies_of_their_own(self):
        row = overload.make_row("GETs", self.mixed(), 250.0, True, 51200, 61440)
        self.assertEqual((row.offered, row.answered, row.accepted, row.refused),
                         (525.0, 496.5, 200.0, 295.0))
        self.assertEqual((row.wrong, row.unsent), (10, 50))
        self.assertEqual((row.p50_us, row.p99_us, row.sent_p99_us, row.refused_p99_us),
                         (8000.0, 9000.0, 6000.0, 200.0))
        cells = [cell.strip() for cell in overload.lines([row])[5].strip("|").split("|")]
        self.assertEqual(cells, ["GETs", "2,000", "250", "525", "496", "200", "0.80", "295", "8.0",
                                 "9.0", "6.0", "0.2", "50", "10", "50, 60"])

    def test_where_all_must_be_served_a_refusal_is_wrong(self):
        row = overload.make_row("cancels", self.mixed(), None, False, 0, 0)
        self.assertEqual(row.wrong, 650)
        served = report(connections=64, seconds=2.0, intendedRatePerSecond=500.0)
        row = overload.make_row("cancels", served, None, False, 0, 0)
        self.assertEqual((row.wrong, row.p99_us, row.refused_p99_us), (0, 4000.0, None))
        outcome = results.Results(64)
        outcome.overload = [row, overload.make_row("x", self.mixed(), None, False, 0, 0)]
        self.assertEqual(outcome.wrong(), 650)

    def test_too_few_open_files_are_told(self):
        with self.assertRaisesRegex(processes.BenchError, "overload needs 1000000000 open files"):
            overload.raise_open_files(10**9)


class Table(unittest.TestCase):
    def test_columns_are_aligned(self):
        self.assertEqual(table.aligned([("case", "n"), ("get", "1,000"), ("cancel", "7")]), [
            "| case   |     n |",
            "| ------ | ----: |",
            "| get    | 1,000 |",
            "| cancel |     7 |"])

    def test_a_ratio_needs_a_part(self):
        self.assertEqual(table.ratio(10, 4), 2.5)
        for part in (None, 0):
            self.assertIsNone(table.ratio(10, part))
        self.assertEqual(table.number(None), "-")


class Results(unittest.TestCase):
    def outcome(self, **changes):
        outcome = results.Results(64)
        outcome.limits.echo.append(dict(report(), cpuUs=8.0))
        outcome.limits.rpc = {("in-process, local loop", "at once"): (1000.0, 6.0)}
        outcome.limits.storage = {"cancel": (2000.0, 14.0)}
        sync = {"syncsPerSecond": 4000.0, "latencyUs": {"p50": 250, "p99": 400}}
        outcome.limits.append_sync.append(sync)
        outcome.limits.overwrite_sync.append(sync)
        for cpu_seconds in (0.056, 0.900, 0.001):
            outcome.add(cases.CASES[0], cases.measurement(report(**changes), "200", cpu_seconds, 0.25))
        return outcome

    def test_the_table_holds_medians_and_their_ratios_to_the_parts(self):
        row = self.outcome().text().splitlines()[4]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        # CPU 56: HTTP 8, gRPC 6, SQLite 14, all 28.
        self.assertEqual(cells, ["cancel", "REST cancel, one process", "64", "500", "1.00", "4.00",
                                 "9.0", "56.0", "7.0", "9.3", "4.0", "2.0", "-", "6.0"])

    def test_memory_and_the_size_of_the_store_are_told(self):
        outcome = self.outcome()
        outcome.runs, outcome.every = 10**7, 10
        outcome.rss_mib = {"runsctl (serve)": (48.3, 61.7)}
        self.assertIn("held 10,000,000 runs, every 10th of them running: 1,000,000.",
                      outcome.text())
        self.assertIn("after a case (peak): runsctl (serve) 48 MiB (62).", outcome.text())

    def test_what_the_store_did_is_a_table_of_its_own(self):
        outcome = self.outcome()
        self.assertNotIn("What the store did", outcome.text())
        for m, log_pages in zip(outcome._measured[cases.CASES[0]], (0.5, 1.25, 1.5)):
            m.batch, m.log_pages, m.log_bytes = 18.0, log_pages, 4120 * log_pages
            m.longest_pause_us, m.read_bytes, m.written_bytes = 1000 * log_pages, 2048.0, 9000.4
        lines = outcome.text().splitlines()
        row = lines[lines.index("What the store did for one request:") + 4]
        self.assertEqual([cell.strip() for cell in row.strip("|").split("|")],
                         ["cancel", "18.0", "1.25", "5,150", "9,000", "0.50", "1.5"])

    def test_what_the_store_of_others_did_is_in_it_too(self):
        outcome = self.outcome()
        m = cases.measurement(report(), "200", 0.1, 0.1)
        m.batch, m.log_pages, m.log_bytes, m.longest_pause_us = 9.0, 2.0, 8240.0, 5000.0
        outcome.add_other("the peer", cases.CASES[0], m)
        self.assertIn("| cancel (the peer) |   9.0 |      2.00 |     8,240 |       - |          - "
                      "|              5.0 |", outcome.text())

    def test_rounds_that_ran_out_of_runs_are_told(self):
        outcome = self.outcome()
        outcome._measured[cases.CASES[0]][1].short = True
        self.assertIn("- cancel: in 1 of 3 rounds all runs were cancelled before", outcome.text())

    def test_others_are_shown_and_their_wrong_answers_told(self):
        outcome = self.outcome()
        outcome.add_other("the peer", cases.CASES[0],
                          cases.measurement(report(answers={"200": 990}), "200", 0.1, 0.1))
        text = outcome.text()
        self.assertIn("Ours : the peer, in turn", text)
        self.assertIn("- cancel (the peer): 10 of 1000", text)
        self.assertEqual(outcome.wrong(), 10)

    def test_the_page_keeps_the_sections_of_other_sizes(self):
        options = run_bench.parse_arguments([])

        def section(runs, text):
            options.runs = runs
            return results.section(text, options, "abc", datetime.date(2026, 11, 29))

        options.server_option = ["--queue-limit=99", "--drain-ms=1"]
        self.assertIn("medians\n- Options of the servers: `--queue-limit=99` `--drain-ms=1`\n\ntext",
                      section(5000, "text"))
        options.server_option = []
        self.assertIn("medians\n\ntext", section(5000, "text"))
        page = results.page("", 10**7, section(10**7, "large"))
        page = results.page(page, 200000, section(200000, "small"))
        self.assertLess(page.index("small"), page.index("large"))
        page = results.page(page, 200000, section(200000, "newer"))
        self.assertEqual(sorted(results.sections(page)), [200000, 10**7])
        self.assertIn("newer", page)
        self.assertIn("large", page)
        self.assertNotIn("small", page)
        self.assertEqual((page.count("# Benchmark results"), page.count("How to read it")), (1, 1))

    def test_wrong_answers_are_told(self):
        self.assertEqual(self.outcome().wrong(), 0)
        self.assertIn("kept 0.25 of", self.outcome().text())
        self.assertNotIn("WRONG", self.outcome().text())
        bad = self.outcome(answers={"200": 999, "500": 1})
        self.assertEqual(bad.wrong(), 3)
        self.assertIn("- cancel: 3 of 3000", bad.text())


if __name__ == "__main__":
    unittest.main()
