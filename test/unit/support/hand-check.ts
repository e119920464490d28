/**
 * A version checked by hand against what an honest registry serves: no policy, no cache, every field compared exactly. It
 * shows that a good package is good, and that a fault is a fault, without the code under test elsewhere.
 */
import crypto from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import zlib from 'node:zlib'
import { bundleFromJSON } from '@sigstore/bundle'
import { toSignedEntity, type Verifier } from '@sigstore/verify'
import { parseIntegrity } from '../../../plugin/domain/integrity.ts'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { specOf, type PackageRef } from '../../../plugin/domain/package-ref.ts'
import type { RegistrySignature } from '../../../plugin/domain/packument.ts'
import type { FakeRegistry } from '../../support/fake-registry.ts'
import {
  NPM_PUBLISH,
  provenanceStatement,
  publishStatement,
  SLSA_V1,
  type Bundle,
  type WorkflowIdentity,
} from '../../support/private-sigstore.ts'
import { tarballPath } from '../../support/registry/draft.ts'
import { sha512Of } from '../../support/tarball.ts'
import { spkiKey } from './plain-verifier.ts'

const LIMIT = 1024 * 1024
const PROPERTIES = ['__proto__', 'constructor', 'hasOwnProperty']

interface Manifest {
  readonly name: string
  readonly version: string
  readonly dist: {
    readonly integrity?: string
    readonly tarball: string
    readonly signatures?: readonly RegistrySignature[]
    readonly attestations?: { readonly url: string; readonly provenance?: { readonly predicateType: string } }
  }
}

type Document = 'packument' | 'tarball' | 'attestations'
/** Milliseconds to wait for a document; only one that will not come is given up early. */
type Patience = Partial<Record<Document, number>>

/** What is wrong, as words; nothing for a version that is all it should be. */
export async function handCheck(
  registry: FakeRegistry,
  ref: PackageRef,
  identity: WorkflowIdentity,
  verifier: Verifier,
  patience: Patience = {},
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  const body = (url: string, word: Document, expected = url) => fetchBody(url, found, word, expected, patience[word] ?? 5000)
  const text = await body(`${registry.url}/${ref.name.replace('/', '%2f')}`, 'packument')
  if (text === undefined) return found
  if (/\[{100}/.test(text.toString())) found.add('packument-depth')
  const packument = JSON.parse(text.toString()) as Readonly<Record<'versions' | 'dist-tags', JsonObject>>
  const names = [ref.name, ...Object.keys(packument.versions), ...Object.keys(packument['dist-tags'])]
  if (names.some((name) => PROPERTIES.includes(name))) found.add('property')
  if (names.length > 10) found.add('many-versions')
  const manifest = packument.versions[ref.version] as unknown as Manifest
  if (manifest.name !== ref.name || manifest.version !== ref.version) found.add('manifest')
  const integrity = parseIntegrity(manifest.dist.integrity)
  if (integrity.state !== 'ok') found.add('integrity')
  checkSignatures(registry, ref, manifest, found)
  const first = await body(manifest.dist.tarball, 'tarball', registry.url + tarballPath(ref))
  const second = first && (await body(manifest.dist.tarball, 'tarball'))
  for (const bytes of [first, second])
    if (bytes && integrity.state === 'ok' && sha512Of(bytes) !== integrity.sha512) found.add('bytes')
  if (first) checkContents(first, manifest, found)
  if (integrity.state !== 'ok') return found
  const url = checkAnnouncement(registry, ref, manifest, found)
  const document = await body(url, 'attestations')
  if (document) checkAttestations(document, { ...ref, sha512: integrity.sha512 }, identity, verifier, found)
  return found
}

/** What an address answers with 200 in time and within the limit. */
async function fetchBody(
  url: string,
  found: Set<string>,
  word: Document,
  expected: string,
  ms: number,
): Promise<Buffer | undefined> {
  if (url !== expected) {
    found.add(`${word}-address`)
    return undefined
  }
  const chunks: Uint8Array[] = []
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ms), redirect: 'manual' })
    if (response.status !== 200 || response.body === null) {
      found.add(`${word}-status`)
      return undefined
    }
    let size = 0
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk)
      if ((size += chunk.length) > LIMIT) {
        found.add(`${word}-size`)
        return undefined
      }
    }
  } catch {
    found.add(`${word}-broken`)
    return undefined
  }
  return Buffer.concat(chunks)
}

function checkSignatures(registry: FakeRegistry, ref: PackageRef, { dist }: Manifest, found: Set<string>): void {
  const keys = registry.sigstore.registryKeys().keys as readonly {
    readonly keyid: string
    readonly key: string
    readonly expires: string | null
  }[]
  const signatures = dist.signatures ?? []
  if (signatures.length === 0) found.add('signature-absent')
  for (const { keyid, sig } of signatures) {
    const key = keys.find((one) => one.keyid === keyid)
    const signed = Buffer.from(`${specOf(ref)}:${dist.integrity ?? ''}`)
    if (key === undefined) found.add('signature-key')
    else if (key.expires !== null) found.add('signature-expired')
    else if (!crypto.verify('sha256', signed, spkiKey(key.key), Buffer.from(sig, 'base64'))) found.add('signature')
  }
}

/** Fields that decide an install, in package.json and in the packument. */
const DECIDING = ['name', 'version', 'dependencies', 'bin', 'scripts', 'os', 'cpu'] as const

function checkContents(bytes: Buffer, manifest: Manifest, found: Set<string>): void {
  let tar: Buffer
  try {
    tar = zlib.gunzipSync(bytes, { maxOutputLength: LIMIT })
  } catch {
    found.add('contents')
    return
  }
  const size = parseInt(tar.toString('latin1', 124, 135), 8)
  const inside = JSON.parse(tar.toString('utf8', 512, 512 + size)) as JsonObject
  const claimed = manifest as unknown as JsonObject
  if (DECIDING.some((field) => !isDeepStrictEqual(inside[field], claimed[field]))) found.add('contents')
}

function checkAnnouncement(registry: FakeRegistry, ref: PackageRef, { dist }: Manifest, found: Set<string>): string {
  if (dist.attestations?.provenance?.predicateType !== SLSA_V1) found.add('announcement')
  const url = `${registry.url}/-/npm/v1/attestations/${ref.name.replace('/', '%2f')}@${ref.version}`
  if (dist.attestations !== undefined && dist.attestations.url !== url) found.add('attestations-address')
  return url
}

function checkAttestations(
  text: Buffer,
  artifact: PackageRef & { readonly sha512: string },
  identity: WorkflowIdentity,
  verifier: Verifier,
  found: Set<string>,
): void {
  let document: { readonly attestations: readonly { readonly predicateType: string; readonly bundle: Bundle }[] }
  try {
    document = JSON.parse(text.toString()) as typeof document
    const types = document.attestations.map(({ predicateType }) => predicateType)
    if (!isDeepStrictEqual(types, [NPM_PUBLISH, SLSA_V1])) found.add('attestation-types')
  } catch {
    found.add('attestations-garbage')
    return
  }
  const expected = { [NPM_PUBLISH]: publishStatement(artifact), [SLSA_V1]: provenanceStatement(artifact, identity) }
  for (const { predicateType, bundle } of document.attestations) {
    const publish = predicateType === NPM_PUBLISH
    const word = publish ? 'publish' : 'provenance'
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString()
    const statement = expected[predicateType as keyof typeof expected] as JsonObject | undefined
    if (payload !== JSON.stringify(statement)) found.add(`${word}-statement`)
    if (bundle.dsseEnvelope.payloadType !== 'application/vnd.in-toto+json') found.add(`${word}-payload-type`)
    const { publicKey, certificate } = bundle.verificationMaterial
    if ((publicKey === undefined) === publish || (certificate !== undefined) === publish) found.add(`${word}-signer`)
    if (publish && publicKey?.hint !== bundle.dsseEnvelope.signatures[0]?.keyid) found.add(`${word}-keyid`)
    if (bundle.messageSignature !== undefined) found.add(`${word}-contents`)
    if (!/\.v0\.3\+|version=0\.2$/.test(bundle.mediaType)) found.add(`${word}-media-type`)
    try {
      const signer = verifier.verify(toSignedEntity(bundleFromJSON(bundle)))
      const certified = publish ? undefined : signer.identity
      if (certified && !isDeepStrictEqual(claims(certified.oids), wanted(identity))) found.add('identity')
    } catch (error) {
      const { code, name } = error as Error & { readonly code?: string }
      found.add(`${word}-${code ?? name}`)
    }
  }
}

const FULCIO = '1.3.6.1.4.1.57264.1.'
const claims = (oids: readonly { readonly oid: { readonly id: number[] } | undefined; readonly value: Buffer }[] = []) =>
  oids
    .map(({ oid, value }) => [oid?.id.join('.') ?? '', value] as const)
    .filter(([oid]) => oid.startsWith(FULCIO))
    .map(([oid, value]) => [Number(oid.slice(FULCIO.length)), value.toString('latin1')])

/** 1 to 6 raw, the rest with the two bytes that head a short UTF8String. */
const wanted = (identity: WorkflowIdentity) =>
  identity.extensions.map(([number, value]) => [number, number <= 6 ? value : `\x0c${String.fromCharCode(value.length)}${value}`])
