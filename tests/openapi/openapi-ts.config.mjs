export default {
  input: 'openapi.json',
  output: { path: 'hey', importFileExtension: '.js' },
  plugins: ['@hey-api/client-fetch'],
};
