#!/usr/bin/env node
// Runs the built command line; builds nothing and installs nothing.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
if (existsSync(main)) {
  await import(main)
} else {
  console.error('lethe is not built yet: run npm install && npm run build')
  process.exitCode = 2
}
