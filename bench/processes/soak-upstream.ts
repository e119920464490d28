/** The upstream of the soak: `node soak-upstream.ts PORT PACKAGES`. It answers as a registry does, and is told when packages change. */
import http, { type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { LRUCache } from 'lru-cache'
import { PrivateSigstore } from '../../test/support/private-sigstore.ts'
import { encode, failure, pathOf } from '../../test/support/registry/answer.ts'
import type { Answer } from '../../test/support/registry/behaviour.ts'
import { SoakPackages } from '../soak/packages.ts'
import { CHANGE, indexOf } from '../soak/plan.ts'
import { SIGSTORE } from '../upstream/sigstore.ts'

const [port = '0', count = '0'] = process.argv.slice(2)
const sigstore = PrivateSigstore.create({ name: SIGSTORE })
const packages = new SoakPackages(`http://127.0.0.1:${port}`, sigstore)
const encoded = new LRUCache<string, Answer>({ max: 3000 })

http.createServer((request, response) => {
  void answer(request).catch((error: unknown) => failure(502, String(error))).then(({ status, headers, body }) => {
    response.writeHead(status, status === 304 ? headers : { ...headers, 'content-length': body.length })
    response.end(status === 304 ? undefined : body)
  })
}).listen(Number(port), '127.0.0.1')

async function answer(request: IncomingMessage): Promise<Answer> {
  const where = pathOf(request.url ?? '/')
  if (where === CHANGE) return change(JSON.parse(await text(request)) as { readonly touch: readonly number[]; readonly at: string })
  if (where === '/-/npm/v1/keys') return encode(sigstore.registryKeys(), false, false)
  const [, name = '', spec] = /^\/-\/npm\/v1\/attestations\/(.+)@([^@]+)$/.exec(where) ?? []
  const attested = existing(name)
  if (spec !== undefined) return attested === undefined ? failure(404, 'Not found') : encode(packages.attestations(attested, spec), false, false)
  const [, tarballOf = '', file] = /^\/((?:@[^/]+\/)?[^/@]+)\/-\/([^/]+)$/.exec(where) ?? []
  const owner = existing(tarballOf)
  const body = file === undefined || owner === undefined ? undefined : packages.tarball(owner, file)
  if (body !== undefined) return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body }
  const index = existing(where.slice(1))
  return index === undefined ? failure(404, 'Not found') : packument(index, request)
}

function packument(index: number, { headers }: IncomingMessage): Answer {
  const zip = headers['accept-encoding']?.includes('gzip') === true
  const key = `${index} ${packages.revision(index)} ${String(zip)}`
  // Signatures are drawn anew each time: an answer that was forgotten would be another document otherwise.
  const etag = `"${index}-${packages.revision(index)}${zip ? '-gz' : ''}"`
  if (headers['if-none-match'] === etag) return { status: 304, headers: { etag }, body: Buffer.alloc(0) }
  const known = encoded.get(key)
  if (known !== undefined) return known
  const made = encode(packages.packument(index), false, zip)
  const done = { ...made, headers: { ...made.headers, etag } }
  encoded.set(key, done)
  return done
}

function existing(name: string): number | undefined {
  const index = indexOf(name)
  return index !== undefined && index < Number(count) ? index : undefined
}

function change({ touch, at }: { readonly touch: readonly number[]; readonly at: string }): Answer {
  for (const index of touch) packages.change(index, at)
  return { status: 200, headers: {}, body: Buffer.alloc(0) }
}
