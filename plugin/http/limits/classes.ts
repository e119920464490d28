import { addressed } from '../route-class.ts'
import type { RatedClass } from '../../domain/measures.ts'

const LOGIN = /^\/-\/(?:user\/|v1\/login|npm\/v1\/(?:user|tokens)|verdaccio\/(?:-\/verdaccio\/)?sec\/)/
const API = /^\/-\/(?:provenance\/v1|verdaccio|npm|package|_view|org|team)\//
const CHECK = '/-/provenance/v1/check'
const READS = ['GET', 'HEAD']

/**
 * What a request is counted as, by its address alone: `uplink` for questions about packages, which count when an uplink had to be asked
 * for them. Undefined for what costs next to nothing: probes, pages, files of the web UI.
 * @param url without `url_prefix`
 */
export function limitedClass(method = '', url = ''): RatedClass | undefined {
  // Express takes routes in any case.
  const path = url.startsWith('/-/') ? url.toLowerCase() : url
  if (LOGIN.test(path)) return READS.includes(method) ? undefined : 'login'
  if (path.startsWith(CHECK)) return 'check'
  const { route, name } = addressed(method, path)
  switch (route) {
    case 'packument':
    case 'version':
    case 'tarball':
    case 'attestations':
      return 'uplink'
    case 'publish':
      return 'publish'
    case 'audit':
    case 'search':
      return 'query'
    case 'api':
      return 'api'
    case 'other':
      if (name !== undefined) return 'uplink'
      if (path.startsWith('/-/package/') && !READS.includes(method)) return 'publish'
      return API.test(path) ? 'api' : undefined
  }
}

/** Whether somebody says who he is by a password, which costs more to look at than anything else a stranger can send. */
export const bringsPassword = (authorization: string | undefined): boolean => authorization !== undefined && /^\s*basic\s/i.test(authorization)
