/** Requests as npm sends them. */
export const ABBREVIATED = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*'
const AGENT = { 'User-Agent': 'npm/11.21.2 node/v24.21.0 linux x64 workspaces/false', 'Accept-Encoding': 'gzip,deflate' } as const
export const packumentHeaders = { ...AGENT, Accept: ABBREVIATED } as const
export const fullHeaders = { ...AGENT, Accept: 'application/json' } as const
export const tarballHeaders = { ...AGENT, Accept: '*/*' } as const

/** The same without compression. */
export const plain = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({ ...headers, 'Accept-Encoding': 'identity' })
