/** Tarballs and the package.json inside: what this mirror reads there is what npm's own reader finds. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { list } from 'tar'
import { isObject } from '../../../plugin/domain/json.ts'
import { NotATarball } from '../../../plugin/domain/ports.ts'
import { parseBothWays } from '../../../plugin/domain/strict-json.ts'
import { compareManifests } from '../../../plugin/enforce/compare.ts'
import { npmPath } from '../../../plugin/enforce/entry-path.ts'
import { readInstallManifest } from '../../../plugin/enforce/manifest.ts'
import { createTarballInspector } from '../../../plugin/enforce/tarball.ts'
import { tarballOf } from '../../support/tarball.ts'
import { must, orRefused, type Target } from '../target.ts'

const PACKAGE = {
  ...{ name: 'widget', version: '1.0.0', bin: { widget: './cli.js' }, scripts: { postinstall: 'node setup.js', test: 'mocha' } },
  ...{ dependencies: { left: '^1.0.0', right: 'npm:x@1' }, optionalDependencies: { right: '2' }, peerDependencies: { p: '*' } },
  ...{ bundleDependencies: ['left'], engines: { node: '>=20' }, os: ['linux'], cpu: ['!arm'], repository: { url: 'git+https://github.com/acme/widget.git' } },
}
const BLOCK = 512
const inspector = createTarballInspector({ unpacked: 4 * 1024 ** 2 })

let folder: string | undefined
function fileWith(bytes: Buffer): string {
  if (folder === undefined) {
    const made = mkdtempSync(path.join(tmpdir(), 'fuzz-'))
    folder = made
    process.once('exit', () => { rmSync(made, { recursive: true, force: true }) })
  }
  const file = path.join(folder, 'input')
  writeFileSync(file, bytes)
  return file
}

const tar = (files: Parameters<typeof tarballOf>[0]): Buffer => gunzipSync(tarballOf(files))

/** A pax header in front of a member (POSIX.1-2024, pax). */
function withPax(archive: Buffer, records: readonly string[]): Buffer {
  const body = Buffer.from(records.map(record).join(''))
  const meta = tar({ 'PaxHeader/package.json': body }).subarray(0, BLOCK * (1 + Math.ceil(body.length / BLOCK)))
  meta.write('x', 156)
  return mended(Buffer.concat([meta, archive]))
}
function record(text: string): string {
  const length = text.length + 2
  return `${String(length + String(length + 2).length)} ${text}\n`
}

/** Checksums made right where a header may stand: without that no change would get past the first look. */
function mended(archive: Buffer): Buffer {
  const copy = Buffer.from(archive)
  for (let at = 0; at + BLOCK <= copy.length; at += BLOCK) {
    const block = copy.subarray(at, at + BLOCK)
    if (block.toString('latin1', 257, 262) !== 'ustar') continue
    block.write('        ', 148)
    block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148)
  }
  return copy
}

/** The package.json files npm's reader finds at the root, the last of which it would leave there. */
function asNpmReads(file: string): { readonly manifests: readonly Buffer[]; readonly files: ReadonlySet<string> } {
  const manifests: Buffer[] = []
  const files = new Set<string>()
  list({
    file,
    sync: true,
    onReadEntry: (member) => {
      if (member.type !== 'File' && member.type !== 'OldFile') return
      files.add(npmPath(member.path))
      if (npmPath(member.path) !== 'package.json') return
      const chunks: Buffer[] = []
      member.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)))
      member.on('end', () => manifests.push(Buffer.concat(chunks)))
    },
  })
  return { manifests, files }
}

const tarball: Target = {
  name: 'tarball',
  kind: 'bytes',
  seeds: () => [
    tar({ 'package/package.json': PACKAGE, 'package/index.js': 'x', 'package/binding.gyp': '{}' }),
    withPax(tar({ 'package/package.json': PACKAGE }), ['path=package/package.json', 'comment=x']),
    withPax(tar({ 'package/other.json': PACKAGE }), ['path=package/package.json']),
    tarballOf({ 'package/package.json': PACKAGE }),
  ],
  words: ['package/package.json', 'package/../package.json', 'PACKAGE.JSON', 'package\\package.json', 'ustar', '0000644', '\0', '1', '2', '5', 'x', 'L', '\u017f', 'path=', '11 path=a\n'],
  covers: ['enforce/tarball.ts', 'enforce/tar-structure.ts', 'enforce/pax.ts', 'enforce/entry-path.ts', 'enforce/manifest.ts'],
  quick: 250,
  longest: 16 * 1024,
  mend: (input) => (input[0] === 0x1f ? input : mended(input)),
  run: async (input) => {
    const file = fileWith(input[0] === 0x1f && input[1] === 0x8b ? input : gzipSync(input, { level: 1 }))
    let manifest
    try {
      manifest = await inspector.inspect(file)
    } catch (error) {
      if (error instanceof NotATarball) return
      throw error
    }
    const { manifests, files } = asNpmReads(file)
    must(manifests.length === 1, `npm's reader finds ${manifests.length} of the one package.json`)
    const read = readInstallManifest(manifests[0] ?? Buffer.alloc(0), files)
    must(JSON.stringify(read) === JSON.stringify(manifest), 'another package.json than npm\'s reader finds')
  },
}

const packageJson: Target = {
  name: 'package-json',
  kind: 'json',
  seeds: () => [
    JSON.stringify(PACKAGE),
    JSON.stringify({ name: 'widget', version: 'v1.0', bin: 'cli.js', dependencies: ['a >=1', 'b@2'], engines: ['node >= 0.4'], directories: { bin: 'bin' }, gypfile: false }),
    '{"name":"widget","version":"1.0.0","scripts":{"install":"a","install":"b"}}',
  ],
  words: ['bundledDependencies', 'bundleDependencies', 'peerDependenciesMeta', 'optional', 'install', 'preinstall', '../x', 'node_modules/.bin/x', 'git+https://github.com/a/b', 'directories', ' >=1 ', '"name":"x",'],
  covers: ['enforce/manifest.ts', 'enforce/bin.ts', 'enforce/compare.ts', 'enforce/git-spec.ts', 'domain/strict-json.ts'],
  quick: 800,
  run: (input) => {
    const manifest = orRefused(() => readInstallManifest(input, new Set(['bin/x', 'index.js'])), NotATarball)
    if (manifest === undefined) return
    const { last, first } = parseBothWays(new TextDecoder().decode(input))
    if (!isObject(last) || first !== last || typeof last.version !== 'string') return
    const version = { version: last.version, raw: last, dist: { integrity: undefined, shasum: undefined, tarball: undefined, signatures: undefined, attestations: undefined } }
    const reasons = compareManifests(version, readInstallManifest(input, new Set()))
    must(reasons.length === 0, `a manifest that contradicts itself: ${reasons[0]?.message ?? ''}`)
  },
}

export const TARBALL_TARGETS: readonly Target[] = [tarball, packageJson]
