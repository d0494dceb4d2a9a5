// Loaded before cancel.mjs: console.log cuts nested objects, JSON does not.
console.log = (value) => process.stdout.write(JSON.stringify(value));
