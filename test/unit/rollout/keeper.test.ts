/** Reloads: what takes the place of the policy in force, when, and what does not. */
import assert from 'node:assert/strict'
import { PolicyKeeper, type Reload } from '../../../plugin/rollout/keeper.ts'
import { policySourceOf, readPolicy, type ConfiguredPolicy } from '../../../plugin/rollout/policy-source.ts'
import { settableClock } from '../../support/mirror.ts'
import { Files, Timers, ToldWatch } from './support.ts'

const NOW = new Date('2026-06-01T00:00:00Z')
const FILE = '/conf/policy.yaml'
const TEAM = '/conf/team.yaml'
const DAY = 86_400_000
const STRICT = 'version: 1\nextends: strict\n'
const LOCKDOWN = 'version: 1\nextends: lockdown\n'
const WRONG = 'version: 1\nextends: strict\nmode: enforced\n'
const INCLUDING = `${STRICT}include: [team.yaml]\n`
const RULES = 'version: 1\nrules:\n  - { packages: [a], verdict: deny, reason: r }\n'
const MORE_RULES = 'version: 1\nrules:\n  - { packages: [b], verdict: deny, reason: r }\n'

describe('policy keeper', () => {
  let files: Files
  let timers: Timers
  let watch: ToldWatch
  let told: Reload[]
  let warned: number
  let days: number
  const clock = settableClock(NOW)
  beforeEach(() => {
    files = new Files([[FILE, STRICT]])
    timers = new Timers()
    watch = new ToldWatch()
    told = []
    warned = 0
    days = 0
    clock.set(NOW)
  })

  const A_FILE = { source: 'read before', file: FILE }
  function keeper(configured: ConfiguredPolicy | 'default' = A_FILE): PolicyKeeper {
    const source = policySourceOf(configured === 'default' ? undefined : configured)
    const first = readPolicy(source, files.read, NOW)
    if (first.policy === undefined) throw first.error
    return new PolicyKeeper({
      source,
      first,
      clock,
      readFile: files.read,
      watch: watch.watch,
      schedule: timers.schedule,
      reloaded: (reload) => { told.push(reload) },
      warn: () => { warned++ },
      daily: () => { days++ },
    })
  }
  const started = (configured: ConfiguredPolicy | 'default' = A_FILE): PolicyKeeper => {
    const made = keeper(configured)
    made.start()
    return made
  }
  const outcomes = (): readonly string[] => told.map(({ outcome }) => outcome)
  const change = (text: string, file = FILE): void => {
    files.set(file, text)
    watch.changed()
    timers.pass(1000)
  }

  it('another policy takes the place of the one in force, and both revisions are told', () => {
    const policies = started()
    const before = policies.policy
    clock.advance(1000)
    change(LOCKDOWN)
    assert.equal(policies.policy.preset, 'lockdown')
    assert.deepEqual(told.map(({ outcome, cause, previous, revision }) => [outcome, cause, previous, revision]), [['applied', 'change', before.revision, policies.policy.revision]])
    assert.deepEqual([policies.state.revision, policies.state.loadedAt, policies.state.reloads.applied], [policies.policy.revision, clock.now(), 1])
  })
  it('whoever has a policy keeps it whole', () => {
    const policies = started()
    const mine = policies.policy
    change(LOCKDOWN)
    assert.equal(mine.preset, 'strict')
  })
  it('a wrong one takes no place, and every problem is told with file, line, key and remedy', () => {
    const policies = started()
    const before = policies.policy
    change(`${WRONG}listing: none\n`)
    assert.equal(policies.policy, before)
    assert.deepEqual(outcomes(), ['refused'])
    assert.deepEqual(told[0]?.problems.map(({ line, path }) => [line, path]), [[3, 'mode'], [4, 'listing']])
    assert.ok(told[0].messages[0]?.startsWith(`${FILE}:3: mode: `))
    assert.deepEqual([policies.state.loadedAt, policies.state.reloads.refused, policies.state.lastReload?.outcome], [NOW, 1, 'refused'])
  })
  it('after a wrong one the right one is taken', () => {
    const policies = started()
    change(WRONG)
    change(LOCKDOWN)
    assert.deepEqual([outcomes(), policies.policy.preset], [['refused', 'applied'], 'lockdown'])
  })
  it('a wrong one taken back leaves what was in force, and nothing wrong to tell', () => {
    const policies = started()
    change(WRONG)
    change(STRICT)
    assert.deepEqual([outcomes(), policies.state.lastReload?.outcome], [['refused', 'unchanged'], 'unchanged'])
  })
  it('what means the same changes nothing', () => {
    const policies = started()
    const { revision } = policies.policy
    change(`# a comment\n${STRICT}`)
    assert.deepEqual([outcomes(), policies.policy.revision, policies.state.loadedAt], [['unchanged'], revision, NOW])
  })
  it('a file that is written anew as it was is not even read as a policy', () => {
    started()
    change(STRICT)
    assert.deepEqual(told, [])
  })

  it('is read when the files have been left alone for a moment, once', () => {
    started()
    for (let times = 0; times < 10; times++) watch.changed()
    files.set(FILE, LOCKDOWN)
    assert.deepEqual(timers.waits.filter((wait) => wait < DAY), [250])
    timers.pass(1000)
    assert.deepEqual(outcomes(), ['applied'])
  })
  it('is read in time however often the files are written to', () => {
    started()
    watch.changed()
    clock.advance(1900)
    watch.changed()
    assert.deepEqual(timers.waits.filter((wait) => wait < DAY), [100])
  })
  it('a file that is gone for a moment is waited for', () => {
    const policies = started()
    files.delete(FILE)
    watch.changed()
    timers.pass(1000)
    assert.deepEqual(told, [])
    change(LOCKDOWN)
    assert.deepEqual([outcomes(), policies.policy.preset], [['applied'], 'lockdown'])
  })
  it('a file that stays gone is told, and what was in force is', () => {
    const policies = started()
    files.delete(FILE)
    watch.changed()
    timers.pass(1000)
    timers.pass(2000)
    assert.deepEqual([outcomes(), policies.policy.preset], [['refused'], 'strict'])
    change(LOCKDOWN)
    assert.equal(policies.policy.preset, 'lockdown')
  })
  it('what was changed between the first reading and the start is seen', () => {
    const policies = keeper()
    files.set(FILE, LOCKDOWN)
    policies.start()
    assert.deepEqual([outcomes(), policies.policy.preset], [['applied'], 'lockdown'])
  })
  it('half of a change is no policy: files that differ when they are read again', () => {
    const policies = started()
    let reads = 0
    const torn = readPolicy(policySourceOf(A_FILE), (file) => `${files.read(file)}# ${String(++reads)}\n`, NOW)
    assert.deepEqual([torn.policy, torn.error?.problems[0]?.message], [undefined, 'changes while it is read'])
    assert.equal(policies.policy.preset, 'strict')
  })
  it('a change in the middle of reading is read as a whole', () => {
    files.set(FILE, INCLUDING)
    files.set(TEAM, RULES)
    let swapped = false
    const reading = readPolicy(policySourceOf({ source: '', file: FILE }), (file) => {
      const text = files.read(file)
      // After the policy and before what it includes, a new version of both arrives.
      if (!swapped) {
        files.set(FILE, `${INCLUDING}mode: monitor\n`)
        files.set(TEAM, MORE_RULES)
        swapped = true
      }
      return text
    }, NOW)
    assert.deepEqual([reading.policy?.mode, reading.policy?.rules[0]?.packages], ['monitor', ['b']])
  })

  it('a signal reads at once, and says when nothing changed', () => {
    const policies = started()
    assert.equal(policies.reload('signal').outcome, 'unchanged')
    files.set(FILE, LOCKDOWN)
    assert.equal(policies.reload('signal').outcome, 'applied')
    files.delete(FILE)
    assert.deepEqual([policies.reload('signal').outcome, policies.policy.preset], ['refused', 'lockdown'])
  })
  it('a signal takes what a change was about to', () => {
    const policies = started()
    files.set(FILE, LOCKDOWN)
    watch.changed()
    policies.reload('signal')
    assert.deepEqual([outcomes(), timers.waits], [['applied'], [DAY]])
  })
  it('a waiver that ended meanwhile refuses the reload, and no policy in force', () => {
    files.set(FILE, `${STRICT}waivers:\n  - { package: a@1.0.0, waives: [release-too-young], reason: r, approvedBy: x, expires: 2026-06-02 }\n`)
    const policies = started()
    clock.advance(2 * DAY)
    assert.deepEqual([policies.reload('signal').problems.map(({ path }) => path), policies.policy.waivers.length], [['waivers[0].expires'], 1])
  })

  it('files it includes are watched, and their changes are reloads', () => {
    files.set(FILE, INCLUDING)
    files.set(TEAM, RULES)
    const policies = started()
    assert.deepEqual(watch.files, [FILE, TEAM])
    change(MORE_RULES, TEAM)
    assert.deepEqual([outcomes(), policies.policy.rules[0]?.packages], [['applied'], ['b']])
  })
  it('a file that the new version includes is watched, and one that it no longer does is not', () => {
    files.set(TEAM, RULES)
    const policies = started()
    assert.deepEqual(watch.files, [FILE])
    change(INCLUDING)
    assert.deepEqual(watch.files, [FILE, TEAM])
    change(MORE_RULES, TEAM)
    assert.deepEqual(policies.policy.rules[0]?.packages, ['b'])
    change(STRICT)
    assert.deepEqual(watch.files, [FILE])
  })
  it('a mistake in a file that only the refused version includes can be mended there', () => {
    files.set(TEAM, 'version: 1\nrules: 5\n')
    const policies = started()
    change(INCLUDING)
    assert.deepEqual([outcomes(), watch.files], [['refused'], [FILE, TEAM]])
    change(RULES, TEAM)
    assert.deepEqual([outcomes(), policies.policy.rules[0]?.packages], [['refused', 'applied'], ['a']])
  })
  it('a missing included file refuses, and is watched for', () => {
    started()
    change(INCLUDING)
    timers.pass(2000)
    assert.deepEqual([outcomes(), watch.files], [['refused'], [FILE, TEAM]])
    change(RULES, TEAM)
    assert.deepEqual(outcomes(), ['refused', 'applied'])
  })

  for (const [what, configured] of Object.entries<ConfiguredPolicy | 'default'>({
    'the default': 'default',
    'a policy in the configuration': { source: { version: 1, extends: 'strict' }, file: '/conf/config.yaml' },
  }))
    it(`${what} has nothing to reload, and says so`, () => {
      const policies = started(configured)
      assert.deepEqual([policies.reload('signal').outcome, watch.files, timers.waits], ['fixed', [], [DAY]])
    })
  it('a policy in the configuration is reloaded for the files it includes', () => {
    files.set(TEAM, RULES)
    const policies = started({ source: { version: 1, extends: 'strict', include: ['team.yaml'] }, file: '/conf/config.yaml (middlewares.provenance.policy)' })
    assert.deepEqual(watch.files, [TEAM])
    change(MORE_RULES, TEAM)
    assert.deepEqual([outcomes(), policies.policy.rules[0]?.packages], [['applied'], ['b']])
  })

  it('once a day, and when it starts, waivers are looked after', () => {
    started()
    timers.pass(DAY)
    assert.deepEqual([days, timers.waits], [2, [DAY]])
  })
  it('a watch that fails is told, and a signal still reloads', () => {
    const policies = started()
    watch.failed()
    files.set(FILE, LOCKDOWN)
    assert.deepEqual([warned, policies.reload('signal').outcome], [1, 'applied'])
  })
  it('once closed it does nothing any more', () => {
    const policies = started()
    watch.changed()
    policies.close()
    assert.deepEqual([timers.waits, watch.closed], [[], true])
  })
})
