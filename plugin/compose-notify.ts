/** The wiring of notifications: also without the rest of a mirror, to try them out. */
import { readConfiguration, type Configuration, type VerdaccioConfiguration } from './config/configuration.ts'
import type { ConfiguredNotification } from './config/notifications.ts'
import type { DecisionReader } from './domain/decision.ts'
import type { Clock } from './domain/ports.ts'
import { trustEndNotices, trustNotices, waiverNotices } from './notify/concerns.ts'
import { Notifier, type Hook, type NotifierOptions } from './notify/notifier.ts'
import { createPoster } from './notify/post.ts'
import { keyOf } from './notify/sign.ts'
import { sendTest, type TestResult } from './notify/test-message.ts'
import type { Rollout } from './rollout/rollout.ts'
import type { Replicas } from './compose-replicas.ts'
import { StoredNotifications } from './store/notifications.ts'
import type { TrustKeeper } from './verify/index.ts'
import { VERSION } from './version.ts'

export type { Notifier, NotifierOptions } from './notify/notifier.ts'
export type { TestResult } from './notify/test-message.ts'

export interface NotifierParts {
  readonly log: Pick<DecisionReader, 'each' | 'follow'>
  readonly rollout: Pick<Rollout, 'policy'>
  readonly trustKeeper: Pick<TrustKeeper, 'problems' | 'warnings' | 'materials' | 'instances' | 'alarms'>
  readonly clock: Clock
  readonly logger: { warn(fields: object, text: string): void }
  /** Where mirrors share a ledger, and their log of decisions too, one of them tells. */
  readonly replicas: Pick<Replicas, 'leads'> | undefined
  /** What a test replaces. */
  readonly schedule?: NotifierOptions['schedule'] | undefined
}

type NotificationParts = Pick<Configuration, 'notifications' | 'publicUrls' | 'database' | 'decisions'>

/** Undefined where nobody is to be told anything: nothing is followed or kept then. */
export function notifierOf({ notifications, publicUrls, database, decisions }: NotificationParts, { log, rollout, trustKeeper, clock, logger, schedule, replicas }: NotifierParts): Notifier | undefined {
  if (notifications.length === 0) return undefined
  return new Notifier({
    hooks: notifications.map(hookOf),
    store: new StoredNotifications(database === ':memory:' ? database : database.replace(/(\.db)?$/, '-notifications.db')),
    log,
    concerns: (now) => [
      ...waiverNotices(rollout.policy.waivers, now),
      ...trustNotices(trustConcerns(trustKeeper), now),
      ...trustEndNotices(trustKeeper.alarms, now),
    ],
    base: baseOf(publicUrls),
    leads: replicas === undefined || decisions.isFile ? undefined : () => replicas.leads(),
    clock,
    schedule: schedule ?? unreferenced,
    warn: (message) => { logger.warn({ notifications: message }, '@{notifications}') },
  })
}

const trustConcerns = ({ problems, warnings, materials, instances }: NotifierParts['trustKeeper']): Parameters<typeof trustNotices>[0] => ({
  problems,
  warnings,
  asOf: new Map([...materials].map(([uplink, { asOf }]) => [uplink, asOf])),
  // The first is the default one, of which its uplinks tell.
  instances: new Map(instances.slice(1).map(({ instance, asOf }) => [instance, asOf])),
})

/**
 * Sends a test message to every receiver of a configuration, or to one of them, and says what came of it.
 * @throws ConfigurationError
 */
export async function testNotifications(core: VerdaccioConfiguration, name: string | undefined): Promise<readonly TestResult[] | { readonly known: readonly string[] }> {
  const { notifications, publicUrls } = readConfiguration(core, process.env)
  const meant = notifications.filter((one) => name === undefined || one.name === name)
  if (meant.length === 0) return { known: notifications.map((one) => one.name) }
  return Promise.all(meant.map(async (one) => sendTest(hookOf(one), one.url.host, { at: new Date(), base: baseOf(publicUrls) })))
}

const hookOf = ({ name, type, url, secret, events, wants, window, interval, ca, proxy, noProxy }: ConfiguredNotification): Hook => ({
  name,
  type,
  events,
  wants,
  window,
  interval,
  key: secret === undefined ? undefined : keyOf(secret),
  poster: createPoster({ url, ca, proxy, noProxy }, `verdaccio-provenance/${VERSION}`),
})

const baseOf = ([url]: readonly URL[]): string | undefined => url?.href.replace(/\/$/, '')

function unreferenced(run: () => void, milliseconds: number): () => void {
  const timer = setTimeout(run, milliseconds)
  timer.unref()
  return () => { clearTimeout(timer) }
}
