/** Fake registries made to look like others than npm's: what they leave out, where their tarballs are, whom they serve. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { isObject, ownObject, type JsonObject } from '../../../plugin/domain/json.ts'
import type { FakeRegistry } from '../fake-registry.ts'
import { mapValues } from './packument.ts'

/** Changes every version of a package, on its way out. */
export function editVersions(registry: FakeRegistry, name: string, change: (manifest: JsonObject, dist: JsonObject) => JsonObject): void {
  registry.edit(name, (packument) => ({
    ...packument,
    versions: mapValues(ownObject(packument, 'versions') ?? {}, (manifest) => (isObject(manifest) ? change(manifest, ownObject(manifest, 'dist') ?? {}) : manifest)),
  }))
}

export const without = (object: JsonObject, ...fields: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !fields.includes(key)))

/** GitHub Packages: no times, no evidence; a tarball's address is redirected to a signed one on another host. */
export function asGitHubPackages(registry: FakeRegistry, name: string, version: string, storage: string): { readonly asked: string; readonly signed: string } {
  const asked = `/download/${name}/${version}/${'ab'.repeat(20)}`
  const signed = `${storage}/npmregistry/1234?X-Amz-Expires=300&X-Amz-Signature=${'cd'.repeat(32)}`
  registry.edit(name, (packument) => without(packument, 'time'))
  editVersions(registry, name, (manifest, dist) => ({ ...manifest, dist: { ...without(dist, 'signatures', 'attestations'), tarball: registry.url + asked } }))
  registry.redirect(asked, signed)
  return { asked, signed }
}

/** JSR's npm registry: one scope, no evidence, few fields, and tarballs at an address of its own kind. */
export function asJsr(registry: FakeRegistry, name: string, version: string, bytes: Buffer): string {
  const address = `/~/11/${name}/${version}.tgz`
  registry.edit(name, (packument) => without(packument, '_id', '_rev', 'readme', 'maintainers', 'license'))
  editVersions(registry, name, ({ name: of, version: number, dependencies, type, exports }, { integrity, shasum }) => ({
    name: of,
    version: number,
    ...(dependencies === undefined ? {} : { dependencies }),
    ...(type === undefined ? {} : { type }),
    ...(exports === undefined ? {} : { exports }),
    dist: { integrity, shasum, tarball: registry.url + address },
  }))
  registry.behave(address, (response) => { response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes) })
  return address
}

/** Another registry under a path, which serves whoever has the token of the day, and tells no lengths. */
export interface CodeArtifact {
  readonly url: string
  token: string
  /** Status of each answer, in order. */
  readonly statuses: number[]
  close(): void
}

export async function startCodeArtifact(registry: FakeRegistry, token: string): Promise<CodeArtifact> {
  const prefix = '/npm/company-store'
  const statuses: number[] = []
  const own = { url: '', token, statuses, close: () => { server.closeAllConnections(); server.close() } }
  const server = http.createServer((request, response) => {
    void (async () => {
      const { url = '', headers } = request
      if (headers.authorization !== `Bearer ${own.token}`) {
        statuses.push(401)
        return response.writeHead(401, { 'www-authenticate': 'Bearer realm="store"' }).end()
      }
      if (!url.startsWith(`${prefix}/`)) return response.writeHead(404).end()
      const answer = await fetch(registry.url + url.slice(prefix.length), { headers: { accept: headers.accept ?? '*/*' } })
      const bytes = Buffer.from(await answer.arrayBuffer())
      const body = answer.headers.get('content-type')?.includes('json') === true ? Buffer.from(bytes.toString().replaceAll(registry.url, own.url)) : bytes
      statuses.push(answer.status)
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      // In pieces, so that Node cannot tell a length either.
      for (let at = 0; at < body.length; at += 65_536) response.write(body.subarray(at, at + 65_536))
      return response.end()
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  own.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}${prefix}`
  return own
}
