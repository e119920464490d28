import type { HelpFor } from './words.ts'

export const HISTORY: HelpFor<'history'> = {
  'identity-changed': {
    developer: 'It was built by somebody else than the versions before it.',
    security: 'The certified repository (or owner, or workflow) is not one the package was built by so far: it moved, or somebody publishes under its name.',
    remedy: {
      developer: 'Stay on the version you have until the change is approved.',
      security: 'See `pins show NAME`. When the maintainers confirm the move: `pins approve NAME --to REPOSITORY-ID --reason ... --approved-by ...`.',
    },
  },
  'origin-changed': {
    developer: 'This package comes from another registry than before.',
    security: 'Another uplink answers for the name, or the name was published here: somebody may have taken it there (dependency confusion).',
    remedy: {
      developer: 'Ask whoever runs the mirror; do not install it meanwhile.',
      security: 'Say in `packages` of the configuration which uplink the name belongs to. If the package really moved: `ledger reset NAME --reason ...`.',
    },
  },
  'trust-downgrade': {
    developer: 'Earlier versions prove more about where they come from than this one.',
    security: 'A version published before it, in the same release line or another, has better evidence: a stolen publish token looks like this, and so does a release by hand.',
    remedy: {
      developer: 'Stay on the earlier version, or wait: most presets only warn once it has been out for a while.',
      security: 'Ask the maintainers whether they published it by hand. If so, `policy allow NAME@VERSION --waives trust-downgrade --integrity sha512-...`; `trustDowngrade` sets how long it is refused.',
    },
  },
  'evidence-withdrawn': {
    developer: 'The registry no longer shows evidence that it showed before; the version is served on what was kept.',
    security: 'Evidence that verified here for the same bytes is gone upstream. This is a warning: the copy kept here still vouches for them.',
    remedy: { developer: 'Nothing.', security: 'Ask the registry why, if it happens to many versions at once.' },
  },
  'version-withdrawn': {
    developer: 'The registry took this version down.',
    security: 'It was here before and the registry no longer has it: unpublished, or removed as malicious.',
    remedy: {
      developer: 'Move to another version, and check what you installed of this one.',
      security: 'Look for an advisory, and for who installed it (the decision log names the versions served).',
    },
  },
  recalled: {
    developer: 'An operator of this mirror recalled this version.',
    security: 'It is refused by hand, whatever policy, waivers and mode say; the recall says by whom and why.',
    remedy: { developer: 'Move to another version, and check what you installed of this one.', security: '`recall NAME@RANGE --dry-run` lists who fetched it. Once it is cleared: `recall lift ID --reason ...`.' },
  },
}

export const CIRCUMSTANCE: HelpFor<'circumstance'> = {
  'release-too-young': {
    developer: 'This version is newer than the policy allows; it can be installed once it is old enough.',
    security: 'Most malicious releases are found within hours or days, whatever evidence they carry: waiting is what stands against valid evidence in wrong hands.',
    remedy: {
      developer: 'Install the version before it, or wait until the time in the message.',
      security: 'For a fix that cannot wait: `policy allow NAME@VERSION --expires 30d --reason ... --approved-by ... --integrity sha512-...`.',
    },
  },
  'dependency-source': {
    developer: 'It depends on code from outside any registry: a git repository, an address or a file.',
    security: 'What such a dependency installs has no signature, no age and no verdict, and can change at any time.',
    remedy: {
      developer: 'Install another version.',
      security: 'If you trust where it comes from, set `dependencySources: any` in a rule for the package, or `policy allow NAME@VERSION --waives dependency-source`.',
    },
  },
  'tarball-host-refused': {
    developer: 'The registry says that the file lies on a host it was not expected on.',
    security: 'The address of the tarball, or where it redirects to, is neither the uplink itself nor in its `tarballHosts`.',
    remedy: {
      developer: 'Tell whoever runs the mirror.',
      security: 'If the registry keeps its files there, name the host in `tarballHosts` of the uplink; credentials are never sent to it.',
    },
  },
}

export const POLICY: HelpFor<'policy'> = {
  'denied-by-rule': {
    developer: 'Your organisation decided against this package or version; the message quotes why.',
    security: 'A rule with `verdict: deny` matches it.',
    remedy: { developer: 'Use what the rule names instead, or another version.', security: 'Put a rule for the version before it in the policy; no waiver excuses a rule that says no.' },
  },
  'condition-unmet': {
    developer: 'It does not meet a condition of your organisation; the message quotes it.',
    security: 'The `where` of the rule is false for it, or could not be computed for it.',
    remedy: {
      developer: 'Install another version, or ask for a waiver.',
      security: 'The explanation has the values the condition read. `policy allow NAME@VERSION --waives condition-unmet` lets one version through.',
    },
  },
  'requirement-unmet': {
    developer: 'It meets none of the alternatives of the policy; the message lists them.',
    security: 'No branch of `anyOf` passes; under the strict preset, for example, a version without provenance waits 14 days.',
    remedy: {
      developer: 'Install an older version, or wait if one of the alternatives is an age.',
      security: 'See which branch is nearest in the explanation. `policy allow NAME@VERSION --waives requirement-unmet` lets one version through.',
    },
  },
  'staged-publish-absent': {
    developer: 'The registry does not say that a second person approved this release, and the policy asks for that.',
    security: 'The hint for a staged publish is missing. It is unsigned either way: the word of the registry, and no evidence.',
    remedy: { developer: 'Install a version that has it, or ask for a waiver.', security: '`stagedPublish: ignore` in a rule, or `policy allow NAME@VERSION --waives staged-publish-absent`.' },
  },
  'trusted-publisher-absent': {
    developer: 'The registry does not say that a trusted publisher published it, and the policy asks for that.',
    security: 'The hint for a trusted publisher is missing. It is unsigned either way: the word of the registry, and no evidence.',
    remedy: {
      developer: 'Install a version that has it, or ask for a waiver.',
      security: '`trustedPublisher: ignore` in a rule, or `policy allow NAME@VERSION --waives trusted-publisher-absent`.',
    },
  },
}
