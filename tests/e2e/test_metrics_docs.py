"""docs/METRICS.md against what the programs say, and what deploy/ has against both."""

import http.client
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import certificates
import rest
from gateways import Gateway
from harness import DEADLINE_S, ROOT, Place, Serve, create_token, wait_until
from postgres import Postgres
from scrapes import Admin
from test_runsd_program import Runsd

DOCS = ROOT / "docs" / "METRICS.md"
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "runsd.json"
ROW = re.compile(r"^\| `([a-z_]+)` \| (\w+) \| ([^|]*)\| ([^|]+)\|([^|]*)\|$", re.M)
NAME = re.compile(r"\b(?:runsd|process)_[a-z_]+")
ADMIN = ("--admin", "127.0.0.1:0")


def documented():
    """Name: (kind, labels) of each row."""
    rows = ROW.findall(DOCS.read_text(encoding="utf-8"))
    found = {name: (kind, set(re.findall("`([a-z_]+)`", labels))) for name, kind, labels, _, _ in rows}
    assert len(found) == len(rows), "a metric is there twice"
    return found


class Programs(unittest.TestCase):
    """Looks at all three programs, once, at one with TLS and at one over PostgreSQL."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.looks = {}
        cls.token = create_token(cls.place.store)
        serve = Serve(cls.place.store, *ADMIN, "--retain-finished", "1h")
        cls.addClassCleanup(serve.kill)
        for path in ("/v1/runs", "/v1/runs/x", "/healthz"):
            rest.request(serve.http_port, "GET", path, cls.token)
        cls.watch(serve.http_port)
        cls.looks["runsctl serve"] = cls.look(serve)
        runsd = Runsd("--store", f"sqlite:{cls.place.path}/other.db", "--listen", "127.0.0.1:0",
                      "--retain-finished", "1h", *ADMIN)
        cls.addClassCleanup(runsd.kill)
        cls.looks["runsd"] = cls.look(runsd)
        database = Postgres()
        cls.addClassCleanup(database.stop)
        shared = Runsd("--store", database.url, "--listen", "127.0.0.1:0", *ADMIN)
        cls.addClassCleanup(shared.kill)
        cls.looks["runsd over PostgreSQL"] = cls.look(shared)
        gateway = Gateway(f"127.0.0.1:{runsd.ports[0]}", "--upstream",
                          f"unix:{cls.place.path}/nobody.sock", *ADMIN)
        cls.addClassCleanup(gateway.kill)
        rest.request(gateway.port, "GET", "/v1/runs/x", cls.token)
        cls.looks["runs-gateway"] = cls.look(gateway)
        front = cls.front(runsd.ports[0])
        cls.addClassCleanup(front.kill)
        front.message("ready")
        cls.looks["runs-gateway with TLS"] = cls.look(front)
        assert front.stop() == 0, front.tail()  # with metrics of both certificates
        cls.seen = {}
        for scrape in cls.looks.values():
            for name, labels in scrape.labels().items():
                kind, known = cls.seen.get(name, (scrape.kinds[name], set()))
                cls.seen[name] = (kind, known | labels)

    @classmethod
    def front(cls, port):
        """A gateway with both certificates, whose upstream it cannot reach: that speaks no TLS."""
        authority = certificates.Authority(cls.place.path)
        pair = authority.issue("server", ("DNS:localhost",))
        shown = authority.issue("gateway", ("DNS:gateway.example",), use="clientAuth")
        return Gateway(f"tls:127.0.0.1:{port}", *ADMIN, "--tls-cert", str(pair.cert),
                       "--tls-key", str(pair.key), "--upstream-ca", str(authority.cert),
                       "--upstream-cert", str(shown.cert), "--upstream-key", str(shown.key),
                       wait=False)

    @classmethod
    def watch(cls, port):
        """A stream that is opened, is sent something, and ends."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
        connection.request("GET", "/v1/runs:watch", headers={
            "Authorization": f"Bearer {cls.token}", "Accept": "text/event-stream"})
        connection.getresponse().read(1)
        connection.close()

    @classmethod
    def look(cls, program):
        admin = Admin(program)
        cls.addClassCleanup(admin.close)
        # The streams that were opened have ended.
        wait_until(lambda: admin.scrape().total("runsd_http_streams") == 0, "the end of streams")
        return admin.scrape()

    def test_every_metric_is_documented_and_every_row_is_a_metric(self):
        rows = documented()
        self.assertEqual([], sorted(set(self.seen) - set(rows)), "not documented")
        self.assertEqual([], sorted(set(rows) - set(self.seen)), "in no program")

    def test_kinds_and_labels_are_those_of_the_rows(self):
        rows = documented()
        for name, (kind, labels) in self.seen.items():
            with self.subTest(name):
                self.assertEqual(rows[name], (kind, labels))

    def test_certificates_are_told_apart_by_their_use(self):
        seen = self.looks["runs-gateway with TLS"]
        for use in ("listener", "upstream"):
            end = seen.get("runsd_tls_certificate_end_timestamp_seconds", use=use)
            self.assertGreater(end, time.time() + 86400)
            self.assertEqual(0, seen.get("runsd_tls_certificate_not_taken", use=use))
            self.assertEqual(1, seen.get("runsd_tls_certificate_loads_total", use=use,
                                           result="ok"))

    def test_promtool_takes_what_the_programs_say(self):
        for program, scrape in self.looks.items():
            with self.subTest(program):
                done = subprocess.run(["promtool", "check", "metrics"], input=scrape.text,
                                      capture_output=True, text=True, check=False)
                self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))

    def test_no_label_has_what_somebody_sent(self):
        for program, scrape in self.looks.items():
            for secret in ("acme", self.token):
                self.assertNotIn(secret, scrape.text, program)

    def names_of(self, text):
        """Metrics that a text is about, the suffixes of histograms left out."""
        found = set()
        for name in NAME.findall(text):
            base = re.sub("_(bucket|sum|count)$", "", name)
            found.add(base if self.seen.get(base, ("",))[0] == "histogram" else name)
        return found

    def test_alerts_are_about_metrics_that_there_are(self):
        expressions = [line for line in (PROMETHEUS / "runsd.rules.yml").read_text(
            encoding="utf-8").splitlines() if not re.match(r"\s*(description|summary):", line)]
        names = self.names_of("\n".join(expressions))
        self.assertGreater(len(names), 15)
        self.assertEqual(set(), names - set(self.seen))

    def test_the_dashboard_is_about_metrics_that_there_are(self):
        dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
        panels = [p for p in dashboard["panels"] if p["type"] != "row"]
        names = set()
        for panel in panels:
            for target in panel["targets"]:
                names |= self.names_of(target["expr"])
        self.assertGreater(len(names), 40)
        self.assertEqual(set(), names - set(self.seen))
        self.assertEqual(len(dashboard["panels"]), len({p["id"] for p in dashboard["panels"]}))
        places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
        self.assertEqual(len(places), len(set(places)))

    def test_the_expressions_of_the_dashboard_are_promql(self):
        dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
        rules = []
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                expression = target["expr"]
                for variable, value in (("$__rate_interval", "5m"), ("$job", ".*"),
                                        ("$instance", ".*")):
                    expression = expression.replace(variable, value)
                self.assertNotIn("$", expression)
                rules.append({"record": f"panel:{len(rules)}", "expr": expression})
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "rules.yml"
            path.write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}),
                            encoding="utf-8")
            check_rules(self, path)


def check_rules(test, path):
    done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True,
                          check=False)
    test.assertEqual(0, done.returncode, done.stdout + done.stderr)


class Alerts(unittest.TestCase):
    RULES = PROMETHEUS / "runsd.rules.yml"
    TESTS = PROMETHEUS / "runsd.rules.test.yml"

    def promtool(self, folder):
        return subprocess.run(["promtool", "test", "rules", "runsd.rules.test.yml"], cwd=folder,
                              capture_output=True, text=True, check=False)

    def test_rules_and_configuration_are_sound(self):
        check_rules(self, self.RULES)
        done = subprocess.run(["promtool", "check", "config", "prometheus.yml"], cwd=PROMETHEUS,
                              capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_each_alert_fires_when_it_should_and_only_then(self):
        done = self.promtool(PROMETHEUS)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_each_alert_has_a_test_that_can_fail(self):
        text = self.RULES.read_text(encoding="utf-8")
        alerts = re.findall(r"- alert: (\w+)", text)
        tested = re.findall(r"name: (\w+)", self.TESTS.read_text(encoding="utf-8"))
        self.assertEqual(sorted(alerts), sorted(tested))
        with tempfile.TemporaryDirectory() as folder:
            target = pathlib.Path(folder)
            shutil.copy(self.TESTS, target)
            # Without its condition an alert fires for both, or for neither.
            silent = re.sub(r"expr: (?!\|)([^\n]*)", r"expr: (\1) and on () vector(0) > 1", text)
            silent = re.sub(r"expr: \|\n((?: {10}[^\n]*\n)+)",
                            lambda m: "expr: |\n          (" + m.group(1).strip() +
                            ") and on () vector(0) > 1\n", silent)
            (target / "runsd.rules.yml").write_text(silent, encoding="utf-8")
            done = self.promtool(target)
            for alert in alerts:
                self.assertIn(f'alertname=\\"{alert}\\"', done.stdout + done.stderr)
