/** `check` of a lockfile whose packages are known already. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { SERVER_CORE, run } from '../children.ts'
import type { Context } from '../context.ts'
import { takeAll } from '../load/fetch.ts'
import { packumentHeaders } from '../load/requests.ts'
import { atMost, type Section } from '../report/section.ts'
import { startServer } from '../servers/index.ts'
import { MAIN } from '../servers/mirror.ts'
import { figure, median } from '../statistics.ts'

export async function check(context: Context): Promise<Section> {
  const count = context.quick ? 200 : 1000
  const server = await startServer(context, 'serve')
  try {
    const project = path.join(server.dir, 'project')
    mkdirSync(project)
    const lockfile = path.join(project, 'package-lock.json')
    writeFileSync(lockfile, JSON.stringify(await lockfileOf(context, count)))
    context.say(`${count} packages`)
    await takeAll(Array.from({ length: count }, (_, index) => `${server.url}${pathOf(index)}`), packumentHeaders, 8)
    const runs = async (args: readonly string[]): Promise<readonly number[]> => {
      const times: number[] = []
      for (let round = 0; round <= Math.min(3, context.rounds); round++) times.push(await timed(server.dir, args))
      return times
    }
    const asked = await runs([lockfile, '--mirror', server.url])
    await server.stop()
    const own = await runs([lockfile, '--config', path.join(server.dir, 'config.yaml')])
    const help = await timed(server.dir, ['--help'], 'main')
    const rest = (times: readonly number[]): number => median(times.slice(1))
    return {
      tables: [
        {
          title: `\`check\` of a lockfile of ${count.toLocaleString('en-US')} packages whose facts are known`,
          columns: ['', 'first ms', 'then ms'],
          rows: [
            ['of a running mirror (`--mirror`)', figure(asked[0]), figure(rest(asked))],
            ['with a store of its own (`--config`)', figure(own[0]), figure(rest(own))],
            ['starting and ending the command alone (`--help`)', figure(help), figure(help)],
          ],
        },
      ],
      targets: [
        ...atMost(`\`check\` of ${count} packages, of a running mirror`, 1000, rest(asked), (value) => `${figure(value)} ms`),
        ...atMost(`\`check\` of ${count} packages, own store`, 1000, rest(own), (value) => `${figure(value)} ms`),
      ],
      notes: [],
    }
  } finally {
    await server.stop()
  }
}

const pathOf = (index: number): string => `/bench-lock-${index}`

/** The integrity of a version is what the upstream says it is. */
async function lockfileOf({ upstream }: Context, count: number): Promise<unknown> {
  const packages: [string, unknown][] = [['', { name: 'project', version: '1.0.0' }]]
  for (let index = 0; index < count; index++) {
    const response = await fetch(`${upstream}${pathOf(index)}`)
    const { name, versions } = (await response.json()) as { name: string; versions: Record<string, { version: string; dist: { integrity: string } }> }
    const [only] = Object.values(versions)
    packages.push([`node_modules/${name}`, { version: only?.version, integrity: only?.dist.integrity }])
  }
  return { name: 'project', version: '1.0.0', lockfileVersion: 3, requires: true, packages: Object.fromEntries(packages) }
}

/** Milliseconds of the whole process. */
async function timed(cwd: string, args: readonly string[], command: 'check' | 'main' = 'check'): Promise<number> {
  const { code, output, milliseconds } = await run({
    command: process.execPath,
    args: [MAIN, ...(command === 'check' ? ['check'] : []), ...args],
    cwd,
    cores: String(SERVER_CORE),
  })
  if (code !== 0) throw new Error(`check ended with ${code}: ${output.slice(0, 2000)}`)
  return milliseconds
}
