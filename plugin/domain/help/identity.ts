import type { HelpFor, ReasonHelp } from './words.ts'

const FOREIGN = 'Do not install it; tell whoever runs the mirror, since it may not be what its name says.'

/** A field of an identity that a rule names: the certificate says something else. */
const unlike = (developer: string, security: string, key: string): ReasonHelp => ({
  developer,
  security,
  remedy: {
    developer: FOREIGN,
    security: `If the project really changed it, change \`${key}\` in the rule; the explanation has the certified value. Ask the maintainers by another way than the package.`,
  },
})

export const IDENTITY: HelpFor<'identity'> = {
  'issuer-mismatch': unlike(
    'It was built, provably, by another provider than the policy expects.',
    'The certificate was issued for another OIDC issuer than the rule names.',
    'issuer',
  ),
  'source-repository-mismatch': unlike(
    'It was built, provably, from another repository than the policy expects.',
    'The certified source repository is not what the rule names: a fork, a neighbour with a similar name, or a move.',
    'sourceRepository',
  ),
  'source-repository-id-mismatch': unlike(
    'It was built from a repository that is another one than before, whatever its name.',
    'The certified repository id is not the one in the rule: the name may have been given up and taken by somebody else.',
    'sourceRepositoryId',
  ),
  'source-owner-mismatch': unlike(
    'It was built from a repository that belongs to somebody else.',
    'The certified owner id is not the one in the rule: the repository was transferred, or the account was registered again.',
    'sourceOwnerId',
  ),
  'source-ref-mismatch': unlike(
    'It was built from another branch or tag than the policy expects.',
    'The certified ref is not what the rule names: a branch where a tag is asked for, or the tag of another version.',
    'sourceRef',
  ),
  'workflow-mismatch': unlike(
    'It was built by another workflow than the policy expects.',
    'The certified build configuration is another file than the rule names: whoever may push a branch may add a workflow.',
    'workflow',
  ),
  'signer-workflow-mismatch': unlike(
    'It was signed by another workflow than the policy expects.',
    'The reusable workflow that signed is not the one in the rule.',
    'signerWorkflow',
  ),
  'trigger-mismatch': {
    developer: 'It was built on an event that the policy does not trust.',
    security: 'The certified trigger is not one of the rule, or it is pull_request_target or issue_comment, on which strangers can act with the rights of the project.',
    remedy: {
      developer: 'Install another version; tell whoever runs the mirror.',
      security: 'Look at the workflow run: did a stranger start it? `trigger` lists the events of a rule, and `dangerousTriggers` decides on those two.',
    },
  },
  'runner-mismatch': unlike(
    'It was built on another kind of machine than the policy expects.',
    'The certified runner is not the one in the rule: a self-hosted one keeps what earlier builds left behind.',
    'runner',
  ),
  'environment-mismatch': unlike(
    'It was built without the approval that the policy expects.',
    'The certified deployment environment, which may ask for reviewers, is not the one in the rule.',
    'environment',
  ),
  'identity-claim-missing': {
    developer: 'The proof of this version does not say what the policy asks about.',
    security: 'The certificate lacks a claim that the rule names; those of early 2023 have no ids, runner or trigger.',
    remedy: {
      developer: 'Install a newer version.',
      security: 'Ask for less in a rule for the old versions (`packages: ["name@<2"]`), or `policy allow NAME@VERSION --waives identity-claim-missing`.',
    },
  },
  'manifest-repository-mismatch': {
    developer: 'Its package.json names another repository than the one it was built from.',
    security: 'The certified source is not the `repository` in the tarball: a copy that shows the page of the original, or a move that the package.json does not know of.',
    remedy: {
      developer: 'Check that you want this package and not one that looks like it.',
      security: 'If both are of the same project, set `manifestRepository: ignore` in a rule for the package, or `policy allow NAME@VERSION --waives manifest-repository-mismatch`.',
    },
  },
}
