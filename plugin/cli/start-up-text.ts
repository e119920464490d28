import { describePolicy, type Engine } from '../compose.ts'
import { VERSION } from '../version.ts'
import type { RunningMirror } from './mirror.ts'

type Probes = Awaited<ReturnType<Engine['probeUplinks']>>
type Probe = Probes extends ReadonlyMap<string, infer One> ? One : never

function placeOf(policy: Engine['configuration']['policy']): string {
  if (policy === undefined) return 'the configuration names no policy, so this preset is in force'
  return policy === 'shared' ? 'published to all mirrors of the shared ledger; the preset while none was' : `from ${policy.file}`
}

/** What a person wants to know when the mirror has started: where it is, what it enforces, and whom it trusts. */
export function startUpText({ url, engine, notes }: RunningMirror, config: { readonly file: string; readonly created: boolean }): readonly string[] {
  const { configuration, policy } = engine
  const [inForce = '', ...details] = describePolicy(policy)
  const [address = `${url}${configuration.urlPrefix}`] = configuration.publicUrls.map(({ href }) => href.replace(/\/$/, ''))
  return [
    `verdaccio-provenance ${VERSION} listens on ${url}/`,
    `  .npmrc         registry=${address}/`,
    `  configuration  ${config.file}${config.created ? ' (written now, from the default)' : ''}`,
    ...notes.map((note) => `                 ${note}`),
    `  policy         ${inForce.replace(/^policy /, '')}`,
    `                 ${placeOf(configuration.policy)}`,
    ...details.map((line) => `                 ${line}`),
    ...policy.warnings.map(({ path, message }) => `                 warning: ${path}: ${message}`),
    ...(configuration.s3 === undefined ? [] : [`  published here s3://${configuration.s3.bucket}/${configuration.s3.prefix}${configuration.s3.endpoint === undefined ? '' : ` at ${configuration.s3.endpoint}`}`]),
    ...trustLines(engine),
  ]
}

function trustLines({ configuration, trust, trustKeeper }: Engine): readonly string[] {
  const [, ...named] = trustKeeper.instances
  const instances = named.flatMap(({ instance, source, asOf }) => {
    const { exclusive } = configuration.instances.find(({ name }) => name === instance) ?? {}
    return [
      `  sigstore ${instance}  ${source === undefined ? 'NOTHING YET: no root of it was fetched, and what it vouches for is answered 503 until then' : `root: ${source}`}`,
      `                 ${asOf === undefined ? '' : `as of ${asOf.toISOString()}; `}vouches for its packages ${exclusive === true ? 'alone' : 'beside the default one'}`,
    ]
  })
  return [...ofUplinks({ configuration, trust, trustKeeper }), ...instances, ...trustKeeper.alarms.map(({ text }) => `                 warning: ${text}`)]
}

function ofUplinks({ configuration, trust, trustKeeper }: Pick<Engine, 'configuration' | 'trust' | 'trustKeeper'>): readonly string[] {
  return configuration.uplinks.flatMap(({ name }) => {
    const material = trust.get(name)
    if (material === undefined) return [`  trust (${name})  NOTHING YET: ${trustKeeper.problems.join('; ')}; every request is answered 503 until then`]
    return [
      `  trust (${name})  Sigstore root: ${material.source.trustedRoot}`,
      `                 registry keys: ${String(material.registryKeys.length)} from ${material.source.registryKeys}`,
      `                 ${trustKeeper.freshness(name)}`,
    ]
  })
}

/** What each uplink publishes, as found by asking, and what follows for the policy. */
export function uplinkText({ configuration, trust, policy }: Engine, probes: Probes): readonly string[] {
  return configuration.uplinks.flatMap(({ name, url, offline }) => {
    const probe = probes.get(name)
    if (probe === undefined) return []
    const head = `  uplink ${name}  ${url}`
    if (offline === true) return [`${head} is offline: what \`import\` brought is all there is of it`]
    if (!probe.reachable) return [`${head} cannot be reached now (${probe.error ?? 'no answer'}); it is asked again with every request`]
    const published = [probe.signatures ? 'registry signatures' : '', probe.attestations ? 'attestations' : '', probe.keys ? 'keys' : ''].filter(
      (kind) => kind !== '',
    )
    // Of a registry with packages of one scope alone: what it publishes is seen with the first of them.
    if (probe.lacks.includes('packages')) return [`${head} has none of the packages that a look at it starts with${probe.keys ? ', and publishes keys' : ''}: what evidence it has is seen with its own`]
    const noKeys = probe.signatures && trust.get(name)?.registryKeys.length === 0
    const pinned = trust.get(name)?.keysArePinned === true
    return [
      `${head} publishes ${published.length === 0 ? 'no evidence' : published.join(', ')}${probe.error === undefined ? '' : ` (asked in part: ${probe.error})`}`,
      ...(probe.signatures || (policy.preset !== 'strict' && policy.preset !== 'lockdown') ? [] : [`                 the preset ${policy.preset} refuses everything from it: signature-absent`]),
      ...(published.length > 0 || probe.error !== undefined ? [] : ['                 nothing of it can be verified: what the policy requires is refused, the rest is served on its bytes and age alone']),
      ...probe.lacks.flatMap((lack) => LACKS.get(lack) ?? []).map((line) => `                 ${line}`),
      ...(pinned ? ['                 its keys are its own word, pinned on first use: better give trust.registryKeys'] : []),
      ...(noKeys ? ['                 it signs, and no keys are known for it: set trust.registry or trust.registryKeys of this uplink'] : []),
    ]
  })
}

/** What follows where a registry leaves out what npm's has. */
const LACKS: ReadonlyMap<Probe['lacks'][number], string> = new Map([
  ['time', 'it gives no publish times (time): minimumReleaseAge counts from when this mirror first saw a version'],
  ['dist.integrity', 'it gives no sha512 (dist.integrity): such versions are refused, integrity-missing, until a waiver pins one'],
  ['dist.tarball', 'it gives no tarball addresses (dist.tarball): such versions are refused, tarball-host-refused'],
  ['attestations', 'it announces attestations and does not have them: such versions are refused, attestation-missing, until trust.attestations of this uplink names a registry that does, or none'],
])
