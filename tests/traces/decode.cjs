// Reads ExportTraceServiceRequests, a line of hex digits each, and prints them as JSON, a line
// each, by OpenTelemetry's own code. usage: node decode.cjs NODE_MODULES
const path = require("node:path");
const readline = require("node:readline");

const generated = path.join(process.argv[2],
    "@opentelemetry/otlp-transformer/build/src/generated/root.js");
const type = require(generated).opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;

const hex = (key, value) =>
    value && value.type === "Buffer" ? Buffer.from(value.data).toString("hex") : value;

readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const message = type.decode(Buffer.from(line, "hex"));
    const problem = type.verify(message);
    if (problem) throw new Error(problem);
    const object = type.toObject(message, { longs: String, bytes: Buffer, enums: String });
    console.log(JSON.stringify(object, hex));
});
