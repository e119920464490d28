/** What a browser has to load before it shows the first page. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { existsSync } from 'node:fs'
import { PAGES_DIR } from '../../support/dashboard-suite.ts'

interface Chunk {
  readonly file: string
  readonly css?: readonly string[]
  readonly imports?: readonly string[]
}

const LIMIT = 200 * 1024
const FIRST = ['index.html', 'src/pages/overview.tsx']

describe('dashboard: bundle', () => {
  let manifest: Readonly<Record<string, Chunk>>

  before(function () {
    if (existsSync(path.join(PAGES_DIR, 'manifest.json'))) manifest = JSON.parse(readFileSync(path.join(PAGES_DIR, 'manifest.json'), 'utf8')) as typeof manifest
    else if (process.env.CI === 'true') throw new Error('the dashboard is not built (npm run build)')
    else this.skip()
  })

  const filesOf = (entries: readonly string[]): ReadonlySet<string> => {
    const [files, open, seen] = [new Set(['index.html']), [...entries], new Set<string>()]
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const chunk = manifest[name]
      if (seen.has(name) || chunk === undefined) continue
      seen.add(name)
      for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file)
      open.push(...(chunk.imports ?? []))
    }
    return files
  }

  it('the first page takes less than 200 KB, gzipped, with all that it loads', () => {
    const sizes = [...filesOf(FIRST)].map((file) => [file, gzipSync(readFileSync(path.join(PAGES_DIR, file)), { level: 9 }).length] as const)
    const total = sizes.reduce((sum, [, size]) => sum + size, 0)
    assert.ok(sizes.length > 3 && total < LIMIT, JSON.stringify(sizes))
  })

  it('names no other host to load anything from, and has nothing inline that the content security policy refuses', () => {
    const html = readFileSync(path.join(PAGES_DIR, 'index.html'), 'utf8')
    assert.doesNotMatch(html, /(?:src|href)="(?:https?:)?\/\//)
    assert.doesNotMatch(html, /<script(?![^>]* src=)|<style|style="|onload=/)
    assert.match(html, /<base href="%BASE%">[^]*<meta name="csp-nonce" content="%NONCE%">/)
    for (const file of filesOf(Object.keys(manifest))) if (file.endsWith('.css')) assert.doesNotMatch(readFileSync(path.join(PAGES_DIR, file), 'utf8'), /@import|url\((?!["']?\.?\/?assets)/)
  })
})
