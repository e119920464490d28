/** What a change of policy costs a running mirror: facts stay, verdicts and bytes are made again. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { Context } from '../context.ts'
import { take } from '../load/fetch.ts'
import { packumentHeaders } from '../load/requests.ts'
import { atMost, type Section } from '../report/section.ts'
import { startServer, type Server } from '../servers/index.ts'
import { POLICY } from '../servers/mirror.ts'
import { figure, median } from '../statistics.ts'
import { tell } from '../upstream/control.ts'
import { versionAt } from '../upstream/generated.ts'

const VERSIONS = 3000
const NAME = `bench-${VERSIONS}`
const milliseconds = (value: number): string => `${figure(value)} ms`

export async function policyChange(context: Context): Promise<Section> {
  const server = await startServer(context, 'serve')
  try {
    const ask = async (): Promise<{ readonly etag: string | undefined; readonly milliseconds: number }> => take(`${server.url}/${NAME}`, packumentHeaders)
    await ask()
    await ask()
    const changed: number[] = []
    const unchanged: number[] = []
    await tell(context.upstream, { reset: true })
    for (let round = 0; round < Math.max(2, context.rounds); round++) {
      context.say(`change ${round + 1}`)
      const before = await ask()
      // Another one each time, so that another set is withheld.
      await change(server, [{ packages: [`${NAME}@${versionAt(VERSIONS - 1 - round, VERSIONS)}`], verdict: 'deny', reason: 'benchmark' }])
      const after = await ask()
      if (after.etag === before.etag) throw new Error('a version was denied and the packument stayed the same')
      changed.push(after.milliseconds)
      await change(server, [
        { packages: [`${NAME}@${versionAt(VERSIONS - 1 - round, VERSIONS)}`], verdict: 'deny', reason: 'benchmark' },
        { packages: [`elsewhere-${round}`], verdict: 'deny', reason: 'benchmark' },
      ])
      unchanged.push((await ask()).milliseconds)
    }
    const { packuments, attestations } = await tell(context.upstream, {})
    return {
      tables: [
        {
          title: `A change of policy, packument of ${VERSIONS.toLocaleString('en-US')} versions`,
          columns: ['', 'first request after it, ms'],
          rows: [
            ['one more version is withheld', figure(median(changed))],
            ['nothing else is withheld than before', figure(median(unchanged))],
            ['questions to the upstream because of all changes', String(packuments + attestations)],
          ],
        },
      ],
      targets: [
        ...atMost('a policy change that withholds another version: new bytes', 150, median(changed), milliseconds),
        ...atMost('a policy change that changes nothing of a package: its next answer', 30, median(unchanged), milliseconds),
        ...atMost('questions to the upstream because of policy changes', 0, packuments + attestations, String),
      ],
      notes: [],
    }
  } finally {
    await server.stop()
  }
}

/** Has the mirror take another policy, and waits until it did. */
async function change(server: Server, rules: readonly unknown[]): Promise<void> {
  const before = await revision(server)
  writeFileSync(path.join(server.dir, 'policy.yaml'), stringify({ ...POLICY, rules }))
  server.signal('SIGHUP')
  for (let tries = 0; tries < 1000; tries++) {
    if ((await revision(server)) !== before) return
    await wait(10)
  }
  throw new Error('the mirror did not take the policy')
}

async function revision({ url }: Server): Promise<string> {
  const response = await fetch(`${url}/-/provenance/ready`)
  const { policy } = (await response.json()) as { policy: { revision: string } }
  return policy.revision
}
