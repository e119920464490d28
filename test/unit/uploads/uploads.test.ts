import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parsePolicy, policyOf } from '../../../plugin/policy/index.ts'
import { readInThread } from '../../../plugin/uploads/pool.ts'
import { readUpload, type UploadOutcome } from '../../../plugin/uploads/read.ts'

const now = '2027-01-01T00:00:00.000Z'
const policyText = (more: string): string => `version: 1\nextends: recommended\n${more}`
const messages = (outcome: UploadOutcome): readonly unknown[] => (outcome.kind === 'wrong' ? outcome.problems.map(({ line, path: at, message }) => [line, at, message]) : [])

describe('uploads', () => {
  it('a policy is the one that its text is', async () => {
    const text = policyText('rules:\n  - packages: ["left-pad@1.3.0"]\n    verdict: deny\n    reason: it is bad\nwaivers:\n  - { package: a@1.0.0, waives: [provenance-absent], reason: x, approvedBy: me, expires: 2028-01-01 }\n')
    const outcome = await readInThread({ kind: 'policy', text, now })
    assert.equal(outcome.kind, 'policy')
    const [tried, own] = [await policyOf((outcome).policy), parsePolicy(text, 'policy', { now: new Date(now) })]
    assert.equal(tried.revision, own.revision)
    assert.deepEqual(tried.waivers, own.waivers)
    assert.deepEqual(tried.needs({ name: 'left-pad', version: '1.3.0' }), own.needs({ name: 'left-pad', version: '1.3.0' }))
  })

  it('mistakes are told by line', () => assert.deepEqual(messages(readUpload({ kind: 'policy', text: policyText('mode: maybe\n'), now })).map((one) => (one as unknown[]).slice(0, 2)), [[3, 'mode']]))

  it('[15] no file is read for a policy that was sent: it would be this machine\'s', () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'uploads-'))
    const file = path.join(dir, 'team.yaml')
    writeFileSync(file, 'version: 1\nrules: []\n')
    for (const include of [file, '/etc/passwd', './policy.yaml']) {
      const outcome = readUpload({ kind: 'policy', text: policyText(`include: [${include}]\n`), now })
      assert.equal(outcome.kind, 'wrong')
      assert.match(JSON.stringify(messages(outcome)), /no files can be read here/)
    }
    rmSync(dir, { recursive: true })
  })

  it('a lockfile that is none is told', () => {
    const outcome = readUpload({ kind: 'lockfile', file: 'package-lock.json', text: 'nothing', manifest: undefined })
    assert.equal(outcome.kind, 'wrong')
  })

  it('a policy of 2,000 rules does not hold others up', async () => {
    const rules = Array.from({ length: 2000 }, (_, index) => `  - packages: ["@team${index}/*", "lib-${index}"]\n    require: { provenance: { sourceRepository: https://github.com/acme/repo${index} } }\n    where: 'package.name.startsWith("@team")'\n`).join('')
    const outcome = await readInThread({ kind: 'policy', text: policyText(`rules:\n${rules}`), now })
    assert.equal(outcome.kind, 'policy')
    const { policy } = outcome
    let others = 0
    const timer = setInterval(() => { others++ }, 1)
    const began = performance.now()
    const { rules: all } = await policyOf(policy)
    clearInterval(timer)
    assert.equal(all.length, 2001)
    // Either it was done at once, or others had their turns meanwhile.
    assert.ok(others > 2 || performance.now() - began < 20, `${others} turns of others`)
  })
})
