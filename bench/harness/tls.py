"""What TLS costs: a GET over connections that stay, and handshakes, beside plain text."""

import json
import os
import statistics
import subprocess

from harness import deployment, processes, table

NAME = "tls"
KEYS = {"ECDSA P-256": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        "RSA-2048": ("-newkey", "rsa:2048")}
VERSIONS = ("1.2", "1.3")
RUNS = 1000
AIM = 1.35  # times the CPU of plain text, for a GET


class Side:
    """A server with a certificate of that key, or in plain text."""

    def __init__(self, key, programs, folder):
        self.programs = programs
        path = os.path.join(folder, key.replace(" ", "-") if key else "plain")
        os.mkdir(path)
        options = self.make_certificate(path, KEYS[key]) if key else []
        self.target = deployment.Deployment("serve", programs, path, options)
        self.target.start()
        self.ids = self.target.new_ids(RUNS)
        self.target.create_runs(self.ids)

    @staticmethod
    def make_certificate(folder, options):
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        done = subprocess.run(["openssl", "req", "-x509", "-nodes", *options, "-keyout", key,
                               "-out", cert, "-days", "2", "-subj", "/CN=bench"],
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise processes.BenchError(f"openssl: {done.stderr.decode(errors='replace')}")
        return ["--tls-cert", cert, "--tls-key", key]

    def load(self, seconds, *options):
        """Returns (done a second, µs of the server's CPU for each)."""
        pid = self.target.pids()[0]
        command = [self.programs["tls_load"], "--connect", self.target.http, "--path",
                   "/v1/runs/" + self.ids[0], "--header",
                   "Authorization: Bearer " + self.target.token, "--seconds", str(seconds),
                   *options]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as load:
            is_open = load.stdout.readline() == "open\n"
            processes.settle([pid])
            before = processes.cpu_seconds(pid)
            out, _ = load.communicate("go\n", timeout=seconds + 60)
            used = processes.cpu_seconds(pid) - before
        if not is_open or load.returncode != 0:
            raise processes.BenchError("tls_load: a connection or a reply failed")
        report = json.loads(out)
        return report["done"] / report["seconds"], used * 1e6 / max(report["done"], 1)

    def stop(self):
        self.target.stop()


def _measure_round(sides, options, rows):
    def add(title, side, *more):
        rows.setdefault(title, []).append(side.load(options.seconds, *more))

    connections = ("--connections", str(options.connections))
    add(("GET", "plain text", ""), sides[None], *connections)
    for key in KEYS:
        for version in VERSIONS:
            add(("GET", f"TLS {version}", key), sides[key], "--tls", version, *connections)
            add(("handshake", f"TLS {version}", key), sides[key], "--tls", version, "--handshakes")


def measure(programs, folder, options, say):
    """Returns {(what, how, key): [(rate, cpu_us)]}."""
    sides, rows = {}, {}
    try:
        for key in (None, *KEYS):
            sides[key] = Side(key, programs, folder)
        for number in range(1, options.rounds + 1):
            _measure_round(sides, options, rows)
            say(f"round {number} of {options.rounds}  a GET costs "
                f"{ratio({title: values[-1:] for title, values in rows.items()}):.2f} times the "
                "CPU of plain text")
    finally:
        for side in sides.values():
            side.stop()
    return rows


def _cpu_us(rows, title):
    return statistics.median(cpu for _, cpu in rows[title])


def ratio(rows):
    """The dearest GET over TLS, as a multiple of one in plain text."""
    return max(_cpu_us(rows, title) for title in rows if title[0] == "GET") / \
        _cpu_us(rows, ("GET", "plain text", ""))


def wrong(rows):
    return ratio(rows) > AIM


def text(rows):
    """The table as Markdown."""
    plain = _cpu_us(rows, ("GET", "plain text", ""))
    cells = [("what", "how", "key", "rate/s", "CPU µs", "times plain")]
    for title, values in sorted(rows.items()):
        cpu = _cpu_us(rows, title)
        times = table.number(cpu / plain, 2) if title[0] == "GET" else ""
        cells.append((*title, table.number(statistics.median(rate for rate, _ in values), 0),
                      table.number(cpu, 1), times))
    return "\n".join(table.aligned(cells, 3) + [
        "", f"A GET of a run over a connection that stays costs the server at most "
            f"{ratio(rows):.2f} times the CPU that it costs in plain text (aim: {AIM}). A "
            "handshake is one connection that is opened and closed, by one client, one after the "
            "other."])
