"""Requests on connections that rest in between, around the idle time-out and around
SIGTERM, by clients of three languages: what is sent in time is answered, and what got no
answer changed nothing."""

import http.client
import json
import os
import random
import select
import signal
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import rest
from harness import DEADLINE_S, ROOT, Place, Serve, create_token, wait_until
from kill_rounds import small_run

CLIENTS = ROOT / "tests" / "clients"
TOLD_S = 3  # what clients are told by Keep-Alive
KEPT_S = TOLD_S + 2  # REAPER_GRACE_MS of gateway/connection/reaper.h
SOONER_S = 0.05  # than TOLD_S: must be answered
STOP_GRACE_S = 0.5  # STOP_GRACE_MS of gateway/http/http_server.c
CREATORS = 16
LONGEST_S = 120


class HttpClient:
    """Python's http.client: a thread for each connection. A request counts as sent when
    all of it was."""

    def __init__(self, port, token):
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}"}
        self.results = []
        self.lock = threading.Lock()

    def ask(self, connection, method, path):
        """Returns when it was sent, its status, what went wrong, and whether the server had
        ended the connection before."""
        sent = time.monotonic()
        was_ended = connection.sock is not None and \
            bool(select.select([connection.sock], [], [], 0)[0])
        try:
            connection.request(method, path, headers=self.headers)
            sent = time.monotonic()
            response = connection.getresponse()
            response.read()
            return sent, response.status, "", was_ended
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            return sent, 0, repr(error), was_ended

    def run(self, cancels, stops):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        begin = time.monotonic()
        self.ask(connection, "GET", "/v1/runs?pageSize=1")
        for cancel in cancels:
            time.sleep(max(0, begin + cancel["pauseMs"] / 1000 - time.monotonic()))
            before, begin = begin, time.monotonic()
            sent, status, error, was_ended = self.ask(connection, "POST",
                                                      f"/v1/runs/{cancel['id']}/cancel")
            sent_at = time.time() - (time.monotonic() - sent)
            with self.lock:
                self.results.append({"id": cancel["id"], "sinceMs": (sent - before) * 1000,
                                     "sentAt": sent_at, "status": status, "error": error,
                                     "wasEnded": was_ended})
            if error and stops:
                break
        connection.close()


def python_client(server, token, connections, stops):
    client = HttpClient(server.http_port, token)
    threads = [threading.Thread(target=client.run, args=(c, stops)) for c in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_S)
        if thread.is_alive():
            raise AssertionError("a client thread hangs")
    return client.results


def run_program(command, environment, request):
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True,
                          timeout=LONGEST_S, check=False, env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def node_client(agent):
    def run(server, token, connections, stops):
        modules = os.environ.get("NODE_MODULES")
        if not modules:
            raise RuntimeError("NODE_MODULES is not set: run script/test")
        return run_program(["node", str(CLIENTS / "node" / "keep_alive.js")],
                           {"NODE_PATH": modules},
                           {"url": server.http, "token": token, "agent": agent, "stops": stops,
                            "connections": connections})
    return run


def build_go(folder):
    """Compiles the Go client; returns the program."""
    target = folder / "keep_alive"
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    subprocess.run(["go", "build", "-o", str(target), str(CLIENTS / "go" / "keep_alive.go")],
                   check=True, timeout=LONGEST_S,
                   env={**os.environ, "GOCACHE": os.path.join(cache, "runsd", "go"),
                        "GO111MODULE": "off"})
    return str(target)


def go_client(program):
    def run(server, token, connections, stops):
        return run_program([program], {}, {"url": server.http, "token": token, "stops": stops,
                                           "connections": connections})
    return run


class KeepAlive(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store, name="tester")
        self.random = random.Random(9)
        self.clients = {
            "http.client": python_client,
            "node http": node_client("http"),
            "undici": node_client("undici"),
            "undici, eager": node_client("undici-eager"),
            "go": go_client(build_go(self.place.path)),
        }

    def serve(self, *options):
        server = Serve(self.place.store, *options)
        self.addCleanup(server.kill)
        return server

    def create(self, server, ids):
        def work(part):
            connection = http.client.HTTPConnection("127.0.0.1", server.http_port,
                                                    timeout=DEADLINE_S)
            for run_id in part:
                reply = rest.request_on(connection, "POST", "/v1/runs", self.token,
                                        small_run(run_id))
                self.assertEqual(200, reply.status, reply.body)
            connection.close()
        with ThreadPoolExecutor(CREATORS) as pool:
            list(pool.map(work, [ids[i::CREATORS] for i in range(CREATORS)]))

    def status(self, server, run_id):
        return rest.request(server.http_port, "GET", f"/v1/runs/{run_id}",
                            self.token).json()["data"]["status"]

    def cancelled(self, server):
        """The ids of all runs that are cancelled."""
        ids, page = set(), ""
        while True:
            data = rest.request(server.http_port, "GET",
                                f"/v1/runs?pageSize=500&pageToken={page}",
                                self.token).json()["data"]
            ids |= {run["id"] for run in data["runs"] if run["status"] == "cancelled"}
            page = data.get("nextPageToken")
            if not page:
                return ids

    def run_all(self, server, lists, stops, meanwhile=lambda: None):
        """lists: of each client, its connections' cancels. Returns the results, each with
        its client's name."""
        with ThreadPoolExecutor(len(self.clients)) as pool:
            running = {name: pool.submit(client, server, self.token, lists[name], stops)
                       for name, client in self.clients.items()}
            meanwhile()
            return [{**result, "client": name} for name, future in running.items()
                    for result in future.result()]

    def check(self, results, cancelled, must):
        """must: whether a result had to be a success."""
        lost = [r for r in results if r["status"] == 0]
        self.assertEqual([], [r for r in lost if must(r)], "sent in time, not answered")
        self.assertEqual([], [r for r in lost if r["id"] in cancelled],
                         "not answered, but carried out")
        self.assertEqual([], [r for r in results
                              if (r["status"] == 200) != (r["id"] in cancelled)],
                         "answered with something else than what happened")
        return lost

    def ids(self, connections, rounds):
        return {name: [[f"{kind}-{c}-{r}" for r in range(rounds)] for c in range(connections)]
                for kind, name in enumerate(self.clients)}

    def test_around_the_idle_time_out(self):
        server = self.serve("--idle-timeout-ms", str(TOLD_S * 1000))
        ids = self.ids(connections=160, rounds=3)
        self.create(server, [i for lists in ids.values() for part in lists for i in part])
        edges = (TOLD_S - SOONER_S, TOLD_S, KEPT_S)

        def pause():
            edge = self.random.choice(edges)
            return (edge + self.random.gauss(0, 0.15)) * 1000
        lists = {name: [[{"id": i, "pauseMs": pause()} for i in part] for part in parts]
                 for name, parts in ids.items()}
        results = self.run_all(server, lists, stops=False)
        self.assertEqual(len(self.clients) * 160 * 3, len(results))
        lost = self.check(results, self.cancelled(server),
                          must=lambda r: r["sinceMs"] < (TOLD_S - SOONER_S) * 1000)
        in_time = sum(r["sinceMs"] < (TOLD_S - SOONER_S) * 1000 for r in results)
        print(f"{len(results)} requests, {in_time} in time; {len(lost)} later ones lost, by "
              f"{sorted({r['client'] for r in lost})}, the first after "
              f"{min((r['sinceMs'] for r in lost), default=0):.0f} ms")
        self.assertGreater(in_time, len(results) / 20)
        # Whose bytes were there before the end is answered; few bytes and ends cross.
        crossed = [r for r in lost if not r.get("wasEnded", True)]
        self.assertLessEqual(len(crossed), 160 * 3 / 50, crossed)
        self.assertEqual(0, server.stop(), server.tail())

    def test_around_sigterm(self):
        server = self.serve("--drain-ms", "30000")
        ids = self.ids(connections=40, rounds=40)
        self.create(server, [i for lists in ids.values() for part in lists for i in part])
        lists = {name: [[{"id": i, "pauseMs": self.random.uniform(0, 300)} for i in part]
                        for part in parts] for name, parts in ids.items()}
        killed_at = []

        def stop():
            # When all clients are on their way.
            for parts in ids.values():
                wait_until(lambda: self.status(server, parts[0][1]) == "cancelled",
                           "a client's second cancel")
            killed_at.append(time.time())
            server.popen.send_signal(signal.SIGTERM)
        results = self.run_all(server, lists, stops=True, meanwhile=stop)
        self.assertEqual(0, server.stop(), server.tail())
        after = self.serve()

        # Node has no hook for "written": half of the grace is left for it.
        def must(result):
            grace = STOP_GRACE_S / (2 if result["client"] not in ("http.client", "go") else 1)
            return result["sentAt"] < killed_at[0] + grace and not refused(result)

        def refused(result):
            return "refused" in result["error"].lower()
        self.assertEqual([], [r for r in results if refused(r) and r["sentAt"] < killed_at[0]])
        lost = self.check(results, self.cancelled(after), must)
        odd = [r for r in lost if not refused(r)]
        print(f"{len(results)} requests, {len(lost) - len(odd)} refused, {len(odd)} lost after "
              "the grace")
        self.assertLess(len(results), len(ids) * 40 * 40, "the signal came too late")


class Drain(unittest.TestCase):
    """One drain for all ports together."""

    DRAIN_S = 3
    MORE_S = 2.5  # last replies, the store, the process

    def test_what_never_ends_on_each_port_ends_with_one_drain(self):
        place = Place()
        self.addCleanup(place.remove)
        token = create_token(place.store, name="tester")
        quickest = float("inf")
        for _ in range(3):
            quickest = min(quickest, self.stop_with_stuck_calls(place, token))
            if quickest < self.DRAIN_S + self.MORE_S:
                break
        print(f"a stop with a drain of {self.DRAIN_S} s took {quickest:.2f} s")
        self.assertGreater(quickest, self.DRAIN_S * 0.9)
        self.assertLess(quickest, self.DRAIN_S + self.MORE_S)

    def stop_with_stuck_calls(self, place, token):
        import grpc  # here, as its threads are of no use to the others
        server = Serve(place.store, "--drain-ms", str(self.DRAIN_S * 1000), grpc=(
            "127.0.0.1:0", f"unix:{place.path}/grpc.sock"))
        self.addCleanup(server.kill)
        half = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=DEADLINE_S)
        self.addCleanup(half.close)
        half.putrequest("POST", "/v1/runs")
        half.putheader("Authorization", f"Bearer {token}")
        half.putheader("Content-Type", "application/json")
        half.putheader("Content-Length", "1000")
        half.endheaders(b"{")
        ends = threading.Event()
        self.addCleanup(ends.set)

        def nothing():
            ends.wait(LONGEST_S)
            yield from ()
        calls = []
        for address in (server.grpc, f"unix:{place.path}/grpc.sock"):
            channel = grpc.insecure_channel(address)
            self.addCleanup(channel.close)
            grpc.channel_ready_future(channel).result(DEADLINE_S)
            # The headers of a call whose message never comes.
            method = channel.stream_unary("/runs.v1.RunsService/GetRun")
            calls.append(method.future(nothing(), metadata=(("authorization", f"Bearer {token}"),)))
        self.assertEqual(200, rest.request(server.http_port, "GET", "/v1/runs", token).status)
        begin = time.monotonic()
        self.assertEqual(0, server.stop(), server.tail())
        took = time.monotonic() - begin
        self.assertEqual(503, half.getresponse().status)
        ends.set()
        return took
