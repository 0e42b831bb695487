import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  // Links between files are relative: a proxy may put the server below a path.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    // Beside the server, which looks for it there; tools/build.js says where that is.
    outDir: '../dist/www',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  // `npm run console:dev` beside a running server.
  server: { proxy: { '/api': 'http://localhost:8000' } },
});
