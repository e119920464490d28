import { altered, emailIdentity, gitlabIdentity, provenanceStatement, type IdentityOptions } from '../private-sigstore.ts'
import type { Draft } from '../registry/draft.ts'
import { rebuilt, resigned, statementOf, withProvenance, type Fault } from './kit.ts'
import type { FaultId } from './ids.ts'

/** The reusable workflow that rules of tests trust to sign. */
export const TRUSTED_SIGNER = 'https://github.com/acme/ci/.github/workflows/publish.yml@refs/heads/main'
const FOREIGN_SIGNER = 'https://github.com/mallory/ci/.github/workflows/publish.yml@refs/heads/main'

/** Another repository of another owner, as GitHub numbers them. */
const MALLORY: IdentityOptions = { repo: 'mallory/widget', repoId: '6001', ownerId: '6002' }

/** Somebody else's build, all of it genuine. */
const built = (title: string, changes: IdentityOptions | ((draft: Draft) => IdentityOptions)): Fault => ({
  title,
  apply: (draft) => rebuilt(draft, typeof changes === 'function' ? changes(draft) : changes),
})

const ownerOf = ({ identity }: Draft): string => identity.repo.split('/')[0] ?? ''
const repositoryOf = ({ identity }: Draft): string => identity.repo.split('/')[1] ?? ''

export const IDENTITY_FAULTS = {
  '7a': { title: 'e-mail signer', apply: (draft) => resigned(draft, statementOf(draft), {}, emailIdentity()) },
  '7b': built('enterprise issuer sharing a prefix', ({ identity }) => ({ issuer: `${identity.issuer}/acme-enterprise` })),
  '7c': {
    title: 'another provider',
    apply: (draft) => {
      const identity = gitlabIdentity({ repo: draft.identity.repo, ref: draft.identity.ref })
      const statement = provenanceStatement(draft.artifact, identity)
      return withProvenance(draft, draft.sigstore.keyless(statement, identity, { at: draft.at }), statement.predicateType)
    },
  },

  '8a': built('acme / acme-evil', (draft) => ({
    ...MALLORY,
    repo: `${ownerOf(draft)}-evil/${repositoryOf(draft)}`,
  })),
  '8b': built('v1.0.0 / v1.0.0-evil', ({ identity }) => ({ ref: `${identity.ref}-evil` })),
  '8c': built('acme/widget / acme/widget.evil', ({ identity }) => ({ repo: `${identity.repo}.evil`, repoId: '6001' })),
  // Another server numbers its repositories as it likes.
  '8d': built('github.com.evil.test', ({ identity }) => ({ server: `${identity.server}.evil.test` })),
  '8e': built('a workflow path that ends like ours', ({ identity }) => ({ workflow: `evil/${identity.workflow}` })),
  '8f': built('glob characters in a rule meant literally', ({ identity }) => ({
    workflow: identity.workflow.replace(/\.yml$/, 'Xyml'),
  })),
  '8g': built('acme/.github must match acme/*', (draft) => ({ repo: `${ownerOf(draft)}/.github`, repoId: '1002' })),

  '9a': {
    title: 'predicate ours, certificate foreign',
    apply: (draft) => resigned(draft, statementOf(draft), {}, altered(draft.identity, MALLORY)),
  },
  '9b': {
    title: 'certificate ours, predicate foreign',
    apply: (draft) => resigned(draft, provenanceStatement(draft.artifact, altered(draft.identity, MALLORY), draft.slsa)),
  },
  '9c': built('a fork', (draft) => ({ ...MALLORY, repo: `mallory/${repositoryOf(draft)}` })),
  '9d': built('a name re-registered (ids differ)', { repoId: '6001', ownerId: '6002' }),

  '10a': built('trusted signer, foreign caller', (draft) => ({
    ...MALLORY,
    repo: `mallory/${repositoryOf(draft)}`,
    buildSigner: TRUSTED_SIGNER,
  })),
  '10b': built('our caller, foreign signer', { buildSigner: FOREIGN_SIGNER }),

  '11a': built('branch instead of tag', { ref: 'refs/heads/main' }),
  '11b': built('tag of another version', { ref: 'refs/tags/v99.0.0' }),
  '11c': built('pull_request_target', { event: 'pull_request_target' }),
  '11d': built('self-hosted runner', { runner: 'self-hosted' }),
  '11e': built('no runner claim', { omit: [11] }),
  '11f': built('wrong environment', { environment: 'staging' }),
} satisfies Partial<Record<FaultId, Fault>>
