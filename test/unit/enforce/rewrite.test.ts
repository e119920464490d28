import assert from 'node:assert/strict'
import { parsePackument, type Packument } from '../../../plugin/domain/packument.ts'
import { reason, type ReasonCode } from '../../../plugin/domain/reason.ts'
import type { Verdict } from '../../../plugin/domain/verdict.ts'
import { listingOf } from '../../../plugin/enforce/listing.ts'
import { rewritePackument, rewrittenInParts, selectVersion, servesAny, textOf, versionDocument, type Judged, type RewriteOptions } from '../../../plugin/enforce/rewrite.ts'
import { packumentOf, verdict, verdicts } from './verdicts.ts'

const OPTIONS: RewriteOptions = { baseUrl: 'https://npm.acme.example/mirror', form: 'full' }
const SLSA = 'https://slsa.dev/provenance/v1'

const UPSTREAM = {
  _id: '@acme/widget',
  _rev: '7-abc',
  name: '@acme/widget',
  description: 'A widget',
  'dist-tags': { latest: '1.1.0', next: '2.0.0-rc.1' },
  versions: {
    '1.0.0': {
      name: '@acme/widget',
      version: '1.0.0',
      description: 'A widget',
      scripts: { test: 'mocha', postinstall: 'node setup.js' },
      dependencies: { left: '^1.0.0' },
      bundledDependencies: ['left'],
      bin: { widget: 'cli.js' },
      engines: { node: '>=20' },
      deprecated: 'old',
      _npmUser: { name: 'jo', email: 'jo@acme.example' },
      dist: {
        integrity: 'sha512-a',
        shasum: 'b',
        tarball: 'https://registry.example/@acme/widget/-/widget-1.0.0.tgz',
        signatures: [{ keyid: 'k', sig: 's' }],
        attestations: {
          url: 'https://registry.example/-/npm/v1/attestations/@acme%2fwidget@1.0.0',
          provenance: { predicateType: SLSA },
        },
      },
    },
    '1.1.0': { name: '@acme/widget', version: '1.1.0', dist: { tarball: 'https://evil.test/x.tgz' } },
    '2.0.0-rc.1': { name: '@acme/widget', version: '2.0.0-rc.1', gypfile: true, dist: { tarball: 'x' } },
  },
  time: {
    created: '2026-01-01',
    modified: '2026-03-01',
    '1.0.0': '2026-01-02',
    '1.1.0': '2026-02-01',
    '2.0.0-rc.1': '2026-03-01',
  },
  maintainers: [{ name: 'jo', email: 'jo@acme.example' }],
  _attachments: { 'widget-1.1.0.tgz': {} },
  readme: '# Widget',
}
const VERDICTS = verdicts({ '1.0.0': 'allow', '1.1.0': 'deny', '2.0.0-rc.1': 'unavailable' })
const packument = parsePackument(UPSTREAM, '@acme/widget')

const DIST = {
  integrity: 'sha512-a',
  shasum: 'b',
  tarball: 'https://npm.acme.example/mirror/@acme/widget/-/widget-1.0.0.tgz',
  signatures: [{ keyid: 'k', sig: 's' }],
  attestations: {
    url: 'https://npm.acme.example/mirror/-/npm/v1/attestations/@acme/widget@1.0.0',
    provenance: { predicateType: SLSA },
  },
}
const RC_DIST = { tarball: 'https://npm.acme.example/mirror/@acme/widget/-/widget-2.0.0-rc.1.tgz' }

/** What a request for one version is answered with. */
function answered(from: Packument, judged: ReadonlyMap<string, Judged>, selector: string, options: RewriteOptions): { readonly outcome: string; readonly [field: string]: unknown } {
  const selected = selectVersion(from, listingOf(from, judged, options), selector)
  if (selected.outcome !== 'found') return selected
  return { outcome: 'found', version: selected.manifest.version, document: versionDocument(from, selected.manifest, options) }
}

describe('packument rewrite', () => {
  it('gives the full form', () => {
    const rewritten = rewritePackument(packument, VERDICTS, OPTIONS)
    assert.deepEqual(rewritten.document, {
      _id: '@acme/widget',
      _rev: '7-abc',
      name: '@acme/widget',
      description: 'A widget',
      'dist-tags': { latest: '1.0.0', next: '2.0.0-rc.1' },
      versions: {
        '1.0.0': { ...UPSTREAM.versions['1.0.0'], dist: DIST },
        '2.0.0-rc.1': { ...UPSTREAM.versions['2.0.0-rc.1'], dist: RC_DIST },
      },
      time: { created: '2026-01-01', modified: '2026-03-01', '1.0.0': '2026-01-02', '2.0.0-rc.1': '2026-03-01' },
      maintainers: [{ name: 'jo', email: 'jo@acme.example' }],
      readme: '# Widget',
    })
    assert.deepEqual(rewritten.withheld, [{ version: '1.1.0', reasons: verdict('deny').reasons }])
    assert.deepEqual(rewritten.latestMoved, { from: '1.1.0', to: '1.0.0' })
    assert.equal(rewritten.listed, 2)
  })

  it('gives the abbreviated form', () => {
    assert.deepEqual(rewritePackument(packument, VERDICTS, { ...OPTIONS, form: 'abbreviated' }).document, {
      name: '@acme/widget',
      'dist-tags': { latest: '1.0.0', next: '2.0.0-rc.1' },
      versions: {
        '1.0.0': {
          name: '@acme/widget',
          version: '1.0.0',
          deprecated: 'old',
          dependencies: { left: '^1.0.0' },
          bundleDependencies: ['left'],
          bin: { widget: 'cli.js' },
          dist: DIST,
          engines: { node: '>=20' },
          hasInstallScript: true,
        },
        '2.0.0-rc.1': { name: '@acme/widget', version: '2.0.0-rc.1', dist: RC_DIST, hasInstallScript: true },
      },
      time: { created: '2026-01-01', modified: '2026-03-01', '1.0.0': '2026-01-02', '2.0.0-rc.1': '2026-03-01' },
      modified: '2026-03-01',
    })
  })

  it('leaves its input alone', () => {
    const before = structuredClone(UPSTREAM)
    rewritePackument(packument, VERDICTS, { ...OPTIONS, withheld: 'marked' })
    rewritePackument(packument, VERDICTS, { ...OPTIONS, form: 'abbreviated' })
    assert.deepEqual(UPSTREAM, before)
  })

  it('[14a] names its own host for every tarball, whatever the upstream says', () => {
    const { document } = rewritePackument(
      packument,
      verdicts({ '1.0.0': 'allow', '1.1.0': 'allow', '2.0.0-rc.1': 'allow' }),
      OPTIONS,
    )
    assert(!JSON.stringify(document.versions).includes('evil.test'))
    assert(!JSON.stringify(document).includes('registry.example'))
  })

  it('withholds what cannot be decided where only verified versions are listed', () => {
    const { document, withheld } = rewritePackument(packument, VERDICTS, { ...OPTIONS, withholdUnavailable: true })
    assert.deepEqual(Object.keys(document.versions ?? {}), ['1.0.0'])
    assert.deepEqual(document['dist-tags'], { latest: '1.0.0' })
    assert.equal(withheld[1]?.reasons[0]?.code, 'evidence-unavailable')
  })

  it('lists versions as old as npm\u2019s first years', () => {
    const old = packumentOf(['3.0.0rc3', '2.0.0'], { latest: '2.0.0' })
    const { listed, latestMoved, withheld } = listingOf(old, verdicts({ '3.0.0rc3': 'allow', '2.0.0': 'allow' }))
    assert.deepEqual([[...listed], latestMoved, withheld], [['3.0.0rc3', '2.0.0'], undefined, []])
  })

  it('says why what is no version is withheld', () => {
    const { withheld } = listingOf(packumentOf(['v1.0.0']), verdicts({ 'v1.0.0': 'allow' }))
    assert.deepEqual(withheld.map(({ reasons }) => reasons.map(({ code, detail }) => [code, detail?.version])), [[['manifest-mismatch', 'v1.0.0']]])
  })

  it('a tag of a version that the upstream does not list is absent, and no other one\u2019s refusal is told', () => {
    const dangling = packumentOf(['1.0.0', '1.1.0'], { next: '7.0.0', beta: '1.1.0' })
    const judged = new Map([['1.0.0', { ...verdict('deny'), reasons: [reason('denied-by-rule', 'x')] }], ['1.1.0', verdict('deny')]])
    assert.deepEqual(answered(dangling, judged, 'next', OPTIONS), { outcome: 'absent' })
    assert.deepEqual(answered(dangling, judged, 'nothing', OPTIONS), { outcome: 'absent' })
    assert.deepEqual(answered(dangling, judged, 'beta', OPTIONS), { outcome: 'refused', version: '1.1.0' })
  })

  it('withholds a version that nobody judged', () => {
    const { withheld, listed } = rewritePackument(packument, new Map(), OPTIONS)
    assert.equal(listed, 0)
    assert.deepEqual(
      withheld.map(({ reasons }) => reasons[0]?.code),
      ['internal-error', 'internal-error', 'internal-error'],
    )
  })

  it('withholds versions that are not semver', () => {
    const odd = ['v1.0.0', '1.0', ' 1.0.0', '1.0.0 ', '=1.0.0', 'latest', '']
    const listing = listingOf(
      packumentOf([...odd, '1.0.0+b.1', '1.0.0-0']),
      new Map([...odd, '1.0.0+b.1', '1.0.0-0'].map((v) => [v, verdict('allow')])),
    )
    assert.deepEqual([...listing.listed], ['1.0.0+b.1', '1.0.0-0'])
    assert(listing.withheld.every(({ reasons }) => reasons[0]?.code === 'manifest-mismatch'))
  })

  it('marks refused versions instead of hiding them: deprecated, in no tag', () => {
    const { document, withheld } = rewritePackument(packument, VERDICTS, { ...OPTIONS, withheld: 'marked' })
    const { versions } = document as unknown as typeof UPSTREAM & { versions: { '1.1.0': { deprecated: string } } }
    assert.equal(
      versions['1.1.0'].deprecated,
      'refused by this registry mirror: it was published 2 hours ago (release-too-young)',
    )
    assert.equal(versions['1.0.0'].deprecated, 'old')
    assert.deepEqual(document['dist-tags'], { latest: '1.0.0', next: '2.0.0-rc.1' })
    assert.deepEqual(
      withheld.map(({ version }) => version),
      ['1.1.0'],
    )
  })

  describe('marked', () => {
    const markedOf = (verdict: Verdict, options: Partial<RewriteOptions> = {}): readonly [readonly string[], number] => {
      const judged = new Map([['1.0.0', ALLOWED], ['1.1.0', verdict]])
      const { document, marked } = rewritePackument(packumentOf(['1.0.0', '1.1.0']), judged, { ...OPTIONS, withheld: 'marked', ...options })
      return [Object.keys(document.versions ?? {}), marked]
    }
    const ALLOWED = verdict('allow')
    const refused = (code: ReasonCode): Verdict => ({ outcome: 'deny', rule: 'test', reasons: [reason('release-too-young', 'young'), reason(code, 'bad')] })

    for (const code of ['provenance-absent', 'dependency-source', 'integrity-missing', 'tarball-host-refused'] as const)
      it(`what is refused for ${code} is shown`, () => { assert.deepEqual(markedOf(refused(code)), [['1.0.0', '1.1.0'], 1]) })
    for (const code of ['manifest-mismatch', 'integrity-malformed', 'integrity-changed', 'signature-invalid', 'subject-mismatch'] as const)
      it(`[20d] what somebody lied about is not (${code})`, () => { assert.deepEqual(markedOf(refused(code)), [['1.0.0'], 0]) })
    it('what is undecided is not, where nothing undecided is listed', () => {
      assert.deepEqual(markedOf(verdict('unavailable'), { withholdUnavailable: true }), [['1.0.0'], 0])
      assert.deepEqual(markedOf(verdict('unavailable')), [['1.0.0', '1.1.0'], 0])
    })
    it('what is no version is not', () => {
      const judged = new Map([['1.0.0', ALLOWED], ['v1.1.0', verdict('deny')]])
      const { document } = rewritePackument(packumentOf(['1.0.0', 'v1.1.0']), judged, { ...OPTIONS, withheld: 'marked' })
      assert.deepEqual(Object.keys(document.versions ?? {}), ['1.0.0'])
    })
    it('what nobody judged is not', () => {
      const { document } = rewritePackument(packumentOf(['1.0.0', '1.1.0']), new Map([['1.0.0', ALLOWED]]), { ...OPTIONS, withheld: 'marked' })
      assert.deepEqual(Object.keys(document.versions ?? {}), ['1.0.0'])
    })
    it('one version is answered as if it were hidden', () => {
      const judged = new Map([['1.0.0', ALLOWED], ['1.1.0', verdict('deny')]])
      const answer = answered(packumentOf(['1.0.0', '1.1.0']), judged, '1.1.0', { ...OPTIONS, withheld: 'marked' })
      assert.equal(answer.outcome, 'refused')
    })
  })

  describe('[6h] evidence the ledger kept', () => {
    const signatures = [{ keyid: 'k2', sig: 's2' }]
    const distOf = (restored: NonNullable<RewriteOptions['restored']>, version: string): unknown =>
      (
        rewritePackument(packument, verdicts({ '1.0.0': 'allow', '1.1.0': 'warn', '2.0.0-rc.1': 'allow' }), {
          ...OPTIONS,
          restored,
        }).document as unknown as { versions: Record<string, { dist: unknown }> }
      ).versions[version]?.dist

    it('[6h] comes back where the upstream lost it', () => {
      const restored = new Map([['1.1.0', { signatures, attestations: { provenance: SLSA } }]])
      assert.deepEqual(distOf(restored, '1.1.0'), {
        tarball: 'https://npm.acme.example/mirror/@acme/widget/-/widget-1.1.0.tgz',
        signatures,
        attestations: {
          url: 'https://npm.acme.example/mirror/-/npm/v1/attestations/@acme/widget@1.1.0',
          provenance: { predicateType: SLSA },
        },
      })
    })

    it('[6h] replaces what the upstream says now', () => {
      assert.deepEqual(distOf(new Map([['1.0.0', { signatures, attestations: {} }]]), '1.0.0'), {
        ...DIST,
        signatures,
        attestations: { url: DIST.attestations.url },
      })
    })
  })

  describe('[16] names that are properties', () => {
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty']) {
      it(`[16b] a version named ${name}`, () => {
        const { document, withheld } = rewritePackument(
          packumentOf([name, '1.0.0']),
          new Map([
            [name, verdict('allow')],
            ['1.0.0', verdict('allow')],
          ]),
          { ...OPTIONS, withheld: 'marked' },
        )
        assert(!JSON.stringify(document).includes(name))
        assert.deepEqual(Object.keys(document.versions ?? {}), ['1.0.0'])
        assert.deepEqual(
          withheld.map(({ version }) => version),
          [name],
        )
      })

      it(`[16a] a package named ${name}`, () => {
        const { document } = rewritePackument(packumentOf(['1.0.0'], {}, name), verdicts({ '1.0.0': 'allow' }), OPTIONS)
        assert(JSON.stringify(document).includes(`"tarball":"https://npm.acme.example/mirror/${name}/-/${name}-1.0.0.tgz"`))
      })
    }

    it('[16] fields named __proto__ are passed on as data', () => {
      const text = '{"name":"widget","versions":{"1.0.0":{"__proto__":{"a":1},"dist":{"__proto__":{"b":1}}}},"__proto__":{"c":1}}'
      const { document } = rewritePackument(parsePackument(JSON.parse(text), 'widget'), verdicts({ '1.0.0': 'allow' }), OPTIONS)
      const again = JSON.stringify(document)
      for (const field of ['"__proto__":{"a":1}', '"__proto__":{"b":1}', '"__proto__":{"c":1}']) assert(again.includes(field))
      assert.equal(document.a, undefined)
    })
  })

  it('counts as servable only what is not refused', () => {
    assert.equal(servesAny(verdicts({ '1.0.0': 'deny' })), false)
    assert.equal(servesAny(verdicts({ '1.0.0': 'deny', '1.0.1': 'unavailable' })), true)
    assert.equal(servesAny(new Map()), false)
  })
})

describe('one version', () => {
  const answer = (selector: string): unknown => answered(packument, VERDICTS, selector, OPTIONS)

  it('by number', () => {
    assert.deepEqual(answer('1.0.0'), {
      outcome: 'found',
      version: '1.0.0',
      document: { ...UPSTREAM.versions['1.0.0'], dist: DIST },
    })
  })
  it('by a tag that was moved', () => {
    assert.equal(answered(packument, VERDICTS, 'latest', OPTIONS).outcome, 'found')
    assert.deepEqual(answer('latest'), answer('1.0.0'))
  })
  it('refused by number', () => {
    assert.deepEqual(answer('1.1.0'), { outcome: 'refused', version: '1.1.0' })
  })
  it('refused by a tag that has nowhere to go', () => {
    const alone = packumentOf(['1.0.0'], { latest: '1.0.0' })
    assert.deepEqual(answered(alone, verdicts({ '1.0.0': 'deny' }), 'latest', OPTIONS), { outcome: 'refused', version: '1.0.0' })
  })
  for (const selector of ['9.9.9', 'beta', '^1.0.0', 'constructor', '__proto__', '']) {
    it(`absent: ${JSON.stringify(selector)}`, () => {
      assert.deepEqual(answer(selector), { outcome: 'absent' })
    })
  }
})

describe('a rewritten packument as text', () => {
  const VERSION = (version: string): unknown => ({ name: 'widget', version, description: '\u2028 "\ud800" é', dist: { tarball: 'x' } })
  const read = (versions: readonly string[], more: object = {}): Packument =>
    parsePackument(JSON.parse(JSON.stringify({ name: 'widget', ...more, versions: Object.fromEntries(versions.map((version) => [version, VERSION(version)])) })), 'widget')
  for (const form of ['full', 'abbreviated'] as const)
    for (const [what, packument] of [
      ['of some versions', read(['1.0.0', '2.0.0', '3.0.0'], { 'dist-tags': { latest: '3.0.0' }, time: { '1.0.0': '2026-01-01' }, readme: 'é' })],
      ['of none', read([])],
      ['of names that are properties', read(['1.0.0', '__proto__', 'constructor'], { constructor: 'x' })],
    ] as const)
      it(`${form}, ${what}: the document, in pieces`, () => {
        const judged = new Map<string, Judged>([...packument.versions.keys()].map((version) => [version, { outcome: version === '2.0.0' ? 'deny' : 'allow', reasons: [] }]))
        const options = { ...OPTIONS, form }
        const whole = JSON.stringify(rewritePackument(packument, judged, options).document)
        assert.equal([...textOf(rewrittenInParts(packument, judged, options))].join(''), whole)
      })
})
