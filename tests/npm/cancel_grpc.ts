// Cancels a run by the package runsd-grpc, twice under one key and once more; prints what it saw.
// Environment: ADDRESS, TOKEN, RUN.
import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { ErrorInfo } from 'runsd-grpc/google/rpc/error_details';
import { Status } from 'runsd-grpc/google/rpc/status';
import { RunStatus, runStatusToJSON, type Run } from 'runsd-grpc/runs/v1/run';
import { CancelRunRequest, RunsServiceClient } from 'runsd-grpc/runs/v1/runs_service';

const { ADDRESS, TOKEN, RUN } = process.env;
const runs = new RunsServiceClient(ADDRESS ?? '', credentials.createInsecure());

function cancel(requestId: string): Promise<Run> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${TOKEN}`);
  const request = CancelRunRequest.fromPartial({ id: RUN ?? '', requestId });
  return new Promise((resolve, reject) =>
    runs.cancelRun(request, metadata, { deadline: Date.now() + 60_000 }, (error, run) =>
      error ? reject(error) : resolve(run),
    ),
  );
}

function reason(error: ServiceError): string | undefined {
  for (const packed of error.metadata.get('grpc-status-details-bin'))
    for (const detail of Status.decode(packed as Buffer).details)
      if (detail.typeUrl.endsWith('/google.rpc.ErrorInfo'))
        return ErrorInfo.decode(detail.value).reason;
  return undefined;
}

const first = await cancel(`${RUN}-1`);
const version: bigint = first.workflowVersion;
const again = await cancel(`${RUN}-1`);
const other = await cancel(`${RUN}-2`).then(
  () => 'cancelled twice',
  (error: ServiceError) => reason(error),
);
// @ts-expect-error: there is no such field.
CancelRunRequest.fromPartial({ run: 'one' });
console.log(
  JSON.stringify({
    status: runStatusToJSON(first.status),
    isFinal: first.status === RunStatus.RUN_STATUS_CANCELLED,
    version: String(version),
    same: first.finishedAt?.nanos === again.finishedAt?.nanos,
    other,
  }),
);
runs.close();
