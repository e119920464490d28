import type { Request, Response } from 'express'
import type { TarballAnswer } from '../pipeline/pipeline.ts'
import { isFresh } from './respond.ts'

/**
 * Sends a verified tarball. It is on disk and complete, so Range and HEAD are Express's to answer; the ETag
 * is the digest, since the bytes under a version never change.
 */
export function sendTarball(
  request: Request,
  response: Response,
  { tarball, judgement }: Extract<TarballAnswer, { kind: 'served' }>,
): Promise<void> {
  const etag = `"${tarball.sha512.slice(0, 43)}"`
  response.setHeader('Content-Type', 'application/octet-stream')
  response.setHeader('ETag', etag)
  response.setHeader('Cache-Control', 'no-cache')
  if (judgement.verdict.outcome === 'warn')
    response.setHeader('npm-policy-warning', [...new Set(judgement.verdict.reasons.map(({ code }) => code))].join(' '))
  if (isFresh(request, etag, undefined)) {
    response.status(304).end()
    return Promise.resolve()
  }
  if (ignoresRange(request)) delete request.headers.range
  return new Promise((resolve, reject) => {
    response.sendFile(tarball.path, { etag: false, lastModified: false, cacheControl: false, dotfiles: 'allow' }, (error?: Error) => {
      // The client went away: nobody is left to tell.
      if (error === undefined || response.destroyed) resolve()
      else if ('status' in error && (error.status === 416 || error.status === 412)) resolve(void response.status(error.status).end())
      else reject(error)
    })
  })
}

/** RFC 9110, 14.2 and 13.1.5: parts are for GET, and for a strong validator; a file's sender knows neither. */
const ignoresRange = ({ method, headers }: Request): boolean => method !== 'GET' || String(headers['if-range']).startsWith('W/')
