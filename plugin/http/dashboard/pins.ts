/** Who built packages, what waits for somebody, and what is decided about it. */
import { BadQuery, type Asker } from '../../domain/decision.ts'
import { identityDocument, type BuildersDocument, type DecisionDocument } from '../../domain/identity-document.ts'
import type { PinDecision } from '../../domain/identity-memory.ts'
import { own, ownString, type JsonObject } from '../../domain/json.ts'
import type { NoPinChoice, PinFault, PinWish } from '../../domain/pin-choice.ts'
import { describeBuilder } from '../../domain/pins.ts'
import { printable } from '../../enforce/text.ts'
import type { VerdaccioAuth } from '../access.ts'
import { askerOf, trustedBy } from '../asker.ts'
import type { Handler } from '../guarded.ts'
import { answeringQueries } from './decisions.ts'
import { numberOf, parametersOf } from './decision-query.ts'
import { Visible } from './visible.ts'
import { signedIn } from './who.ts'

/** Names of users, reasons and the like are texts that people wrote: fit to be shown where they come from. */
export interface PinsDesk {
  /** Packages of which something is known, or waits, by name. */
  names(pending: boolean): readonly string[]
  of(name: string): BuildersDocument
  /** Decides, for good, and has it logged. */
  decide(decision: PinDecision['decision'], wish: PinWish, why: { readonly reason: string; readonly by: string }, asker: Asker): Promise<readonly DecisionDocument[] | NoPinChoice>
}

export interface PinsDeps {
  readonly auth: VerdaccioAuth
  readonly pins: PinsDesk
}

const PARAMETERS = ['pending', 'text', 'cursor', 'limit']
const MAX_LIMIT = 500
/** Names whose access is asked for at a time. */
const CHUNK = 100
const MAX_ASKED = 2000

export const pinsRoute = ({ auth, pins }: PinsDeps): Handler =>
  answeringQueries(async (request, response) => {
    const parameters = parametersOf(request)
    for (const name of parameters.keys()) if (!PARAMETERS.includes(name)) throw new BadQuery(`there is no parameter "${printable(name, 60)}"; these are: ${PARAMETERS.join(', ')}`)
    const limit = numberOf(parameters, 'limit', 1, MAX_LIMIT) ?? 100
    const [after, text] = [parameters.get('cursor') ?? '', (parameters.get('text') ?? '').toLowerCase()]
    const names = pins.names(parameters.get('pending') === 'true').filter((name) => name > after && name.toLowerCase().includes(text))
    const visible = new Visible(auth, request)
    const found: string[] = []
    let looked = 0
    for (; looked < Math.min(names.length, MAX_ASKED) && found.length < limit; looked += CHUNK)
      found.push(...(await visible.only(names.slice(looked, looked + CHUNK), (name) => name)))
    const shown = found.slice(0, limit)
    const cursor = found.length > limit ? shown.at(-1) : looked < names.length ? names[looked - 1] : undefined
    response.json({ packages: shown.map((name) => pins.of(name)), cursor: cursor ?? null })
  })

export const pinsOfRoute =
  ({ pins }: PinsDeps): Handler =>
  (request, response) => {
    response.json(pins.of(request.params.package ?? ''))
  }

const SAYS: Readonly<Record<PinFault, string>> = {
  'nothing-pending': 'no change of this package waits for approval',
  'not-pending': 'this is not what waits for approval',
  'nothing-pinned': 'nobody is pinned for this package',
  'not-pinned': 'this is no pin of the package',
  ambiguous: 'this is more than one repository: name one by its id',
}
const MAX_REASON = 500

export const decidePin =
  (decision: PinDecision['decision'], { pins }: PinsDeps): Handler =>
  async (request, response) => {
    const name = request.params.package ?? ''
    const body = request.body as JsonObject
    const [to, reason, workflow] = [ownString(body, 'to')?.trim() ?? '', ownString(body, 'reason')?.trim() ?? '', own(body, 'workflow')]
    const wrong = to === '' ? 'to must say which repository: its certified id, or its address' : reason === '' ? 'reason must say why, in a few words: it is logged and kept' : undefined
    if (wrong !== undefined || (workflow !== undefined && workflow !== null && typeof workflow !== 'string')) return void response.status(400).json({ error: wrong ?? 'workflow must be a path in the repository' })
    if (reason.length > MAX_REASON) return void response.status(400).json({ error: `reason is longer than ${MAX_REASON} characters` })
    const wish = { name, to, ...(typeof workflow === 'string' && workflow !== '' ? { workflow } : {}) }
    const decided = await pins.decide(decision, wish, { reason, by: signedIn(request)?.name ?? '' }, askerOf(request, trustedBy(request.app)))
    if ('fault' in decided) {
      const known = decided.known.map((by) => ({ ...identityDocument(by), words: printable(describeBuilder(by), 300) }))
      response.status(decided.fault.startsWith('nothing') ? 404 : 409).json({ error: SAYS[decided.fault], fault: decided.fault, known })
    } else response.json({ decided, ...pins.of(name) })
  }
