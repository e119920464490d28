/** What npm says of the packages this one brings along, as the same bytes for the same packages. */
import { hash } from 'node:crypto'

/** CycloneDX 1.5, as far as it is looked at. */
export interface Sbom {
  readonly bomFormat: string
  readonly specVersion: string
  readonly serialNumber?: string
  readonly version: number
  readonly metadata: { readonly timestamp?: string; readonly component: Component; readonly [field: string]: unknown }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[]
}

export interface Component {
  readonly 'bom-ref': string
  readonly type: string
  readonly name: string
  readonly version?: string
  readonly purl?: string
  readonly scope?: string
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
  readonly licenses?: readonly unknown[]
  readonly [field: string]: unknown
}

/**
 * Without what only developers need. npm's own `--omit dev` leaves out, besides, whatever a development dependency needs too (npm 11.19:
 * `semver` and thirty others of this package).
 */
export function forProduction(sbom: Sbom, locked: ReadonlyMap<string, string>): Sbom {
  const components = sbom.components.filter(({ name, version }) => locked.has(`${name}@${version ?? ''}`))
  const refs = new Set([sbom.metadata.component, ...components].map((component) => component['bom-ref']))
  const dependencies = sbom.dependencies.filter(({ ref }) => refs.has(ref)).map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }))
  return { ...sbom, components, dependencies }
}

/**
 * npm names the root by its folder, and each run by a random number and its time. The number is made of what is listed (CycloneDX 1.5
 * asks for a UUID, RFC 9562 section 5.8 lets anybody make one), the time is that of the commit.
 */
export function settled(sbom: Sbom, { name, time }: { readonly name: string; readonly time: Date }): Sbom {
  const { serialNumber: _random, ...rest } = sbom
  const named = { ...rest, metadata: { ...sbom.metadata, timestamp: time.toISOString(), component: { ...sbom.metadata.component, type: 'application', name } } }
  const digest = hash('sha256', JSON.stringify(named))
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`
  return { ...named, serialNumber: `urn:uuid:${uuid}` }
}

/** What is wrong with it: a list that leaves something out is worse than none. */
export function sbomProblems(sbom: Sbom, locked: ReadonlyMap<string, string>): readonly string[] {
  const problems: string[] = []
  if (sbom.bomFormat !== 'CycloneDX' || sbom.specVersion !== '1.5') problems.push(`is ${sbom.bomFormat} ${sbom.specVersion}, not CycloneDX 1.5`)
  const refs = new Set([sbom.metadata.component, ...sbom.components].map((component) => component['bom-ref']))
  if (refs.size !== sbom.components.length + 1) problems.push('names two components alike')
  for (const { ref, dependsOn = [] } of sbom.dependencies) for (const one of [ref, ...dependsOn]) if (!refs.has(one)) problems.push(`depends on ${one}, which it does not list`)
  const listed = new Map(sbom.components.map((component) => [`${component.name}@${component.version ?? ''}`, component]))
  for (const [spec, integrity] of locked) {
    const component = listed.get(spec)
    if (component === undefined) problems.push(`lacks ${spec}`)
    else if (component.hashes?.some(({ alg, content }) => alg === 'SHA-512' && content === sha512Of(integrity)) !== true) problems.push(`has other bytes for ${spec} than package-lock.json`)
  }
  for (const spec of listed.keys()) if (!locked.has(spec)) problems.push(`lists ${spec}, which package-lock.json does not bring`)
  return problems
}

const sha512Of = (integrity: string): string => Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex')

type Lockfile = Readonly<Record<string, { readonly name?: string; readonly version?: string; readonly integrity?: string; readonly dev?: boolean; readonly link?: boolean }>>

/** What whoever installs this package gets, with its integrity: `name@version`. */
export function lockedForProduction(packages: Lockfile): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(packages)
      .filter(([place, { dev, link }]) => place !== '' && dev !== true && link !== true)
      .map(([place, { name, version, integrity }]) => [`${name ?? place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version ?? ''}`, integrity ?? '']),
  )
}
