/** The fake upstream, a process of its own: `node upstream.ts PORT DIRECTORY REGISTRY`. Answers are made when first asked for and kept in memory. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Json, JsonObject } from '../../plugin/domain/json.ts'
import { PrivateSigstore } from '../../test/support/private-sigstore.ts'
import { encode, failure, pathOf } from '../../test/support/registry/answer.ts'
import type { Answer } from '../../test/support/registry/behaviour.ts'
import { abbreviate } from '../../test/support/registry/packument.ts'
import { CONTROL, type Counts, type Orders } from '../upstream/control.ts'
import { generate, type GeneratedPackage } from '../upstream/generated.ts'
import { RealPackages } from '../upstream/npm.ts'
import { SIGSTORE } from '../upstream/sigstore.ts'

const [port = '0', dir = '', registry = ''] = process.argv.slice(2)
const base = `http://127.0.0.1:${port}`
const sigstore = PrivateSigstore.create({ name: SIGSTORE })
const real = new RealPackages(dir, registry, sigstore)
const generated = new Map<string, GeneratedPackage | undefined>()
const encoded = new Map<string, Promise<Answer>>()
const revisions = new Map<string, number>()
const NOTHING: Counts = { packuments: 0, notModified: 0, tarballs: 0, attestations: 0 }
let counts = NOTHING
let delay = 0

http.createServer((request, response) => {
  void answer(request).catch((error: unknown) => failure(502, String(error))).then((done) => {
    if (delay === 0) send(response, done)
    else setTimeout(() => { send(response, done) }, delay)
  })
}).listen(Number(port), '127.0.0.1')

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, status === 304 ? headers : { ...headers, 'content-length': body.length })
  response.end(status === 304 ? undefined : body)
}

async function answer(request: IncomingMessage): Promise<Answer> {
  const where = pathOf(request.url ?? '/')
  if (where === CONTROL) return obey(JSON.parse(await text(request)) as Orders)
  if (where === '/-/npm/v1/keys') return encode(sigstore.registryKeys(), false, false)
  const [, spec] = /^\/-\/npm\/v1\/attestations\/(.+)$/.exec(where) ?? []
  if (spec !== undefined) {
    count('attestations')
    const at = spec.lastIndexOf('@')
    return encode(benchmark(spec.slice(0, at))?.attestations.get(spec.slice(at + 1)), false, false)
  }
  const [, tarballOf, file = ''] = /^\/((?:@[^/]+\/)?[^/@]+)\/-\/([^/]+)$/.exec(where) ?? []
  if (tarballOf !== undefined) {
    count('tarballs')
    return bytes(isGenerated(tarballOf) ? benchmark(tarballOf)?.tarballs.get(file) : await real.tarball(where))
  }
  const [, name] = /^\/((?:@[^/]+\/)?[^/@]+)$/.exec(where) ?? []
  return name === undefined ? failure(404, 'Not found') : packument(name, request)
}

async function packument(name: string, { headers }: IncomingMessage): Promise<Answer> {
  count('packuments')
  const abbreviated = headers.accept?.includes('application/vnd.npm.install-v1+json') === true
  const zip = headers['accept-encoding']?.includes('gzip') === true
  const key = `${name} ${String(revisions.get(name))} ${String(abbreviated)} ${String(zip)}`
  const making = encoded.get(key) ?? document(name).then((full) => encode(full === undefined || !abbreviated ? full : abbreviate(full), abbreviated, zip))
  encoded.set(key, making)
  const done = await making
  if (done.headers.etag === undefined || headers['if-none-match'] !== done.headers.etag) return done
  count('notModified')
  return { ...done, status: 304 }
}

async function document(name: string): Promise<JsonObject | undefined> {
  const full = isGenerated(name) ? benchmark(name)?.packument : await real.packument(name, base)
  const revision = revisions.get(name)
  return full === undefined || revision === undefined ? full : { ...full, readme: `revision ${revision}` , description: `revision ${revision}`, _rev: `${revision}-0`, time: touched(full.time, revision) }
}

/** Somebody published elsewhere: the modification time of the abbreviated form is another one too. */
const touched = (time: Json | undefined, revision: number): Json => ({ ...(time as JsonObject), modified: new Date(Date.UTC(2026, 0, 2) + revision * 1000).toISOString() })

const isGenerated = (name: string): boolean => name.startsWith('bench-')

function benchmark(name: string): GeneratedPackage | undefined {
  if (!generated.has(name)) generated.set(name, generate(name, base, sigstore))
  return generated.get(name)
}

const bytes = (body: Buffer | undefined): Answer =>
  body === undefined ? failure(404, 'Not found') : { status: 200, headers: { 'content-type': 'application/octet-stream', etag: `"${String(body.length)}"` }, body }

function count(what: keyof Counts): void {
  counts = { ...counts, [what]: counts[what] + 1 }
}

function obey(orders: Orders): Answer {
  delay = orders.delay ?? delay
  if (orders.touch !== undefined) revisions.set(orders.touch, (revisions.get(orders.touch) ?? 0) + 1)
  const told = counts
  if (orders.reset === true) counts = NOTHING
  return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(told)) }
}
