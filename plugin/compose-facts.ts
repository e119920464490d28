/** What was verified: in a file of this mirror, or on a server that several share. */
import type { StructuredLogger } from './audit/decisions.ts'
import type { ConfiguredShared } from './config/shared.ts'
import { messageOf } from './domain/errors.ts'
import type { CacheMeasures } from './domain/measures.ts'
import type { Clock } from './domain/ports.ts'
import type { StoreState } from './domain/state.ts'
import type { RemoteStorage } from './store/fact-storage.ts'
import { FactCache } from './store/facts.ts'
import { GuardedStorage } from './store/guarded-storage.ts'
import { KeyvPostgres } from './store/keyv-postgres.ts'
import { KeyvRedis } from './store/keyv-redis.ts'
import { RejectedEntries } from './store/rejected-entries.ts'
import { SharedKeys } from './store/shared-keys.ts'

export interface FactParts {
  readonly memory: number
  readonly measures: CacheMeasures
  readonly clock: Clock
  readonly logger: Pick<StructuredLogger, 'warn'>
  readonly onError: (error: unknown) => void
  /** Milliseconds that a start waits for the server, and between two looks at one that is away. The mirror works without it. */
  readonly pace?: { readonly patience: number; readonly pause: number } | undefined
}

/** The cache, and how it is. */
export interface OpenedFacts {
  readonly facts: FactCache
  /** Undefined where it is a file. */
  readonly state: () => StoreState | undefined
  /** Sentences: nothing of it keeps the mirror from its job. */
  readonly warnings: () => readonly string[]
  /** Its file, where it is one. */
  readonly file: string | undefined
}

const PACE = { patience: 1000, pause: 2000 }

export async function factsOf({ facts: place, factsAreShared, keys }: Pick<ConfiguredShared, 'facts' | 'factsAreShared' | 'keys'>, { memory, measures, clock, logger, onError, pace = PACE }: FactParts): Promise<OpenedFacts> {
  const rejected = new RejectedEntries({ warn: (message, counts) => { logger.warn({ facts: message, store: 'facts', rejected: counts }, '@{facts}') } })
  const onRejected = rejected.note.bind(rejected)
  const title = factsAreShared ? titleOf(place) : 'the file of facts'
  const rejectedWarning = (): readonly string[] => (rejected.isRecent ? [`entries of ${title} were not believed in the last ten minutes: somebody writes to it who should not, or with other keys`] : [])
  const [first, ...others] = keys
  if (!factsAreShared || first === undefined)
    return { facts: new FactCache({ storage: place, memory, measures, onError, onRejected }), state: () => undefined, warnings: rejectedWarning, file: place }

  const storage = new GuardedStorage({
    storage: storageOf(place),
    pause: pace.pause,
    onChange: (isUp, cause) => {
      const message = isUp ? `${title} answers again` : `${title} does not answer, facts are verified again until it does: ${clean(messageOf(cause))}`
      logger.warn({ facts: message, store: 'facts', up: isUp }, '@{facts}')
      if (isUp) facts.writeAgain()
    },
  })
  const facts = new FactCache({
    storage,
    shared: { keys: new SharedKeys([first, ...others]), clock },
    memory,
    measures,
    elapsed: () => clock.now().getTime(),
    onRejected,
    // Told once for each change, not for each question.
    onError: (error) => { if (!storage.isOwn(error)) onError(error) },
  })
  await storage.open(pace.patience)
  return {
    facts,
    state: () => ({ store: 'facts', isUp: storage.isUp, failures: storage.failures, rejected: rejected.counts }),
    warnings: () => [...(storage.isUp ? [] : [`${title} does not answer: facts are verified again`]), ...rejectedWarning()],
    file: undefined,
  }
}

const storageOf = (url: string): RemoteStorage => (url.startsWith('postgres') ? new KeyvPostgres(url) : new KeyvRedis(url))

/** Without who logs in, and how. */
function titleOf(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

/** What a server says may hold anything, and no more of it is shown than a line. */
const clean = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, 200)
