import type { Request, RequestHandler } from 'express'
import type { BuiltPages } from './pages.ts'

interface Pages {
  readonly enabled: boolean
  readonly pages: () => BuiltPages | undefined
}

/**
 * A refused install prints the address of an explanation. Whoever opens that in a browser is shown the page; programs, which ask for JSON
 * or for anything, get the document. The page asks for it again, with the login of whoever looks: nothing is told here, and of a package
 * that is not there as little as of any other.
 */
export const pageForBrowsers =
  ({ enabled, pages }: Pages, base: (request: Request) => string): RequestHandler =>
  (request, response, next) => {
    response.vary('Accept')
    if (!enabled || request.accepts(['json', 'html']) !== 'html' || pages() === undefined) return next()
    const { package: name = '', version } = request.params
    const path = name.split('/').map(encodeURIComponent).join('/').replace(/^%40/, '@')
    const of = version === undefined ? '' : `/v/${encodeURIComponent(version)}`
    response.set('Cache-Control', 'no-store').redirect(303, `${base(request)}/-/provenance/packages/${path}${of}`)
  }
