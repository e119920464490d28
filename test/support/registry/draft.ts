import { isObject, type JsonObject } from '../../../plugin/domain/json.ts'
import { specOf, tarballFileName, unscopedName } from '../../../plugin/domain/package-ref.ts'
import {
  githubIdentity,
  NPM_PUBLISH,
  provenanceStatement,
  publishStatement,
  type Artifact,
  type AttestationsDocument,
  type KeylessOptions,
  type PrivateSigstore,
  type WorkflowIdentity,
} from '../private-sigstore.ts'
import { integrityOf, sha512Of, shasumOf, tarballOf, type Files } from '../tarball.ts'
import type { FaultId } from '../faults/ids.ts'
import type { Rule } from './behaviour.ts'

export interface PublishOptions {
  readonly name: string
  readonly version: string
  /** Further fields of package.json, which the packument repeats. */
  readonly packageJson?: JsonObject
  /** Fields of the packument's entry alone: what it says beyond package.json, or other than it. */
  readonly manifest?: JsonObject
  /** Further files of the tarball, or other ones. */
  readonly files?: Files
  /** The tarball itself, for one that `files` cannot describe. */
  readonly tarball?: Buffer
  /** Publish time, also that of the log; default 60 days before the clock's now. */
  readonly time?: Date
  /** Default `latest`; null for none. */
  readonly distTag?: string | null
  /** Registry signature; default true. */
  readonly signed?: boolean
  /** Who built it; default nobody, and with a `fault` a matching `githubIdentity`. */
  readonly provenance?: WorkflowIdentity | false
  /** Default: with provenance. */
  readonly publishAttestation?: boolean
  /** How the provenance is signed and logged. */
  readonly mint?: KeylessOptions
  readonly slsa?: '1' | '0.2' | 'early'
  readonly fault?: FaultId
  /** Bytes, versions or levels, for the faults of size. */
  readonly faultSize?: number
}

export type PackumentEdit = (packument: JsonObject) => JsonObject

/** A version about to be published. Faults take one and return another. */
export interface Draft {
  readonly name: string
  readonly version: string
  /** The registry's own address. */
  readonly url: string
  readonly sigstore: PrivateSigstore
  readonly at: Date
  readonly artifact: Artifact
  readonly integrity: string
  /** The build, honest or not; a default one where the version has no provenance. */
  readonly identity: WorkflowIdentity
  readonly slsa: '1' | '0.2' | 'early'
  readonly size: number | undefined
  /** The packument's entry. */
  readonly manifest: JsonObject
  readonly tarball: Buffer
  readonly document: AttestationsDocument | undefined
  readonly rules: readonly Rule[]
  readonly edits: readonly PackumentEdit[]
}

const SIXTY_DAYS = 60 * 86_400_000

export const tarballPath = (draft: Pick<Draft, 'name' | 'version'>): string => `/${draft.name}/-/${tarballFileName(draft)}`
export const attestationsPath = (draft: Pick<Draft, 'name' | 'version'>): string => `/-/npm/v1/attestations/${specOf(draft)}`

/** Builds a version with evidence for whatever bytes it has. */
export function draftOf(options: PublishOptions, url: string, sigstore: PrivateSigstore): Draft {
  const { name, version } = options
  const at = options.time ?? new Date(sigstore.clock.now().getTime() - SIXTY_DAYS)
  const packageJson: JsonObject = { name, version, description: `${name} for tests`, license: 'MIT', ...options.packageJson }
  const files: Files = { 'package/package.json': packageJson, 'package/index.js': 'module.exports = 1\n', ...options.files }
  const tarball = options.tarball ?? tarballOf(files)
  const artifact = { name, version, sha512: sha512Of(tarball) }
  const integrity = integrityOf(tarball)
  const { provenance: given } = options
  const identity = given === undefined || given === false ? defaultIdentity(version) : given
  const built = given !== false && (given !== undefined || options.fault !== undefined)
  const slsa = options.slsa ?? '1'
  const document = documentOf(sigstore, artifact, options.publishAttestation ?? built, built ? identity : undefined, slsa, {
    at,
    ...options.mint,
  })
  const provenance = document?.attestations.find(({ predicateType }) => predicateType !== NPM_PUBLISH)
  const dist = {
    integrity,
    shasum: shasumOf(tarball),
    tarball: `${url}${tarballPath({ name, version })}`,
    fileCount: Object.keys(files).length,
    ...(options.signed === false ? {} : { signatures: [{ ...sigstore.signRegistry(name, version, integrity) }] }),
    ...(document === undefined
      ? {}
      : {
          attestations: {
            url: `${url}${attestationsPath({ name: name.replace('/', '%2f'), version })}`,
            ...(provenance === undefined ? {} : { provenance: { predicateType: provenance.predicateType } }),
          },
        }),
  }
  return {
    ...{ name, version, url, sigstore, at, artifact, integrity, identity, slsa, size: options.faultSize },
    manifest: { ...entryOf(packageJson, name, version), dist, ...options.manifest },
    ...{ tarball, document, rules: [], edits: [] },
  }
}

const defaultIdentity = (version: string): WorkflowIdentity => githubIdentity({ ref: `refs/tags/v${version}` })

function documentOf(
  sigstore: PrivateSigstore,
  artifact: Artifact,
  publish: boolean,
  identity: WorkflowIdentity | undefined,
  slsa: Draft['slsa'],
  mint: KeylessOptions & { readonly at: Date },
): AttestationsDocument | undefined {
  if (!publish && identity === undefined) return undefined
  const attestations: AttestationsDocument['attestations'][number][] = []
  if (publish) {
    const bundle = sigstore.keyed(publishStatement(artifact), { at: mint.at })
    attestations.push({ predicateType: NPM_PUBLISH, bundle })
  }
  if (identity !== undefined) {
    const statement = provenanceStatement(artifact, identity, slsa)
    attestations.push({ predicateType: statement.predicateType, bundle: sigstore.keyless(statement, identity, mint) })
  }
  return { attestations }
}

/** What a registry makes of package.json: `bin` as an object, a mark for install scripts. */
function entryOf(packageJson: JsonObject, name: string, version: string): JsonObject {
  const { bin, scripts } = packageJson
  const installs = isObject(scripts) && ['preinstall', 'install', 'postinstall'].some((script) => Object.hasOwn(scripts, script))
  return {
    ...packageJson,
    ...(typeof bin === 'string' ? { bin: { [unscopedName(name)]: bin } } : {}),
    ...(installs ? { hasInstallScript: true } : {}),
    _id: `${name}@${version}`,
    _nodeVersion: '24.0.0',
    _npmVersion: '11.0.0',
    _npmUser: { name: 'acme-bot' },
    maintainers: [{ name: 'acme-bot' }],
  }
}
