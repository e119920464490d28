/** What pins are made of, and that they come out the same whatever is verified first. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Candidate } from '../../../plugin/domain/evidence.ts'
import type { Policy } from '../../../plugin/domain/ports.ts'
import type { SignerIdentity } from '../../../plugin/domain/signer-identity.ts'
import { isServed } from '../../../plugin/domain/verdict.ts'
import { candidateOf } from '../../../plugin/pipeline/candidate.ts'
import { noteChanges, notePins, settleTimes, withKnownPins, withPins } from '../../../plugin/pipeline/pins.ts'
import { signaturesOf } from '../../../plugin/pipeline/signatures.ts'
import { verifiedAttestations } from '../../../plugin/pipeline/attestations.ts'
import { identity, policyOf } from '../policy/support.ts'
import { ABSENT, DAY, documentOf, failed, later, manifestOf, NAME, NOW, published, REGISTRY, signed, SLSA, World } from './support.ts'

const POLICY = policyOf({ extends: 'strict', defaults: { minimumReleaseAge: 0, manifestRepository: 'ignore' } })
/** Days before or after the mirror first saw the package, which was a month before `NOW`. */
const SEEN = later(-30 * DAY)
const at = (days: number): Date => later(days * DAY, SEEN)

interface Shown {
  readonly version: string
  readonly days: number
  /** Undefined: no provenance. */
  readonly by: SignerIdentity | undefined
}

const repository = (id: string, owner = '2002'): SignerIdentity => identity({ sourceRepositoryId: id, sourceOwnerId: owner, sourceRepository: `https://github.com/acme/${id}` })
const OURS = repository('1001')
const MALLORY = repository('6001', '6002')
const EARLY = identity({ sourceRepositoryId: undefined, sourceOwnerId: undefined })

class Package extends World {
  readonly versions: readonly Shown[]
  constructor(versions: readonly Shown[]) {
    super()
    this.versions = versions
    this.ledger.found = SEEN
    for (const { version } of versions) this.attest(version, Buffer.from(`{"attestations":[],"of":"${version}"}`))
    this.verifier.attestation = ({ ref }) => {
      const shown = this.versions.find(({ version }) => version === ref.version)
      if (shown?.by === undefined) return { publishAttestation: published, provenance: ABSENT }
      const facts = { predicateType: SLSA, buildType: 'b', identity: shown.by, loggedAt: at(shown.days).toISOString(), logIndex: '1' }
      return { publishAttestation: { state: 'verified', facts: { ...(published as { facts: object }).facts, loggedAt: at(shown.days).toISOString() } as never }, provenance: { state: 'verified', facts } }
    }
  }

  context() {
    const drafts = this.versions.map(({ version, by }) => [version, by === undefined ? { dist: { attestations: undefined } } : {}] as const)
    const time = Object.fromEntries(this.versions.map(({ version, days }) => [version, at(days).toISOString()]))
    return this.open(documentOf(Object.fromEntries(drafts), { time }))
  }

  async candidate(version: string): Promise<Candidate> {
    const context = await this.context()
    const manifest = manifestOf(context, version)
    const signatures = await signaturesOf(context, [manifest], this.verifier, this.ledger.port)
    const attestations = await verifiedAttestations(context, manifest, this.deps)
    await context.facts.save()
    return candidateOf(context, manifest, { signature: signatures.get(version) ?? ABSENT, attestations, byteFaults: [] }, this.deps)
  }

  /** As the gate and a delivery. */
  async gate(version: string, policy: Policy = POLICY, now = NOW): Promise<string> {
    const context = await this.context()
    const candidate = await withKnownPins(context, await this.candidate(version), policy, now, this.deps)
    await context.facts.save()
    const verdict = policy.evaluate(candidate, 'gate', now)
    const judged = { candidate, verdict }
    noteChanges(context, [judged], policy, now, this.ledger.port)
    if (isServed(verdict)) notePins(context, judged, policy, now, this.ledger.port)
    return [verdict.outcome, ...verdict.reasons.map(({ code }) => code)].join(' ')
  }

  /** As a listing in which these are verified and the others claimed. */
  async list(verified: readonly string[], now = NOW): Promise<readonly string[]> {
    const context = await this.context()
    const candidates = await Promise.all(
      this.versions.map(async ({ version }) => {
        const candidate = await this.candidate(version)
        return verified.includes(version) ? candidate : { ...candidate, provenance: { state: 'claimed' } as const }
      }),
    )
    const judged = withPins(context, candidates, POLICY, now, this.ledger.port).map((candidate) => ({ candidate, verdict: POLICY.evaluate(candidate, 'listing', now) }))
    noteChanges(context, judged, POLICY, now, this.ledger.port)
    return judged.filter(({ verdict }) => isServed(verdict)).map(({ candidate }) => candidate.ref.version)
  }

  get pinned(): readonly string[] {
    return this.ledger.identities.pins(REGISTRY, NAME).map(({ sourceRepositoryId, because }) => `${sourceRepositoryId ?? 'address'} ${because}`)
  }
}

const chain = (...shown: readonly (readonly [days: number, by: SignerIdentity | undefined])[]): readonly Shown[] =>
  shown.toSorted(([a], [b]) => a - b).map(([days, by], index) => ({ version: `1.${String(index)}.0`, days, by }))

describe('pipeline: pins', () => {
  describe('at the gate', () => {
    it('[13c] asks what the package was found with, and refuses who is none of them', async () => {
      const world = new Package(chain([-90, OURS], [-80, OURS], [1, MALLORY]))
      assert.equal(await world.gate('1.2.0'), 'deny identity-changed')
      assert.deepEqual(world.pinned, ['1001 found'])
    })
    it('asks nobody for a version that was there before the mirror, or is by who is pinned', async () => {
      const world = new Package(chain([-90, OURS], [-80, OURS], [1, OURS]))
      await world.gate('1.0.0')
      assert.deepEqual(world.upstream.asked.filter((one) => one.startsWith(NAME)), [`${NAME}@1.0.0`])
    })
    it('asks the last three, in one go, and no more', async () => {
      const world = new Package(chain([-95, OURS], [-94, OURS], [-93, OURS], [-92, OURS], [-91, OURS], [1, MALLORY]))
      await world.gate('1.5.0')
      assert.deepEqual(world.upstream.asked.toSorted(), ['1.2.0', '1.3.0', '1.4.0', '1.5.0'].map((version) => `${NAME}@${version}`))
    })
    for (const [title, index, version, expected] of [
      ['a version it was found with', 0, '1.2.0', 'unavailable evidence-unavailable'],
      ['a version it was found with, and another one is enough', 0, '1.3.0', 'allow'],
    ] as const)
      it(`unavailable: ${title}`, async () => {
        const world = new Package(chain([-90, OURS], [-80, OURS], [1, MALLORY], [2, OURS]))
        const { attestation } = world.verifier
        world.verifier.attestation = (task) => (task.ref.version === `1.${String(index)}.0` ? { publishAttestation: failed('unavailable', 'evidence-unavailable'), provenance: failed('unavailable', 'evidence-unavailable') } : attestation(task))
        assert.equal(await world.gate(version), expected)
      })
    it('unavailable: the first of a package that the mirror saw from the beginning', async () => {
      const world = new Package(chain([1, OURS], [2, MALLORY]))
      const { attestation } = world.verifier
      world.verifier.attestation = (task) => (task.ref.version === '1.0.0' ? { publishAttestation: published, provenance: failed('unavailable', 'evidence-unavailable') } : attestation(task))
      assert.equal(await world.gate('1.1.0'), 'unavailable evidence-unavailable')
      world.verifier.attestation = attestation
      assert.equal(await world.gate('1.1.0'), 'deny identity-changed')
    })
    it('[9d] an address alone: the id that settled first decides', async () => {
      const address = 'https://github.com/acme/widget'
      const world = new Package(chain([-90, EARLY], [1, identity({ sourceRepository: address })], [9, identity({ sourceRepository: address, sourceRepositoryId: '6001', sourceOwnerId: '6002' })]))
      assert.equal(await world.gate('1.2.0'), 'deny identity-changed')
      assert.equal(await world.gate('1.1.0'), 'allow')
      assert.deepEqual(world.pinned, ['address found', '1001 settled'])
    })
    it('what is refused makes no pin', async () => {
      const world = new Package(chain([1, OURS], [2, MALLORY]))
      const { attestation } = world.verifier
      world.verifier.attestation = (task) => (task.ref.version === '1.0.0' ? { publishAttestation: published, provenance: failed('invalid', 'provenance-invalid') } : attestation(task))
      assert.equal(await world.gate('1.1.0'), 'allow')
      assert.deepEqual(world.pinned, ['6001 settled'])
    })
    it('nor does a version it was found with that is refused for another reason', async () => {
      const world = new Package(chain([-90, OURS], [1, MALLORY]))
      world.verifier.signature = ({ version }) => (version === '1.0.0' ? failed('invalid', 'signature-invalid') : signed)
      assert.equal(await world.gate('1.0.0'), 'deny signature-invalid')
      assert.equal(await world.gate('1.1.0'), 'allow')
      assert.deepEqual(world.pinned, ['6001 settled'])
    })
    it('[13c] nor does another identity that is only warned about, however old', async () => {
      const world = new Package(chain([-90, OURS], [1, MALLORY]))
      const warning = policyOf({ extends: 'recommended', defaults: { minimumReleaseAge: 0, manifestRepository: 'ignore' } })
      for (const expected of ['warn identity-changed', 'warn identity-changed']) assert.equal(await world.gate('1.1.0', warning), expected)
      assert.deepEqual(world.pinned, ['1001 found'])
    })
    it('[9d] an address alone is nobody once its id is known, though that version was never asked for', async () => {
      const world = new Package(chain([-90, EARLY], [1, identity()], [9, EARLY]))
      assert.equal(await world.gate('1.2.0'), 'deny identity-changed')
    })
    it('a pin is made a week after, and not before', async () => {
      const world = new Package(chain([0, OURS]))
      assert.equal(await world.gate('1.0.0', POLICY, later(-1, at(7))), 'allow')
      assert.deepEqual(world.pinned, [])
      await world.gate('1.0.0', POLICY, at(7))
      assert.deepEqual(world.pinned, ['1001 settled'])
    })
    it('established is a week before the mirror saw the package, and not a moment less', async () => {
      const world = new Package(chain([-90, OURS], [-7, MALLORY]))
      assert.equal(await world.gate('1.1.0'), 'allow')
      const younger = new Package(chain([-90, OURS], [-7 + 1e-6, MALLORY]))
      assert.equal(await younger.gate('1.1.0'), 'deny identity-changed')
    })
    it('monitor makes no pin of what policy refuses', async () => {
      const world = new Package(chain([-90, OURS]))
      const monitor = policyOf({ extends: 'strict', mode: 'monitor', defaults: { minimumReleaseAge: '365d', manifestRepository: 'ignore' } })
      assert.match(await world.gate('1.0.0', monitor), /^warn/)
      assert.deepEqual(world.pinned, [])
    })
    it('what an operator dropped is not found again, whatever else of it there is', async () => {
      const world = new Package(chain([-90, OURS], [-80, repository('1001', '3003')], [1, OURS]))
      await world.gate('1.0.0')
      const [pin] = world.ledger.identities.pins(REGISTRY, NAME)
      world.ledger.identities.decide({ registry: REGISTRY, name: NAME, decision: 'drop', identity: pin ?? assert.fail(), reason: 'x', by: undefined, at: NOW })
      assert.deepEqual([await world.gate('1.1.0'), await world.gate('1.2.0')], ['allow', 'deny identity-changed'])
      assert.deepEqual(world.pinned, ['1001 dropped'])
    })
  })

  describe('in a listing', () => {
    it('[13c] withholds who is none of them, and keeps it for an operator', async () => {
      const world = new Package(chain([-90, OURS], [1, MALLORY], [2, MALLORY]))
      assert.deepEqual(await world.list(['1.0.0', '1.1.0', '1.2.0']), ['1.0.0'])
      await world.gate('1.1.0')
      const [change] = world.ledger.identities.changes(NAME)
      assert.deepEqual([change?.to.sourceRepositoryId, change?.from.sourceRepositoryId, change?.versions], ['6001', '1001', ['1.1.0', '1.2.0']])
    })
    it('compares nothing while what has to be compared first is a claim, and makes no pin', async () => {
      const world = new Package(chain([1, OURS], [2, MALLORY], [3, OURS]))
      assert.deepEqual(await world.list(['1.1.0', '1.2.0']), ['1.0.0', '1.1.0', '1.2.0'])
      assert.deepEqual(world.pinned, [])
      assert.deepEqual(await world.list(['1.0.0', '1.1.0', '1.2.0']), ['1.0.0', '1.2.0'])
      assert.deepEqual(world.pinned, ['1001 settled'])
    })
    it('nor where some of the versions it was found with are claims', async () => {
      const world = new Package(chain([-90, OURS], [-80, MALLORY], [1, MALLORY]))
      assert.deepEqual(await world.list(['1.0.0', '1.2.0']), ['1.0.0', '1.1.0', '1.2.0'])
      assert.deepEqual(await world.gate('1.2.0'), 'allow')
    })
    it('many versions by one are one pin, written once', async () => {
      const world = new Package(chain(...Array.from({ length: 40 }, (_, index) => [-300 + index, OURS] as const)))
      await world.list(world.versions.map(({ version }) => version))
      assert.deepEqual([world.pinned, world.ledger.identities.revision(NAME)], [['1001 found'], 1])
      await world.list(world.versions.map(({ version }) => version))
      assert.equal(world.ledger.identities.revision(NAME), 1)
    })
    it('ends when a version settles', async () => {
      const world = new Package(chain([-90, OURS], [28, MALLORY]))
      assert.deepEqual(settleTimes([await world.candidate('1.0.0'), await world.candidate('1.1.0')], NOW), [at(35)])
    })
  })

  it('the verdicts are the same in whatever order versions are asked for', async () => {
    const identities = fc.constantFrom(OURS, MALLORY, repository('1001', '3003'), repository('7007'), EARLY, identity(), undefined)
    const shown = fc.record({ days: fc.constantFrom(-100, -90, -80, -70, -60, 1, 2, 3, 9, 10, 29), by: identities })
    const histories = fc.uniqueArray(shown, { selector: ({ days }) => days, minLength: 2, maxLength: 9 })
    await fc.assert(
      fc.asyncProperty(histories, fc.infiniteStream(fc.nat()), async (history, luck) => {
        const versions = chain(...history.map(({ days, by }) => [days, by] as const))
        const names = versions.map(({ version }) => version)
        const outcomes: string[] = []
        for (const order of [names, names.toReversed(), shuffled(names, luck)]) {
          const world = new Package(versions)
          const verdicts = new Map<string, string>()
          for (const version of order) verdicts.set(version, await world.gate(version))
          outcomes.push(names.map((version) => `${version} ${verdicts.get(version) ?? ''}`).join('; '))
        }
        assert.deepEqual(outcomes, [outcomes[0], outcomes[0], outcomes[0]])
      }),
      { numRuns: 40, seed: 20_260_101 },
    )
  }).timeout(20_000)
})

const shuffled = <Item>(items: readonly Item[], luck: Iterator<number>): readonly Item[] =>
  items.map((item) => [Number(luck.next().value), item] as const).toSorted(([a], [b]) => a - b).map(([, item]) => item)
