const HOSTS: Readonly<Record<string, string>> = {
  github: 'github.com',
  gitlab: 'gitlab.com',
  bitbucket: 'bitbucket.org',
  gist: 'gist.github.com',
}
const KNOWN = new Set(Object.values(HOSTS))

/**
 * A dependency specifier in one spelling. npm rewrites how a Git repository on a known host is written when it publishes
 * (normalize-package-data, `fixDependencies`; hosted-git-info), and treats an empty range as `*`: neither is a disagreement.
 */
export function canonicalSpec(spec: string): string {
  const trimmed = spec.trim()
  return trimmed === '' ? '*' : (shortcut(trimmed) ?? address(trimmed) ?? trimmed)
}

/** `user/repo`, `github:user/repo`, `gist:id`, each with a committish or without. */
function shortcut(spec: string): string | undefined {
  const match = /^(?:(github|gitlab|bitbucket|gist):)?([^\s:@/#.~][^\s:@/#]*(?:\/[^\s:@/#]+)?)(#.*)?$/.exec(spec)
  const [, host, path = '', committish = ''] = match ?? []
  if (match === null || (host === undefined && !path.includes('/'))) return undefined
  return canonical(HOSTS[host ?? 'github'] ?? '', path, committish)
}

/** `git+ssh://git@host/user/repo.git`, `git@host:user/repo`, `https://host/user/repo` and the like, on a known host. */
function address(spec: string): string | undefined {
  const match = /^(?:(?:git|git\+ssh|git\+https?|ssh|https?):\/\/)?(?:git@)?(?:www\.)?([a-z.]+)[:/]([^#\s]+)(#.*)?$/.exec(spec)
  const [, host = '', path = '', committish = ''] = match ?? []
  if (!KNOWN.has(host)) return undefined
  const [, repository = path, branch] = committish === '' ? (/^([^/]+\/[^/]+)\/tree\/(.+)$/.exec(path) ?? []) : []
  // More than owner and repository is an archive or a file there, which is another thing.
  if (repository.replace(/\/$/, '').split('/').length > 2) return undefined
  return canonical(host, repository, branch === undefined ? committish : `#${branch}`)
}

const canonical = (host: string, path: string, committish: string): string =>
  `git:${host}/${path.replace(/\/$/, '').replace(/\.git$/, '')}${committish === '#' ? '' : committish}`
