/** Puts a case before the real policy engine. */
import semver from 'semver'
import { chronologyOf, type Release } from '../../../plugin/domain/chronology.ts'
import type { Candidate, Evidence, ProvenanceFacts } from '../../../plugin/domain/evidence.ts'
import { type History, type IdentityPin } from '../../../plugin/domain/history.ts'
import { builtBy, inForce, relationOf, SETTLES_MS } from '../../../plugin/domain/pins.ts'
import { parseIntegrity, sriOf } from '../../../plugin/domain/integrity.ts'
import { splitSpec } from '../../../plugin/domain/package-ref.ts'
import type { SignerIdentity } from '../../../plugin/domain/signer-identity.ts'
import type { Verdict } from '../../../plugin/domain/verdict.ts'
import { parseDuration, presetPolicy, type TrustPolicy } from '../../../plugin/policy/index.ts'
import { PRESET_NAMES, type Built, type Case, type PresetName } from './read.ts'

const DAY = 86_400_000
const PUBLISHED = new Date('2026-06-01T00:00:00Z')
const after = (span: string): Date => new Date(PUBLISHED.getTime() + parseDuration(span))

const POLICIES: ReadonlyMap<PresetName, TrustPolicy> = new Map(PRESET_NAMES.map((name) => [name, presetPolicy(name)]))

/** The verdict on the bytes about to be sent, `age` after the version was published. */
export function judgeCase(one: Case, preset: PresetName, age: string): Verdict {
  const policy = POLICIES.get(preset)
  if (policy === undefined) throw new Error(preset)
  const now = after(age)
  return policy.evaluate(candidateOf(one, now, preset === 'lockdown' ? 'workflow' : 'repository'), 'delivery', now)
}

type Level = 'repository' | 'workflow'

/** Replayed as a registry of today serves it: with its signature, and the publish attestation that comes with provenance. */
function candidateOf(one: Case, now: Date, level: Level): Candidate {
  const { name, version = '' } = splitSpec(one.package)
  const identity = identityOf(one, one.provenance, version)
  return {
    ref: { name, version },
    uplink: 'example',
    origin: 'upstream',
    uplinkSigns: true,
    integrity: parseIntegrity(sriOf('ab'.repeat(64))),
    faults: [],
    warnings: [],
    signature: one.signed ? { state: 'verified', facts: { keyid: 'SHA256:example', keyExpires: null } } : { state: 'absent' },
    publishAttestation:
      identity === undefined
        ? { state: 'absent' }
        : { state: 'verified', facts: { keyid: 'SHA256:example', registry: 'https://registry.example', loggedAt: PUBLISHED.toISOString() } },
    provenance: provenanceOf(identity),
    claims: { published: PUBLISHED, trustedPublisher: one.trustedPublisher, stagedPublish: one.stagedPublish },
    notBefore: PUBLISHED,
    history: historyOf(one),
    pins: { pins: pinsOf(one, now, level), isEstablished: one.foundWith },
    contents: { repository: one.repository ?? identity?.sourceRepository ?? `https://github.com/${one.project}` },
    foreignDependencies: one.foreignDependency === undefined ? [] : [one.foreignDependency],
  }
}

const provenanceOf = (identity: SignerIdentity | undefined): Evidence<ProvenanceFacts> =>
  identity === undefined
    ? { state: 'absent' }
    : {
        state: 'verified',
        facts: { predicateType: 'https://slsa.dev/provenance/v1', buildType: '', identity, loggedAt: PUBLISHED.toISOString(), logIndex: '1' },
      }

const HOSTS = { github: 'https://github.com', gitlab: 'https://gitlab.com' }
const ISSUERS = { github: 'https://token.actions.githubusercontent.com', gitlab: 'https://gitlab.com' }

function identityOf({ project }: Case, said: boolean | Built, version: string): SignerIdentity | undefined {
  if (said === false) return undefined
  const { issuer = 'github', repository = project, repositoryId = '1001', ownerId = '2002', workflow, ref, trigger = 'push' } = said === true ? {} : said
  const sourceRepository = `${HOSTS[issuer]}/${repository}`
  const sourceRef = ref ?? `refs/tags/v${version}`
  const buildConfig = `${sourceRepository}/${workflow ?? '.github/workflows/release.yml'}@${sourceRef}`
  // Certificates of early 2023 have no ids; in the data, null says so.
  const early = repositoryId === null
  return {
    issuer: ISSUERS[issuer],
    subjectAlternativeName: buildConfig,
    sourceRepository,
    sourceRepositoryId: early ? undefined : repositoryId,
    sourceOwner: early ? undefined : `${HOSTS[issuer]}/${repository.split('/')[0] ?? ''}`,
    sourceOwnerId: early ? undefined : ownerId,
    sourceRef,
    sourceDigest: 'a'.repeat(40),
    buildConfig: early ? undefined : buildConfig,
    buildSigner: early ? undefined : buildConfig,
    trigger,
    runner: early ? undefined : 'github-hosted',
    run: undefined,
    visibility: undefined,
    environment: undefined,
  }
}

interface Numbered extends Release {
  readonly number: semver.SemVer
}

function historyOf(one: Case): History {
  const { version = '' } = splitSpec(one.package)
  const releases = [...one.before, { ...one, version, days: 0 }].map(({ version, days, signed, provenance, trustedPublisher, stagedPublish }): Numbered => {
    const number = semver.parse(version)
    if (number === null) throw new Error(version)
    return {
      version,
      number,
      line: number.major === 0 ? `0.${number.minor}` : String(number.major),
      isPrerelease: number.prerelease.length > 0,
      notBefore: new Date(PUBLISHED.getTime() - days * DAY),
      signature: signed ? 'verified' : undefined,
      provenance: provenance === false ? undefined : 'verified',
      hints: [...(trustedPublisher ? (['trustedPublisher'] as const) : []), ...(stagedPublish ? (['stagedPublish'] as const) : [])],
    }
  })
  return chronologyOf(() => releases, (a, b) => semver.compare(a.number, b.number))
}

/** What a mirror that saw the versions one by one has pinned by `now`: whatever is a week old and was not refused as another's. */
function pinsOf(one: Case, now: Date, level: Level): readonly IdentityPin[] {
  const { version = '' } = splitSpec(one.package)
  const because = one.foundWith ? 'found' : 'settled'
  return [...one.before.toSorted((a, b) => b.days - a.days), { version, days: 0, provenance: one.provenance }].reduce<readonly IdentityPin[]>(
    (pins, { version, days, provenance }) => {
      const since = new Date(PUBLISHED.getTime() - days * DAY)
      const identity = identityOf(one, provenance, version)
      const shown = identity && builtBy(identity)
      if (shown === undefined || now.getTime() - since.getTime() < SETTLES_MS) return pins
      if (!one.foundWith && relationOf(shown, inForce(pins, undefined), level, since) === 'other') return pins
      return inForce([...pins, { ...shown, version, since, latest: since, because, until: undefined }], undefined)
    },
    [],
  )
}
