import hostedGitInfo from 'hosted-git-info'

/** Longer than any address; hosted-git-info keeps what it was asked in memory. */
const MAX_TEXT = 2048
/** What the known hosts allow in names. Anything else could be decoded or folded into the name of another repository. */
const PATH = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w.~-]+(?:\/[\w.~-]+)*$/
/** What lies inside a GitLab project stands behind `/-/`; hosted-git-info knows no such address. */
const GITLAB_INSIDE = /^((?:git\+)?https?:\/\/(?:www\.)?gitlab\.com\/[^#]*?)\/-\/.*$/
/** Whoever follows the address goes up from there, so that what stands in front of them is not where it leads. */
const GOES_UP = /(?:^|[\\/:])(?:\.|%2e){2}(?:[\\/?#]|$)/i
const PROTOCOLS: ReadonlySet<string> = new Set(['https:', 'http:', 'git:', 'ssh:', 'git+https:', 'git+http:', 'git+ssh:'])

/**
 * The repository that a package.json names, as the address a certificate would name it by: `https://host/path` without user,
 * `.git`, fragment and what lies inside of it (`/tree/main/packages/ui`). Knows every spelling npm knows (hosted-git-info):
 * `github:user/repo`, `user/repo`, `git@host:user/repo`, `git+ssh://…`. What is no address stays as it stands.
 */
export function repositoryAddress(text: string): string {
  const spelled = text.trim()
  // URLs are read without tabs and line breaks (WHATWG, basic URL parser).
  if (spelled.length > MAX_TEXT || GOES_UP.test(spelled.replace(/[\t\n\r]/g, ''))) return text
  return known(spelled) ?? anyHost(spelled) ?? text
}

function known(text: string): string | undefined {
  const host = hostedGitInfo.fromUrl(text.replace(GITLAB_INSIDE, '$1'))
  if (host === undefined) return undefined
  // The types leave out that a gist has no owner.
  const path = [host.user as string | null, host.project].filter((part) => part !== null && part !== '').join('/')
  return PATH.test(path) ? addressOf(host.domain, path) : undefined
}

/** A host nobody knows: only the spelling of the address is known, not what lies inside a repository there. */
function anyHost(text: string): string | undefined {
  const url = URL.parse(text) ?? URL.parse(scpStyle(text))
  if (url === null || !PROTOCOLS.has(url.protocol) || url.hostname === '') return undefined
  // Where it is cloned over ssh, the port is that of ssh.
  const host = url.protocol.endsWith('ssh:') ? url.hostname : url.host
  return addressOf(host.toLowerCase(), url.pathname.replace(/^\/+/, ''))
}

/** `git@host:group/project`, also behind `ssh://`, which is no URL. */
const scpStyle = (text: string): string => text.replace(/^(?:(?:git\+)?ssh:\/\/)?(?:[^\s@/:]+@)?([\w.-]+):(?!\/\/|\d+\/)\/?([^\s]+)$/, 'ssh://$1/$2')

const addressOf = (host: string, path: string): string => `https://${host}/${path.replace(/\/+$/, '').replace(/\.git$/, '')}`
