/**
 * Real evidence: bundles, tarballs and signatures of published packages. It lies beside the repository and is never copied
 * into it; where it is not there, `realData()` is undefined and tests skip.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { list } from 'tar'
import { sriOf } from '../../plugin/domain/integrity.ts'
import { isObject, type Json, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from './fake-registry.ts'
import { NPM_PUBLISH, PrivateSigstore } from './private-sigstore.ts'
import { attestationsPath, tarballPath } from './registry/draft.ts'
import { shasumOf } from './tarball.ts'

/** One attestation (a row of INDEX.json). */
export interface EvidenceRow {
  /** Relative to the folder. */
  readonly file: string
  /** Which of the file's `attestations`; undefined when the file is one bundle. */
  readonly attestationIndex?: number
  readonly source: string
  readonly kind: 'npm-provenance' | 'npm-publish'
  readonly mediaType: string
  readonly tlogKinds: readonly string[]
  /** ISO 8601 */
  readonly integratedTime: string
  readonly predicateTypes: { readonly response?: string; readonly signed: string }
  readonly payloadType: string
  readonly buildType?: string
  readonly package: string
  readonly version: string
  /** hex, of the tarball */
  readonly sha512: string
  readonly tarball?: string
  readonly tarballMatches?: boolean
  readonly SAN?: string
  readonly issuer?: string
  readonly sourceRepositoryURI?: string
  readonly fulcio?: Readonly<Record<string, string>>
  readonly keyid?: string
  readonly error?: string
  /** What cryptography says: `valid`, or `fail:CODE`. */
  readonly expected: string
  /** What a mirror must say: `accept:…` or `reject:…`. */
  readonly strict: string
}

/** One registry signature (a row of signatures.json). */
export interface SignatureRow {
  readonly name: string
  readonly version: string
  readonly integrity: string
  readonly keyid: string
  readonly sig: string
  readonly attestations?: JsonObject
  /** Where it was seen; `derived negative: …` for one that must not verify. */
  readonly source: string
}
export const isNegative = (row: SignatureRow): boolean => row.source.startsWith('derived negative')

export interface RealData {
  readonly directory: string
  readonly evidence: readonly EvidenceRow[]
  readonly signatures: readonly SignatureRow[]
  read(file: string): Buffer
  /** The bundle of a row. */
  bundle(row: EvidenceRow): Json
}

const ROOT = path.resolve(import.meta.dirname, '../..')

/** The folder's contents, or undefined when it is not there. `VERDACCIO_PROVENANCE_DATA` names another place. */
export function realData(): RealData | undefined {
  const directory = process.env.VERDACCIO_PROVENANCE_DATA ?? path.resolve(ROOT, '../shared/data')
  if (!existsSync(path.join(directory, 'INDEX.json'))) return undefined
  const read = (file: string): Buffer => readFileSync(path.join(directory, file))
  const json = (file: string): Json => JSON.parse(read(file).toString()) as Json
  return {
    directory,
    evidence: json('INDEX.json') as unknown as readonly EvidenceRow[],
    signatures: json('signatures.json') as unknown as readonly SignatureRow[],
    read,
    bundle: (row) => {
      const document = json(row.file)
      return row.attestationIndex === undefined ? document : (attestationsOf(document)[row.attestationIndex]?.bundle ?? null)
    },
  }
}

const attestationsOf = (document: Json): readonly JsonObject[] =>
  isObject(document) && Array.isArray(document.attestations) ? (document.attestations as readonly JsonObject[]) : []

/** npm's own keys and the public-good root, as `@sigstore/tuf` carries them. */
export interface PublicTrust {
  readonly trustedRoot: JsonObject
  /** The TUF target that lists npm's keys. */
  readonly registryKeys: JsonObject
  /** The registry the target is of, as publish attestations name it. */
  readonly registry: string
}

export function publicTrust(): PublicTrust {
  const seeds = createRequire(import.meta.url)('@sigstore/tuf/seeds.json') as Readonly<
    Record<string, { readonly targets: Readonly<Record<string, string>> }>
  >
  const targets = Object.values(seeds)[0]?.targets ?? {}
  const name = Object.keys(targets).find((target) => decodeURIComponent(target).endsWith('/keys.json')) ?? ''
  const parse = (target: string): JsonObject => JSON.parse(Buffer.from(targets[target] ?? '', 'base64').toString()) as JsonObject
  return {
    trustedRoot: parse('trusted_root.json'),
    registryKeys: parse(name),
    registry: `https://${path.posix.dirname(decodeURIComponent(name))}`,
  }
}

/** Which form of the packages that exist spoiled too: all good, the provenance altered, or the publish attestation. */
export type Twin = 'good' | 'spoiled-provenance' | 'spoiled-publish'
const TWIN_SUFFIX: Readonly<Record<Twin, string>> = {
  good: '',
  'spoiled-provenance': '-invalidsigprov',
  'spoiled-publish': '-invalidsigpub',
}
const SLSA_VERIFIER = 'slsa-framework+slsa-verifier/cli/slsa-verifier/testdata/npm/gha/provenance-npm-test'

/** The files that hold one version's evidence each; a version of two files has one bundle in each. */
const replayed = (twin: Twin): readonly (readonly string[])[] => [
  ['mitchdenny+sigstore-dotnet/samples/data/playwright-cli-0.1.1-attestations.json'],
  [`${SLSA_VERIFIER}-cli-v02-prega${TWIN_SUFFIX[twin]}.tgz.json`],
  [`${SLSA_VERIFIER}-ossf${TWIN_SUFFIX[twin]}.tgz.json`],
  ['npm+cli/test/fixtures/sigstore/valid-sigstore-attestations.json'],
  ['npm+cli/test/fixtures/sigstore/valid-tuf-js-attestations.json'],
  ['npm+pacote/test/fixtures/sigstore/valid-attestations.json'],
  ['sigstore+sigstore-go/examples/bundle-publish.json', 'sigstore+sigstore-go/examples/bundle-provenance.json'],
]

/**
 * Serves the real packages as their registry would: packument from the tarball's package.json, real integrity, evidence as
 * published, a registry signature where one is known. Packages whose bytes are not there are listed, their tarballs 404.
 */
export async function replayRegistry(data: RealData, twin: Twin = 'good'): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create(), name: 'replay' })
  registry.keys = endpointKeys(publicTrust().registryKeys)
  for (const files of replayed(twin)) addReal(registry, data, files)
  return registry
}

function addReal(registry: FakeRegistry, data: RealData, files: readonly string[]): void {
  const rows = files.flatMap((file) => data.evidence.filter((row) => row.file === file))
  const row = rows[0]
  if (row === undefined) throw new Error(`no evidence listed for ${files.join(', ')}`)
  const ref = { name: row.package, version: row.version }
  const tarball = row.tarball === undefined ? undefined : data.read(row.tarball)
  const integrity = sriOf(row.sha512)
  const signature = data.signatures.find(
    (one) => one.name === ref.name && one.version === ref.version && one.integrity === integrity,
  )
  const provenance = rows.find(({ kind }) => kind === 'npm-provenance')
  const dist = {
    integrity,
    ...(tarball === undefined ? {} : { shasum: shasumOf(tarball) }),
    tarball: `${registry.url}${tarballPath(ref)}`,
    attestations: {
      url: `${registry.url}${attestationsPath({ ...ref, name: ref.name.replace('/', '%2f') })}`,
      ...(provenance === undefined ? {} : { provenance: { predicateType: provenance.predicateTypes.signed } }),
    },
    ...(signature === undefined ? {} : { signatures: [{ keyid: signature.keyid, sig: signature.sig }] }),
  }
  registry.add({
    ...ref,
    at: new Date(row.integratedTime),
    integrity,
    artifact: { ...ref, sha512: row.sha512 },
    manifest: { ...(tarball === undefined ? ref : packageJsonIn(path.join(data.directory, row.tarball ?? ''))), dist },
    tarball,
    document: documentOf(data, files, rows),
    rules: [],
    edits: [],
  })
}

/** The document as its file has it, or one made of bundles that lie apart. */
function documentOf(data: RealData, files: readonly string[], rows: readonly EvidenceRow[]): Json {
  const [file = ''] = files
  if (rows[0]?.attestationIndex !== undefined) return JSON.parse(data.read(file).toString()) as Json
  return {
    attestations: rows.map((row) => ({
      predicateType: row.kind === 'npm-publish' ? NPM_PUBLISH : row.predicateTypes.signed,
      bundle: data.bundle(row),
    })),
  }
}

function packageJsonIn(file: string): JsonObject {
  const chunks: Buffer[] = []
  list({
    file,
    sync: true,
    onReadEntry: (entry) => {
      if (entry.path === 'package/package.json') entry.on('data', (chunk: Buffer) => chunks.push(chunk))
    },
  })
  return JSON.parse(Buffer.concat(chunks).toString()) as JsonObject
}

interface TargetKeys {
  readonly keys: readonly {
    readonly keyId: string
    readonly keyUsage: string
    readonly publicKey: { readonly rawBytes: string; readonly validFor?: { readonly end?: string } }
  }[]
}

/** The keys target of TUF in the form of `/-/npm/v1/keys`. */
const endpointKeys = (target: JsonObject): JsonObject => ({
  keys: (target as unknown as TargetKeys).keys
    .filter(({ keyUsage }) => keyUsage === 'npm:signatures')
    .map(({ keyId, publicKey }) => ({
      expires: publicKey.validFor?.end ?? null,
      keyid: keyId,
      keytype: 'ecdsa-sha2-nistp256',
      scheme: 'ecdsa-sha2-nistp256',
      key: publicKey.rawBytes,
    })),
})
