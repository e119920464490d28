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

const missing = (downgrade: string, pin: string, manifest: string, dependencies: string, triggers: string): readonly string[] => [
  `trustDowngrade: ${downgrade}`,
  `identityPin: ${pin}`,
  `manifestRepository: ${manifest}`,
  `dependencySources: ${dependencies}`,
  `triggers pull_request_target and issue_comment: ${triggers}`,
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
    },
    missing: missing('30d in a line, 3d across lines', 'repository (warns)', 'match (warns)', 'registry (warns)', 'warn'),
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
    },
    missing: missing('30d in a line, 3d across lines', 'repository (warns)', 'match (warns)', 'registry', 'warn'),
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
      anyOf: [{ provenance: 'required' }, { minimumReleaseAge: '14d' }],
    },
    missing: missing('forever in a line, 30d across lines', 'repository', 'match', 'registry', 'deny'),
  },
  lockdown: {
    mode: 'enforce',
    listing: 'verified',
    onUnavailable: 'deny',
    require: { registrySignature: 'required', publishAttestation: 'required', provenance: 'required', minimumReleaseAge: '7d' },
    missing: missing('forever', 'workflow', 'match', 'registry', 'deny'),
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
    ...(anyOf === undefined ? {} : { anyOf }),
  }
}
