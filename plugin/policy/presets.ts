import type { PolicyDocument, PresetName, RequireDocument } from './schema.ts'

/** A policy to begin with. */
export interface Preset {
  readonly mode: 'enforce' | 'monitor'
  readonly listing: 'claimed' | 'verified'
  readonly onUnavailable: 'deny' | 'allow'
  readonly require: EffectiveRequire
}

/** A window as it is written: a duration, `forever`, or `allow`. */
export type Window = string | number
export interface Downgrade {
  readonly inLine: Window
  readonly offLine: Window
}
export interface Graded<Level extends string> {
  readonly level: Level
  readonly onFailure: 'deny' | 'warn'
}

type Words = Exclude<keyof RequireDocument, 'anyOf' | 'trustDowngrade' | 'identityPin' | 'manifestRepository' | 'dependencySources'>
/** Requirements with nothing left open. Only `anyOf` may be missing: it is one more requirement, never a switch. */
export type EffectiveRequire = Readonly<Required<{ [Key in Words]: NonNullable<RequireDocument[Key]> }>> & {
  readonly trustDowngrade: Downgrade
  readonly identityPin: Graded<'repository' | 'workflow' | 'off'>
  readonly manifestRepository: Graded<'match' | 'ignore'>
  readonly dependencySources: Graded<'registry' | 'any'>
  readonly anyOf?: NonNullable<RequireDocument['anyOf']>
}

/** Hints are the registry's word, so no preset rests on one. */
const NO_HINTS = { stagedPublish: 'ignore', trustedPublisher: 'ignore' } as const

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  observe: {
    mode: 'monitor',
    listing: 'claimed',
    onUnavailable: 'deny',
    require: {
      registrySignature: 'whereSigned',
      publishAttestation: 'ifPresent',
      provenance: 'ifPresent',
      minimumReleaseAge: '1d',
      dangerousTriggers: 'warn',
      trustDowngrade: { inLine: '30d', offLine: '3d' },
      identityPin: { level: 'repository', onFailure: 'warn' },
      manifestRepository: { level: 'match', onFailure: 'warn' },
      dependencySources: { level: 'registry', onFailure: 'warn' },
      ...NO_HINTS,
    },
  },
  recommended: {
    mode: 'enforce',
    listing: 'claimed',
    onUnavailable: 'deny',
    require: {
      registrySignature: 'whereSigned',
      publishAttestation: 'ifPresent',
      provenance: 'ifPresent',
      minimumReleaseAge: '1d',
      dangerousTriggers: 'warn',
      trustDowngrade: { inLine: '30d', offLine: '3d' },
      identityPin: { level: 'repository', onFailure: 'warn' },
      manifestRepository: { level: 'match', onFailure: 'warn' },
      dependencySources: { level: 'registry', onFailure: 'deny' },
      ...NO_HINTS,
    },
  },
  strict: {
    mode: 'enforce',
    listing: 'claimed',
    onUnavailable: 'deny',
    require: {
      registrySignature: 'required',
      publishAttestation: 'ifPresent',
      provenance: 'ifPresent',
      minimumReleaseAge: '3d',
      dangerousTriggers: 'deny',
      trustDowngrade: { inLine: 'forever', offLine: '30d' },
      identityPin: { level: 'repository', onFailure: 'deny' },
      manifestRepository: { level: 'match', onFailure: 'deny' },
      dependencySources: { level: 'registry', onFailure: 'deny' },
      ...NO_HINTS,
      anyOf: [{ provenance: 'required' }, { minimumReleaseAge: '14d' }],
    },
  },
  lockdown: {
    mode: 'enforce',
    listing: 'verified',
    onUnavailable: 'deny',
    require: {
      registrySignature: 'required',
      publishAttestation: 'required',
      provenance: 'required',
      minimumReleaseAge: '7d',
      dangerousTriggers: 'deny',
      trustDowngrade: { inLine: 'forever', offLine: 'forever' },
      identityPin: { level: 'workflow', onFailure: 'deny' },
      manifestRepository: { level: 'match', onFailure: 'deny' },
      dependencySources: { level: 'registry', onFailure: 'deny' },
      ...NO_HINTS,
    },
  },
}

/**
 * What an unmentioned key means: the preset's value, and without `extends` that of `recommended`, because only an explicit
 * `ignore` or `0` switches something off.
 */
export const baseOf = ({ extends: name }: Pick<PolicyDocument, 'extends'>): Preset => PRESETS[name ?? 'recommended']

/** Overlays key by key; an identity replaces the whole identity, and a list of alternatives the whole list. */
export function overlay(base: EffectiveRequire, over: RequireDocument | undefined): EffectiveRequire {
  const anyOf = over?.anyOf ?? base.anyOf
  return {
    registrySignature: over?.registrySignature ?? base.registrySignature,
    publishAttestation: over?.publishAttestation ?? base.publishAttestation,
    provenance: over?.provenance ?? base.provenance,
    minimumReleaseAge: over?.minimumReleaseAge ?? base.minimumReleaseAge,
    dangerousTriggers: over?.dangerousTriggers ?? base.dangerousTriggers,
    trustDowngrade: overlayDowngrade(base.trustDowngrade, over?.trustDowngrade),
    identityPin: overlayGraded(base.identityPin, over?.identityPin),
    manifestRepository: overlayGraded(base.manifestRepository, over?.manifestRepository),
    dependencySources: overlayGraded(base.dependencySources, over?.dependencySources),
    stagedPublish: over?.stagedPublish ?? base.stagedPublish,
    trustedPublisher: over?.trustedPublisher ?? base.trustedPublisher,
    ...(anyOf === undefined ? {} : { anyOf }),
  }
}

const overlayDowngrade = (base: Downgrade, over: RequireDocument['trustDowngrade']): Downgrade =>
  typeof over === 'string'
    ? { inLine: over, offLine: over }
    : { inLine: over?.inLine ?? base.inLine, offLine: over?.offLine ?? base.offLine }

/** A word alone means that failing it refuses: whoever names a check and not its softening wants it whole. */
const overlayGraded = <Level extends string>(
  base: Graded<Level>,
  over: Level | { readonly level: Level; readonly onFailure?: 'deny' | 'warn' | undefined } | undefined,
): Graded<Level> =>
  over === undefined ? base : typeof over === 'string' ? { level: over, onFailure: 'deny' } : { level: over.level, onFailure: over.onFailure ?? 'deny' }

/** A preset written out as a policy that means the same and extends nothing. */
export function presetDocument(name: PresetName): PolicyDocument {
  const { mode, listing, onUnavailable, require } = PRESETS[name]
  return {
    version: 1,
    mode,
    listing,
    onUnavailable,
    defaults: { ...require },
    rules: [{ name: `every package (${name})`, packages: ['**'] }],
  }
}
