import { defineConfig } from 'vite';

// All paths are relative, so that the console works below a path of a proxy's, too.
export default defineConfig({
  base: './',
  build: {
    target: 'es2022',
    assetsDir: 'console/assets', // as it is served
    assetsInlineLimit: 0, // the policy allows no data: but of images
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: 'console/assets/licenses.md' },
  },
});
