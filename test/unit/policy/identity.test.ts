import assert from 'node:assert/strict'
import type { SignerIdentity } from '../../../plugin/domain/signer-identity.ts'
import { codes, judge, provenance, requiring, short } from './support.ts'

/** Codes that a rule with this identity finds in a certificate with these changes. */
const found = (rule: object, certificate: Partial<SignerIdentity> = {}): readonly string[] =>
  codes(judge(requiring({ provenance: rule }), { provenance: provenance(certificate) }))

const refuses = (name: string, rule: object, certificate: Partial<SignerIdentity>, code: string): void => {
  it(name, () => {
    assert.deepEqual(found(rule), [])
    assert.deepEqual(found(rule, certificate), [code])
  })
}

const ISSUER = { issuer: 'github-actions' }

describe('policy: identity', () => {
  refuses('[7a] e-mail signer', ISSUER, { issuer: 'https://accounts.example.test' }, 'issuer-mismatch')
  refuses(
    '[7b] enterprise issuer sharing a prefix',
    ISSUER,
    { issuer: 'https://token.actions.githubusercontent.com/evil' },
    'issuer-mismatch',
  )
  refuses('[7c] another provider', ISSUER, { issuer: 'https://gitlab.com' }, 'issuer-mismatch')
  refuses('an empty issuer', ISSUER, { issuer: '' }, 'identity-claim-missing')

  const REPO = { sourceRepository: 'https://github.com/acme/*' }
  refuses(
    '[8a] an owner whose name begins like ours',
    REPO,
    { sourceRepository: 'https://github.com/acme-evil/widget' },
    'source-repository-mismatch',
  )
  refuses(
    '[8d] a host that begins like ours',
    REPO,
    { sourceRepository: 'https://github.com.evil.test/acme/widget' },
    'source-repository-mismatch',
  )
  refuses(
    '[9a] a foreign repository in the certificate',
    REPO,
    { sourceRepository: 'https://github.com/evil/widget' },
    'source-repository-mismatch',
  )
  refuses(
    '[9c] a fork',
    { sourceRepository: 'https://github.com/acme/widget' },
    { sourceRepository: 'https://github.com/mallory/widget' },
    'source-repository-mismatch',
  )
  refuses(
    '[8c] a repository whose name continues ours',
    { sourceRepository: 'https://github.com/acme/widget' },
    { sourceRepository: 'https://github.com/acme/widget.evil' },
    'source-repository-mismatch',
  )
  refuses('another case', REPO, { sourceRepository: 'https://github.com/Acme/widget' }, 'source-repository-mismatch')
  refuses('no source repository', REPO, { sourceRepository: undefined }, 'identity-claim-missing')
  refuses(
    'a claim without end',
    REPO,
    { sourceRepository: `https://github.com/acme/${'a'.repeat(5000)}` },
    'source-repository-mismatch',
  )

  it('[8g] acme/.github matches acme/*', () => {
    assert.deepEqual(found(REPO, { sourceRepository: 'https://github.com/acme/.github' }), [])
  })

  const ID = { ...ISSUER, sourceRepositoryId: '1001' }
  refuses(
    '[9d] a name registered again: another repository id',
    ID,
    { sourceRepositoryId: '1002' },
    'source-repository-id-mismatch',
  )
  refuses(
    '[9d] a name registered again: another owner id',
    { ...ISSUER, sourceOwnerId: '2002' },
    { sourceOwnerId: '2003' },
    'source-owner-mismatch',
  )
  refuses('an id that begins like ours', ID, { sourceRepositoryId: '10011' }, 'source-repository-id-mismatch')
  refuses('a certificate without repository id', ID, { sourceRepositoryId: undefined }, 'identity-claim-missing')
  refuses(
    'a certificate without owner id',
    { ...ISSUER, sourceOwnerId: '2002' },
    { sourceOwnerId: undefined },
    'identity-claim-missing',
  )

  it('a repository id stands for the address, which may be renamed', () => {
    const rule = { ...ID, sourceRepository: 'https://github.com/acme/old-name' }
    assert.deepEqual(found(rule), [])
    assert.deepEqual(found(rule, { sourceRepositoryId: undefined }), ['identity-claim-missing'])
  })

  const REF = { sourceRef: 'refs/tags/v{version}' }
  refuses('[8b] a tag that continues ours', REF, { sourceRef: 'refs/tags/v1.0.0-evil' }, 'source-ref-mismatch')
  refuses('[11a] a branch instead of a tag', REF, { sourceRef: 'refs/heads/main' }, 'source-ref-mismatch')
  refuses('[11b] the tag of another version', REF, { sourceRef: 'refs/tags/v1.0.1' }, 'source-ref-mismatch')
  refuses('a dot of the version is no wildcard', REF, { sourceRef: 'refs/tags/v1x0.0' }, 'source-ref-mismatch')
  refuses('no ref', REF, { sourceRef: undefined }, 'identity-claim-missing')

  it('{name} is the whole name, literally', () => {
    const rule = { sourceRef: 'refs/tags/{name}@{version}' }
    assert.deepEqual(found(rule, { sourceRef: 'refs/tags/@acme/widget@1.0.0' }), [])
    assert.deepEqual(found(rule, { sourceRef: 'refs/tags/widget@1.0.0' }), ['source-ref-mismatch'])
  })

  refuses('[11c] pull_request_target', { trigger: ['push', 'release'] }, { trigger: 'pull_request_target' }, 'trigger-mismatch')
  refuses('one trigger, compared exactly', { trigger: 'push' }, { trigger: 'pushed' }, 'trigger-mismatch')
  refuses('no trigger', { trigger: 'push' }, { trigger: undefined }, 'identity-claim-missing')
  refuses('[11d] a self-hosted runner', { runner: 'github-hosted' }, { runner: 'self-hosted' }, 'runner-mismatch')
  refuses('[11e] no runner claim', { runner: 'github-hosted' }, { runner: undefined }, 'identity-claim-missing')
  refuses('[11f] another environment', { environment: 'npm' }, { environment: 'npm-test' }, 'environment-mismatch')
  refuses('no environment', { environment: 'npm' }, { environment: undefined }, 'identity-claim-missing')

  it('[10a] trusted signer, foreign caller', () => {
    const signer = 'https://github.com/acme/ci/.github/workflows/publish.yml@refs/heads/main'
    const rule = {
      signerWorkflow: 'https://github.com/acme/ci/.github/workflows/publish.yml@refs/heads/main',
      sourceRepository: 'https://github.com/acme/*',
    }
    assert.deepEqual(found(rule, { subjectAlternativeName: signer }), [])
    assert.deepEqual(found(rule, { subjectAlternativeName: signer, sourceRepository: 'https://github.com/evil/widget' }), [
      'source-repository-mismatch',
    ])
  })

  it('[10b] our caller, foreign signer', () => {
    const rule = { signerWorkflow: 'https://github.com/acme/ci/.github/workflows/publish.yml@**' }
    const evil = 'https://github.com/evil/ci/.github/workflows/publish.yml@refs/heads/main'
    assert.deepEqual(found(rule, { subjectAlternativeName: evil }), ['signer-workflow-mismatch'])
    assert.deepEqual(found(rule, { subjectAlternativeName: evil.replace('evil', 'acme') }), [])
  })

  it('every disagreement is named, with what was expected and found', () => {
    const verdict = judge(requiring({ provenance: { trigger: 'push', runner: 'github-hosted' } }), {
      provenance: provenance({ trigger: 'issue_comment', runner: undefined }),
    })
    assert.deepEqual(short(verdict), ['deny', 'trigger-mismatch', 'identity-claim-missing'])
    assert.deepEqual(verdict.reasons[0]?.detail, { expected: 'push', actual: 'issue_comment' })
    assert.deepEqual(verdict.reasons[1]?.detail, { claim: 'runner', expected: 'github-hosted' })
  })

  it('[7a] the address of a signer is never shown', () => {
    const rule = requiring({ provenance: { signerWorkflow: 'https://github.com/acme/**' } })
    for (const name of ['mallory@mail.example', 'mailto:mallory@mail.example', 'https://host/mallory@mail.example']) {
      const verdict = judge(rule, { provenance: provenance({ subjectAlternativeName: name }) })
      assert.deepEqual(codes(verdict), ['signer-workflow-mismatch'])
      assert.ok(!JSON.stringify(verdict).includes('mallory'))
    }
  })

  it('text of a certificate is shown as printable ASCII on one line', () => {
    const verdict = judge(requiring({ provenance: { trigger: 'push' } }), {
      provenance: provenance({ trigger: 'p\r\n\u001b[31mush\u00e9' }),
    })
    assert.match(verdict.reasons[0]?.message ?? '', /^[\x20-\x7e]+$/)
  })

  it('an identity implies required', () => {
    assert.deepEqual(codes(judge(requiring({ provenance: ISSUER }), { provenance: { state: 'absent' } })), ['provenance-absent'])
  })

  it('a list of issuers is any of them, aliases included', () => {
    const rule = { issuer: ['gitlab-ci', 'https://token.actions.githubusercontent.com'] }
    assert.deepEqual(found(rule), [])
    assert.deepEqual(found(rule, { issuer: 'https://gitlab.com' }), [])
    assert.deepEqual(found(rule, { issuer: 'https://gitlab.com/' }), ['issuer-mismatch'])
  })
})

describe('policy: the workflow a run started from', () => {
  const WORKFLOW = { workflow: '.github/workflows/release.yml' }
  const config = (path: string): string => `https://github.com/acme/widget/${path}`
  const REPOSITORY = 'https://github.com/acme/widget'

  refuses(
    '[8e] a path that ends like ours',
    WORKFLOW,
    { buildConfig: config('evil/.github/workflows/release.yml@refs/tags/v1.0.0') },
    'workflow-mismatch',
  )
  refuses(
    'another workflow',
    WORKFLOW,
    { buildConfig: config('.github/workflows/test.yml@refs/tags/v1.0.0') },
    'workflow-mismatch',
  )
  refuses(
    'a file named to look like ours with a ref',
    WORKFLOW,
    { buildConfig: config('.github/workflows/release.yml@evil.yml@refs/tags/v1.0.0') },
    'workflow-mismatch',
  )
  refuses(
    'a folder named to look like a ref',
    WORKFLOW,
    { buildConfig: config('.github/workflows/release.yml@refs/x.yml@refs/tags/v1.0.0') },
    'workflow-mismatch',
  )
  refuses(
    'a build config of another ref than the certified one, and ambiguous',
    WORKFLOW,
    { buildConfig: config('.github/workflows/release.yml@a.yml@refs/heads/main') },
    'workflow-mismatch',
  )
  refuses(
    '[8c] a repository whose name and path together continue ours',
    WORKFLOW,
    { buildConfig: 'https://github.com/acme/widget-.github/workflows/release.yml@refs/tags/v1.0.0' },
    'workflow-mismatch',
  )
  refuses(
    'our path in another repository',
    WORKFLOW,
    { buildConfig: 'https://github.com/acme/widget.evil/.github/workflows/release.yml@refs/tags/v1.0.0' },
    'workflow-mismatch',
  )
  refuses(
    'no source repository to hold the path against',
    WORKFLOW,
    { sourceRepository: undefined, buildConfig: undefined },
    'identity-claim-missing',
  )

  it('a tag with an @ in it', () => {
    const sourceRef = 'refs/tags/@acme/widget@1.0.0'
    assert.deepEqual(found(WORKFLOW, { sourceRef, buildConfig: config(`.github/workflows/release.yml@${sourceRef}`) }), [])
  })

  it('a ref other than the certified one is cut off where it is plain', () => {
    assert.deepEqual(found(WORKFLOW, { buildConfig: config('.github/workflows/release.yml@refs/heads/main') }), [])
  })

  it('GitLab separates project and path by two slashes', () => {
    const gitlab = {
      sourceRepository: 'https://gitlab.com/acme/group/widget',
      buildConfig: 'https://gitlab.com/acme/group/widget//.gitlab-ci.yml@refs/tags/v1.0.0',
    }
    assert.deepEqual(found({ workflow: '.gitlab-ci.yml' }, gitlab), [])
    assert.deepEqual(found({ workflow: 'ci/.gitlab-ci.yml' }, gitlab), ['workflow-mismatch'])
  })

  it("the SAN stands in for a missing build config where its repository is the certificate's", () => {
    assert.deepEqual(found(WORKFLOW, { buildConfig: undefined }), [])
    const foreign = 'https://github.com/acme/ci/.github/workflows/release.yml@refs/tags/v1.0.0'
    assert.deepEqual(found(WORKFLOW, { buildConfig: undefined, subjectAlternativeName: foreign }), ['identity-claim-missing'])
  })

  it('the SAN does not stand in for a build config that is there', () => {
    assert.deepEqual(found(WORKFLOW, { buildConfig: `${REPOSITORY}/.github/workflows/other.yml@refs/tags/v1.0.0` }), [
      'workflow-mismatch',
    ])
  })
})
