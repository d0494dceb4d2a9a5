"""A store that takes no changes for a while: its disk or its quota is full, or another
program keeps it locked. Told for what it is, over REST and by health; reads go on, also
after a start on such a disk; all comes back by itself."""

import ctypes
import errno
import importlib
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import threading
import unittest

import grpc

import contract
import rest
import stubs
from harness import DEADLINE_S, Place, Serve, create_token, runsctl, wait_until
from kill_rounds import small_run

health_pb2 = importlib.import_module("grpc.health.v1.health_pb2")  # of stubs
health_grpc = importlib.import_module("grpc.health.v1.health_pb2_grpc")

CHANGES = "runs.v1.RunsService/changes"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

# What fails as the system calls do on a full disk, wherever mounts are not allowed: every
# write below FULL_DIR while FULL_DIR.full is there.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_full(int fd) {
    const char *dir = getenv("FULL_DIR");
    char name[PATH_MAX], path[PATH_MAX];
    snprintf(name, sizeof(name), "%s.full", dir);
    if (access(name, F_OK) != 0) {
        return 0;
    }
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, path, sizeof(path) - 1);
    if (n <= 0 || strncmp(path, dir, strlen(dir)) != 0) {
        return 0;
    }
    errno = atoi(getenv("FULL_ERRNO"));
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t n) {
    return is_full(fd) ? -1 : REAL(write)(fd, bytes, n);
}
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) {
    return is_full(fd) ? -1 : REAL(pwrite)(fd, bytes, n, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) {
    return is_full(fd) ? -1 : REAL(pwrite64)(fd, bytes, n, at);
}
"""


class ShimDisk:
    """Writes fail with an errno of the test's choice."""

    library = None

    def __init__(self, path, error_number):
        self.marker = pathlib.Path(f"{path}.full")
        if ShimDisk.library is None:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-shim-"))
            unittest.addModuleCleanup(subprocess.run, ["rm", "-rf", str(folder)], check=True)
            source = folder / "shim.c"
            source.write_text(SHIM)
            ShimDisk.library = str(folder / "shim.so")
            subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", ShimDisk.library, str(source),
                            "-ldl"], check=True)
        self.environment = {"LD_PRELOAD": ShimDisk.library, "FULL_DIR": str(path),
                            "FULL_ERRNO": str(error_number)}

    def fill(self):
        self.marker.touch()

    def free(self):
        self.marker.unlink(missing_ok=True)

    remove = free


class SmallDisk:
    """A file system of its own, of 8 MiB."""

    environment = {}

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"none", bytes(path), b"tmpfs", 0, b"size=8m") != 0:
            raise unittest.SkipTest(f"no mounts here: {os.strerror(ctypes.get_errno())}")
        self.path = path
        self.ballast = path / "ballast"

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def free(self):
        self.ballast.unlink(missing_ok=True)

    def remove(self):
        subprocess.run(["umount", "-l", str(self.path)], check=True)


class Watch:
    """What health tells of a service, as it comes."""

    def __init__(self, server, name):
        self.channel = grpc.insecure_channel(server.grpc)
        self.told = []
        request = health_pb2.HealthCheckRequest(service=name)
        self.call = health_grpc.HealthStub(self.channel).Watch(request)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for reply in self.call:
                self.told.append(reply.status)
        except grpc.RpcError:
            pass

    def close(self):
        self.call.cancel()
        self.thread.join(DEADLINE_S)
        self.channel.close()


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)

    def serve(self, environment=None):
        before = dict(os.environ)
        os.environ.update(environment or {})
        try:
            server = Serve(self.place.store)
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.addCleanup(server.kill)
        return server

    def watch(self, server, name):
        watch = Watch(server, name)
        self.addCleanup(watch.close)
        return watch

    def call(self, server, method, path, body=None):
        return rest.request(server.http_port, method, path, self.token, body)

    def check_refused(self, reply, reason):
        contract.check_error(self, reply, 503, reason)
        self.assertIn("nothing was changed", reply.json()["message"])
        self.assertGreaterEqual(int(reply.headers["Retry-After"]), 1)

    def create_large(self, server, run_id):
        """A run that finds no room in what the log's file has already, where small changes
        do after a checkpoint."""
        return self.call(server, "POST", "/v1/runs",
                         {**small_run(run_id), "propValues": {"x": "y" * 900_000}})

    def check_reads(self, server, ids):
        for run_id in ids:
            self.assertEqual("running", self.call(server, "GET", f"/v1/runs/{run_id}")
                             .json()["data"]["status"])
        self.assertEqual(404, self.call(server, "GET", "/v1/runs/absent").status)
        listed = self.call(server, "GET", "/v1/runs").json()["data"]["runs"]
        self.assertEqual(sorted(ids), sorted(run["id"] for run in listed))

    def check_fills_up_while_served(self, disk):
        self.addCleanup(disk.remove)
        self.token = create_token(self.place.store)
        server = self.serve(disk.environment)
        ids = [f"r{i}" for i in range(5)]
        for run_id in ids:
            self.assertEqual(200, self.call(server, "POST", "/v1/runs", small_run(run_id)).status)
        changes, everything = self.watch(server, CHANGES), self.watch(server, "")
        wait_until(lambda: changes.told == [SERVING] == everything.told, "the first status")
        disk.fill()
        for _ in range(5):
            self.check_refused(self.create_large(server, "large"), "DISK_FULL")
        wait_until(lambda: changes.told == [SERVING, NOT_SERVING], "health of changes")
        self.check_reads(server, ids)
        errors = [l for l in server.lines if l["level"] == "error"]
        self.assertEqual(1, len(errors), errors)
        disk.free()
        wait_until(lambda: changes.told == [SERVING, NOT_SERVING, SERVING], "health afterwards")
        self.assertEqual([SERVING], everything.told)
        self.assertEqual(200, self.create_large(server, "large").status)
        for run_id in ids:
            self.assertEqual(200, self.call(server, "POST", f"/v1/runs/{run_id}/cancel").status)
        self.assertEqual(0, server.stop(), server.tail())

    def check_starts_full(self, disk):
        self.addCleanup(disk.remove)
        self.token = create_token(self.place.store)
        server = self.serve(disk.environment)
        ids = [f"r{i}" for i in range(5)]
        for run_id in ids:
            self.assertEqual(200, self.call(server, "POST", "/v1/runs", small_run(run_id)).status)
        for end in ("kill", "stop"):  # with a log to recover from, and without
            with self.subTest(end=end):
                getattr(server, end)()
                disk.fill()
                server = self.serve(disk.environment)
                changes, everything = self.watch(server, CHANGES), self.watch(server, "")
                wait_until(lambda w=everything: w.told == [SERVING], "health of reads")
                self.check_reads(server, ids)
                # After kill -9 there is still the room of the log's index.
                self.check_refused(self.create_large(server, "large"), "DISK_FULL")
                wait_until(lambda w=changes: w.told[-1:] == [NOT_SERVING], "health of changes")
                self.check_reads(server, ids)
                disk.free()
                wait_until(lambda w=changes: w.told[-1] == SERVING, "health afterwards")
                self.assertEqual([SERVING], everything.told)
                self.check_reads(server, ids)
                # The programs of this machine find the server again.
                done = runsctl("tokens", "list", "--store", self.place.store)
                self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(200, self.call(server, "POST", "/v1/runs/r1/cancel").status)
        self.assertEqual(0, server.stop(), server.tail())

    def test_a_disk_that_fills_up(self):
        self.check_fills_up_while_served(SmallDisk(self.place.path))

    def test_a_quota_that_is_used_up(self):
        self.check_fills_up_while_served(ShimDisk(self.place.path, errno.EDQUOT))

    def test_writes_that_find_no_space(self):
        self.check_fills_up_while_served(ShimDisk(self.place.path, errno.ENOSPC))

    def test_a_start_on_a_full_disk(self):
        self.check_starts_full(SmallDisk(self.place.path))

    def test_a_start_on_a_used_up_quota(self):
        self.check_starts_full(ShimDisk(self.place.path, errno.EDQUOT))

    def test_a_lock_held_from_outside(self):
        self.token = create_token(self.place.store)
        server = self.serve()
        self.assertEqual(200, self.call(server, "POST", "/v1/runs", small_run("r")).status)
        changes, everything = self.watch(server, CHANGES), self.watch(server, "")
        wait_until(lambda: changes.told == [SERVING] == everything.told, "the first status")
        foreign = sqlite3.connect(self.place.path / "runs.db", isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        self.check_refused(self.call(server, "POST", "/v1/runs/r/cancel"), "STORE_LOCKED")
        wait_until(lambda: changes.told == [SERVING, NOT_SERVING], "health of changes")
        self.check_reads(server, ["r"])
        self.assertEqual(1, len([l for l in server.lines if l["level"] == "error"]))
        foreign.rollback()
        foreign.close()
        wait_until(lambda: changes.told == [SERVING, NOT_SERVING, SERVING], "health afterwards")
        self.assertEqual([SERVING], everything.told)
        self.assertEqual(200, self.call(server, "POST", "/v1/runs/r/cancel").status)
        self.assertEqual(0, server.stop(), server.tail())
