import { defineConfig } from 'vite'

// Every file is one of its own under /assets: the policy of the page allows nothing inline, no data: address.
export default defineConfig({
  root: import.meta.dirname,
  logLevel: 'warn',
  // Whoever builds, a test as well, builds what is served.
  define: { 'process.env.NODE_ENV': '"production"' },
  oxc: { jsx: { runtime: 'automatic', development: false } },
  build: {
    outDir: 'dist/site',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:29005' } },
})
