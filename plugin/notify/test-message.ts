import { randomUUID } from 'node:crypto'
import { messageOf } from '../domain/errors.ts'
import type { Gathered } from '../domain/notification.ts'
import { judgeAttempt } from './attempt.ts'
import { genericBody, type MessageContext } from './message.ts'
import type { Hook } from './notifier.ts'
import { webhookHeaders } from './sign.ts'
import { slackBody } from './slack.ts'

/** What came of a test message. The rest of a receiver's address may be a secret. */
export interface TestResult {
  readonly name: string
  readonly type: Hook['type']
  readonly host: string
  readonly signed: boolean
  readonly events: readonly string[]
  readonly delivered: boolean
  /** In words; undefined where it was taken. */
  readonly problem: string | undefined
}

const NOTHING: Gathered = { counts: {}, dropped: 0, notices: [] }

/** One attempt. Never rejects. */
export async function sendTest(hook: Hook, host: string, { at, base }: Omit<MessageContext, 'id'>): Promise<TestResult> {
  const { name, type, key, events, poster } = hook
  const id = `msg_${randomUUID()}`
  const body = type === 'slack' ? slackBody(NOTHING, { at, base }, 'A test message of verdaccio-provenance: notifications arrive here.') : genericBody(NOTHING, { id, at, base }, 'provenance.test')
  const result = await poster.post(body, webhookHeaders({ id, body }, at, key)).catch((error: unknown) => ({ fault: messageOf(error) }))
  await poster.close().catch(() => undefined)
  const attempt = judgeAttempt(result, { attempts: 0, created: at }, at)
  return { name, type, host, signed: key !== undefined, events: [...events], delivered: attempt.kind === 'delivered', problem: attempt.kind === 'delivered' ? undefined : attempt.why }
}
