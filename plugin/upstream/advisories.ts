import { isObject, type JsonObject } from '../domain/json.ts'
import { readBody } from './body.ts'
import { discard, type Connection } from './connection.ts'
import { asUnavailable, RequestFailure } from './failure.ts'
import { advisoriesUrl } from './paths.ts'

/** Versions by package name. */
export type AskedVersions = Readonly<Record<string, readonly string[]>>

const ANSWER_LIMIT = 32 * 1024 ** 2
/** npm asks at the end of every install, and people wait for it. */
const DEADLINE = 20_000
/** How registries say that they have no such endpoint. Not 400 or 403: those may be said of this question, or of this asker. */
const NO_ENDPOINT = [404, 405, 410, 501]

/**
 * What a registry knows against versions of packages, as it answers `/-/npm/v1/security/advisories/bulk`: advisories by package
 * name, unchecked. `absent` when it has no such endpoint.
 * @throws Unavailable (`evidence-unavailable`)
 */
export async function askAdvisories(connection: Connection, versions: AskedVersions): Promise<JsonObject | 'absent'> {
  const { uplink } = connection
  const url = advisoriesUrl(uplink.base)
  const what = 'advisories'
  const bytes = await connection.ask(
    {
      kind: 'advisories',
      url,
      what,
      headers: { accept: 'application/json', 'accept-encoding': 'gzip', 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(versions)),
      deadline: Math.min(uplink.deadline, DEADLINE),
      // Nobody but the uplink is to learn what is installed here.
      allows: () => false,
      refused: () => new RequestFailure('redirects a question that is posted'),
      answers: [200, ...NO_ENDPOINT],
      isExtra: true,
    },
    async (answer) => {
      if (answer.status === 200) return readBody(answer, ANSWER_LIMIT)
      await discard(answer.body)
      return 'absent' as const
    },
  )
  if (bytes === 'absent') return bytes
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'))
    if (isObject(document)) return document
  } catch {
    // Said below, with what is no object.
  }
  throw asUnavailable(new RequestFailure('sent something that is no list of advisories'), uplink.name, what)
}
