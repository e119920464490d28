import path from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { placeholders } from './dev/placeholders.ts'

const BASE = '/-/provenance/'
/** While pages are worked on (`npm run dashboard`): a mirror that answers what they ask. */
const MIRROR = process.env.MIRROR ?? 'http://localhost:4873'

export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  // Relative: the mirror may stand in a sub-path, which its build does not know.
  base: command === 'build' ? './' : BASE,
  plugins: [react(), placeholders(BASE)],
  server: { proxy: Object.fromEntries([`${BASE}v1`, '/-/verdaccio', '/-/user'].map((where) => [where, { target: MIRROR, changeOrigin: true }])) },
  build: {
    outDir: path.resolve(import.meta.dirname, '../dist/dashboard'),
    emptyOutDir: true,
    target: 'es2023',
    manifest: 'manifest.json',
    // An inlined file would be a `data:` address, of which the content security policy allows images only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
}))
