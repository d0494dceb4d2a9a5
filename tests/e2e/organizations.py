"""What tests of retention, organizations and the audit share: the calls of an administrator of
organizations, and stores whose events are made older."""

import contextlib
import sqlite3

import grpc

import stubs
from harness import DEADLINE_S, create_token
from leases import Refused

pb = stubs.organizations_pb2

SCOPES = "runs.read,runs.cancel,runs.create,runs.report,runs.delete"
HOUR_S = 3600


def user_token(store, org="acme", name="tester"):
    """A token that may do everything with the organization's runs."""
    return create_token(store, org=org, scopes=SCOPES, name=name)


def admin_token(store, org="keepers"):
    return create_token(store, org=org, scopes="organizations.admin", name="keeper")


class Admin:
    """Calls OrganizationsService as one token."""

    def __init__(self, address, token):
        self.channel = grpc.insecure_channel(
            address, options=(("grpc.use_local_subchannel_pool", 1),))
        self.stub = stubs.organizations_grpc.OrganizationsServiceStub(self.channel)
        self.metadata = stubs.bearer(token)

    def close(self):
        self.channel.close()

    def call(self, method, **fields):
        try:
            request = getattr(pb, f"{method}Request")(**fields)
            return getattr(self.stub, method)(request, metadata=self.metadata, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            raise Refused(error) from None

    def get(self, name):
        return self.call("GetOrganization", name=name)

    def freeze(self, name):
        return self.call("FreezeOrganization", name=name)

    def unfreeze(self, name):
        return self.call("UnfreezeOrganization", name=name)

    def stats(self):
        return self.call("GetStoreStats")

    def delete(self, name):
        """Repeats the call until it is done; returns how many runs were deleted."""
        deleted = 0
        while True:
            reply = self.call("DeleteOrganization", name=name)
            deleted += reply.deleted_runs
            if reply.done:
                return deleted

    def export(self, name):
        """All messages, as (what it is, the message of it)."""
        try:
            return [(m.WhichOneof("item"), getattr(m, m.WhichOneof("item")))
                    for m in self.stub.ExportOrganization(
                        pb.ExportOrganizationRequest(name=name), metadata=self.metadata,
                        timeout=DEADLINE_S)]
        except grpc.RpcError as error:
            raise Refused(error) from None


def counts(messages):
    """{status: count} of StatusCounts, without those of which there is none."""
    words = stubs.run_pb2.RunStatus
    return {words.Name(c.status).removeprefix("RUN_STATUS_").lower(): c.count
            for c in messages if c.count}


@contextlib.contextmanager
def opened(store):
    """The store's file, which no server has open."""
    with contextlib.closing(sqlite3.connect(store.removeprefix("sqlite:"))) as file:
        yield file
        file.commit()


def make_older(store, seconds, newest_revision, organization="acme"):
    """Has the organization's events up to the revision, and the runs that have none behind it, be
    that much older. The other events of the store must be younger."""
    with opened(store) as file:
        (newest,) = file.execute(
            "SELECT max(event_key) FROM event WHERE organization=? AND revision<=?",
            (organization, newest_revision)).fetchone()
        by = (round(seconds * 1e6), newest)
        file.execute("UPDATE event SET at=at-?1 WHERE event_key<=?2", by)
        file.execute("UPDATE run SET started_at=started_at-?1, updated_at=updated_at-?1"
                     " WHERE newest_event<=?2", by)


def rows_of(store, organization):
    """{table: rows} of all tables that have rows of the organization."""
    with opened(store) as file:
        tables = [name for (name,) in file.execute(
            "SELECT name FROM sqlite_schema WHERE type='table'")]
        found = {}
        for table in tables:
            columns = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
            column = "organization" if "organization" in columns else "name"
            if column not in columns:
                continue
            (count,) = file.execute(f"SELECT count(*) FROM {table} WHERE {column}=?",
                                    (organization,)).fetchone()
            if count:
                found[table] = count
        return found
