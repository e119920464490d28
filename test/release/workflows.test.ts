/** The workflows of .github: what they may do, whom they trust, and that what they run is there. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseDocument } from 'yaml'

const ROOT = path.resolve(import.meta.dirname, '../..')
const DIR = path.join(ROOT, '.github/workflows')
const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { scripts: Readonly<Record<string, string>> }

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
}
interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
  readonly needs?: string | readonly string[]
  readonly environment?: string
  readonly 'timeout-minutes'?: number
  readonly 'runs-on'?: string
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>
  readonly permissions: Readonly<Record<string, string>>
  readonly concurrency?: unknown
  readonly jobs: Readonly<Record<string, Job>>
}

function read(file: string): { readonly text: string; readonly workflow: Workflow } {
  const text = readFileSync(path.join(DIR, file), 'utf8')
  const document = parseDocument(text, { strict: true, uniqueKeys: true })
  assert.deepEqual(document.errors, [])
  return { text, workflow: document.toJS() as Workflow }
}

const files = readdirSync(DIR)
const jobsOf = (file: string): readonly (readonly [string, Job])[] => Object.entries(read(file).workflow.jobs)
const stepsOf = (file: string): readonly Step[] => jobsOf(file).flatMap(([, { steps }]) => steps)
const checksOut = ({ steps }: Job): boolean => steps.some(({ uses }) => uses?.startsWith('actions/checkout@') === true)
const writes = ({ permissions = {} }: Job): readonly string[] => Object.entries(permissions).filter(([, level]) => level === 'write').map(([name]) => name)

for (const file of files) {
  describe(`workflow ${file}`, () => {
    it('every action is pinned by its commit, and says of which version that is', () => {
      const pins = read(file).text.split('\n').filter((line) => /^\s*-?\s*uses:/.test(line))
      assert.equal(pins.length, stepsOf(file).filter(({ uses }) => uses !== undefined).length)
      for (const line of pins) assert.match(line, /uses: [\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
    })
    it('one action is of one commit', () => {
      const pins = new Map<string, string>()
      for (const { uses } of files.flatMap(stepsOf)) {
        const [action = '', commit = ''] = uses?.split('@') ?? []
        if (action !== '') assert.equal(pins.get(action) ?? commit, commit, action)
        pins.set(action, commit)
      }
    })
    it('nothing is granted to all jobs, and each says what it needs', () => {
      const { workflow } = read(file)
      assert.deepEqual(workflow.permissions, {})
      for (const [name, { permissions }] of jobsOf(file)) assert.equal(typeof permissions, 'object', name)
    })
    it('it does not run with rights for what strangers propose', () => {
      const { on } = read(file).workflow
      for (const event of ['pull_request_target', 'workflow_run', 'issue_comment', 'issues', 'discussion']) assert.equal(Object.hasOwn(on, event), false, event)
    })
    it('no text that somebody else wrote becomes a command', () => {
      for (const { run, with: inputs = {} } of stepsOf(file)) {
        assert.doesNotMatch(run ?? '', /\$\{\{/, run)
        assert.doesNotMatch(JSON.stringify(inputs), /github\.(?:event|head_ref|base_ref)/)
      }
    })
    it('no checkout leaves its token behind', () => {
      for (const step of stepsOf(file)) if (step.uses?.startsWith('actions/checkout@') === true) assert.equal(step.with?.['persist-credentials'], false)
    })
    it('no job runs for ever, nor on whatever machine is newest', () => {
      for (const [name, job] of jobsOf(file)) {
        assert.ok((job['timeout-minutes'] ?? Infinity) <= 90, name)
        assert.doesNotMatch(job['runs-on'] ?? 'latest', /latest/, name)
      }
    })
    it('no secret, and no token that outlives the run', () => {
      assert.doesNotMatch(read(file).text, /secrets\.|NODE_AUTH_TOKEN|NPM_TOKEN/)
    })
    it('every script it runs is there', () => {
      for (const { run = '' } of stepsOf(file)) {
        for (const [, name = ''] of run.matchAll(/npm run (?:--silent )?([\w:-]+)/g)) assert.ok(Object.hasOwn(scripts, name), name)
        for (const [command] of run.matchAll(/^\.\S+/gm)) assert.ok(existsSync(path.join(ROOT, command)), command)
      }
    })
  })
}

describe('workflow release.yml: what goes out', () => {
  const { on, jobs } = read('release.yml').workflow
  const before = (name: string): ReadonlySet<string> => {
    const needs = [jobs[name]?.needs ?? []].flat()
    return new Set(needs.flatMap((one) => [one, ...before(one)]))
  }

  it('begins with the tag of a version, and nothing else', () => {
    assert.deepEqual(on, { push: { tags: ['v[0-9]*'] } })
  })
  it('has all tests behind it', () => {
    assert.ok(jobs.test!.steps.some(({ run }) => run === '.ci/run'))
    for (const name of Object.keys(jobs)) if (name !== 'test') assert.ok(before(name).has('test'), name)
  })
  it('is published by nobody whose rights the code of a dependency has', () => {
    const privileged = Object.entries(jobs).filter(([, job]) => writes(job).length > 0)
    assert.deepEqual(privileged.map(([name]) => name).toSorted(), ['attest', 'image', 'publish', 'release'])
    for (const [name, job] of privileged) {
      for (const { run = '' } of job.steps) assert.doesNotMatch(run, /npm (?:ci|install|run|test|pack|exec)|\.ci\/|node /, name)
      // The image's steps run in a container of the builder's.
      if (name !== 'image') assert.equal(checksOut(job), false, name)
    }
  })
  it('each has no more rights than it needs', () => {
    assert.deepEqual(Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, writes(job).toSorted()])), {
      test: [], package: [], publish: ['id-token'], attest: ['attestations', 'id-token'], image: ['attestations', 'id-token', 'packages'], release: ['contents'],
    })
  })
  it('is approved by somebody before it is published', () => {
    for (const name of ['publish', 'image']) assert.notEqual(jobs[name]?.environment, undefined, name)
    for (const name of ['attest', 'image', 'release']) assert.ok(before(name).has('publish'), name)
  })
  it('is published with provenance, by a version of npm that is named, without scripts', () => {
    const [command] = jobs.publish!.steps.flatMap(({ run = '' }) => (run.includes(' publish ') ? [run] : []))
    for (const word of ['npm@11.21.2 ', '--provenance', '--access public', '--ignore-scripts', '--tag "$DIST_TAG"']) assert.ok(command?.includes(word), word)
  })
  it('is the very files that were made and listed', () => {
    assert.ok(jobs.publish!.steps.some(({ run }) => run === 'sha256sum --check --strict SHA256SUMS'))
    const made = jobs.package!.steps.map(({ run = '' }) => run)
    assert.ok(made.findIndex((run) => run.includes('release:check')) < made.findIndex((run) => run === 'npm pack'))
    assert.ok(made.some((run) => run.startsWith('sha256sum ')))
  })
  it('nothing is broken off half-way by the next', () => {
    assert.deepEqual(read('release.yml').workflow.concurrency, { group: 'release', 'cancel-in-progress': false })
  })
})
