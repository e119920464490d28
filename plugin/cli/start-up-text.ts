import { describePolicy, type Engine } from '../compose.ts'
import { VERSION } from '../version.ts'
import type { RunningMirror } from './mirror.ts'

type Probes = Awaited<ReturnType<Engine['probeUplinks']>>

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
    `                 from ${configuration.policy?.file ?? 'nowhere: the configuration names no policy, this is the default'}`,
    ...details.map((line) => `                 ${line}`),
    ...policy.warnings.map(({ path, message }) => `                 warning: ${path}: ${message}`),
    ...trustLines(engine),
  ]
}

function trustLines({ configuration, trust, trustKeeper }: Engine): readonly string[] {
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
  return configuration.uplinks.flatMap(({ name, url }) => {
    const probe = probes.get(name)
    if (probe === undefined) return []
    const head = `  uplink ${name}  ${url}`
    if (!probe.reachable) return [`${head} cannot be reached now (${probe.error ?? 'no answer'}); it is asked again with every request`]
    const published = [probe.signatures ? 'registry signatures' : '', probe.attestations ? 'attestations' : '', probe.keys ? 'keys' : ''].filter(
      (kind) => kind !== '',
    )
    const noKeys = probe.signatures && trust.get(name)?.registryKeys.length === 0
    const pinned = trust.get(name)?.keysArePinned === true
    return [
      `${head} publishes ${published.length === 0 ? 'no evidence' : published.join(', ')}${probe.error === undefined ? '' : ` (asked in part: ${probe.error})`}`,
      ...(probe.signatures || (policy.preset !== 'strict' && policy.preset !== 'lockdown') ? [] : [`                 the preset ${policy.preset} refuses everything from it: signature-absent`]),
      ...(published.length > 0 || probe.error !== undefined ? [] : ['                 nothing of it can be verified: what the policy requires is refused, the rest is served on its bytes and age alone']),
      ...(pinned ? ['                 its keys are its own word, pinned on first use: better give trust.registryKeys'] : []),
      ...(noKeys ? ['                 it signs, and no keys are known for it: set trust.registry or trust.registryKeys of this uplink'] : []),
    ]
  })
}
