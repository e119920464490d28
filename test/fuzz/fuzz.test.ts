/**
 * The short run: what was found before, and a fixed number of changes with a fixed seed. `node scripts/fuzz.ts` is the long one,
 * led by coverage.
 */
import assert from 'node:assert/strict'
import { stored } from './corpus.ts'
import { attempt, fuzz } from './fuzzer.ts'
import { Random } from './random.ts'
import { TARGETS } from './targets.ts'

const SEED = 20_260_101

describe('fuzz: parsers keep their promises whatever they are given', function () {
  this.timeout(60_000)
  for (const target of TARGETS) {
    it(`${target.name}: ${target.quick} changed inputs`, async () => {
      const { findings } = await fuzz(target, new Random(SEED), (iterations) => iterations >= target.quick)
      assert.deepEqual(findings.map(({ what, input }) => `${what}\n${input.toString('latin1').slice(0, 2000)}`), [])
    })
    for (const [index, input] of stored('crashes', target.name).entries())
      it(`${target.name}: what once broke it (${index + 1})`, async () => {
        assert.equal((await attempt(target, input))?.what, undefined)
      })
  }
})
