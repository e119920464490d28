import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' }
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import {
  buildTrustMaterial,
  keysTargetOf,
  loadTrustMaterial,
  parseRegistryKeys,
  parseTrustedRoot,
} from '../../../plugin/verify/index.ts'
import { PrivateSigstore, REGISTRY } from '../../support/private-sigstore.ts'
import { sigstore, trust, trustOf } from './support.ts'

const [keysTarget = ''] = Object.values(seeds)
  .flatMap(({ targets }) => Object.keys(targets))
  .filter((name) => name.endsWith('keys.json'))
const seeded = `https://${decodeURIComponent(keysTarget).replace('/keys.json', '')}/`

const problemsOf = (run: () => unknown): readonly string[] => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ConfigurationError)
    assert.equal(error.file, 'file.json')
    assert.ok(error.problems.every(({ message, remedy }) => message !== '' && remedy !== ''))
    return error.problems.map((problem) => problem.path)
  }
  return []
}

interface Root {
  mediaType: string
  tlogs: Log[]
  ctlogs: Log[]
  certificateAuthorities: Authority[]
  timestampAuthorities: Authority[]
}
interface Log {
  baseUrl: string
  logId: { keyId: string }
  publicKey: { rawBytes: string; keyDetails: string; validFor: Validity }
}
interface Authority {
  certChain: { certificates: { rawBytes: string }[] }
  validFor: Validity
}
interface Validity {
  start?: string
  end?: string
}

const rootProblems = (change: (root: Root) => void): readonly string[] => {
  const root = JSON.parse(JSON.stringify(sigstore.trustedRoot())) as Root
  change(root)
  return problemsOf(() => parseTrustedRoot(root, 'file.json'))
}

describe('verify: trust material', () => {
  it('comes from the seeds, keys included, without a date they do not hold', () => {
    const material = loadTrustMaterial({ registry: seeded })
    assert.ok(material.registryKeys.length >= 4)
    assert.ok(material.registryKeys.some(({ expires, usages }) => expires !== null && usages.includes('signatures')))
    assert.equal(material.asOf, undefined)
    assert.match(material.source.trustedRoot, /TUF root version \d+/)
  })
  it('has no keys for a registry the seeds do not know, and says so', () => {
    const material = loadTrustMaterial({ registry: REGISTRY })
    assert.deepEqual(material.registryKeys, [])
    assert.match(material.source.registryKeys, /^none: .*registry\.example\/keys\.json/)
    assert.ok(material.anchors.size > 0)
  })
  it('names the keys target by the host, port included', () => {
    assert.equal(keysTargetOf('https://registry.example:8443/npm/'), 'registry.example:8443/keys.json')
  })

  describe('from files', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'trust-'))
    after(() => {
      rmSync(directory, { recursive: true, force: true })
    })
    const file = (name: string, content: unknown): string => {
      const target = path.join(directory, name)
      writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content))
      return target
    }
    it('of the operator, root and keys', () => {
      const trustedRootFile = file('root.json', sigstore.trustedRoot())
      const registryKeysFile = file('keys.json', sigstore.registryKeysTarget())
      const material = loadTrustMaterial({ registry: REGISTRY, trustedRootFile, registryKeysFile })
      assert.equal(material.revision, trust.revision)
      assert.deepEqual(material.anchors, trust.anchors)
      assert.deepEqual(material.source, { trustedRoot: trustedRootFile, registryKeys: registryKeysFile })
      assert.equal(material.asOf, undefined)
    })
    for (const [name, content] of [
      ['not JSON', '{'],
      ['with duplicate keys', '{"keys":[],"keys":[]}'],
      ['not an object', '[]'],
    ] as const)
      it(`that are ${name} are refused by name`, () => {
        const bad = file('bad.json', content)
        for (const options of [{ trustedRootFile: bad }, { registryKeysFile: bad }])
          assert.throws(
            () => loadTrustMaterial({ registry: REGISTRY, ...options }),
            (error) => error instanceof ConfigurationError && error.file === bad,
          )
      })
    it('that are not there are refused by name', () => {
      const missing = path.join(directory, 'missing.json')
      assert.throws(() => loadTrustMaterial({ registry: REGISTRY, trustedRootFile: missing }), ConfigurationError)
    })
  })

  it('has another revision with any other root or key, and the same one with another source', () => {
    const { trustedRoot, registryKeys, source } = trust
    const other = trustOf(PrivateSigstore.create({ name: 'other' }))
    const revisions = [
      buildTrustMaterial({ trustedRoot: other.trustedRoot, registryKeys, source }),
      buildTrustMaterial({ trustedRoot, registryKeys: registryKeys.slice(1), source }),
      buildTrustMaterial({
        trustedRoot,
        registryKeys: registryKeys.map((key) => ({ ...key, expires: '2030-01-01T00:00:00Z' })),
        source,
      }),
      trust,
    ].map(({ revision }) => revision)
    assert.equal(new Set(revisions).size, 4)
    const again = buildTrustMaterial({
      trustedRoot,
      registryKeys: [...registryKeys].reverse(),
      source: { trustedRoot: 'x', registryKeys: 'y' },
      asOf: new Date(0),
    })
    assert.equal(again.revision, trust.revision)
  })
  it('anchors every CA, log, TSA and key, each with its validity', () => {
    const kinds = [...trust.anchors].map((anchor) => anchor.split(':')[0])
    for (const [kind, count] of [
      ['ca', 1],
      ['ctlog', 1],
      ['tlog', 2],
      ['tsa', 1],
      ['key', 4],
    ] as const)
      assert.equal(kinds.filter((other) => other === kind).length, count)
    const ended = JSON.parse(JSON.stringify(sigstore.trustedRoot())) as Root
    ended.certificateAuthorities[0]!.validFor.end = '2040-01-01T00:00:00Z'
    const material = buildTrustMaterial({ ...trust, trustedRoot: parseTrustedRoot(ended, 'x') })
    assert.equal([...material.anchors].filter((anchor) => !trust.anchors.has(anchor)).length, 1)
  })
})

describe('verify: a trusted root', () => {
  const faults: readonly (readonly [string, (root: Root) => void, string])[] = [
    [
      'of another media type',
      (root) => {
        root.mediaType = 'application/json'
      },
      'mediaType',
    ],
    [
      'without logs',
      (root) => {
        root.tlogs = []
      },
      'tlogs',
    ],
    [
      'without CT logs',
      (root) => {
        root.ctlogs = []
      },
      'ctlogs',
    ],
    [
      'without authorities',
      (root) => {
        root.certificateAuthorities = []
      },
      'certificateAuthorities',
    ],
    [
      'with a list that is none',
      (root) => {
        root.tlogs = {} as never
      },
      'tlogs',
    ],
    [
      'with an entry that is none',
      (root) => {
        root.tlogs.push(null as never)
      },
      'tlogs[2]',
    ],
    [
      'whose log has no start of validity',
      (root) => {
        delete root.tlogs[1]!.publicKey.validFor.start
      },
      'tlogs[1].publicKey.validFor.start',
    ],
    [
      'whose log has no validity',
      (root) => {
        delete (root.tlogs[0]!.publicKey as Partial<Log['publicKey']>).validFor
      },
      'tlogs[0].publicKey.validFor.start',
    ],
    [
      'whose CT log has no start of validity',
      (root) => {
        delete root.ctlogs[0]!.publicKey.validFor.start
      },
      'ctlogs[0].publicKey.validFor.start',
    ],
    [
      'whose CA has no start of validity',
      (root) => {
        root.certificateAuthorities[0]!.validFor = {}
      },
      'certificateAuthorities[0].validFor.start',
    ],
    [
      'whose TSA has no start of validity',
      (root) => {
        root.timestampAuthorities[0]!.validFor = {}
      },
      'timestampAuthorities[0].validFor.start',
    ],
    [
      'with a time that is none',
      (root) => {
        root.ctlogs[0]!.publicKey.validFor.end = 'never'
      },
      'ctlogs[0].publicKey.validFor.end',
    ],
    [
      'that ends before it starts',
      (root) => {
        root.ctlogs[0]!.publicKey.validFor.end = '2001-01-01T00:00:00Z'
      },
      'ctlogs[0].publicKey.validFor',
    ],
    [
      'with a key that is none',
      (root) => {
        root.tlogs[0]!.publicKey.rawBytes = 'AAAA'
      },
      'tlogs[0].publicKey',
    ],
    [
      'with a kind of key that is not known',
      (root) => {
        root.tlogs[0]!.publicKey.keyDetails = 'ML_DSA_65'
      },
      'tlogs[0].publicKey',
    ],
    [
      'with a log without address',
      (root) => {
        root.tlogs[0]!.baseUrl = ''
      },
      'tlogs[0].baseUrl',
    ],
    [
      'with a log without id',
      (root) => {
        root.tlogs[0]!.logId.keyId = ''
      },
      'tlogs[0].logId.keyId',
    ],
    [
      'with an empty chain',
      (root) => {
        root.certificateAuthorities[0]!.certChain.certificates = []
      },
      'certificateAuthorities[0].certChain.certificates',
    ],
    [
      'with a certificate that is none',
      (root) => {
        root.certificateAuthorities[0]!.certChain.certificates = [{ rawBytes: 'AAAA' }]
      },
      'certificateAuthorities[0].certChain.certificates[0]',
    ],
    [
      'with a chain without root',
      (root) => {
        root.timestampAuthorities[0]!.certChain.certificates.pop()
      },
      'timestampAuthorities[0].certChain.certificates',
    ],
  ]
  for (const [name, change, where] of faults)
    it(`${name} is refused at ${where}`, () => {
      assert.deepEqual(rootProblems(change), [where])
    })
  it('may have no timestamp authority', () => {
    assert.deepEqual(
      rootProblems((root) => {
        root.timestampAuthorities = []
      }),
      [],
    )
  })
  it('reports every problem at once', () => {
    assert.equal(
      rootProblems((root) => {
        root.tlogs = []
        root.ctlogs = []
      }).length,
      2,
    )
  })
})

describe('verify: registry keys', () => {
  const { keys } = sigstore.registryKeys() as { keys: Record<string, unknown>[] }
  const targets = sigstore.registryKeysTarget() as { keys: Record<string, unknown>[] }
  const problems = (change: object): readonly string[] =>
    problemsOf(() => parseRegistryKeys({ keys: [{ ...keys[1], ...change }] }, 'file.json'))

  it('of the endpoint serve for signatures and attestations', () => {
    const parsed = parseRegistryKeys({ keys }, 'file.json')
    assert.deepEqual(
      parsed.map(({ expires, starts, usages }) => ({ expires, starts, usages })),
      [
        { expires: sigstore.expiredKey.expires, starts: null, usages: ['signatures', 'attestations'] },
        { expires: null, starts: null, usages: ['signatures', 'attestations'] },
      ],
    )
  })
  it('of the TUF target serve for what they are named for', () => {
    const parsed = parseRegistryKeys(targets, 'file.json')
    assert.deepEqual(
      parsed.map(({ usages }) => usages),
      [['signatures'], ['attestations'], ['signatures'], ['attestations']],
    )
    assert.equal(parsed[0]?.starts, '1999-01-01T00:00:00.000Z')
    assert.equal(parsed[0].keytype, 'ecdsa-sha2-nistp256')
  })
  it('of another usage are of no use', () => {
    const others = targets.keys.map((key) => ({ ...key, keyUsage: 'npm:other' }))
    assert.equal(parseRegistryKeys({ keys: [...others, ...targets.keys] }, 'file.json').length, 4)
    assert.deepEqual(
      problemsOf(() => parseRegistryKeys({ keys: others }, 'file.json')),
      ['keys'],
    )
  })
  const faults: readonly (readonly [string, object, readonly string[]])[] = [
    ['without an id', { keyid: '' }, ['keys[0]']],
    ['that are not keys', { key: 'AAAA' }, ['keys[0]']],
    ['that are not base64', { key: '!' }, ['keys[0]']],
    ['with an end that is no time', { expires: 'soon' }, ['keys[0].expires']],
    ['with an end that is a number', { expires: 7 }, ['keys[0].expires']],
  ]
  for (const [name, change, paths] of faults)
    it(`${name} are refused`, () => {
      assert.deepEqual(problems(change).slice(0, 1), paths)
    })
  it('of another curve or kind under this type are refused', () => {
    const others = [
      generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ]
    for (const { publicKey } of others)
      assert.deepEqual(problems({ key: publicKey.export({ format: 'der', type: 'spki' }).toString('base64') }), ['keys[0]'])
  })
  it('two under one id are refused', () => {
    assert.deepEqual(
      problemsOf(() => parseRegistryKeys({ keys: [keys[0], { ...keys[1], keyid: keys[0]?.keyid }] }, 'file.json')),
      ['keys', 'keys'],
    )
  })
  for (const document of [null, [], {}, { keys: {} }, { keys: [] }])
    it(`${JSON.stringify(document)} holds none`, () => {
      assert.deepEqual(
        problemsOf(() => parseRegistryKeys(document, 'file.json')),
        ['keys'],
      )
    })
  it('an entry that is none is refused', () => {
    assert.deepEqual(
      problemsOf(() => parseRegistryKeys({ keys: [null] }, 'file.json')),
      ['keys[0]'],
    )
  })
})
