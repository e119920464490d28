/** The wiring of what a mirror remembers: a file of its own, or the copy of a ledger that it shares with other mirrors. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Configuration } from './config/configuration.ts'
import { ConfigurationError, Unavailable } from './domain/errors.ts'
import type { ByteStore, Upstreams } from './domain/ports.ts'
import type { ReplicaState } from './domain/state.ts'
import { copyLedger } from './store/ledger-copy.ts'
import { SqliteLedger } from './store/ledger.ts'
import { MirrorList } from './store/mirror-list.ts'
import { packageOf, type Operation } from './store/operations.ts'
import { ReplicatedLedger, type DurableLedger } from './store/replicated-ledger.ts'
import { Replication, type Companions } from './store/replication.ts'
import { SharedDocuments } from './store/shared-documents.ts'
import { SharedKeys } from './store/shared-keys.ts'
import { SharedLog } from './store/shared-log.ts'
import { LedgerSnapshots } from './store/snapshots.ts'
import { VERSION } from './version.ts'

export interface MemoryParts {
  readonly bytes: ByteStore
  /** Bytes that the ledger may keep in memory. */
  readonly memory: number
  readonly onError: (error: unknown) => void
  readonly warn: (message: string) => void
  /** A command, beside a mirror that runs. */
  readonly isCommand: boolean
  /** Revision of the policy in force. */
  readonly policy: () => string
  /** Others learned something of a package. */
  readonly onLearned: (registry: string, name: string) => void
  /** A policy was published to all mirrors. */
  readonly onPolicy: () => void
  /** Whether what was published last could be read, by this version too. */
  readonly isPolicyKnown?: () => boolean
}

export interface Memory {
  readonly ledger: DurableLedger
  /** The same store; its documents are those of all mirrors. */
  readonly bytes: ByteStore
  readonly replicas: Replicas | undefined
  /** The same, while it is known what all mirrors know. */
  whileKnown(upstreams: Upstreams): Upstreams
  /** The ledger; the store of bytes is the caller's. */
  close(): Promise<void>
}

export interface Replicas {
  readonly state: ReplicaState
  /** Whether this mirror is the one that does what one of them is to do; false while nobody can know. */
  leads(): Promise<boolean>
  /** @throws Unavailable unless this mirror knows what all know */
  assertCurrent(): void
}

type Configured = Pick<Configuration, 'database' | 'shared' | 'file'>

/** Milliseconds that a command waits for the shared ledger. */
const PATIENCE = 15_000
/** Any number, the same in every mirror: one of them tells people what is new. */
const LEADER = 7_306_118
const COMMAND = 'provenance-command-'
/** No command takes so long. */
const LEFT_MS = 24 * 3_600_000
const UNREACHED = 'the mirrors that share this ledger cannot be reached, and what they know could not be learned'

export function openMemory(configuration: Configured, parts: MemoryParts): Promise<Memory> {
  const { database: file, shared } = configuration
  const { bytes, memory, onError } = parts
  if (shared.ledger !== undefined) return openShared(configuration, shared.ledger, parts)
  const ledger = new SqliteLedger({ file, memory, onError })
  const close = (): Promise<void> => {
    ledger.close()
    return Promise.resolve()
  }
  return Promise.resolve({ ledger, bytes, replicas: undefined, whileKnown: (upstreams: Upstreams) => upstreams, close })
}

async function openShared(configuration: Configured, url: string, parts: MemoryParts): Promise<Memory> {
  const { bytes, memory, onError, warn, isCommand, policy, onLearned, onPolicy, isPolicyKnown = () => true } = parts
  const { shared } = configuration
  const place = isCommand ? ownCopy(configuration.database) : kept(configuration)
  const keys = sharedKeysOf(shared)
  const log = new SharedLog({ url, keys, onWrite: () => { following.look() } })
  const documents = new SharedDocuments(bytes, log)
  const copy = new SqliteLedger({ file: place.file, memory, gather: 0, onError })
  const snapshots = new LedgerSnapshots({ log, keys, file: place.file, warn })
  const mirrors = new MirrorList(log, { name: shared.name, version: VERSION, policy, isListed: !isCommand })
  const onOthers = (operations: readonly Operation[]): void => {
    for (const operation of operations) {
      const about = operation.do === 'sight' ? undefined : packageOf(operation)
      if (about?.[0] !== undefined) onLearned(about[0], about[1])
    }
    if (operations.some((operation) => operation.do === 'publishPolicy')) onPolicy()
  }
  const companions: Companions = documents
  const following: Replication = new Replication({ ledger: copy, log, companions, snapshots, greet: (position) => mirrors.greet(position), warn, onOthers })
  following.start()
  const state = (): ReplicaState => ({ ...following.state, mirrors: mirrors.known })
  const assertKnown = (): void => {
    if (!following.isUsable) throw new Unavailable('evidence-unavailable', UNREACHED)
    if (!isPolicyKnown()) throw new Unavailable('internal-error', 'the policy that was published to all mirrors cannot be read by this one')
  }
  const close = async (): Promise<void> => {
    try {
      // A mirror has what is not written verified again; a command was told to do it.
      if (isCommand && following.isUsable) await following.settled()
    } finally {
      await following.close()
    }
    await snapshots.settled()
    await mirrors.leave()
    copy.close()
    await log.close()
    place.release()
  }
  if (isCommand && !(await following.caughtUp(PATIENCE))) {
    const { problem = UNREACHED } = following.state
    await close()
    throw new Unavailable('evidence-unavailable', `the shared ledger cannot be used now: ${problem}`)
  }
  return {
    ledger: new ReplicatedLedger(copy, following),
    bytes: documents.store,
    replicas: {
      get state() { return state() },
      leads: () => (following.state.state === 'current' ? log.leads(LEADER).catch(() => false) : Promise.resolve(false)),
      assertCurrent: () => { following.assertCurrent(UNREACHED) },
    },
    whileKnown: (upstreams) => ({
      all: upstreams.all,
      find: async (name, confirmedAfter) => {
        assertKnown()
        return upstreams.find(name, confirmedAfter)
      },
      peek: (name) => (following.isUsable && isPolicyKnown() ? upstreams.peek?.(name) : undefined),
    }),
    close,
  }
}

/** Of those that hold the key. */
export function sharedKeysOf({ keys: [first, ...rest] }: Pick<Configuration['shared'], 'keys'>): SharedKeys {
  if (first === undefined) throw new Error('a store is shared without a key')
  return new SharedKeys([first, ...rest])
}

interface Place {
  readonly file: string
  readonly release: () => void
}

/** A command's own: the mirror's copy is the mirror's, and has all but the last moment. Beside it, where there is room for one. */
function ownCopy(from: string): Place {
  const dir = path.dirname(from)
  const file = path.join(existsSync(dir) ? dir : tmpdir(), `${COMMAND}${randomBytes(8).toString('hex')}.db`)
  if (existsSync(from)) copyLedger(from, file)
  return { file, release: () => { for (const one of [file, `${file}-wal`, `${file}-shm`]) rmSync(one, { force: true }) } }
}

/** Two mirrors on one copy would each take back what the other did. The lock ends with its process, however that ends. */
function kept({ database: file, file: config }: Configured): Place {
  const dir = path.dirname(file)
  mkdirSync(dir, { recursive: true })
  // Of commands that were killed.
  for (const name of readdirSync(dir)) if (name.startsWith(COMMAND) && Date.now() - statSync(path.join(dir, name)).mtimeMs > LEFT_MS) rmSync(path.join(dir, name), { force: true })
  const lock = new DatabaseSync(`${file}.lock`, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    const problem = { path: 'middlewares.provenance.shared.copy', message: `another mirror uses ${file}`, remedy: 'Give each mirror a copy of its own.' }
    throw new ConfigurationError(config, [problem], { cause })
  }
  return { file, release: () => { lock.close() } }
}
