/** What has to agree before a version goes out. */
import { parse, prerelease } from 'semver'

export interface ReleaseState {
  /** As it was pushed: `v1.2.3`. */
  readonly tag: string
  readonly manifest: Manifest
  readonly lockfile: { readonly name?: string; readonly version?: string; readonly packages?: Readonly<Record<string, { readonly name?: string; readonly version?: string } | undefined>> }
  readonly changelog: string
  /** `appVersion` of the Helm chart; undefined where there is no chart. */
  readonly chart: string | undefined
  /** `owner/name`, where a workflow runs for it. */
  readonly repository: string | undefined
}

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly repository?: string | { readonly type?: string; readonly url?: string }
  readonly homepage?: string
  readonly bugs?: string | { readonly url?: string }
}

const REPOSITORY = 'Set it in package.json to the public repository this is released from, as { "type": "git", "url": "git+https://host/owner/name.git" }: npm refuses provenance of any other.'

/** Every problem, as a sentence with what to do about it; none where the version can go out. */
export function releaseProblems({ tag, manifest, lockfile, changelog, chart, repository }: ReleaseState): readonly string[] {
  const { name, version, bugs, homepage } = manifest
  const problems: string[] = []
  const url = urlOf(manifest.repository)
  if (parse(version)?.version !== version) problems.push(`package.json: "${version}" is no version. Write it as 1.2.3.`)
  if (tag !== `v${version}`) problems.push(`the tag is ${tag}, and package.json says ${version}. Tag v${version}, or run: npm version --no-git-tag-version ${tag.replace(/^v/, '')}`)
  if (manifest.private === true) problems.push('package.json: "private" keeps npm from publishing. Remove it.')
  if (url === undefined) problems.push(`package.json has no "repository". ${REPOSITORY}`)
  else if (!/^git\+https:\/\/[^/\s]+\/[^/\s]+\/[^\s]+?(\.git)?$/.test(url)) problems.push(`package.json: the repository "${url}" is no address that npm compares with provenance. ${REPOSITORY}`)
  else if (repository !== undefined && !sameRepository(url, repository)) problems.push(`package.json: the repository "${url}" is not ${repository}, which this is released from. ${REPOSITORY}`)
  if (homepage === undefined) problems.push('package.json has no "homepage". Set it to where people read about this package.')
  if ((typeof bugs === 'string' ? bugs : bugs?.url) === undefined) problems.push('package.json has no "bugs". Set it to where people report mistakes.')
  const root = lockfile.packages?.['']
  if (root?.version !== version || root.name !== name) problems.push(`package-lock.json is of ${root?.name ?? 'nothing'}@${root?.version ?? 'nothing'}, and package.json of ${name}@${version}. Run: npm install --package-lock-only`)
  if (releaseNotes(changelog, version) === undefined) problems.push(`CHANGELOG.md has no section "## ${version} - YYYY-MM-DD" with something in it. Name what is under "Unreleased" so.`)
  if (chart !== undefined && chart !== version) problems.push(`the Helm chart has appVersion ${chart}, and package.json ${version}. Set appVersion in its Chart.yaml.`)
  return problems
}

const urlOf = (repository: Manifest['repository']): string | undefined => (typeof repository === 'string' ? repository : repository?.url)

const sameRepository = (url: string, repository: string): boolean => url.replace(/\.git$/, '').toLowerCase().endsWith(`/${repository.toLowerCase()}`)

/** What a changelog says of a version; undefined where it has no section with a day and something in it. */
export function releaseNotes(changelog: string, version: string): string | undefined {
  const lines = changelog.split('\n')
  const heading = new RegExp(`^## \\[?${version.replace(/[.+*?^$()[\]{}|\\]/g, '\\$&')}\\]? [-–] \\d{4}-\\d{2}-\\d{2}$`)
  const begin = lines.findIndex((line) => heading.test(line))
  if (begin === -1) return undefined
  const end = lines.findIndex((line, index) => index > begin && line.startsWith('## '))
  const notes = lines.slice(begin + 1, end === -1 ? undefined : end).join('\n').trim()
  return notes === '' ? undefined : notes
}

/** The dist-tag a version is published under: npm demands one for prereleases. */
export const distTagOf = (version: string): 'latest' | 'next' => (prerelease(version) === null ? 'latest' : 'next')
