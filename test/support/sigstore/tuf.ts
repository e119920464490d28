import crypto from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import canonicalize from 'canonicalize'
import type { Json, JsonObject } from '../../../plugin/domain/json.ts'
import { sha256 } from './keys.ts'

/** A TUF repository on loopback. */
export interface TufServer {
  readonly url: string
  /** File with the repository's first root: what a client is given beforehand. */
  readonly rootPath: string
  /** A directory for this server's client, removed on close. */
  readonly directory: string
  /** Paths asked for, in order. */
  readonly hits: readonly string[]
  /** Replaces targets and publishes new metadata, one version up. */
  update(targets: Readonly<Record<string, Json | undefined>>, options?: { readonly expires?: Date }): void
  /** Publishes the next root, with a new key for the other roles; forged: by a key that no root before it named. */
  rotate(options?: { readonly forged?: boolean }): void
  /** Notes what is published now; the result puts it back, as a mirror that was rolled back or frozen has it. */
  snapshot(): () => void
  /** Signs metadata with a key that no root names. */
  forge(file: 'timestamp' | 'snapshot' | 'targets'): void
  /** Puts other bytes in place of a file. */
  replace(path: string, body: string): void
  /** While true, every connection is broken off. */
  down: boolean
  close(): Promise<void>
}

const canonical = (value: JsonObject): string => canonicalize(value) ?? ''

/** One key for every role: what is tested is the client's use of the repository, not the repository's ceremony. */
function signer() {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519')
  // The raw key in hex: TUF's canonical JSON and JCS differ only in escapes, and this has none (a PEM has line breaks).
  const key = {
    keytype: 'ed25519',
    scheme: 'ed25519',
    keyval: { public: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex') },
  }
  const keyid = sha256(canonical(key)).toString('hex')
  const signatureOf = (document: JsonObject): JsonObject => ({
    keyid,
    sig: crypto.sign(null, Buffer.from(canonical(document)), privateKey).toString('hex'),
  })
  const signed = (document: JsonObject): string => JSON.stringify({ signatures: [signatureOf(document)], signed: document })
  return { key, keyid, signatureOf, signed }
}

/** A root that `old` signs and names, with `fresh` for all other roles. */
function rootOf(old: ReturnType<typeof signer>, fresh: ReturnType<typeof signer>, version: number, expires: string): string {
  const roleOf = ({ keyid }: ReturnType<typeof signer>): JsonObject => ({ keyids: [keyid], threshold: 1 })
  return old.signed({
    _type: 'root',
    spec_version: '1.0.0',
    version,
    expires,
    consistent_snapshot: false,
    keys: { [old.keyid]: old.key, [fresh.keyid]: fresh.key },
    roles: { root: roleOf(old), timestamp: roleOf(fresh), snapshot: roleOf(fresh), targets: roleOf(fresh) },
  })
}

const fileOf = (text: string): JsonObject => ({
  length: Buffer.byteLength(text),
  hashes: { sha256: sha256(text).toString('hex') },
})

type Signed = ReturnType<typeof signer>['signed']

/** Metadata and targets by path (TUF specification, 4). */
function filesOf(signed: Signed, version: number, targets: ReadonlyMap<string, string>, expires: string): Map<string, string> {
  const common = { spec_version: '1.0.0', version, expires }
  const listed = Object.fromEntries([...targets].map(([name, text]) => [name, fileOf(text)]))
  const targetsJson = signed({ _type: 'targets', ...common, targets: listed })
  const snapshot = signed({ _type: 'snapshot', ...common, meta: { 'targets.json': { version, ...fileOf(targetsJson) } } })
  const timestamp = signed({ _type: 'timestamp', ...common, meta: { 'snapshot.json': { version, ...fileOf(snapshot) } } })
  return new Map([
    ['/timestamp.json', timestamp],
    ['/snapshot.json', snapshot],
    ['/targets.json', targetsJson],
    ...[...targets].map(([name, text]) => [`/targets/${name}`, text] as const),
  ])
}

/** Serves JSON targets from a fresh TUF repository. */
export async function serveTargets(initial: Readonly<Record<string, Json>>): Promise<TufServer> {
  const rootKey = signer()
  let online = rootKey
  const nextYear = new Date(Date.now() + 365 * 86_400_000)
  const seconds = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z')
  const rootJson = rootOf(rootKey, online, 1, seconds(nextYear))
  const roots = new Map([['/1.root.json', rootJson]])
  const targets = new Map<string, string>()
  let version = 0
  let files = new Map<string, string>()
  const update: TufServer['update'] = (changes, { expires = nextYear } = {}) => {
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) targets.delete(name)
      else targets.set(name, JSON.stringify(value))
    }
    version++
    files = new Map([...filesOf(online.signed, version, targets, seconds(expires)), ...roots])
  }
  const rotate: TufServer['rotate'] = ({ forged = false } = {}) => {
    const next = roots.size + 1
    const fresh = signer()
    roots.set(`/${next}.root.json`, rootOf(forged ? fresh : rootKey, fresh, next, seconds(nextYear)))
    online = fresh
    update({})
  }
  const forge: TufServer['forge'] = (file) => {
    const document = JSON.parse(files.get(`/${file}.json`) ?? '{}') as { readonly signed: JsonObject }
    files.set(`/${file}.json`, signer().signed({ ...document.signed, version: version + 1 }))
  }
  update(initial)

  const hits: string[] = []
  const server = http.createServer((request, response) => {
    const asked = decodeURIComponent(request.url ?? '')
    hits.push(asked)
    if (tuf.down) {
      request.socket.destroy()
      return
    }
    const body = files.get(asked)
    if (body === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const directory = mkdtempSync(path.join(tmpdir(), 'tuf-'))
  const rootPath = path.join(directory, 'root.json')
  writeFileSync(rootPath, rootJson)
  const tuf: TufServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rootPath,
    directory,
    hits,
    down: false,
    update,
    rotate,
    forge,
    replace: (file, body) => { files.set(file, body) },
    snapshot: () => {
      const then = new Map(files)
      return () => { files = then }
    },
    close: () =>
      new Promise<void>((resolve) => {
        rmSync(directory, { recursive: true, force: true })
        server.close(() => { resolve() })
        server.closeAllConnections()
      }),
  }
  return tuf
}
