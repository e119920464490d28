/** Publishing as clients do: the PUT of libnpmpublish (npm 11 and 12, pnpm 9 to 11, yarn 4), with its attachments. */
import type { Json, JsonObject } from '../../plugin/domain/json.ts'
import { provenanceStatement, type KeylessOptions, type PrivateSigstore, type WorkflowIdentity } from './private-sigstore.ts'
import { integrityOf, sha512Of, shasumOf, tarballOf, type Files } from './tarball.ts'

export interface PublishOptions {
  readonly name: string
  readonly version: string
  /** More of the package.json, in the tarball and in the document. */
  readonly manifest?: JsonObject
  readonly files?: Files
  readonly tag?: string
}

export interface Publish {
  readonly body: JsonObject
  readonly bytes: Buffer
}

/** The document npm sends for a version. */
export function publishBody({ name, version, manifest = {}, files = {}, tag = 'latest' }: PublishOptions): Publish {
  const pkg = { name, version, ...manifest }
  const bytes = tarballOf({ 'package/package.json': pkg, ...files })
  const file = `${name}-${version}.tgz`
  const dist = { integrity: integrityOf(bytes), shasum: shasumOf(bytes), tarball: `http://localhost:4873/${name}/-/${file}` }
  const attachment = { content_type: 'application/octet-stream', data: bytes.toString('base64'), length: bytes.length }
  return {
    bytes,
    body: {
      _id: name,
      name,
      'dist-tags': { [tag]: version },
      versions: { [version]: { ...pkg, _id: `${name}@${version}`, _nodeVersion: '24.0.0', _npmVersion: '11.0.0', dist } },
      access: null,
      _attachments: { [file]: attachment },
    },
  }
}

/** A bundle for a version: what its CI would have had signed. */
export const bundleFor = (sigstore: PrivateSigstore, { name, version }: PublishOptions, bytes: Uint8Array, identity: WorkflowIdentity, options?: KeylessOptions): JsonObject =>
  sigstore.keyless(provenanceStatement({ name, version, sha512: sha512Of(bytes) }, identity), identity, options) as unknown as JsonObject

/** With a bundle beside the tarball: raw JSON, and its length in UTF-16 units. */
export function withBundle({ body, bytes }: Publish, bundle: Json | string, name = sigstoreFile(body)): Publish {
  const data = typeof bundle === 'string' ? bundle : JSON.stringify(bundle)
  const attachment = { content_type: 'application/vnd.dev.sigstore.bundle.v0.3+json', data, length: data.length }
  return { bytes, body: { ...body, _attachments: { ...(body._attachments as JsonObject), [name]: attachment } } }
}

const sigstoreFile = ({ name, versions }: JsonObject): string => `${name as string}-${Object.keys(versions as JsonObject)[0] ?? ''}.sigstore`

/** Sends it, the slash of a scope encoded. */
export const sendPublish = (base: string, token: string | undefined, { body }: Pick<Publish, 'body'>, where = `/${(body.name as string).replace('/', '%2f')}`): Promise<Response> =>
  fetch(`${base}${where}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })
