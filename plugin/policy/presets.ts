import type { PolicyDocument, PresetName, RequireDocument } from './schema.ts'

/** A policy to begin with. */
export interface Preset {
  readonly mode: 'enforce' | 'monitor'
  readonly listing: 'claimed' | 'verified'
  readonly onUnavailable: 'deny' | 'allow'
  readonly require: EffectiveRequire
  /** What belongs to the preset and is not enforced by this version: said at start, so that nobody counts on it. */
  readonly missing: readonly string[]
}

/** Requirements with nothing left open. Only `anyOf` may be missing: it is one more requirement, never a switch. */
export type EffectiveRequire = Readonly<
  Required<{ [Key in Exclude<keyof RequireDocument, 'anyOf'>]: NonNullable<RequireDocument[Key]> }>
> & {
  readonly anyOf?: NonNullable<RequireDocument['anyOf']>
}

/** Hints are the registry's word, so no preset rests on one. */
const NO_HINTS = { stagedPublish: 'ignore', trustedPublisher: 'ignore' } as const

const missing = (downgrade: string, pin: string, manifest: string, dependencies: string): readonly string[] => [
  `trustDowngrade: ${downgrade}`,
  `identityPin: ${pin}`,
  `manifestRepository: ${manifest}`,
  `dependencySources: ${dependencies}`,
]

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
      ...NO_HINTS,
    },
    missing: missing('30d in a line, 3d across lines', 'repository (warns)', 'match (warns)', 'registry (warns)'),
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
      ...NO_HINTS,
    },
    missing: missing('30d in a line, 3d across lines', 'repository (warns)', 'match (warns)', 'registry'),
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
      ...NO_HINTS,
      anyOf: [{ provenance: 'required' }, { minimumReleaseAge: '14d' }],
    },
    missing: missing('forever in a line, 30d across lines', 'repository', 'match', 'registry'),
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
      ...NO_HINTS,
    },
    missing: missing('forever', 'workflow', 'match', 'registry'),
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
    stagedPublish: over?.stagedPublish ?? base.stagedPublish,
    trustedPublisher: over?.trustedPublisher ?? base.trustedPublisher,
    ...(anyOf === undefined ? {} : { anyOf }),
  }
}

/** A preset written out as a policy that means the same and extends nothing. */
export function presetDocument(name: PresetName): PolicyDocument {
  const { mode, listing, onUnavailable, require } = PRESETS[name]
  return {
    version: 1,
    mode,
    listing,
    onUnavailable,
    defaults: { ...require },
    rules: [{ name: `every package (${name})`, packages: ['**'], origin: 'any' }],
  }
}
