/** A mirror that has decided something of every kind, for tests and pictures of its dashboard. */
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from './fake-registry.ts'
import { startTestMirror, type TestMirror, type TestMirrorOptions } from './mirror.ts'
import { githubIdentity, PrivateSigstore, type IdentityOptions } from './private-sigstore.ts'
import { publishBody, sendPublish } from './publish.ts'
import { register } from './raw.ts'

const DAY = 86_400_000
const OURS: IdentityOptions = { repo: 'acme/widget', repoId: '1001', ownerId: '2002' }
const MALLORY: IdentityOptions = { repo: 'mallory/widget', repoId: '6001', ownerId: '6002' }
export const PASSWORD = 'a long password'

const POLICY: JsonObject = {
  version: 1,
  extends: 'recommended',
  defaults: { minimumReleaseAge: '3d', manifestRepository: 'ignore', identityPin: 'repository' },
  rules: [
    { name: 'Our packages are built by our release workflow', packages: ['@acme/*'], origin: 'any', require: { provenance: { sourceRepository: 'https://github.com/acme/*', workflow: '.github/workflows/release.yml' } } },
    { name: 'No left-pad', packages: ['left-pad@<1.3.0'], verdict: 'deny', reason: 'withdrawn by its author once before' },
    { name: 'Widgets have provenance', packages: ['widget', 'gadget'], require: { provenance: 'required', identityPin: { level: 'repository', onFailure: 'deny' } } },
  ],
}

export interface World {
  readonly mirror: TestMirror
  readonly registry: FakeRegistry
  /** Tokens of npm by name; `ada` may write. */
  readonly tokens: Readonly<Record<'ada' | 'bob', string>>
  /** As Verdaccio's web login gives it. */
  readonly webToken: (name: 'ada' | 'bob') => Promise<string>
  /** Status of a tarball, asked for as a client of somebody would. */
  readonly fetch: (name: string, version: string, user?: 'ada' | 'bob') => Promise<number>
  close(): Promise<void>
}

export async function startWorld(options: Partial<TestMirrorOptions> = {}): Promise<World> {
  const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  const now = Date.now()
  const ago = (days: number): Date => new Date(now - days * DAY)
  const publish = (name: string, version: string, days: number, by?: IdentityOptions, more: object = {}): void => {
    registry.publish({ name, version, time: ago(days), ...(by === undefined ? {} : { provenance: githubIdentity({ ...by, ref: `refs/tags/v${version}`, sha: version.replaceAll('.', '').padEnd(40, '7') }) }), ...more })
  }
  publish('widget', '1.0.0', 200, OURS)
  publish('widget', '1.1.0', 120, OURS)
  publish('widget', '1.2.0', 60, { ...OURS, workflow: '.github/workflows/publish.yml' })
  publish('gadget', '2.0.0', 90)
  publish('left-pad', '1.1.0', 300)
  publish('left-pad', '1.3.0', 200)
  publish('fresh', '1.0.0', 40)
  publish('fresh', '1.0.1', 1)
  publish('@acme/ui', '3.0.0', 50, { repo: 'acme/ui', repoId: '1003', ownerId: '2002' })
  publish('@acme/ui', '3.1.0', 10, { repo: 'elsewhere/ui', repoId: '1009', ownerId: '2009' })
  publish('tampered', '1.0.0', 50, OURS, { fault: '2e' })
  for (const patch of Array.from({ length: 30 }, (_, index) => index)) publish('many', `1.0.${String(patch)}`, 100 - patch)
  // The mirror knows the package before somebody else begins to build it.
  let behind = 30 * DAY
  const clock = { now: () => new Date(Date.now() - behind) }
  const mirror = await startTestMirror({
    registry,
    clock,
    policy: { ...POLICY, waivers: [{ package: 'gadget@2.0.0', waives: ['provenance-absent'], reason: 'its next release has provenance', approvedBy: 'security', expires: new Date(now + 9 * DAY).toISOString().slice(0, 10) }] },
    ...options,
    section: { dashboard: { write: ['ada'] }, ...options.section },
    core: { web: { enable: true }, ...options.core },
  })
  await (await mirror.get('/widget')).arrayBuffer()
  behind = 0
  publish('widget', '1.3.0', 20, MALLORY)
  const tokens = { ada: await register(mirror.url, 'ada'), bob: await register(mirror.url, 'bob') }
  const base = mirror.url
  const ask = async (name: string, version: string, user: 'ada' | 'bob' = 'bob'): Promise<number> => {
    const response = await fetch(`${base}/${name}/-/${name.replace(/^@[^/]+\//, '')}-${version}.tgz`, { headers: { authorization: `Bearer ${tokens[user]}`, 'user-agent': 'npm/11.4.2 node/v24.1.0 linux x64' } })
    await response.arrayBuffer()
    return response.status
  }
  return {
    mirror,
    registry,
    tokens,
    webToken: async (name) => {
      const response = await fetch(`${base}/-/verdaccio/sec/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: name, password: PASSWORD }) })
      return ((await response.json()) as { token: string }).token
    },
    fetch: ask,
    close: async () => {
      await mirror.close()
      await registry.close()
    },
  }
}

/** Everything once: served, warned, refused for several reasons, withheld, published. */
export async function decideAll({ mirror, tokens, fetch: ask }: World): Promise<void> {
  for (const name of ['widget', 'fresh', 'left-pad']) await (await mirror.get(`/${name}`)).arrayBuffer()
  for (const [name, version] of [['widget', '1.0.0'], ['widget', '1.1.0'], ['widget', '1.2.0'], ['widget', '1.3.0'], ['gadget', '2.0.0'], ['left-pad', '1.1.0'], ['left-pad', '1.3.0'], ['fresh', '1.0.0'], ['fresh', '1.0.1'], ['@acme/ui', '3.0.0'], ['@acme/ui', '3.1.0'], ['tampered', '1.0.0']] as const)
    await ask(name, version, name === 'widget' ? 'ada' : 'bob')
  await sendPublish(mirror.url, tokens.ada, publishBody({ name: 'our-own', version: '1.0.0' }))
}
