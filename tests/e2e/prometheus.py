"""Debian's Prometheus before programs of a test, and metrics as the tests read them."""

import http.server
import json
import re
import subprocess
import threading
import urllib.parse

import rest
from harness import DEADLINE_S, wait_until
from test_stream_proxies import free_port

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
SAMPLE = re.compile(r'^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def scrape(port, accept=None):
    """{(name, ((label, value), ...)): number} of an admin listener."""
    headers = {"Accept": accept} if accept else {}
    connection = rest.http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.request("GET", "/metrics", headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            raise AssertionError(f"/metrics: {response.status}")
        return samples(response.read().decode("utf-8"))
    finally:
        connection.close()


def samples(text):
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, number = SAMPLE.match(line).groups()
        pairs = tuple(sorted((key, re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), value))
                             for key, value in LABEL.findall(labels or "") if value))
        if (name, pairs) in found:
            raise AssertionError(f"twice: {line}")
        found[name, pairs] = float(number)
    return found


def value(found, name, **labels):
    """The number of one sample; 0 if it is not there, as a counter is before it counts."""
    return found.get((name, tuple(sorted(labels.items()))), 0)


def promtool(*arguments, text=""):
    """What promtool complains of; nothing if all is well."""
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True,
                          timeout=DEADLINE_S, check=False)
    said = done.stdout + done.stderr
    return said or f"exit status {done.returncode}" if done.returncode != 0 else said


class WithoutAccept(http.server.ThreadingHTTPServer):
    """Passes scrapes on without their Accept: such a scraper gets the older format."""

    daemon_threads = True

    def __init__(self, port):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                connection = rest.http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
                connection.request("GET", self.path)
                response = connection.getresponse()
                body = response.read()
                self.send_response(response.status)
                self.send_header("Content-Type", response.headers["Content-Type"])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                connection.close()

            def log_message(self, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.thread.join(DEADLINE_S)
        self.server_close()


class Prometheus:
    """One that scrapes each of {job: port} once a second, with its files in a folder."""

    def __init__(self, folder, jobs):
        self.port = free_port()
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                for job, port in jobs.items()],
        }), encoding="utf-8")
        with open(folder / "prometheus.log", "wb") as log:
            self.popen = subprocess.Popen(
                ["prometheus", f"--config.file={config}",
                 f"--storage.tsdb.path={folder / 'prometheus'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(self.is_ready, "Prometheus")
        except BaseException:
            self.stop()
            raise

    def is_ready(self):
        try:
            return self.get("/-/ready")[0] == 200
        except OSError:
            if self.popen.poll() is not None:
                raise AssertionError("Prometheus has ended") from None
            return False

    def get(self, path, **query):
        connection = rest.http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request("GET", path + "?" + urllib.parse.urlencode(query))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def query(self, expression):
        """{(name, labels): number}, without the labels that Prometheus adds."""
        status, body = self.get("/api/v1/query", query=expression)
        if status != 200:
            raise AssertionError(f"{expression}: {status} {body!r}")
        found = {}
        for one in json.loads(body)["data"]["result"]:
            labels = {key: text for key, text in one["metric"].items()
                      if key not in ("__name__", "instance", "job")}
            found[one["metric"].get("__name__"), tuple(sorted(labels.items()))] = \
                float(one["value"][1])
        return found

    def targets(self):
        """{job: (health, the last error)}."""
        status, body = self.get("/api/v1/targets")
        if status != 200:
            raise AssertionError(f"targets: {status}")
        return {one["labels"]["job"]: (one["health"], one["lastError"])
                for one in json.loads(body)["data"]["activeTargets"]}

    def stop(self):
        self.popen.terminate()
        self.popen.wait(DEADLINE_S)
