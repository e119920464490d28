#!/usr/bin/env node
/** What an old Node can still read: it lacks modules that everything behind this imports. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const isSupported = (major === 22 && minor >= 22) || (major === 24 && minor >= 15) || major >= 26
if (!isSupported) {
  console.error(`verdaccio-provenance needs Node 22.22, 24.15, or 26 and later; this is ${process.versions.node}`)
  process.exit(2)
}
if (process.argv[2] === 'serve') {
  // Before anything else is loaded: it would grow meanwhile.
  const { keepTickShape } = await import('../keep-ticks.ts')
  keepTickShape()
  const { boundYoungGeneration } = await import('./heap.ts')
  boundYoungGeneration()
} else {
  const { keepCompiled } = await import('./compile-cache.ts')
  keepCompiled()
}
const { program } = await import('./program.ts')
await program.parseAsync()
