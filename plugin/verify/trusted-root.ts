import { createHash, X509Certificate } from 'node:crypto'
import { crypto as sigstoreCrypto, X509Certificate as SigstoreCertificate } from '@sigstore/core'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { ConfigurationError, messageOf, type Problem } from '../domain/errors.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { TrustedInstance } from '../domain/ports.ts'
import { decodeBase64 } from './base64.ts'
import { isTimestamp } from './time.ts'

const MEDIA_TYPES = /^application\/vnd\.dev\.sigstore\.trustedroot(?:\+json;version=0\.[12]|\.v0\.[12]\+json)$/
const REMEDY = 'Give a trusted_root.json as the Sigstore instance publishes it'

/**
 * Reads a Sigstore trusted root (protobuf-specs, TrustedRoot) and checks what the library takes on trust: a log or CA without a
 * start of validity would be valid from the beginning of time, and an empty list would make later checks fail for nothing.
 * @returns the root in normal form: equal roots are equal text
 * @throws ConfigurationError with every problem found
 */
export function parseTrustedRoot(document: unknown, file: string): JsonObject {
  const problems: Problem[] = []
  if (!isObject(document)) throw new ConfigurationError(file, [{ path: '', message: 'is not a JSON object', remedy: REMEDY }])
  if (!MEDIA_TYPES.test(ownString(document, 'mediaType') ?? ''))
    problems.push({ path: 'mediaType', message: 'is not that of a trusted root', remedy: REMEDY })
  eachOf(document, 'tlogs', 1, problems, checkLog)
  eachOf(document, 'ctlogs', 1, problems, checkLog)
  eachOf(document, 'certificateAuthorities', 1, problems, checkAuthority)
  // Only Rekor v2 needs timestamps: an instance may have no authority for them.
  eachOf(document, 'timestampAuthorities', 0, problems, checkAuthority)
  if (problems.length > 0) throw new ConfigurationError(file, problems)
  return normalForm(document, file)
}

/** The library refuses in its own words what no check here looks at, such as the name of a hash algorithm it does not know. */
function normalForm(document: JsonObject, file: string): JsonObject {
  try {
    return TrustedRoot.toJSON(TrustedRoot.fromJSON(document)) as JsonObject
  } catch (cause) {
    throw new ConfigurationError(file, [{ path: '', message: `cannot be read: ${messageOf(cause)}`, remedy: REMEDY }], { cause })
  }
}

type Check = (entry: JsonObject, path: string, problems: Problem[]) => void

function eachOf(root: JsonObject, field: string, least: number, problems: Problem[], check: Check): void {
  const entries = own(root, field) ?? []
  if (!Array.isArray(entries)) {
    problems.push({ path: field, message: 'is not a list', remedy: REMEDY })
    return
  }
  if (entries.length < least) problems.push({ path: field, message: 'is empty', remedy: REMEDY })
  for (const [index, entry] of (entries as readonly Json[]).entries()) {
    const path = `${field}[${index}]`
    if (isObject(entry)) check(entry, path, problems)
    else problems.push({ path, message: 'is not an object', remedy: REMEDY })
  }
}

function checkLog(log: JsonObject, path: string, problems: Problem[]): void {
  const key = ownObject(log, 'publicKey') ?? {}
  // A checkpoint names the log by its address, and any text contains the empty one.
  if ((ownString(log, 'baseUrl') ?? '') === '') problems.push({ path: `${path}.baseUrl`, message: 'is missing', remedy: REMEDY })
  if ((decodeBase64(own(ownObject(log, 'logId') ?? {}, 'keyId'))?.length ?? 0) < 4)
    problems.push({ path: `${path}.logId.keyId`, message: 'is not a log id in base64', remedy: REMEDY })
  if (!isKey(key))
    problems.push({ path: `${path}.publicKey`, message: 'is not a public key that can verify here', remedy: REMEDY })
  checkValidity(ownObject(key, 'validFor'), `${path}.publicKey.validFor`, problems)
}

function isKey(key: JsonObject): boolean {
  const der = decodeBase64(own(key, 'rawBytes'))
  const details = ownString(key, 'keyDetails') ?? ''
  if (der === undefined || !/^(?:PKCS1_RSA_PKCS1V5|PKIX_(?:RSA_PKCS1V|ECDSA_P|ED25519$))/.test(details)) return false
  try {
    sigstoreCrypto.createPublicKey(der, details.includes('RSA_PKCS1V') ? 'pkcs1' : 'spki')
    return true
  } catch {
    // Not a key: the caller names the entry.
    return false
  }
}

function checkAuthority(authority: JsonObject, path: string, problems: Problem[]): void {
  const certificates = own(ownObject(authority, 'certChain') ?? {}, 'certificates')
  const chain = Array.isArray(certificates) ? (certificates as readonly Json[]).map(certificateOf) : []
  const where = `${path}.certChain.certificates`
  if (chain.length === 0) problems.push({ path: where, message: 'is empty', remedy: REMEDY })
  for (const [index, certificate] of chain.entries())
    if (certificate === undefined)
      problems.push({ path: `${where}[${index}]`, message: 'is not an X.509 certificate in base64 of its DER', remedy: REMEDY })
  if (chain.length > 0 && !chain.includes(undefined) && !chain.some(isSelfSigned))
    problems.push({ path: where, message: 'does not end in a self-signed root', remedy: 'Add the root to the chain' })
  checkValidity(ownObject(authority, 'validFor'), `${path}.validFor`, problems)
}

function certificateOf(entry: Json): X509Certificate | undefined {
  const der = isObject(entry) ? decodeBase64(own(entry, 'rawBytes')) : undefined
  if (der === undefined) return undefined
  try {
    const certificate = new X509Certificate(der)
    // The library that will verify with it reads more strictly.
    SigstoreCertificate.parse(Buffer.from(der))
    // A key that cannot be read is found out only when it is asked for.
    return certificate.publicKey.type === 'public' ? certificate : undefined
  } catch {
    // Not a certificate: the caller names the entry.
    return undefined
  }
}

const isSelfSigned = (certificate: X509Certificate | undefined): boolean =>
  certificate?.subject === certificate?.issuer && certificate?.verify(certificate.publicKey) === true

function checkValidity(validFor: JsonObject | undefined, path: string, problems: Problem[]): void {
  const start = own(validFor ?? {}, 'start')
  const end = own(validFor ?? {}, 'end') ?? undefined
  if (!isTimestamp(start))
    problems.push({
      path: `${path}.start`,
      message: 'is not a time',
      remedy: 'Say from when it is valid, as 2021-01-12T11:53:27Z',
    })
  if (end !== undefined && !isTimestamp(end))
    problems.push({ path: `${path}.end`, message: 'is not a time', remedy: 'Leave it out, or write it as 2022-12-31T23:59:59Z' })
  if (isTimestamp(start) && isTimestamp(end) && Date.parse(end) < Date.parse(start))
    problems.push({ path, message: 'ends before it starts', remedy: REMEDY })
}

const LISTS = { tlogs: 'tlog', ctlogs: 'ctlog', certificateAuthorities: 'ca', timestampAuthorities: 'tsa' } as const
export type AnchorKind = (typeof LISTS)[keyof typeof LISTS]

/** The digest of one entry of a root in normal form, its validity included. */
const anchorOf = (kind: AnchorKind, entry: Json): string =>
  `${kind}:${createHash('sha256').update(JSON.stringify(entry)).digest('hex')}`

/** The anchors of a root in normal form, list by list in its order. */
export const anchorsOfRoot = (root: Json): Readonly<Record<AnchorKind, readonly string[]>> => {
  const list = (field: keyof typeof LISTS): readonly string[] => {
    const entries = isObject(root) ? own(root, field) : undefined
    return Array.isArray(entries) ? (entries as readonly Json[]).map((entry) => anchorOf(LISTS[field], entry)) : []
  }
  return { tlog: list('tlogs'), ctlog: list('ctlogs'), ca: list('certificateAuthorities'), tsa: list('timestampAuthorities') }
}

/**
 * The anchors of an instance, as facts name them. One entry may stand in the roots of several instances (a log that two share): what
 * was verified under one of them says nothing of the others, so that the name is part of the anchor.
 */
export const anchorsOfInstance = ({ instance, trustedRoot }: TrustedInstance): ReturnType<typeof anchorsOfRoot> => {
  const { tlog, ctlog, ca, tsa } = anchorsOfRoot(trustedRoot)
  if (instance === undefined) return { tlog, ctlog, ca, tsa }
  const named = (anchors: readonly string[]): readonly string[] => anchors.map((anchor) => `${anchor}@${instance}`)
  return { tlog: named(tlog), ctlog: named(ctlog), ca: named(ca), tsa: named(tsa) }
}

/** An anchor as the root has it, and the instance it is of. */
export function splitAnchor(anchor: string): { readonly entry: string; readonly instance: string | undefined } {
  const [entry = '', instance] = anchor.split('@')
  return { entry, instance }
}
