/** `/-/provenance/v1/decisions`: the decision log, searched, exported and followed. */
import { once } from 'node:events'
import type { Request, Response } from 'express'
import { BadQuery, type DecisionQuery, type DecisionReader, type LogEntry } from '../../domain/decision.ts'
import type { VerdaccioAuth } from '../access.ts'
import type { Handler } from '../guarded.ts'
import { decisionQueryOf, parametersOf } from './decision-query.ts'
import { CSV, JSON_LINES, type ExportForm } from './export.ts'
import type { LiveDecisions } from './live.ts'
import { isFoundBy, notAsked, shownTo, type Looking, type ShownEntry } from './shown.ts'
import { Visible } from './visible.ts'
import { canWrite, signedIn, type Groups } from './who.ts'

interface DecisionDeps {
  readonly auth: VerdaccioAuth
  readonly groups: Groups
  readonly log: DecisionReader
  readonly live: LiveDecisions
}

/** A page may be short, or empty, where somebody sees little; so many are looked through before it is sent all the same. */
const PAGES = 20
/** Entries whose packages are looked at together. */
const CHUNK = 250
const EXPORTS = 4

const lookingOf = (request: Request, groups: Groups): Looking => {
  const user = signedIn(request)
  return { name: user?.name ?? '', seesAskers: canWrite(user, groups) }
}

/** A question that makes no sense is 400, with what would. */
export const answeringQueries =
  (handler: Handler): Handler =>
  async (request, response, next) => {
    try {
      await handler(request, response, next)
    } catch (error) {
      if (!(error instanceof BadQuery) || response.headersSent) throw error
      response.status(400).json({ error: error.message })
    }
  }

export function decisionsRoute({ auth, groups, log }: DecisionDeps): Handler {
  let exports = 0
  return answeringQueries(async (request, response) => {
    const query = decisionQueryOf(parametersOf(request))
    const looking = lookingOf(request, groups)
    const refusal = notAsked(looking, query)
    if (refusal !== undefined) return void response.status(403).json({ error: refusal })
    const seen = { looking, visible: new Visible(auth, request) }
    const form = exportForm(request)
    response.vary('Accept')
    if (form === undefined) return void response.json(await page(log, query, seen))
    if (exports >= EXPORTS) return void response.status(429).set('Retry-After', '10').json({ error: 'the log is being exported by others; try again in a moment' })
    exports++
    try {
      await exported(response, form, log, query, seen)
    } finally {
      exports--
    }
  })
}

export function streamRoute({ auth, groups, live }: DecisionDeps): Handler {
  return (request, response) => {
    if (request.method === 'HEAD') return void response.set('Content-Type', 'text/event-stream').end()
    const looking = lookingOf(request, groups)
    // Asked anew for what is new: who may see a package may change while somebody follows.
    if (!live.follow(request, response, (entries) => shown(entries, {}, { looking, visible: new Visible(auth, request) })))
      response.status(503).set('Retry-After', '10').json({ error: 'too many follow the log already' })
  }
}

interface Seen {
  readonly looking: Looking
  readonly visible: Visible
}

/** What of entries may be known to whoever asks. */
async function shown(entries: readonly LogEntry[], query: DecisionQuery, { looking, visible }: Seen): Promise<readonly ShownEntry[]> {
  const found = entries.filter((entry) => isFoundBy(looking, query, entry))
  return (await visible.only(found, (entry) => entry.package)).map((entry) => shownTo(looking, entry))
}

async function page(log: DecisionReader, query: DecisionQuery, seen: Seen): Promise<{ readonly entries: readonly ShownEntry[]; readonly cursor: string | null }> {
  let cursor = query.cursor
  for (let pages = 1; ; pages++) {
    const found = await log.find({ ...query, cursor })
    const entries = await shown(found.entries, query, seen)
    cursor = found.cursor
    if (entries.length > 0 || cursor === undefined || pages >= PAGES) return { entries, cursor: cursor ?? null }
  }
}

/** An `Accept` that names JSON, anything or nothing asks for a page. */
function exportForm(request: Request): ExportForm | undefined {
  const type = request.accepts(['application/json', 'application/x-ndjson', 'text/csv'])
  return type === 'application/x-ndjson' ? JSON_LINES : type === 'text/csv' ? CSV : undefined
}

async function exported(response: Response, form: ExportForm, log: DecisionReader, query: DecisionQuery, seen: Seen): Promise<void> {
  const write = async (entries: readonly LogEntry[]): Promise<void> => {
    const lines = (await shown(entries, query, seen)).map((entry) => form.line(entry)).join('')
    if (lines === '') return
    response.write(lines)
    // Not what `write` returns: Verdaccio's request log stands in between, and returns nothing.
    if (response.writableNeedDrain) await Promise.race([once(response, 'drain'), once(response, 'close')])
  }
  const left = query.limit ?? Infinity
  let [chunk, taken]: [LogEntry[], number] = [[], 0]
  for await (const entry of log.each(query)) {
    if (response.closed) return
    // Not before the first entry: until then a question that makes no sense can be answered.
    if (taken === 0) begin(response, form)
    chunk.push(entry)
    taken++
    if (chunk.length >= CHUNK) {
      await write(chunk)
      chunk = []
    }
    if (taken >= left) break
  }
  if (taken === 0) begin(response, form)
  await write(chunk)
  response.end()
}

function begin(response: Response, form: ExportForm): void {
  response.writeHead(200, {
    'Content-Type': form.type,
    'Content-Disposition': `attachment; filename="decisions.${form.extension}"`,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  if (form.head !== '') response.write(form.head)
}
