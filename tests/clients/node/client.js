// Creates a run, cancels it, cancels it again, creates one with a plain object for a Struct,
// and cancels one that is not there; prints one line of JSON for each call.
// Arguments: address, script/protos' folder. Environment: TOKEN, RUN (JSON).
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, folder] = process.argv.slice(2);
const options = { longs: String, enums: String, includeDirs: [folder] };
const definition = loader.loadSync(
  ['runs/v1/runs_service.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'],
  options,
);
const { RunsService } = grpc.loadPackageDefinition(definition).runs.v1;
const client = new RunsService(address, grpc.credentials.createInsecure());

const metadata = new grpc.Metadata();
metadata.set('authorization', `Bearer ${process.env.TOKEN}`);

function call(method, request) {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + 30000;
    client[method](request, metadata, { deadline }, (error, reply) =>
      error ? reject(error) : resolve(reply),
    );
  });
}

// A JavaScript object as a google.protobuf.Struct.
function struct(object) {
  const fields = {};
  for (const [key, item] of Object.entries(object)) fields[key] = value(item);
  return { fields };
}

function value(item) {
  if (item === null) return { nullValue: 'NULL_VALUE' };
  if (Array.isArray(item)) return { listValue: { values: item.map(value) } };
  if (typeof item === 'object') return { structValue: struct(item) };
  return { [`${typeof item === 'boolean' ? 'bool' : typeof item}Value`]: item };
}

function messageOf(json) {
  const definition = json.workflowDefinition;
  return {
    ...json,
    executionState: struct(json.executionState),
    propValues: struct(json.propValues),
    workflowDefinition: {
      ...definition,
      blockExpansions: struct(definition.blockExpansions),
      nodes: struct(definition.nodes),
    },
  };
}

// The google.rpc.ErrorInfo of an error.
function errorInfo(error) {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const status = definition['google.rpc.Status'].deserialize(bytes);
  for (const detail of status.details) {
    if (detail.type_url.endsWith('/google.rpc.ErrorInfo')) {
      return definition['google.rpc.ErrorInfo'].deserialize(detail.value);
    }
  }
  throw new Error('the status has no ErrorInfo');
}

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function printFailure(name, promise) {
  try {
    await promise;
  } catch (error) {
    print({ call: name, code: error.code, message: error.details, info: errorInfo(error) });
    return;
  }
  throw new Error(`${name} did not fail`);
}

async function main() {
  const created = await call('CreateRun', { run: messageOf(JSON.parse(process.env.RUN)) });
  print({ call: 'create', run: created });
  print({ call: 'cancel', run: await call('CancelRun', { id: created.id }) });
  await printFailure('cancel again', call('CancelRun', { id: created.id }));
  // What docs/CLIENTS.md warns of.
  const run = { ...messageOf(JSON.parse(process.env.RUN)), executionState: { step: 1 } };
  print({ call: 'create of a plain object', run: await call('CreateRun', { run }) });
  await printFailure('missing', call('CancelRun', { id: 'there-is-none' }));
  client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
