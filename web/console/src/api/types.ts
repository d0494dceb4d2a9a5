// What the API's messages look like in JSON, as far as the console reads them
// (protos/runs/v1). 64-bit integers are ExactNumber where JavaScript would round them.
import type { ExactNumber, Json, JsonObject } from './json';

export const STATUSES = ['running', 'waiting', 'success', 'failure', 'cancelled'] as const;
export type Status = (typeof STATUSES)[number];
export type Integer = number | ExactNumber;

export interface Lease {
  attempt: Integer;
  holder: string;
}

export interface Run {
  id: string;
  status: Status;
  workflowId: string;
  workflowVersion: Integer;
  startedAt: string;
  finishedAt?: string;
  stoppedAt?: string;
  lease?: Lease;
  dispatch?: 'external' | 'lease';
  onLeaseLoss?: 'reacquire' | 'failure';
  onTimeout?: Status;
  timeout?: string;
  waitingTimeout?: string;
  parentRunId?: string;
  sourceRunId: string;
  triggerSource: string;
  triggeredBy: string;
  totalCu: Integer;
  isDustTest: boolean;
  isSimulation: boolean;
  simulationMode: string;
  simulationForks: { chainId: Integer; forkId: string; rpcUrl: string }[];
  executionState: JsonObject | null;
  propValues: JsonObject | null;
  workflowDefinition: {
    nodes: JsonObject;
    inputSchema: { key: string; type: string; required: boolean; description: string }[];
    blockExpansions?: Json;
  };
}

export type EventKind =
  | 'created' | 'status_changed' | 'acquired' | 'released' | 'lease_lost' | 'stopped' | 'deleted';

export interface RunEvent {
  runId: string;
  sequence: Integer;
  revision: Integer;
  kind: EventKind;
  fromStatus?: Status;
  toStatus: Status;
  at: string;
  actor: string;
  reason: string;
  attempt: Integer;
  holder: string;
  requestId: string;
  remoteAddress: string;
}

/** A message of WatchRuns. */
export interface FeedItem {
  change?: RunEvent;
  snapshotRun?: { run: Run; sequence: Integer };
  snapshotEnd?: object;
  bookmark?: { revision: Integer; newestRevision: Integer; isCut?: boolean };
  cursor?: string;
  run?: Run;
}

export interface Caller {
  organizationId: string;
  name: string;
  scopes: string[];
  expiresAt?: string;
  replacedAt?: string;
  clientSan?: string;
}

export interface RunPage {
  runs: Run[];
  nextPageToken: string;
  watchCursor?: string;
}

export interface Counts {
  total: Integer;
  byStatus: { status: Status; count: Integer }[];
}

export interface RunFilter {
  status?: Status[];
  workflowId?: string;
  startedAfter?: string;
  startedBefore?: string;
}

export type BulkState = 'planning' | 'planned' | 'running' | 'done' | 'aborted';
export const OUTCOMES = ['cancelled', 'already_final', 'not_found', 'open'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface BulkCancel {
  id: string;
  state: BulkState;
  total: Integer;
  cancelled: Integer;
  alreadyFinal: Integer;
  notFound: Integer;
  open: Integer;
  sample?: string[];
  dryRun: boolean;
  cascade: boolean;
  filter?: RunFilter;
  actor: string;
  reason: string;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  expiresAt?: string;
}

export const isFinal = (status: Status): boolean => status !== 'running' && status !== 'waiting';
export const numberOf = (value: Integer | undefined): number => Number(value ?? 0);
