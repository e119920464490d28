/** The image: what its Dockerfile promises, and what its steps make, run without a container engine. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { all, cannotRun, contextOf, listOf, read, Root, stagesOf, wordsOf } from '../support/image.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const DOCKERFILE = read(path.join(ROOT, 'docker/Dockerfile'))
const stages = stagesOf(DOCKERFILE)
const [build, final] = stages
const entries = contextOf(read(path.join(ROOT, 'docker/Dockerfile.dockerignore')))

describe('image: Dockerfile', () => {
  it('builds in one stage and runs in another', () => {
    assert.deepEqual(stages.map(({ name }) => name), ['build', ''])
  })
  it('runs as a user without rights', () => {
    assert.deepEqual(all(final!, 'USER').map(wordsOf), [['node']])
  })
  it('every base is of a named version', () => {
    for (const { base } of stages) assert.match(base, /^node:\$\{NODE_VERSION\}-\w+-slim$/)
  })
  it('fetches nothing by address', () => {
    assert.deepEqual(all(build!, 'ADD').concat(all(final!, 'ADD')), [])
    assert.doesNotMatch(DOCKERFILE, /curl|wget/)
  })
  it('writes to /data alone, and keeps it', () => {
    assert.deepEqual(all(final!, 'VOLUME').map(wordsOf), [['/data']])
  })
  it('says how it is asked whether it lives, and how it is stopped', () => {
    assert.equal(all(final!, 'HEALTHCHECK').length, 1)
    assert.deepEqual(all(final!, 'STOPSIGNAL').map(wordsOf), [['SIGTERM']])
  })
  it('takes along neither history, dependencies, secrets nor data of a checkout', () => {
    for (const entry of ['.git', 'node_modules', 'data', 'storage', '.npmrc', '.env', 'test']) assert.ok(!entries.includes(entry), entry)
  })
})

describe('image: its steps', function () {
  this.timeout(600_000)
  const roots = new Map<string, Root>()
  before(function () {
    const reason = process.env.CI === 'true' ? undefined : (cannotRun() ?? 'only in CI (CI=true): takes a minute')
    if (reason !== undefined) {
      process.stderr.write(`skipped: ${reason}\n`)
      this.skip()
    }
    for (const stage of stages) {
      const root = new Root()
      roots.set(stage.name, root)
      root.build(stage, { dir: ROOT, entries }, roots)
    }
  })
  after(() => {
    for (const root of roots.values()) root.close()
  })

  const command = (): string => [...listOf(all(final!, 'ENTRYPOINT')[0]!), ...listOf(all(final!, 'CMD')[0]!)].join(' ')
  const health = (): string => wordsOf(all(final!, 'HEALTHCHECK')[0]!).slice(1).join('').replace(/^\[|\]$/g, '').split(',').map((word) => JSON.parse(word.trim()) as string).join(' ')

  it('make a mirror that runs on a read-only file system, is healthy, and ends at SIGTERM', () => {
    const printed = roots.get('')!.run(`
      touch /app/x 2>/dev/null && exit 9
      ${command()} > /data/log 2>&1 &
      mirror=$!
      for round in $(seq 500); do ${health()} 2>/dev/null && break; done
      ${health()}
      echo "healthy as $(id -un)"
      kill -TERM $mirror; wait $mirror
      echo "ended with $?"; ls /data`, 'node:node')
    assert.match(printed, /^healthy as node$/m)
    assert.match(printed, /^ended with 0$/m)
    assert.match(printed, /^config\.yaml$/m)
  })
  it('leave no development dependency in it', () => {
    const printed = roots.get('')!.run('ls /app/node_modules /app', 'node:node')
    for (const name of ['typescript', 'mocha', 'eslint', 'vite']) assert.doesNotMatch(printed, new RegExp(`^${name}$`, 'm'))
    for (const name of ['dist', 'config', 'package.json', 'verdaccio']) assert.match(printed, new RegExp(`^${name}$`, 'm'))
  })
})
