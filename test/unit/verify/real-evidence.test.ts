import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' }
import { parseIntegrity } from '../../../plugin/domain/integrity.ts'
import { verifyAttestationDocument } from '../../../plugin/verify/attestation-document.ts'
import { compileTrust } from '../../../plugin/verify/compiled-trust.ts'
import { loadTrustMaterial } from '../../../plugin/verify/index.ts'
import { verifyRegistrySignatures } from '../../../plugin/verify/registry-signature.ts'

const DATA = new URL('../../../../shared/data/', import.meta.url)
const isHere = existsSync(new URL('INDEX.json', DATA))
const why = isHere ? '' : ' (skipped: ../shared/data is not here)'

/** The registry whose keys are in the seeds. */
const [keysTarget = ''] = Object.values(seeds)
  .flatMap(({ targets }) => Object.keys(targets))
  .filter((name) => name.endsWith('keys.json'))
const registry = `https://${decodeURIComponent(keysTarget).replace('/keys.json', '')}`

interface Row {
  readonly file: string
  readonly attestationIndex?: number
  readonly kind: 'npm-provenance' | 'npm-publish'
  readonly package: string
  readonly version: string
  readonly sha512: string
  readonly strict: string
  readonly SAN?: string
  readonly integratedTime: string
  readonly fulcio?: Readonly<Record<string, string>>
  readonly predicateTypes: { readonly response?: string; readonly signed: string }
}
interface SignatureRow {
  readonly name: string
  readonly version: string
  readonly integrity: string
  readonly keyid: string
  readonly sig: string
  readonly source: string
}
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, DATA), 'utf8'))

/** What the mirror says for the reasons the index gives. */
const CODES: Readonly<Record<string, string>> = {
  E_KEYID_HINT_MISMATCH: 'statement-mismatch',
  E_PUBLISH_NOT_REGISTRY_KEY: 'publish-attestation-invalid',
}

/** The row's attestation alone: a document's other attestation has its own row. */
function documentOf(row: Row): Buffer {
  const document = read(row.file) as {
    readonly attestations: readonly { readonly predicateType: string; readonly bundle: unknown }[]
  }
  const attestation =
    row.attestationIndex === undefined
      ? { predicateType: row.predicateTypes.signed, bundle: document }
      : document.attestations[row.attestationIndex]
  return Buffer.from(JSON.stringify({ attestations: [attestation] }))
}

describe('verify: real evidence', () => {
  it(`is there to verify${why}`, function () {
    if (!isHere) this.skip()
    assert.ok((read('INDEX.json') as readonly Row[]).length > 0)
  })

  for (const row of isHere ? (read('INDEX.json') as readonly Row[]) : []) {
    const file = row.file.split('/').at(-1) ?? ''
    it(`${row.package}@${row.version}, ${row.kind} of ${file}[${row.attestationIndex ?? ''}]: ${row.strict}`, () => {
      const trust = compileTrust(loadTrustMaterial({ registry }))
      const ref = { name: row.package, version: row.version }
      const { result, anchors } = verifyAttestationDocument(
        { ref, sha512: row.sha512, document: documentOf(row), registry },
        trust,
      )
      const [evidence, other] =
        row.kind === 'npm-publish'
          ? [result.publishAttestation, result.provenance]
          : [result.provenance, result.publishAttestation]
      assert.equal(other.state, 'absent')
      const [decision = '', cause = ''] = row.strict.split(':')
      if (decision === 'accept') {
        assert.equal(evidence.state, 'verified', JSON.stringify(evidence))
        assert.ok('facts' in evidence)
        assert.equal(evidence.facts.loggedAt, row.integratedTime)
        if ('identity' in evidence.facts) assertIdentity(row, evidence.facts.identity)
        assert.ok(anchors.length > 0)
      } else {
        assert.equal(evidence.state, 'invalid')
        assert.ok('reasons' in evidence)
        const [reason] = evidence.reasons
        const invalid = row.kind === 'npm-publish' ? 'publish-attestation-invalid' : 'provenance-invalid'
        assert.equal(reason.code, CODES[cause] ?? invalid)
        if (CODES[cause] === undefined) assert.equal(reason.detail?.cause, cause)
        assert.deepEqual(anchors, [trust.everything])
      }
    })
  }

  for (const row of isHere ? (read('signatures.json') as readonly SignatureRow[]) : []) {
    const isReplay = row.source.includes('negative')
    const expected = isReplay ? '[1a] replayed from another version, refused' : 'verifies'
    it(`signature of ${row.name}@${row.version}: ${expected}`, () => {
      const trust = loadTrustMaterial({ registry })
      const task = { version: row.version, integrity: row.integrity, signatures: [{ keyid: row.keyid, sig: row.sig }] }
      const [outcome] = verifyRegistrySignatures(row.name, [task], trust)
      assert.equal(parseIntegrity(row.integrity).state, 'ok')
      assert.equal(outcome?.result.state, isReplay ? 'invalid' : 'verified')
    })
  }
})

function assertIdentity({ SAN, fulcio = {} }: Row, identity: object): void {
  const legacy = fulcio.ghWorkflowRepository
  assert.deepEqual(identity, {
    issuer: fulcio.issuer ?? fulcio.issuerV1,
    subjectAlternativeName: SAN,
    sourceRepository: fulcio.sourceRepositoryURI ?? (legacy && `https://github.com/${legacy}`),
    sourceRepositoryId: fulcio.sourceRepositoryIdentifier,
    sourceOwner: fulcio.sourceRepositoryOwnerURI,
    sourceOwnerId: fulcio.sourceRepositoryOwnerIdentifier,
    sourceRef: fulcio.sourceRepositoryRef ?? fulcio.ghWorkflowRef,
    sourceDigest: fulcio.sourceRepositoryDigest ?? fulcio.ghWorkflowSha,
    buildConfig: fulcio.buildConfigURI,
    buildSigner: fulcio.buildSignerURI,
    trigger: fulcio.buildTrigger ?? fulcio.ghWorkflowTrigger,
    runner: fulcio.runnerEnvironment,
    run: fulcio.runInvocationURI,
    visibility: fulcio.sourceRepositoryVisibility,
    environment: fulcio.deploymentEnvironment,
  })
}
