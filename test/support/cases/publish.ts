/** Puts the versions of a case into a registry, as they were built and as they were when. */
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { splitSpec } from '../../../plugin/domain/package-ref.ts'
import type { FakeRegistry, PublishOptions } from '../fake-registry.ts'
import { githubIdentity, gitlabIdentity, type WorkflowIdentity } from '../private-sigstore.ts'
import type { Built, Case } from './read.ts'

const DAY = 86_400_000

/** Packages of their own, since two cases may be about one. */
export const nameOf = ({ id }: Case): string => `case-${id.toLowerCase()}`
export const versionOf = (one: Case): string => splitSpec(one.package).version ?? ''

/** What was there before the version came. */
export function publishBefore(registry: FakeRegistry, one: Case, published: Date): void {
  for (const earlier of one.before.toSorted((a, b) => b.days - a.days)) {
    const { version, days } = earlier
    registry.publish({ name: nameOf(one), version, time: new Date(published.getTime() - days * DAY), ...evidenceOf(one, earlier, version), packageJson: manifestOf(one, {}) })
  }
}

export function publishCase(registry: FakeRegistry, one: Case, published: Date): void {
  const version = versionOf(one)
  const { foreignDependency: foreign, repository } = one
  const changes = {
    ...(foreign === undefined ? {} : { [foreign.field]: { [foreign.name]: foreign.spec } }),
    ...(repository === undefined ? {} : { repository }),
  }
  const built = typeof one.provenance === 'object' ? one.provenance : {}
  registry.publish({ name: nameOf(one), version, time: published, ...evidenceOf(one, one, version), packageJson: manifestOf(one, changes, built) })
}

const manifestOf = ({ project }: Case, changes: JsonObject, { issuer = 'github', repository = project }: Built = {}): JsonObject => ({
  repository: `https://${issuer}.com/${repository}`,
  ...changes,
})

type Evidence = Pick<Case, 'signed' | 'provenance' | 'trustedPublisher' | 'stagedPublish'>

function evidenceOf({ project }: Case, { signed, provenance, trustedPublisher, stagedPublish }: Evidence, version: string): Partial<PublishOptions> {
  const npmUser = { name: 'somebody', ...(trustedPublisher ? { trustedPublisher: { id: 'github' } } : {}), ...(stagedPublish ? { approver: 'somebody else' } : {}) }
  return {
    signed,
    manifest: { _npmUser: npmUser },
    provenance: provenance === false ? false : identityOf(project, provenance === true ? {} : provenance, version),
    ...(typeof provenance === 'object' && provenance.repositoryId === null ? { slsa: 'early' } : {}),
  }
}

function identityOf(project: string, built: Built, version: string): WorkflowIdentity {
  const { issuer = 'github', repository = project, repositoryId = '1001', ownerId = '2002', workflow, ref, trigger } = built
  const options = {
    repo: repository,
    ref: ref ?? `refs/tags/v${version}`,
    ownerId,
    ...(workflow === undefined ? {} : { workflow }),
    ...(trigger === undefined ? {} : { event: trigger }),
    ...(repositoryId === null ? { early: true } : { repoId: repositoryId }),
  }
  return issuer === 'gitlab' ? gitlabIdentity(options) : githubIdentity(options)
}
