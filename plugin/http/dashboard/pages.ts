/** The dashboard's pages: files that the build made, under `/-/provenance/`. They hold no data, so they need no login. */
import { hash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Request, Response } from 'express'
import { encodingFor, isFresh } from '../respond.ts'

/** What the build made, by the name in the address: no path is ever made of one. */
export interface BuiltPages {
  readonly index: string
  /** `assets/`: each name has the digest of what is in it. */
  readonly assets: ReadonlyMap<string, Asset>
  /** Beside `index.html`. */
  readonly others: ReadonlyMap<string, Asset>
}

interface Asset {
  readonly type: string
  readonly etag: string
  readonly identity: Buffer
  /** Undefined where it would not be smaller. */
  readonly gzip: Buffer | undefined
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
}

/** Undefined where nobody built them: a checkout of the source. */
export function readPages(directory: string): BuiltPages | undefined {
  let index: string
  try {
    index = readFileSync(path.join(directory, 'index.html'), 'utf8')
  } catch {
    return undefined
  }
  return { index, assets: assetsIn(path.join(directory, 'assets')), others: assetsIn(directory) }
}

function assetsIn(directory: string): ReadonlyMap<string, Asset> {
  if (!existsSync(directory)) return new Map()
  const files = readdirSync(directory, { withFileTypes: true }).filter((file) => file.isFile() && Object.hasOwn(TYPES, path.extname(file.name)))
  return new Map(files.map(({ name }) => [name, assetOf(path.join(directory, name))]))
}

function assetOf(file: string): Asset {
  const identity = readFileSync(file)
  const gzip = gzipSync(identity, { level: 9 })
  return {
    type: TYPES[path.extname(file)] ?? 'application/octet-stream',
    etag: hash('sha256', identity, 'base64url').slice(0, 27),
    identity,
    gzip: gzip.length < identity.length ? gzip : undefined,
  }
}

export type Pages = (request: Request, response: Response) => void

const NONCE = '%NONCE%'
const BASE = '%BASE%'

/** The page, whatever the address below: its routes are the browser's. `baseOf` is the mirror's address for whoever asks. */
export const indexPage =
  (pages: () => BuiltPages | undefined, baseOf: (request: Request) => string): Pages =>
  (request, response) => {
    const nonce = randomBytes(16).toString('base64')
    secure(response, nonce)
    // Verdaccio lets any site read its answers; a page is for the browser that asked for it.
    response.removeHeader('Access-Control-Allow-Origin')
    response.setHeader('Cache-Control', 'no-store')
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    const base = `${new URL(baseOf(request)).pathname.replace(/\/$/, '')}/-/provenance/`
    const html = pages()?.index ?? NOT_BUILT
    response.status(200).end(html.replaceAll(NONCE, escaped(nonce)).replaceAll(BASE, escaped(base)))
  }

/** What the page loads. */
export const assetFile =
  (pages: () => BuiltPages | undefined, from: 'assets' | 'others'): Pages =>
  (request, response) => {
    const asset = pages()?.[from].get(request.params.file ?? '')
    response.setHeader('X-Content-Type-Options', 'nosniff')
    if (asset === undefined) return void response.status(404).set('Cache-Control', 'no-store').json({ error: 'no such file' })
    const encoding = asset.gzip === undefined ? 'identity' : encodingFor(request)
    const etag = `"${asset.etag}${encoding === 'gzip' ? '-gz' : ''}"`
    response.setHeader('Cache-Control', from === 'assets' ? 'public, max-age=31536000, immutable' : 'no-cache')
    response.setHeader('ETag', etag)
    response.setHeader('Vary', 'Accept-Encoding')
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
    // An image opened by itself is a document, and may hold scripts.
    response.setHeader('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox")
    response.removeHeader('Access-Control-Allow-Origin')
    if (isFresh(request, etag, undefined)) return void response.status(304).end()
    const bytes = encoding === 'gzip' && asset.gzip !== undefined ? asset.gzip : asset.identity
    response.setHeader('Content-Type', asset.type)
    if (encoding === 'gzip') response.setHeader('Content-Encoding', 'gzip')
    // Verdaccio's compression would send something else under this ETag.
    else request.headers['accept-encoding'] = 'identity'
    response.setHeader('Content-Length', bytes.length)
    response.status(200).end(request.method === 'HEAD' ? undefined : bytes)
  }

function secure(response: Response, nonce: string): void {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "base-uri 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  response.setHeader('Content-Security-Policy', policy.join('; '))
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.setHeader('Referrer-Policy', 'no-referrer')
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
  response.setHeader('X-Frame-Options', 'DENY')
  response.setHeader('Permissions-Policy', 'camera=(), geolocation=(), microphone=()')
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')

const NOT_BUILT = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>verdaccio-provenance</title><base href="${BASE}"></head>
<body>
<h1>The dashboard is not built</h1>
<p>This mirror runs from its source. Build the dashboard with <code>npm run build</code> and load this page again.</p>
</body>
</html>
`
